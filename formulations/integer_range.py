r"""How large the numbers of the integer program may become, and what refuses problems where that is too much.

CP-SAT computes in 64-bit integers. :class:`Most` bounds the numbers of *all* mappings, however bad, on all combinations
of the sizes of levels, so no choice of the solver can reach them. With

* ``words_T``, the most words of tensor T that move between two levels, multicast left out. For W and O every word
  moves at most ``prod D_d`` times over the dims d irrelevant to the tensor: ``words = steps``. Of I an axis of extents
  P, R and coefficients s, r fetches ``(P / p) (R / q) (1 + s (p - 1) + r (q - 1))`` words for a tile of p and q. That
  is linear in ``1 / p`` and in ``1 / q``, so largest at a corner of ``p in {1, P}, q in {1, R}``; windows fetch less.
  What first visits of O save is taken off bounds with the copies of every fan-out at their most: ``|O| * copies``;
* ``bits_T``, the larger of the bits of a word and of what a step takes of it;
* ``inst_l``, the most instances of level l: the fan-outs outside of it multiplied, at most ``steps``;
* ``n_T``, of level l the reads, fills and updates by T: W and I one read and one fill, O one read (and one for drains
  in ``looptree``), one fill and one update; no fills at level 0, nothing where T is not kept,

these are the numbers, each below :data:`LIMIT` (products below 2**62):

1. *Bits of a level*: ``B_l = sum_T n_T words_T bits_T``, a product.
2. *Transfers*: ``B_l * multiplier``, and the divisor, of every port: products.
3. *Time*: ``work * unit`` and ``ceil(B_l * multiplier / divisor)``. ``cycles`` is the largest of them in cycles.
4. *Energy*: ``E + 1`` with ``E = steps * step_energy + sum_l [inst_l * leak_l * cycles
   + sum_T (words_T bits_T / access_bits + inst_l) * (energies of n_T)]``, where ``inst_l`` stands for accesses rounded
   up per instance.
5. *Spread*: all fan-outs multiplied.
6. *Step* of a window: ``coefficient * D_d * min(D_d, spread)``, extents times factors, a product.
7. *Capacity* and *access*.

The program multiplies some of these by instances and divisors again. Its variables are limited to 62 bits where they
are made (:func:`formulations.rows.bounded`), and the solver turns down, before it searches, a program in which a linear
expression could leave 64 bits. Both are an ``OverflowError``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from formulations.problem import INFINITE, AxisSpec, I, LayerProblem, O, ProblemLevel, W

LIMIT = INFINITE
PRODUCTS = 4 * LIMIT
Menus = Sequence[Sequence[ProblemLevel]]
"""Of every level the specs that it may have."""


@dataclass(frozen=True)
class Reach:
    """A number that may reach `value` but must stay below `limit`.

    ``kind`` is one of energy, work, time, transfers, divisor, bits, capacity, access, spread, step; ``level``
    and ``port`` (0 reads, 1 writes, 2 both) say where, if it matters.
    """

    kind: str
    value: int
    limit: int
    level: int = -1
    port: int = -1

    @property
    def fits(self) -> bool:
        """Is it within its limit?"""
        return self.value < self.limit

    def __str__(self) -> str:
        place = f" of level {self.level}" if self.level >= 0 else ""
        return f"{self.kind}{place} may reach {self.value:,}; exact 64-bit integers need less than {self.limit:,}"


class Most:
    """The largest numbers of one problem on all combinations of its levels' specs (see the module's text).

    Parameters
    ----------
    problem : Problem
        Its own levels count only for what they may keep.
    menus : sequence of sequence of LevelSpec
    """

    def __init__(self, problem: LayerProblem, menus: Menus) -> None:
        self._problem, self._menus = problem, menus
        self._spreads = [math.prod(max(spec.fanout[axis] for spec in menu) for axis in (0, 1)) for menu in menus]
        self._bits = [max(pair) for pair in zip(problem.bits, problem.step_bits, strict=True)]
        reduced = math.prod(e for e, t in zip(problem.extents, problem.irrelevant_to, strict=True) if t == O)
        copies = math.prod(min(spread, reduced) for spread in self._spreads)
        self._words = [problem.steps, most_inputs(problem), max(problem.steps, problem.volume(O) * copies)]

    def reaches(self) -> Iterator[Reach]:
        """All numbers but weights."""
        problem = self._problem
        for n, menu in enumerate(self._menus):
            yield Reach("bits", sum(self._moved(n)[:2]), PRODUCTS, n)
            for spec in menu:
                yield Reach("capacity", spec.capacity_bits or 0, LIMIT + 1, n)
                yield Reach("access", spec.access_bits, LIMIT + 1, n)
        yield from self._transfers()
        yield Reach("work", problem.work * problem.latency_unit, LIMIT)
        yield Reach("energy", self.energy() + 1, LIMIT)
        yield Reach("spread", math.prod(self._spreads), LIMIT)
        for axis in problem.input_axes:
            for dim, coefficient in axis.terms if problem.halo[axis.terms[0][0]] else ():
                extent = problem.extents[dim]
                yield Reach("step", coefficient * extent * min(extent, math.prod(self._spreads)), PRODUCTS)

    def _uses(self, level: int, tensor: int) -> tuple[int, int, int]:
        """How many times all words are read, filled and updated."""
        options = (option for spec in self._menus[level] for option in spec.keep_options)
        if not any(option[tensor] for option in options) and not (level == 1 and self._problem.pinned[tensor]):
            return 0, 0, 0
        drains = tensor == O and self._problem.drain_reads
        return 1 + drains, int(level > 0), int(tensor == O)

    def _moved(self, level: int) -> tuple[int, int, int]:
        """Bits through the ports of a level: reads, fills and updates, all."""
        read = write = 0
        for tensor in (W, I, O):
            reads, fills, updates = self._uses(level, tensor)
            bits = self._words[tensor] * self._bits[tensor]
            read, write = read + reads * bits, write + (fills + updates) * bits
        return read, write, read + write

    def _transfers(self) -> Iterator[Reach]:
        for n, menu in enumerate(self._menus):
            moved = self._moved(n)
            for spec in menu:
                for number, port in enumerate(spec.ports):
                    if port.divisor:
                        bits = moved[number] * port.multiplier
                        yield Reach("time", -(-bits // port.divisor), LIMIT, n, number)
                        yield Reach("transfers", bits, PRODUCTS, n, number)
                        yield Reach("divisor", port.divisor, PRODUCTS, n, number)

    def cycles(self) -> int:
        """Of the slowest mapping."""
        times = (reach.value for reach in self._transfers() if reach.kind == "time")
        return max(self._problem.work, -(-max(times, default=0) // self._problem.latency_unit))

    def energy(self) -> int:
        """Of the dearest mapping."""
        energy, cycles = self._problem.steps * self._problem.step_energy, self.cycles()
        for n, menu in enumerate(self._menus):
            instances = min(self._problem.steps, math.prod(self._spreads[:n]))
            energy += instances * cycles * max(spec.leak_energy for spec in menu)
            energy += math.ceil(max(self._accesses(n, spec, instances) for spec in menu))
        return energy

    def _accesses(self, level: int, spec: ProblemLevel, instances: int) -> Fraction:
        """Energy of all accesses of a level."""
        energy = Fraction(0)
        for tensor in (W, I, O):
            reads, fills, updates = self._uses(level, tensor)
            each = reads * spec.read_energy + fills * spec.fill_energy + updates * spec.update_energy
            energy += each * (Fraction(self._words[tensor] * self._bits[tensor], spec.access_bits) + instances)
        return energy


def most_inputs(problem: LayerProblem) -> int:
    """Most words of the input that move."""
    on_axes = {dim for axis in problem.input_axes for dim, _ in axis.terms}
    others = math.prod(extent for dim, extent in enumerate(problem.extents) if dim not in on_axes)
    return others * math.prod(_most_along(problem, axis) for axis in problem.input_axes)


def _most_along(problem: LayerProblem, axis: AxisSpec) -> int:
    """Most words along an axis: at a corner, where every extent of the tile is 1 or the whole."""
    corners = [(1, 1)]
    for dim, coefficient in axis.terms:
        extent = problem.extents[dim]
        corners = [
            corner
            for trips, width in corners
            for corner in ((trips * extent, width), (trips, width + coefficient * (extent - 1)))
        ]
    return max(trips * width for trips, width in corners)
