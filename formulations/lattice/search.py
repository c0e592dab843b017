"""The divisor-lattice route: one layer on one hardware point, proved optimal by exhaustive search with bounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from formulations.integer_range import check_range
from formulations.lattice.kernels import layout
from formulations.lattice.kernels.branch import hopeless
from formulations.lattice.kernels.layout import Int, pack_machine, pack_spatial
from formulations.lattice.kernels.memo import Memo, spatial_limits
from formulations.lattice.kernels.resident import resident_bound
from formulations.lattice.kernels.search import price_spatial, search
from formulations.lattice.kernels.tops import bound_tops
from formulations.layer.hoisting import gaps_between, hoists, shares_between
from formulations.merging import merge
from formulations.problem import INFINITE, Hoist, I, LayerProblem, LayerSolution, LevelTiling, O, W
from formulations.spatial_vectors import spatial_vectors
from formulations.stop import Stop

Keep = tuple[tuple[bool, bool, bool], ...]
KINDS = {"energy": layout.ENERGY, "latency": layout.LATENCY, "edp": layout.EDP, "weighted": layout.WEIGHTED}


@dataclass(frozen=True)
class LatticeOptimum:
    """Outcome of a search: the best mapping that beats the given values (or None), and the work done."""

    solution: LayerSolution | None
    leaves: int
    nodes: int


def keep_choices(problem: LayerProblem) -> Iterator[Keep]:
    """Every choice of kept tensors per level; every tensor is kept at level 0."""
    yield from itertools.product(*(level.keep_options for level in problem.levels))


def _residents(problem: LayerProblem, keep: Keep) -> Iterator[Hoist | None]:
    """No hoisted node, or one that is hoisted past a level. (Those past none are decided in the node's own block.)"""
    yield None
    for hoist in hoists(problem):
        between = range(hoist.outer + 1, hoist.level)
        if between and keep[hoist.level][hoist.tensor] and not any(keep[n][hoist.tensor] for n in between):
            yield hoist


def _spatial_classes(lists: list[Int], objective: str) -> list[list[Int]]:
    """Spatial vectors per fan-out, split into classes of equal parallelism where latency counts."""
    if objective == "energy":
        return [lists]
    widest = max(range(len(lists)), key=lambda n: len(lists[n]))
    products = lists[widest].prod(axis=1)
    return [
        [rows if n != widest else rows[products == product] for n, rows in enumerate(lists)]
        for product in sorted(set(products), reverse=True)
    ]


def _combination_bound(c: Int, lists: list[Int], problem: LayerProblem) -> int:
    """A cheap bound (scaled energy) on every mapping with this choice of kept tensors."""
    energy = int(c[layout.SCALARS, layout.SCALE]) * problem.steps * problem.step_energy
    levels = len(problem.levels)
    lacking = np.array(problem.irrelevant_to)
    for tensor, level in itertools.product((W, I, O), range(levels)):
        row = c[layout.LEVEL0 + level]
        if not row[layout.KEEP + tensor]:
            continue
        word = int(row[(layout.WORD_UPDATE if tensor == O else layout.WORD_READ) + tensor])
        if level and tensor != O:
            words = int(c[layout.VOLUME, layout.LEAST_INPUT if tensor == I else tensor])
            energy += words * int(row[layout.WORD_FILL + tensor])
        if any(c[layout.LEVEL0 + n, layout.KEEP + tensor] for n in range(level + 1, levels)):
            energy += int(c[layout.VOLUME, layout.LEAST_INPUT if tensor == I else tensor]) * word
            continue
        shared = [
            rows.prod(axis=1) if tensor == I else rows[:, lacking == tensor].prod(axis=1) for rows in lists[level:]
        ]
        step = int(row[(layout.STEP_UPDATE if tensor == O else layout.STEP_READ) + tensor])
        energy += problem.steps // math.prod(int(x.max()) for x in shared) * step
    return energy


def solve(
    problem: LayerProblem,
    objective: str = "energy",
    *,
    latency_cap: int = INFINITE,
    cutoff: tuple[int, int] | None = None,
    memo: Memo | None = None,
    weight: int = 0,
    least_energy: int = 0,
    stop: Stop | None = None,
) -> LatticeOptimum:
    """Best mapping of a layer on fixed hardware.

    Parameters
    ----------
    problem : Problem
    objective : {"energy", "latency", "edp", "weighted"}
        Ties are broken by latency, energy, energy and latency in this order.
    latency_cap : int
        Only mappings of at most this latency (latency units).
    cutoff : (energy, latency), optional
        Only a mapping better than this one is of interest.
    memo : Memo, optional
        Of a problem with the same layer on other hardware, spread over the same dims: shares tables.
    weight : int
        Energy units per cycle; objective weighted is energy + weight x (whole) cycles.
    least_energy : int
        No mapping takes less energy, as far as is known: it closes whole classes of parallelism.
    stop : Stop, optional
        Through which another thread may give the search up.

    Returns
    -------
    Found
        ``solution`` is None when no mapping fits, or none beats `cutoff`.

    Raises
    ------
    StoppedError
        If the search was given up.
    OverflowError
        If energies, cycles or the weighted sum could leave the integers of the search (:func:`check_range`).
    """
    check_range(problem, weight=weight, cutoff=cutoff)
    merged = merge(problem)
    problem = merged.problem
    memo, stop = memo or Memo(problem), stop or Stop()
    layer, r = memo.layer, memo.refetches
    dims, levels = len(problem.extents), len(problem.levels)
    energy, latency = cutoff or (INFINITE, INFINITE)
    best: LayerSolution | None = None
    leaves = nodes = 0
    combinations = [
        (keep, resident, pack_machine(layer, problem, keep, resident))
        for keep in keep_choices(problem)
        for resident in _residents(problem, keep)
    ]
    everywhere = [spatial_vectors(problem, level) for level in range(levels)]
    limits = spatial_limits(everywhere, problem.irrelevant_to)
    port_floor = problem.port_floor
    for lists in _spatial_classes(everywhere, objective):
        names = [rows.tobytes() for rows in lists]
        ranked = sorted(
            (resident is not None, _combination_bound(c, lists, problem), n)
            for n, (_, resident, c) in enumerate(combinations)
        )
        for _, bound, number in ranked:
            keep, resident, c = combinations[number]
            c[layout.SCALARS, layout.KIND], c[layout.SCALARS, layout.CAP] = KINDS[objective], latency_cap
            c[layout.SCALARS, layout.WEIGHT], c[layout.SCALARS, layout.PORT_FLOOR] = weight, port_floor
            c[layout.BEST, :4] = energy, latency, 0, 0
            cycles = -(-problem.work // math.prod(int(rows.prod(axis=1).max()) for rows in lists))
            fastest = max(cycles * problem.latency_unit, port_floor)
            least = max(bound, least_energy * int(c[layout.SCALARS, layout.SCALE]))
            if hopeless(c, least, fastest):
                continue
            s = pack_spatial(c, lists)
            if resident is not None:
                shares = shares_between(problem, replace(resident, level=resident.level - 1))
                dearer = shares or gaps_between(problem, resident)
                if hopeless(c, max(least, resident_bound(c, layer.e, s, r, dearer)), fastest):
                    continue
            with stop.watched(c[layout.BEST, layout.STOPPED : layout.STOPPED + 1]):
                w = layout.new_work(levels, dims)
                if levels == 1:
                    price_spatial(c, s, w)
                else:
                    t = memo.build(c, s, problem, keep, names, limits, latency_cap // problem.latency_unit, stop)
                    _search_blocks(c, layer, s, t, r, w)
            found = (int(c[layout.BEST, 0]), int(c[layout.BEST, 1]))
            leaves, nodes = leaves + int(c[layout.BEST, 2]), nodes + int(c[layout.BEST, 3])
            if found != (energy, latency):
                energy, latency = found
                best = _solution(problem, keep, resident, w, found)
    return LatticeOptimum(best and merged.unmerged(best), leaves, nodes)


def _search_blocks(c: Int, layer: layout.Packed, s: Int, t: Int, r: Int, w: Int) -> None:
    """Search the blocks inside of level 0 with the bounds `t`; what is found is noted in `c` and `w`."""
    if c[layout.COUNTS, 1] == 0:
        return
    outermost = int(c[layout.STARTS, 1] - c[layout.STARTS, 0])
    bounds = np.full((outermost, len(layer.e)), INFINITE, np.int64)
    bound_tops(c, layer.g, layer.e, layer.q, s, t, r, w, bounds)
    search(c, layer.g, layer.e, layer.q, s, t, r, w, np.argsort(bounds, axis=None, kind="stable"), bounds)


def _solution(problem: LayerProblem, keep: Keep, hoist: Hoist | None, w: Int, value: tuple[int, int]) -> LayerSolution:
    dims = len(problem.extents)

    def row(plane: int, level: int, length: int = dims) -> tuple[int, ...]:
        return tuple(int(x) for x in w[plane, level, :length])

    levels = []
    for n, kept in enumerate(keep):
        order = tuple(tensor for tensor in row(layout.BEST_ORDER, n, 3) if tensor >= 0)
        levels.append(
            LevelTiling(
                order if n else tuple(tensor for tensor in range(3) if kept[tensor]),
                row(layout.BEST_TOP, n),
                row(layout.BEST_BOTTOM, n),
                row(layout.BEST_TILE, n),
                row(layout.BEST_SPATIAL, n),
                max(int(w[layout.BEST_META, n, layout.WINDOW]), -1),
            )
        )
    for n in range(1, len(levels)):
        lift = row(layout.BEST_LIFT, n)
        if max(lift, default=1) > 1:
            hoist = Hoist(levels[n].order[0], n, n - 1)
            levels[n - 1 : n + 1] = _lifted(levels[n - 1], levels[n], lift, hoist.tensor)
    return LayerSolution(tuple(levels), *value, hoist)


def _lifted(outer: LevelTiling, inner: LevelTiling, lift: tuple[int, ...], tensor: int) -> list[LevelTiling]:
    """Both blocks, with the part `lift` of the inner block's loops moved to the end of the outer block."""

    def without(extents: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(e // f for e, f in zip(extents, lift, strict=True))

    top = without(inner.top)
    tile = tuple(min(t, x) for t, x in zip(inner.input_tile, top, strict=True))
    order = tuple(t for t in outer.order if t != tensor) + tuple(t for t in outer.order if t == tensor)
    return [replace(outer, order=order, bottom=without(outer.bottom)), replace(inner, top=top, input_tile=tile)]
