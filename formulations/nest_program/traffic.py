"""What moves: fills, reads and updates of every node."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ortools.sat.python import cp_model

from formulations.nest_program.bypass import Kept
from formulations.nest_program.halo import InputAxes, Multicast
from formulations.nest_program.parts import Tiles
from formulations.nest_program.spatial import FanOuts
from formulations.primes import Powers, factorize, value
from formulations.problem import I, LayerProblem, O
from formulations.rows import Literal, Quantity, constant, imply, number_var, power, product


@dataclass(frozen=True)
class Count:
    """Grains of one action: over all used instances, and per used instance (stated when first asked for).

    A grain of a tensor is :meth:`Problem.grain` bits: a word, where a step takes whole words.
    """

    total: cp_model.LinearExprT
    each: Callable[[], cp_model.LinearExprT]
    high: int


@dataclass(frozen=True)
class Actions:
    """Grains that a level moves for one tensor it keeps (0 where it does not)."""

    reads: Count
    fills: Count
    updates: Count


@dataclass(frozen=True)
class _Words:
    """Words over all instances and per instance, as exact quantities."""

    total: Quantity
    each: Callable[[], Quantity]

    def count(self) -> Count:
        """The same as linear expressions."""
        return Count(self.total.expression, lambda: self.each().expression, self.total.high)


def _scaled(count: Count, factor: int) -> Count:
    return count if factor == 1 else Count(count.total * factor, lambda: count.each() * factor, count.high * factor)


def _minus(first: Count, second: Count) -> Count:
    return Count(first.total - second.total, lambda: first.each() - second.each(), first.high)


def _plus(first: Count, second: Count) -> Count:
    return Count(first.total + second.total, lambda: first.each() + second.each(), first.high + second.high)


NOTHING = Count(0, lambda: 0, 0)
_NONE = Actions(NOTHING, NOTHING, NOTHING)


class Traffic:
    """Words of every (level, tensor), from the loops irrelevant to the tensor alone.

    For T without halo, with ``inst[l]`` the used instances of level l, and ``span[l, T]`` the product of the extents of
    irr(T) below the node, and of the loops right above it that it sits out (:mod:`formulations.nest_program.runs`):

    1. ``words(l, T) = steps / span[l, T]`` over all instances: what its nodes fetch (or drain)
    2. ``down(l, T) = steps / reach[l, T]``: what its children fetch, each shared tile once, with ``reach[l, T] =
       prod_{d in irr(T)} spatial[l]_d * (span[l+1, T] if kept[l+1, T] else reach[l+1, T])``, and 1 beyond the last
    3. ``first(l) = |O| * prod_{n < l, d in irr(O)} spatial[n]_d``: first visits of partial sums
    4. per instance each of these is divided by ``inst[l]``: again a product of primes, hence again a table.

    For an input with halo (A halo axes; :mod:`formulations.nest_program.halo`):

    5. ``words(l, I) = B / span[l, I] * prod_a fetched[l, a]``, B the product of the extents of all dims without halo
    6. ``down(l, I) = B / reach[l, I] * prod_a z[l, c, a]`` for the next keeper c, where z is ``fetched[c, a]`` (the
       words of all steps for the multipliers) less what diagonals share
    7. per instance: ``inst[l] * each >= total``.

    8. ``down(l) >= words(l) >= first(l)``, and ``words(l+1) >= down(l)`` where both levels keep the tensor (implied;
       stated for the linear relaxation, without halo).

    Actions: W and I: reads = down, fills = words. O: updates = down, reads = down - first (+ words if draining reads
    the child), fills = words - first. Level 0 has no fills and no drains.

    9. A pinned tensor's actions at level 0 count at level 1 instead.
    10. Where the output resumes, ``first(l) = 0``.
    11. In N:M blocks a word has ``word`` grains, and a step takes ``step``: where a level serves the multipliers
        (``link[l, L, T]``) a word of `down` counts ``step`` grains and one of `first`, in the reads,
        ``min(word, step)``; all others count ``word``. Without blocks both are 1.
    """

    def __init__(
        self,
        model: cp_model.CpModel,
        problem: LayerProblem,
        kept: Kept,
        fanouts: FanOuts,
        tiling: Tiles,
        axes: InputAxes,
    ) -> None:
        self._model, self._problem = model, problem
        self._kept, self._fanouts, self._tiling, self._axes = kept, fanouts, tiling, axes
        self._outside: dict[tuple[int, int], Count] = {}
        self.multicast = Multicast(model, problem, fanouts, tiling)
        self._levels = len(problem.levels)
        self._irrelevant = [
            [d for d, lacking in enumerate(problem.irrelevant_to) if lacking == tensor] for tensor in range(3)
        ]
        self._reach = [self._reaches(tensor) for tensor in range(3)]

    def actions(self, level: int, tensor: int) -> Actions:
        """Counts of one level and tensor."""
        if self._kept.at(level, tensor) is False:
            return _NONE
        halo = tensor == I and bool(self._axes.axes)
        grain = self._problem.grain(tensor)
        word, step = self._problem.bits[tensor] // grain, self._problem.step_bits[tensor] // grain
        down = (self._down_halo(level) if halo else self._down(level, tensor)).count()
        words = NOTHING
        if level:
            words = (self._words_halo(level) if halo else self._words(level, tensor)).count()
        if not halo:
            self._order(level, tensor, down, words)
        served = self._graded(level, tensor, down, word, step)
        if tensor != O:
            return Actions(served, _scaled(words, word), NOTHING)
        first = NOTHING if self._problem.resumes else self._first(level).count()
        for count in (down, words) if level else (down,):  # (8)
            self._model.add(count.total >= first.total)
        reads = _minus(served, self._graded(level, tensor, first, word, min(word, step)))
        if level and self._problem.drain_reads:
            reads = _plus(reads, _scaled(words, word))
        return Actions(reads, _scaled(_minus(words, first), word) if level else NOTHING, served)

    def _graded(self, level: int, tensor: int, count: Count, word: int, step: int) -> Count:
        """(11): grains of a count of words that a level serves."""
        last = self._kept.link(level, self._levels, tensor)
        if word == step or isinstance(last, bool):
            return _scaled(count, step if last is True else word)
        high = count.high * max(word, step)

        def stated(words: cp_model.LinearExprT) -> cp_model.IntVar:
            grains = number_var(self._model, high, "grains")
            self._model.add(grains == words * step).only_enforce_if(last)
            self._model.add(grains == words * word).only_enforce_if(last.negated())
            return grains

        return Count(stated(count.total), cache(lambda: stated(count.each())), high)

    def served(self, level: int, tensor: int) -> Actions:
        """Counts of one level and tensor; of a pinned tensor, level 1 does what level 0 would (9)."""
        if level > 1 or not self._problem.pinned[tensor]:
            return self.actions(level, tensor)
        return self.actions(0, tensor) if level == 1 else _NONE

    def _order(self, level: int, tensor: int, down: Count, words: Count) -> None:
        """(8): redundant, but the relaxation of the tables does not know it."""
        self._model.add(down.total >= words.total)
        outside = self._outside.get((level - 1, tensor))
        if outside is not None:
            imply(self._model, [self._kept.at(level, tensor)], words.total >= outside.total)
        self._outside[level, tensor] = down

    def _reaches(self, tensor: int) -> list[dict[int, cp_model.LinearExprT]]:
        """(2): exponents of ``prod reach[l, T]_d`` per level."""
        dims = self._irrelevant[tensor]
        highest = self._tiling.highest(dims)
        inner: dict[int, cp_model.LinearExprT] = dict.fromkeys(highest, 0)
        found = []
        for level in range(self._levels - 1, -1, -1):
            if level + 1 < self._levels:
                inner = self._kept_or(level + 1, tensor, inner, highest)
            inner = {p: inner[p] + sum(self._fanouts.exponent(level, d, p) for d in dims) for p in highest}
            found.append(inner)
        return found[::-1]

    def _kept_or(
        self, level: int, tensor: int, inner: dict[int, cp_model.LinearExprT], highest: Powers
    ) -> dict[int, cp_model.LinearExprT]:
        here = self._kept.at(level, tensor)
        own = self._tiling.span(level, tensor)
        if isinstance(here, bool):
            return own if here else inner
        chosen: dict[int, cp_model.LinearExprT] = {}
        for p, v in highest.items():
            reach = self._model.new_int_var(0, v, "reach")
            self._model.add(reach == own[p]).only_enforce_if(here)
            self._model.add(reach == inner[p]).only_enforce_if(here.negated())
            chosen[p] = reach
        return chosen

    def _instance_columns(self, level: int) -> dict[int, cp_model.LinearExprT]:
        dims = range(len(self._problem.extents))
        return {p: self._fanouts.above(level, dims, p) for p in self._tiling.highest(list(dims))}

    def _single(self, level: int) -> bool:
        return self._fanouts.instances(level).high == 1

    def _quotient(
        self, level: int, total: int, columns: dict[int, cp_model.LinearExprT], dims: list[int], when: Literal
    ) -> _Words:
        """``total / prod p ** columns[p]`` (exponents of `dims`), over all instances and per instance (4)."""
        everything = power(self._model, columns, self._tiling.highest(dims), lambda e: total // value(e), when=when)
        if self._single(level):
            return _Words(everything, lambda: everything)
        return _Words(everything, cache(lambda: self._divided(level, total, columns, when)))

    def _divided(self, level: int, total: int, columns: dict[int, cp_model.LinearExprT], when: Literal) -> Quantity:
        instances = self._instance_columns(level)
        highest = {p: v for p, v in factorize(total).items() if p in instances or p in columns}
        both = {p: instances.get(p, 0) + columns.get(p, 0) for p in highest}
        return power(self._model, both, highest, lambda e: total // value(e), when=when)

    def _words(self, level: int, tensor: int) -> _Words:
        """(1)"""
        dims = self._irrelevant[tensor]
        columns = self._tiling.span(level, tensor)
        return self._quotient(level, self._problem.steps, columns, dims, self._kept.at(level, tensor))

    def _down(self, level: int, tensor: int) -> _Words:
        """(2)"""
        dims = self._irrelevant[tensor]
        return self._quotient(
            level, self._problem.steps, self._reach[tensor][level], dims, self._kept.at(level, tensor)
        )

    def _first(self, level: int) -> _Words:
        """(3)"""
        dims = self._irrelevant[O]
        volume = self._problem.volume(O)
        when = self._kept.at(level, O)
        highest = self._fanouts.highest_above(level, dims)
        columns = {p: self._fanouts.above(level, dims, p) for p in highest}
        total = power(self._model, columns, highest, lambda e: volume * value(e), when=when)
        if self._single(level):
            return _Words(total, lambda: total)
        return _Words(total, cache(lambda: self._first_each(level, volume, when)))

    def _first_each(self, level: int, volume: int, when: Literal) -> Quantity:
        dims = self._problem.relevant(O)
        highest = self._fanouts.highest_above(level, dims)
        columns = {p: self._fanouts.above(level, dims, p) for p in highest}
        return power(self._model, columns, highest, lambda e: volume // value(e), when=when)

    def _refetches(self, level: int, columns: dict[int, cp_model.LinearExprT]) -> Quantity:
        """``B / prod p ** columns[p]``."""
        dims = self._irrelevant[I]
        halo = self._problem.halo
        base = math.prod(e for d, e in enumerate(self._problem.extents) if not halo[d])
        when = self._kept.at(level, I)
        return power(self._model, columns, self._tiling.highest(dims), lambda e: base // value(e), when=when)

    def _each(self, level: int, total: Quantity) -> _Words:
        if self._single(level):
            return _Words(total, lambda: total)
        return _Words(total, cache(lambda: self._share(level, total)))

    def _share(self, level: int, total: Quantity) -> Quantity:
        """(7)"""
        each = number_var(self._model, total.high, "each")
        instances = self._fanouts.instances(level)
        for literal, number in instances.rows:
            self._model.add(number * each >= total.expression).only_enforce_if(literal)
        self._model.add(instances.high * each >= total.expression)
        return Quantity(each, 0, total.high)

    def _words_halo(self, level: int) -> _Words:
        """(5)"""
        here = self._kept.at(level, I)
        words = self._refetches(level, self._tiling.span(level, I))
        along = self._along(level, [self._axes.node(level, a).fetched for a in range(len(self._axes.axes))])
        return self._each(level, product(self._model, words, along, when=here))

    def _along(self, level: int, factors: list[Quantity]) -> Quantity:
        result = factors[0]
        for factor in factors[1:]:
            result = product(self._model, result, factor, when=self._kept.at(level, I))
        return result

    def _down_halo(self, level: int) -> _Words:
        """(6)"""
        here = self._kept.at(level, I)
        options = []
        for child in range(level + 1, self._levels + 1):
            link = self._kept.link(level, child, I)
            if link is not False:
                options.append((link, self._along_children(level, child, link)))
        if len(options) == 1:
            along = options[0][1]
        else:
            least, high = min(q.low for _, q in options), max(q.high for _, q in options)
            moved = number_var(self._model, high, "moved")
            for link, quantity in options:
                imply(self._model, [link], moved >= quantity.expression)
            imply(self._model, [here], moved >= least)
            along = Quantity(moved, least, high)
        return self._each(level, product(self._model, self._refetches(level, self._reach[I][level]), along, when=here))

    def _along_children(self, level: int, child: int, link: Literal) -> Quantity:
        factors = []
        for number, axis in enumerate(self._axes.axes):
            if child == self._levels:
                fetched = constant(math.prod(self._problem.extents[d] for d, _ in axis.terms))
            else:
                fetched = self._axes.node(child, number).fetched
            factors.append(self.multicast.shared(axis, level, child, fetched))
        result = factors[0]
        for factor in factors[1:]:
            result = product(self._model, result, factor, when=link)
        return result
