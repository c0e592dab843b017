"""Least energy of a layer over every loop nest that `evaluate` accepts, exactly: a shortest path with labels.

It shares the integer problem with the search and nothing else: no tables, no rules, no bounds
but the one of :func:`tests.adversary.labels.bound`. Small layers only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from formulations.problem import I, LayerProblem, O, W
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer
from tests.adversary import labels as k
from tests.adversary.task import primes

NOTHING = 1 << 61
"""The high part of an energy that no nest has."""


@dataclass(frozen=True)
class Region:
    """Levels between two fan-outs, innermost first; `fan` is the level whose fan-out is inside of them."""

    fan: int
    levels: tuple[int, ...]
    vectors: k.Ints


@dataclass(frozen=True)
class Instances:
    """Per level how many instances a nest uses, and how many of them hold the same outputs; 0: not known."""

    used: tuple[int, ...]
    copies: tuple[int, ...]


@dataclass(frozen=True)
class Best:
    """The least energy, and a mapping that has it."""

    energy: int
    mapping: Mapping


def without_leakage(hardware: Hardware) -> Hardware:
    """The same machine, whose levels do not leak."""
    return replace(hardware, levels=tuple(replace(level, leak_energy=0) for level in hardware.levels))


def least_energy(layer: Layer, problem: LayerProblem, upper: int | None = None) -> Best | None:
    """The best of all nests, of those up to `upper` if that is given; None if there is none.

    Nests that use the same fan-outs have the same regions.
    """
    inner = [n for n, level in enumerate(problem.levels[:-1]) if math.prod(level.fanout) > 1]
    best: Best | None = None
    for used in itertools.product((True, False), repeat=len(inner)):
        unused = {n for n, kept in zip(inner, used, strict=True) if not kept}
        levels = tuple(
            replace(level, fanout=(1, 1)) if n in unused else level for n, level in enumerate(problem.levels)
        )
        found = _least_energy(layer, replace(problem, levels=levels), best.energy if best else upper)
        best = found if best is None or (found is not None and found.energy < best.energy) else best
    return best


def _least_energy(layer: Layer, problem: LayerProblem, upper: int | None) -> Best | None:
    regions = _regions(problem)
    outermost = {0, *regions[-1].levels}
    grain = math.gcd(*problem.bits, *problem.step_bits)
    if all(grain % level.access_bits == 0 for n, level in enumerate(problem.levels) if n not in outermost):
        known = tuple(int(n in outermost) for n in range(len(problem.levels)))
        return _search(layer, problem, regions, Instances(known, known), upper)
    best: Best | None = None
    for chosen, instances in _fixed_instances(problem, regions):
        found = _search(layer, problem, chosen, instances, best.energy if best else upper)
        best = found if best is None or (found is not None and found.energy < best.energy) else best
    return best


def _regions(problem: LayerProblem) -> list[Region]:
    found, levels, fan = [], [], len(problem.levels) - 1
    for n in range(len(problem.levels) - 1, 0, -1):
        levels.append(n)
        if math.prod(problem.levels[n - 1].fanout) > 1:
            found.append(Region(fan, tuple(levels), _vectors(problem, fan)))
            levels, fan = [], n - 1
    return [*found, Region(fan, tuple(levels), _vectors(problem, fan))]


def _vectors(problem: LayerProblem, level: int) -> k.Ints:
    """Every vector of factors that some split over X and Y fits."""
    spec = problem.levels[level]
    reached = {((1,) * len(problem.extents), 1, 1)}
    for d, extent in enumerate(problem.extents):
        for vector, x, y in list(reached):
            for a in _divisors(extent) if spec.spatial_x[d] else [1]:
                for b in _divisors(extent // a) if spec.spatial_y[d] else [1]:
                    if x * a <= spec.fanout[0] and y * b <= spec.fanout[1]:
                        reached.add(((*vector[:d], a * b, *vector[d + 1 :]), x * a, y * b))
    return np.array(sorted({vector for vector, _, _ in reached}), np.int64)


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def _fixed_instances(problem: LayerProblem, regions: Sequence[Region]) -> Iterator[tuple[list[Region], Instances]]:
    """Every number of children (and of those with the same outputs) at the fan-outs between the regions.

    Accesses are rounded per instance: where that matters, their number must be known.
    """
    shared = np.array(problem.irrelevant_to) == O
    classes = []
    for region in regions[1:]:
        keys = [(int(row.prod()), int(row[shared].prod())) for row in region.vectors]
        classes.append([(key, region.vectors[[n for n, one in enumerate(keys) if one == key]]) for key in set(keys)])
    for choice in itertools.product(*classes):
        used, copies = [1] * len(problem.levels), [1] * len(problem.levels)
        for region, ((children, same), _) in zip(regions[1:], choice, strict=True):
            for n in range(region.fan + 1, len(problem.levels)):
                used[n], copies[n] = used[n] * children, copies[n] * same
        pairs = zip(regions[1:], choice, strict=True)
        chosen = [regions[0], *(replace(region, vectors=rows) for region, (_, rows) in pairs)]
        yield chosen, Instances(tuple(used), tuple(copies))


def _tables(problem: LayerProblem, instances: Instances) -> k.Tables:
    dims = len(problem.extents)
    divisors = [_divisors(extent) for extent in problem.extents]
    counts = np.array([len(row) for row in divisors])
    table = np.ones((dims, counts.max()), np.int64)
    for d, row in enumerate(divisors):
        table[d, : len(row)] = row
    size = int(counts.prod())
    place = np.stack(np.unravel_index(np.arange(size), counts), axis=1).astype(np.int64)
    extents = np.stack([table[d, place[:, d]] for d in range(dims)], axis=1)
    widths = np.ones((max(len(problem.input_axes), 1), size), np.int64)
    axis, coefficient = np.full(dims, -1), np.zeros(dims, np.int64)
    for a, spec in enumerate(problem.input_axes):
        for d, c in spec.terms:
            widths[a] += c * (extents[:, d] - 1)
            axis[d], coefficient[d] = a, c
    words = [extents[:, list(problem.relevant(t))].prod(axis=1) if t != I else widths.prod(axis=0) for t in (W, I, O)]
    is_prime = np.zeros(max(problem.extents) + 1, np.int64)
    is_prime[[p for extent in problem.extents for p in primes(extent)]] = 1
    grain = math.gcd(*problem.bits, *problem.step_bits)
    levels = [
        (
            -1 if level.capacity_bits is None else level.capacity_bits,
            level.access_bits,
            level.read_energy,
            level.fill_energy,
            level.update_energy,
            instances.used[n],
            instances.copies[n],
            grain % level.access_bits != 0,
        )
        for n, level in enumerate(problem.levels)
    ]
    keep = [[any(option[t] for option in level.keep_options) for t in (W, I, O)] for level in problem.levels]
    skip = [[any(not option[t] for option in level.keep_options) for t in (W, I, O)] for level in problem.levels]
    smallest = min(problem.bits[O], problem.step_bits[O])
    return k.Tables(
        extents,
        (np.array(problem.extents) // extents).prod(axis=1),
        np.stack(words),
        widths,
        place,
        np.array([int(counts[d + 1 :].prod()) for d in range(dims)]),
        table,
        counts,
        is_prime,
        np.array(problem.irrelevant_to),
        axis,
        coefficient,
        np.array(problem.halo, np.int64),
        np.array(problem.bits),
        np.array(levels, np.int64),
        np.array(keep, np.int64),
        np.array(skip, np.int64),
        np.array([problem.drain_reads, problem.resumes, problem.volume(O), smallest], np.int64),
    )


def _prices(problem: LayerProblem, regions: Sequence[Region], number: int, crossed: bool) -> Any:
    """What bounds the labels of a region; `crossed`: the fan-out inside of it lies behind them."""
    levels = [0, *(n for region in regions[number:] for n in region.levels)]
    lacks, halo = np.array(problem.irrelevant_to), np.array(problem.halo)
    prices = np.zeros(6)
    for tensor in (W, I, O):
        shared = 1  # children that may be served by one read
        for region in regions[number + crossed :]:
            shared *= int(region.vectors[:, (lacks == tensor) | (halo & (tensor == I))].prod(axis=1).max())
        specs = [problem.levels[n] for n in levels]
        each = [(spec.update_energy if tensor == O else spec.read_energy) / spec.access_bits for spec in specs]
        prices[tensor] = min(each) / shared
        if tensor == O:
            prices[k.READ_O] = min(spec.read_energy / spec.access_bits for spec in specs) / shared
            first = 0 if problem.resumes else problem.volume(O) * max(problem.bits[O], problem.step_bits[O])
            prices[k.FIRST_BITS], prices[k.MORE_COPIES] = first * shared, shared - 1
    return prices


def _search(
    layer: Layer, problem: LayerProblem, regions: list[Region], instances: Instances, upper: int | None
) -> Best | None:
    tables, count = _tables(problem, instances), len(problem.levels)
    constant = problem.steps * problem.step_energy
    best = math.inf if upper is None else float(upper - constant) * (1 + 1e-9)
    labels = np.zeros((1 << 12, k.FIELDS + 6 * count), np.int64)
    labels[0, k.ASKS : k.ASKS + 3] = [problem.steps * bits for bits in problem.step_bits]
    labels[0, k.RAW], labels[0, k.PARENT], labels[0, k.FIELDS + k.TILE_I * count :] = 1, -1, -1
    sources, start = np.array([0]), 1
    for number, region in enumerate(regions):
        last = number + 1 == len(regions)
        before, prices = (_prices(problem, regions, number, crossed) for crossed in (False, True))
        ways = len(region.levels) + 1
        found = -1
        while found < 0:
            heads, after = np.full(ways**3 * len(tables.outs) * 6, -1, np.int64), np.full(len(labels), -1, np.int64)
            found = k.cross(tables, labels, after, start, heads, sources, region.vectors, number, before, prices, best)
            if found >= 0:
                levels = np.array([*region.levels, 0])[:-1]
                found = k.expand_all(tables, labels, after, found, heads, levels, not last, prices, best)
            if found < 0:
                labels = np.concatenate((labels, np.zeros_like(labels)))
        out = np.empty(found, np.int64)
        number_leaving = k.leaving(labels, after, heads, len(tables.outs), _may_leave(tables, region), last, out)
        sources, start = out[:number_leaving].copy(), found
    tops = np.array([int(pinned) for pinned in problem.pinned])
    result = np.array([NOTHING, 0, -1, -1], np.int64)
    k.finish(tables, labels, sources, tops, result)
    if result[2] < 0:
        return None
    energy = int(result[0]) * k.BASE + int(result[1]) + constant
    return Best(energy, _mapping(layer, problem, tables, regions, labels, result.tolist()))


def _may_leave(tables: k.Tables, region: Region) -> k.Ints:
    """Per set of placed nodes: may the levels that are left do without the tensors?"""
    digits = itertools.product(range(len(region.levels) + 1), repeat=3)
    return np.array(
        [all(tables.may_skip[n, t] for t in (W, I, O) for n in region.levels[placed[t] :]) for placed in digits],
        np.int64,
    )


def _mapping(
    layer: Layer, problem: LayerProblem, tables: k.Tables, regions: Sequence[Region], labels: k.Ints, result: list[int]
) -> Mapping:
    """The nest of a label, every node right inside of the loop that moves it."""
    dims = [dim for dim, _ in layer.dims if dict(layer.dims)[dim] > 1] or [layer.dims[0][0]]
    nest = _Nest(problem, dims)
    _, _, label, slide = result
    chain = [label]
    while labels[chain[-1], k.PARENT] >= 0:
        chain.append(int(labels[chain[-1], k.PARENT]))
    for move, what, value in labels[chain[::-1]][:, [k.MOVE, k.ARG, k.VALUE]].tolist():
        if move in (k.RUN, k.PLAIN, k.SLIDE):
            nest.loop(what, value)
        elif move == k.NODE:
            nest.pending[what // len(problem.levels)].append(what % len(problem.levels))
        elif move == k.CROSS:
            nest.fan_out(regions[what].fan, regions[what].vectors[value].tolist())
    extents, survivor = tables.extents[labels[label, k.X]].tolist(), int(labels[label, k.SURVIVOR]) - 1
    left = [extent // inside for extent, inside in zip(problem.extents, extents, strict=True)]
    runs = [d for d, lack in enumerate(problem.irrelevant_to) if lack == survivor >= 0]
    first = [slide] if slide >= 0 and labels[label, k.SLIDER] else []
    for d in dict.fromkeys([*first, *runs, *([slide] if slide >= 0 else []), *range(len(left))]):
        nest.loop(d, left[d])
    return nest.closed()


class _Nest:
    """Items from the inside out."""

    def __init__(self, problem: LayerProblem, dims: Sequence[str]) -> None:
        self.problem, self.dims = problem, dims
        self.pending: list[list[int]] = [[], [], []]
        self.items: list[Item] = []
        self.level = len(problem.levels) - 1

    def loop(self, dim: int, trips: int) -> None:
        """A loop moves the tiles of all tensors with its dim."""
        if trips == 1:
            return
        for tensor in (W, I, O):
            if self.problem.irrelevant_to[dim] != tensor:
                self.place(tensor)
        self.items.append(Loop(self.dims[dim], trips, self.level))

    def place(self, tensor: int) -> None:
        """The pending nodes of a tensor stand here."""
        self.items += [Node(ROLES[tensor], level) for level in self.pending[tensor]]
        self.pending[tensor].clear()

    def fan_out(self, level: int, vector: Sequence[int]) -> None:
        """Spatial loops, split over X and Y."""
        for axis, row in zip("YX", reversed(_split(self.problem, level, vector)), strict=True):
            self.items += [Loop(self.dims[d], n, level, axis) for d, n in enumerate(row) if n > 1]
        self.level = level

    def closed(self) -> Mapping:
        """The whole nest, outermost first."""
        for tensor in (W, I, O):
            self.place(tensor)
        tops = [Node(ROLES[tensor], int(self.problem.pinned[tensor])) for tensor in (W, I, O)]
        return Mapping((*tops, *reversed(self.items)))


def _split(problem: LayerProblem, level: int, vector: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Factors along X and along Y."""
    spec = problem.levels[level]
    options = [_divisors(n) if spec.spatial_x[d] else [1] for d, n in enumerate(vector)]
    for x in itertools.product(*options):
        y = tuple(n // a for n, a in zip(vector, x, strict=True))
        if (
            math.prod(x) <= spec.fanout[0]
            and math.prod(y) <= spec.fanout[1]
            and all(n == 1 or spec.spatial_y[d] for d, n in enumerate(y))
        ):
            return x, y
    raise AssertionError(f"{vector} does not fit level {level}")
