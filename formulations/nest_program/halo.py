"""The input along one halo axis: width of its tile, words fetched along the axis, tiles that children share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ortools.sat.python import cp_model

from formulations.nest_program.parts import Slidings, Tiles
from formulations.nest_program.spatial import FanOuts
from formulations.primes import divisors, factorize
from formulations.problem import AxisSpec, I, LayerProblem
from formulations.rows import Literal, Quantity, imply, number_var


@dataclass(frozen=True)
class Slide:
    """A window: the dim that slides, its trips and the spatial factors between its loop and the node."""

    dim: int
    trips: int
    between: int


@dataclass(frozen=True)
class AxisRow:
    """One row: tile extents along the axis' dims, a slide or none, words of width and words fetched."""

    tile: tuple[int, ...]
    slide: Slide | None
    width: int
    fetched: int


def axis_rows(problem: LayerProblem, axis: AxisSpec, most_between: dict[int, int]) -> Iterator[AxisRow]:
    """All rows of an axis.

    With ``width = 1 + sum c_d (t_d - 1)`` and ``trips = prod D_d / t_d``, the words fetched are ``trips * width``,
    or with a slide along X of n trips over b spatial copies
    ``trips / n * (width + (n - 1) min(width, c_X t_X b))``. Rows whose slide saves nothing are left out.
    """
    dims = [d for d, _ in axis.terms]
    for tile in itertools.product(*(divisors(problem.extents[d]) for d in dims)):
        width = 1 + sum(c * (t - 1) for (_, c), t in zip(axis.terms, tile, strict=True))
        trips = math.prod(problem.extents[d] // t for d, t in zip(dims, tile, strict=True))
        yield AxisRow(tile, None, width, trips * width)
        for (d, c), t in zip(axis.terms, tile, strict=True):
            for between in divisors(problem.extents[d] // t):
                step = c * t * between
                if step >= width or between > most_between[d]:
                    continue
                for n in divisors(problem.extents[d] // (t * between))[1:]:
                    yield AxisRow(tile, Slide(d, n, between), width, trips // n * (width + (n - 1) * step))


@dataclass(frozen=True)
class AxisOfNode:
    """Width (words) and words fetched along one axis, for the input's node of one level."""

    width: Quantity
    fetched: Quantity


class InputAxes:
    """Variables: ``row[l, a, k]`` Boolean per row k of axis a (:func:`axis_rows`), for every level l that may keep I.

    1. ``sum_k row[l, a, k] == kept[l, I]``
    2. ``kept[l, I]  =>  sum_k exponent_p(t_d of row k) row[l, a, k] == tile[l, I, d, p]``
    3. rows that slide along d add up to ``used[l, d]``
    4. ``used[l, d]  =>`` the row's trips and spatial copies are those of the loop that moves the tile.
    """

    def __init__(
        self,
        model: cp_model.CpModel,
        problem: LayerProblem,
        kept: list[Literal],
        fanouts: FanOuts,
        tiling: Tiles,
        windows: Slidings,
        capacities: list[int | None],
    ) -> None:
        self._model, self._problem = model, problem
        self._fanouts, self._tiling, self._windows = fanouts, tiling, windows
        halo = problem.halo
        self.axes = [axis for axis in problem.input_axes if halo[axis.terms[0][0]]]
        self._nodes: dict[tuple[int, int], AxisOfNode] = {}
        for level in range(1, len(problem.levels)):
            if kept[level] is False:
                continue
            for number, axis in enumerate(self.axes):
                self._nodes[level, number] = self._add(level, axis, kept[level], capacities[level])

    def node(self, level: int, axis: int) -> AxisOfNode:
        """The quantities of one node along one axis."""
        return self._nodes[level, axis]

    def _add(self, level: int, axis: AxisSpec, when: Literal, capacity: int | None) -> AxisOfNode:
        model, problem = self._model, self._problem
        dims = [d for d, _ in axis.terms]
        most = {d: math.prod(self._fanouts.most(n, d) for n in range(level)) for d in dims}
        words = None if capacity is None else capacity // problem.bits[I]
        rows = [row for row in axis_rows(problem, axis, most) if words is None or row.width <= words]
        if not rows:
            imply(model, [when], False)
            return AxisOfNode(Quantity(0, 0, 0), Quantity(0, 0, 0))
        literals = [model.new_bool_var("axis row") for _ in rows]
        model.add(sum(literals) == when)  # (1)
        for position, d in enumerate(dims):
            for p in self._tiling.powers[d]:  # (2)
                total = sum(_exponent(row.tile[position], p) * lit for row, lit in zip(rows, literals, strict=True))
                imply(model, [when], total == self._tiling.tile(level, I, d, p))
            use = self._windows.used(level, d)
            pairs = zip(rows, literals, strict=True)
            slides = [(row.slide, lit) for row, lit in pairs if row.slide and row.slide.dim == d]
            model.add(sum(lit for _, lit in slides) == use)  # (3)
            for p in self._tiling.powers[d]:  # (4)
                trips = sum(_exponent(slide.trips, p) * lit for slide, lit in slides)
                imply(model, [use], trips == self._windows.trips(level, d, p))
                between = sum(_exponent(slide.between, p) * lit for slide, lit in slides)
                imply(model, [use], between == self._windows.between(level, d, p))
        return AxisOfNode(_read(literals, [row.width for row in rows]), _read(literals, [row.fetched for row in rows]))


def _exponent(number: int, prime: int) -> int:
    return factorize(number).get(prime, 0)


def _read(literals: list[cp_model.IntVar], values: list[int]) -> Quantity:
    """The value of the row that holds."""
    rows = tuple(zip(literals, values, strict=True))
    return Quantity(sum(number * literal for literal, number in rows), min(values), max(values), rows)


def distinct_starts(steps: list[int], bounds: list[int]) -> int:
    """Distinct sums ``sum i_n * step_n`` with ``0 <= i_n < bound_n``."""
    starts = {0}
    for step, bound in zip(steps, bounds, strict=True):
        starts = {start + step * i for start in starts for i in range(bound)}
    return len(starts)


@dataclass(frozen=True)
class Diagonal:
    """Spatial factors and child extents along an axis' two dims for which children start at the same words."""

    factors: tuple[int, int]
    below: tuple[int, int]
    distinct: int

    @property
    def children(self) -> int:
        """Children, shared or not."""
        return math.prod(self.factors)


def diagonals(problem: LayerProblem, axis: AxisSpec, fanouts: FanOuts, level: int) -> list[Diagonal]:
    """All diagonals of the fan-out below a level: fewer distinct starts than children."""
    if len(axis.terms) == 1:
        return []
    pairs = []
    for d, _ in axis.terms:
        extent, last = problem.extents[d], level + 1 == len(problem.levels)
        factors = [f for f in divisors(extent)[1:] if f <= fanouts.most(level, d)]
        pairs.append([(f, b) for f in factors for b in ([1] if last else divisors(extent // f))])
    found = []
    steps = [c for _, c in axis.terms]
    for (first, b), (second, e) in itertools.product(*pairs):
        if first * second <= math.prod(fanouts.widest[level]):
            distinct = distinct_starts([steps[0] * b, steps[1] * e], [first, second])
            if distinct < first * second:
                found.append(Diagonal((first, second), (b, e), distinct))
    return found


class Multicast:
    """Input tiles shared by the children of a fan-out, along one halo axis.

    Variables: ``diagonal[l, a, k]`` Boolean per row of :func:`diagonals`, ``plain[l, a]`` Boolean.

    1. exactly one of ``plain`` and the ``diagonal`` holds
    2. ``not plain  =>`` the row's factors and extents are ``spatial[l]`` and ``top[l+1]``

    Every fan-out multicasts by itself. From words z that children fetch, parents read z' times the
    children that each shared tile serves:

    3. ``plain  =>  z' >= z``;  ``diagonal[k]  =>  children_k z' >= distinct_k z``
    4. ``z' >= min_k(distinct_k / children_k) z``
    """

    def __init__(self, model: cp_model.CpModel, problem: LayerProblem, fanouts: FanOuts, tiling: Tiles) -> None:
        self._model, self._problem, self._fanouts, self._tiling = model, problem, fanouts, tiling
        self._rows: dict[tuple[int, AxisSpec], list[tuple[cp_model.IntVar, int, int]]] = {}

    def shared(self, axis: AxisSpec, parent: int, child: int, fetched: Quantity) -> Quantity:
        """Words that the parents read, times the children, when the children fetch `fetched`."""
        for level in range(parent, child):
            fetched = self._reduced(self._row(level, axis), fetched)
        return fetched

    def plain(self, level: int, axis: AxisSpec) -> Literal:
        """Do no children of the fan-out share words along the axis?"""
        rows = self._row(level, axis)
        return rows[0][0] if rows else True

    def _row(self, level: int, axis: AxisSpec) -> list[tuple[cp_model.IntVar, int, int]]:
        """(literal, distinct, children) of every row, the plain one first."""
        if (level, axis) not in self._rows:
            self._rows[level, axis] = self._add(level, axis)
        return self._rows[level, axis]

    def _add(self, level: int, axis: AxisSpec) -> list[tuple[cp_model.IntVar, int, int]]:
        model = self._model
        found = diagonals(self._problem, axis, self._fanouts, level)
        if not found:
            return []
        plain = model.new_bool_var("no diagonal")
        literals = [model.new_bool_var("diagonal") for _ in found]
        model.add_exactly_one([plain, *literals])  # (1)
        for n, (d, _) in enumerate(axis.terms):
            for p in self._tiling.powers[d]:  # (2)
                factor = sum(_exponent(row.factors[n], p) * lit for row, lit in zip(found, literals, strict=True))
                below = sum(_exponent(row.below[n], p) * lit for row, lit in zip(found, literals, strict=True))
                imply(model, [plain.negated()], factor == self._fanouts.exponent(level, d, p))
                imply(model, [plain.negated()], below == self._tiling.top(level + 1, d, p))
        rows = [(lit, row.distinct, row.children) for row, lit in zip(found, literals, strict=True)]
        return [(plain, 1, 1), *rows]

    def _reduced(self, rows: list[tuple[cp_model.IntVar, int, int]], fetched: Quantity) -> Quantity:
        if not rows:
            return fetched
        z = number_var(self._model, fetched.high, "shared")
        for literal, distinct, children in rows:  # (3)
            self._model.add(children * z >= distinct * fetched.expression).only_enforce_if(literal)
        _, distinct, children = min(rows, key=lambda row: Fraction(row[1], row[2]))
        self._model.add(children * z >= distinct * fetched.expression)  # (4)
        return Quantity(z, -(-fetched.low * distinct // children), fetched.high)
