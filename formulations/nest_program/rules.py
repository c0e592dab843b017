"""Rules for nests: what spatial and temporal factors, tiles and stationary tensors must keep, as constraints."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from ortools.sat.python import cp_model

from formulations.nest import NodeItem
from formulations.nest_program.nodes import Nodes
from formulations.nest_program.runs import Runs
from formulations.nest_program.spatial import FanOuts
from formulations.nest_rules import Allowed, Stationary, Tile
from formulations.primes import Powers, grid, value
from formulations.problem import I, LayerProblem
from formulations.rows import Literal, Quantity, forbid, imply, number_var, pick_row, power, truth


class Ruled:
    """Rules that :mod:`formulations.nest_rules` states, but for orders (:class:`orders.Orders`).

    With ``D`` the extents of the layer, and the other names those of :class:`nodes.Nodes` and :class:`runs.Runs`:

    1. *Spatial factors.* ``prod_p p ** spatial[l, d, p]`` is one of the numbers that are allowed: a table of them.
    2. *Temporal factors* around level l, in region r: ``prod_p p ** (roof[r, d, p] - floor[r, d, p])`` is one of them.
    3. *Tiles.* ``kept[n]  =>  prod_p p ** x[n, d, p]`` is one of them; for words, the product over all dims of T.
       Along axes with windows the widths are read off tables (``width[n, a]``, words), and ``words == rest * prod_a
       width[n, a]`` is one of them. What holds a whole tensor outside of all loops is looked at beforehand.
    4. *Stationary* at n = (V, l): ``kept[n]``, and all loops over irr(V) outside of it are sat out:
       ``span[n] + sum_{d in irr(V)} (spatial factors of d outside of l) == sum_{d in irr(V)} D_d``, in exponents. The
       node stands above all of them (rule R1), so no loop that moves it stands inside of one.
    5. *Least use*: ``instances >= least_used`` (multipliers), by the rows of the table of their products.
    6. Under rules that ask for regions, a fan-out that bounds one is used: ``sum_{d, p} spatial[l, d, p] >= 1``. Nests
       that do not use it are those of the machine without it (:mod:`machines`).

    Nodes that move up above loops that their tensors lack (R1) keep the sizes that (3) asks for, as no dim of those
    loops indexes the tensor.

    Raises
    ------
    ValueError
        On a rule for the extent of a dim that does not index the tile's tensor.
    """

    def __init__(
        self, model: cp_model.CpModel, problem: LayerProblem, nodes: Nodes, runs: Runs, fanouts: FanOuts
    ) -> None:
        self._model, self._problem, self._nodes, self._runs, self._fanouts = model, problem, nodes, runs, fanouts
        rules, powers = problem.rules, nodes.powers
        for rule in rules.spatial:  # (1)
            spread = {p: fanouts.exponent(rule.level, rule.dim, p) for p in powers[rule.dim]}
            permit(model, spread, powers[rule.dim], rule.allowed.hold)
        for rule in rules.temporal:  # (2)
            r, d = nodes.region(rule.level).number, rule.dim
            trips = {p: nodes.roof(r, d, p) - nodes.floor(r, d, p) for p in powers[d]}
            permit(model, trips, powers[d], rule.allowed.hold)
        for tile in rules.tiles:
            self._add_tile(tile)
        for stationary in rules.stationary:
            self._add_stationary(stationary)
        if rules.least_used > 1:  # (5)
            self._add_least_used(rules.least_used)
        for region in nodes.regions[:-1] if rules.are_regional else ():  # (6)
            model.add(sum(fanouts.exponent(region.fan, d, p) for d, p, _ in nodes.slots) >= 1)

    def _add_tile(self, rule: Tile) -> None:
        """(3)"""
        problem, nodes = self._problem, self._nodes
        dims = problem.relevant(rule.tensor) if rule.dim is None else (rule.dim,)
        if rule.dim is not None and rule.dim not in problem.relevant(rule.tensor):
            raise ValueError(f"dim {rule.dim} does not index tensor {rule.tensor}: its tile has no extent of it")
        if rule.level == int(problem.pinned[rule.tensor]):
            size = problem.volume(rule.tensor) if rule.dim is None else problem.extents[rule.dim]
            if not rule.allowed.hold(size):
                _fail(self._model, True)
            return
        node = NodeItem(rule.tensor, rule.level)
        kept: Literal = nodes.kept(node) if rule.level else False
        if kept is False:
            return
        if rule.dim is None and rule.tensor == I and any(problem.halo):
            self._add_words(node, kept, rule.allowed)
            return
        highest = nodes.highest(dims)
        permit(self._model, self._columns(node, dims, highest), highest, rule.allowed.hold, kept)

    def _add_words(self, node: NodeItem, kept: Literal, allowed: Allowed) -> None:
        """(3), for the words of an input's tile along windows."""
        model, problem = self._model, self._problem
        dims = [d for d in problem.relevant(I) if not problem.halo[d]]
        highest = self._nodes.highest(dims)
        factors = [power(model, self._columns(node, dims, highest), highest, value)]
        factors += [self._width(node, axis.terms) for axis in problem.input_axes if problem.halo[axis.terms[0][0]]]
        most = math.prod(factor.high for factor in factors)
        words = number_var(model, most, "words", low=1)
        sizes = [number_var(model, factor.high, "size", low=1) for factor in factors]
        for size, factor in zip(sizes, factors, strict=True):
            model.add(size == factor.expression)
        model.add_multiplication_equality(words, sizes)
        imply(model, [kept], words >= min(allowed.least, most + 1))
        if allowed.most is not None:
            imply(model, [kept], words <= min(allowed.most, most))
        if allowed.multiple > 1:
            imply(model, [kept], words == allowed.multiple * number_var(model, most, "multiple"))

    def _width(self, node: NodeItem, terms: tuple[tuple[int, int], ...]) -> Quantity:
        """``width[n, a]``, words, exactly."""
        keys = {(d, p): number for number, (d, p, _) in enumerate(self._nodes.slots) if d in [e for e, _ in terms]}
        columns = {number: self._nodes.inside(node, d, p) for (d, p), number in keys.items()}
        highest = {number: self._nodes.powers[d][p] for (d, p), number in keys.items()}

        def width(exponents: Powers) -> int:
            tile = {d: value({p: exponents[keys[d, p]] for p in self._nodes.powers[d]}) for d, _ in terms}
            return 1 + sum(c * (tile[d] - 1) for d, c in terms)

        return pick_row(self._model, columns, [(e, width(e)) for e in grid(highest)], True)

    def _columns(self, node: NodeItem, dims: tuple[int, ...] | list[int], highest: Powers) -> _Columns:
        """Exponents of the product of the extents of some dims inside of a node."""
        powers = self._nodes.powers
        return {p: sum(self._nodes.inside(node, d, p) for d in dims if p in powers[d]) for p in highest}

    def _add_stationary(self, rule: Stationary) -> None:
        """(4)"""
        if rule.level == int(self._problem.pinned[rule.tensor]):
            return
        node = NodeItem(rule.tensor, rule.level)
        kept: Literal = self._nodes.kept(node) if rule.level else False
        self._model.add(truth(kept) == 1)
        if kept is False:
            return
        lacking, span = self._runs.lacking[rule.tensor], self._runs.span(node)
        for p, most in self._nodes.highest(lacking).items():
            self._model.add(span[p] + self._fanouts.above(rule.level, lacking, p) == most)

    def _add_least_used(self, least: int) -> None:
        """(5)"""
        used = self._fanouts.instances(len(self._problem.levels))
        if used.high < least:
            _fail(self._model, True)
        for literal, number in used.rows:
            if number < least:
                forbid(self._model, [literal])


_Columns = dict[int, cp_model.LinearExprT]


def permit(
    model: cp_model.CpModel,
    columns: Mapping[int, cp_model.LinearExprT],
    highest: Powers,
    holds: Callable[[int], bool],
    when: Literal = True,
) -> None:
    """The number whose prime p has the exponent ``columns[p]`` in ``0..highest[p]`` is one that holds.

    1. ``when  =>  sum_k row[k] == 1``, a row per number that holds; none is needed where all of them do.
    """
    entries = [(exponents, value(exponents)) for exponents in grid(highest)]
    allowed = [(exponents, number) for exponents, number in entries if holds(number)]
    if not allowed:
        _fail(model, when)
    elif len(allowed) < len(entries):
        pick_row(model, columns, allowed, when)  # (1)


def _fail(model: cp_model.CpModel, when: Literal) -> None:
    """A condition cannot hold."""
    model.add(truth(when) == 0)
