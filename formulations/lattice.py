"""The divisor-lattice route: one layer on one hardware point, proved optimal by exhaustive search with bounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from formulations.kernels import search as kernel
from formulations.kernels.arrays import UNBOUNDED, Lattice, Machine, Spatial, lattice, machine, spatial, spatial_vectors
from formulations.kernels.tables import build
from formulations.problem import I, LayerSolution, LevelTiling, O, Problem, W

KINDS = {"energy": kernel.ENERGY, "latency": kernel.LATENCY, "edp": kernel.EDP}


@dataclass(frozen=True)
class Found:
    """Outcome of a search: the best mapping that beats the given values (or None), and the work done."""

    solution: LayerSolution | None
    leaves: int
    nodes: int


def keep_choices(problem: Problem) -> Iterator[tuple[tuple[bool, bool, bool], ...]]:
    """Every choice of kept tensors per level; every tensor is kept at level 0."""
    yield from itertools.product(*(level.keep_options for level in problem.levels))


def _spatial_classes(problem: Problem, objective: str) -> list[list[list[tuple[int, ...]]]]:
    """Spatial vectors per fan-out, split into classes of equal parallelism where latency counts."""
    lists = [spatial_vectors(problem, level) for level in range(len(problem.levels))]
    if objective == "energy":
        return [lists]
    widest = max(range(len(lists)), key=lambda n: len(lists[n]))
    products = sorted({math.prod(v) for v in lists[widest]}, reverse=True)
    return [
        [rows if n != widest else [v for v in rows if math.prod(v) == product] for n, rows in enumerate(lists)]
        for product in products
    ]


def _combination_bound(p: Lattice, m: Machine, s: Spatial) -> int:
    """A cheap bound (scaled energy) on every mapping with this choice of kept tensors."""
    energy = p.macs * m.mac_energy * m.scale
    levels = len(m.capacity)
    for tensor in (W, I, O):
        for level in range(levels):
            if not m.keep[level, tensor]:
                continue
            word = int(m.word_update[level, tensor] if tensor == O else m.word_read[level, tensor])
            inner = [n for n in range(level + 1, levels) if m.keep[n, tensor]]
            if inner:
                energy += int(p.volume[tensor]) * word
                continue
            copies = [1]
            for n in range(level, levels):
                rows = s.vector[s.start[n] : s.start[n + 1]]
                shared = rows[:, p.irrelevant_to == tensor].prod(axis=1)
                if tensor == I:
                    shared = rows.prod(axis=1)
                copies.append(int(shared.max()))
            energy += p.macs // math.prod(copies) * word
    return energy


def solve(
    problem: Problem, objective: str = "energy", *, latency_cap: int = UNBOUNDED, beat: tuple[int, int] | None = None
) -> Found:  # fmt: skip
    """Best mapping of a layer on fixed hardware.

    Parameters
    ----------
    problem : Problem
    objective : {"energy", "latency", "edp"}
        Ties are broken by latency, energy and energy in this order.
    latency_cap : int
        Only mappings of at most this latency (latency units).
    beat : (energy, latency), optional
        Only a mapping better than this one is of interest.

    Returns
    -------
    Found
        ``solution`` is None when no mapping fits, or none beats `beat`.
    """
    kind = KINDS[objective]
    p = lattice(problem)
    levels, dims = len(problem.levels), len(problem.extents)
    energy, latency = beat or (UNBOUNDED, UNBOUNDED)
    machines = [(keep, machine(problem, keep)) for keep in keep_choices(problem)]
    best: LayerSolution | None = None
    leaves = nodes = 0
    for chosen in _spatial_classes(problem, objective):
        s = spatial(problem, p, chosen)
        ranked = sorted(((_combination_bound(p, m, s), n) for n, (_, m) in enumerate(machines)))
        most = math.prod(max(math.prod(v) for v in rows) for rows in chosen)
        cycles = -(-p.macs // most) * problem.latency_unit
        for bound, number in ranked:
            keep, m = machines[number]
            w = kernel.new_work(levels, dims, energy, latency)
            if kernel.hopeless(w, m, kind, latency_cap, bound, cycles):
                continue
            t = build(p, m, s, min(latency_cap // problem.latency_unit, UNBOUNDED))
            kernel.search(p, m, s, t, w, kind, latency_cap)
            leaves, nodes = leaves + int(w.best[2]), nodes + int(w.best[3])
            if (int(w.best[0]), int(w.best[1])) != (energy, latency):
                energy, latency = int(w.best[0]), int(w.best[1])
                best = _solution(keep, w)
    return Found(best, leaves, nodes)


def _solution(keep: tuple[tuple[bool, bool, bool], ...], w: kernel.Work) -> LayerSolution:
    def row(array: np.ndarray[tuple[int, ...], np.dtype[np.int64]], n: int) -> tuple[int, ...]:
        return tuple(int(x) for x in array[n])

    levels = []
    for n, kept in enumerate(keep):
        order = tuple(t for t in row(w.best_order, n) if t >= 0) if n else tuple(t for t in range(3) if kept[t])
        window = max(int(w.best_window[n]), -1)
        levels.append(
            LevelTiling(order, row(w.best_top, n), row(w.best_bottom, n), row(w.best_tile, n), row(w.best_spatial, n), window)
        )
    return LayerSolution(tuple(levels), int(w.best[0]), int(w.best[1]))


__all__ = ["Found", "I", "keep_choices", "solve"]
