"""The input along one halo axis: width of its tile, words fetched along the axis, tiles that children share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from ortools.sat.python import cp_model

from formulations.primes import Powers, factorize
from formulations.problem import AxisSpec, I, Problem
from formulations.rows import Literal, Quantity, imply
from formulations.spatial import FanOuts
from formulations.tiling import Tiling
from formulations.windows import Windows

ROW_LIMIT = 200_000


def divisors(number: int) -> list[int]:
    """All divisors, ascending."""
    return [d for d in range(1, number + 1) if number % d == 0]


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


def axis_rows(problem: Problem, axis: AxisSpec, most_between: dict[int, int]) -> Iterator[AxisRow]:
    """All rows of an axis.

    With ``width = 1 + sum c_d (t_d - 1)`` and ``trips = prod D_d / t_d``, the words fetched are ``trips * width``, or with
    a slide along X of n trips over b spatial copies ``trips / n * (width + (n - 1) min(width, c_X t_X b))``. Rows whose slide
    saves nothing are left out.
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
        self, model: cp_model.CpModel, problem: Problem, kept: list[Literal], fanouts: FanOuts, tiling: Tiling,
        windows: Windows, capacities: list[int | None],
    ) -> None:  # fmt: skip
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
            slides = [(row.slide, lit) for row, lit in zip(rows, literals, strict=True) if row.slide and row.slide.dim == d]
            model.add(sum(lit for _, lit in slides) == use)  # (3)
            for p in self._tiling.powers[d]:  # (4)
                trips = sum(_exponent(slide.trips, p) * lit for slide, lit in slides)
                imply(model, [use], trips == self._windows.trips(level, d, p))
                between = sum(_exponent(slide.between, p) * lit for slide, lit in slides)
                imply(model, [use], between == self._windows.between(level, d, p))
        return AxisOfNode(
            _read(literals, [row.width for row in rows]), _read(literals, [row.fetched for row in rows])
        )


def _exponent(number: int, prime: int) -> int:
    return factorize(number).get(prime, 0)


def _read(literals: list[cp_model.IntVar], values: list[int]) -> Quantity:
    """The value of the row that holds; rows of equal value are one literal's worth."""
    groups: dict[int, list[cp_model.IntVar]] = {}
    for literal, number in zip(literals, values, strict=True):
        groups.setdefault(number, []).append(literal)
    expression = sum(number * sum(members) for number, members in groups.items())
    rows = tuple((literal, number) for literal, number in zip(literals, values, strict=True))
    return Quantity(expression, min(values), max(values), rows)


def distinct_starts(steps: list[int], bounds: list[int]) -> int:
    """Distinct sums ``sum i_n * step_n`` with ``0 <= i_n < bound_n``."""
    starts = {0}
    for step, bound in zip(steps, bounds, strict=True):
        starts = {start + step * i for start in starts for i in range(bound)}
    return len(starts)


def sharing_rows(
    problem: Problem, axis: AxisSpec, fanouts: FanOuts, parent: int, child: int
) -> list[tuple[tuple[Powers, ...], int, int]]:
    """Spatial factors and extents of one axis for which children share input tiles (diagonals).

    Returns
    -------
    list of (columns, distinct tiles, children)
        ``columns`` are exponents: for every dim of the axis and every fan-out from `parent` to `child`, of the spatial
        factor and of the extents below it.

    Raises
    ------
    OverflowError
        If the table would exceed :data:`ROW_LIMIT` rows.
    """
    if len(axis.terms) == 1:
        return []
    span = range(parent, child)
    chains = []
    for d, _ in axis.terms:
        if all(fanouts.most(n, d) == 1 for n in span):
            return []
        chains.append(list(_chains(problem.extents[d], [fanouts.most(n, d) for n in span], child == len(problem.levels))))
    if math.prod(len(c) for c in chains) > ROW_LIMIT:
        raise OverflowError("too many spatial factors along one input axis for a table")
    found = []
    for first, second in itertools.product(*chains):
        steps, bounds = [], []
        for (_, c), chain in zip(axis.terms, (first, second), strict=True):
            for factor, below in chain:
                steps.append(c * below)
                bounds.append(factor)
        children = math.prod(bounds)
        if not all(
            first[i][0] * second[i][0] <= math.prod(fanouts.widest[n]) for i, n in enumerate(span)
        ):  # fmt: skip
            continue
        distinct = distinct_starts(steps, bounds) if children > 1 else 1
        if distinct < children:
            columns = tuple(factorize(number) for chain in (first, second) for pair in chain for number in pair)
            found.append((columns, distinct, children))
    return found


def _chains(extent: int, most: list[int], to_multipliers: bool) -> Iterator[tuple[tuple[int, int], ...]]:
    """(spatial factor, extent below) per fan-out, outermost first; what lies below one divides the next out."""
    if not most:
        yield ()
        return
    for factor in divisors(extent):
        if factor > most[0]:
            continue
        last = to_multipliers and len(most) == 1
        for below in [1] if last else divisors(extent // factor):
            for rest in _chains(below, most[1:], to_multipliers):
                yield ((factor, below), *rest)


def shared(
    model: cp_model.CpModel, problem: Problem, axis: AxisSpec, fanouts: FanOuts, tiling: Tiling, parent: int, child: int,
    fetched: Quantity,
) -> Quantity:  # fmt: skip
    """Words that parents read along an axis when their children fetch `fetched`, times the children per tile.

    Children that start at the same word share one read. Variables: ``diagonal[k]`` Boolean per row of
    :func:`sharing_rows`, and ``z`` in words.

    1. at most one ``diagonal`` holds, and its columns are the exponents of the tiling
    2. no diagonal  =>  ``z >= fetched``;  ``diagonal[k]  =>  children_k z >= distinct_k fetched``
    3. ``z >= min(distinct_k / children_k) fetched``
    """
    rows = sharing_rows(problem, axis, fanouts, parent, child)
    if not rows:
        return fetched
    literals = [model.new_bool_var("diagonal") for _ in rows]
    plain = model.new_bool_var("no diagonal")
    model.add(sum(literals) + plain == 1)  # (1)
    position = 0
    for d, _ in axis.terms:
        for n in range(parent, child):
            for actual in (fanouts.exponent, lambda n, d, p: tiling.top(n + 1, d, p)):
                for p in tiling.powers[d]:
                    total = sum(row[0][position].get(p, 0) * lit for row, lit in zip(rows, literals, strict=True))
                    imply(model, [plain.negated()], total == actual(n, d, p))
                position += 1
    z = model.new_int_var(0, fetched.high, "shared")
    model.add(z >= fetched.expression).only_enforce_if(plain)  # (2)
    for (_, distinct, children), literal in zip(rows, literals, strict=True):
        model.add(children * z >= distinct * fetched.expression).only_enforce_if(literal)
    _, distinct, children = min(rows, key=lambda row: row[1] / row[2])
    model.add(children * z >= distinct * fetched.expression)  # (3)
    return Quantity(z, -(-fetched.low * distinct // children), fetched.high)
