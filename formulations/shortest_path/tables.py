"""A layer problem as a few integer arrays: the divisor lattice of the layer, and the machine with its regions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from formulations.nest_rules import NO_RULES
from formulations.primes import factorize
from formulations.problem import I, LayerProblem, O, ProblemLevel, W
from formulations.spatial_vectors import spatial_vectors

Parts = tuple[tuple[int, ...], ...]
"""Per dim, numbers whose product is its extent."""
Ints = NDArray[np.int64]
TENSORS = (W, I, O)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LATTICES = 32
"""Lattices that are kept."""
FAR = 1 << 40
"""Further back than any point."""


@dataclass(frozen=True)
class Lattice:
    """Points of the divisor lattice (extents inside), ordered so that divisors come first.

    ``extents`` and ``place`` (number of the divisor) have a row per dim, ``words``, ``traffic`` (the bits that come
    into a node there at least, without the gaps of strides) one per tensor, ``widths`` one per axis of the input;
    ``outs`` are the iterations outside. ``divisors`` has a row per dim; ``quotient[d, p, q]`` is the place of divisor p
    over divisor q (-1: no integer), ``shift[d, p, q]`` how far back the point of that place is (:data:`FAR`: there is
    none), ``primes[d]`` the places of its primes. ``back`` has a row per dim and prime (``prime_dims``) and a column
    per point: the point inside of a loop of so many trips, -1 if there is none. ``axis`` and ``coefficient`` are those
    of the input's index.
    ``regional``: rules ask between which fan-outs a loop stands.
    """

    extents: Ints
    outs: Ints
    words: Ints
    traffic: Floats
    widths: Ints
    place: Ints
    stride: Ints
    divisors: Ints
    counts: Ints
    primes: tuple[tuple[int, ...], ...]
    prime_dims: Ints
    back: Ints
    quotient: Ints
    shift: Ints
    lacks: Ints
    axis: Ints
    coefficient: Ints
    halo: Ints
    bits: Ints
    step_bits: Ints
    regional: bool = False

    @property
    def size(self) -> int:
        """Points."""
        return len(self.outs)

    def children(self, x: Ints, spots: Ints) -> Ints:
        """The points of a child of a fan-out with factors at these places of the divisors; negative: there is none.

        `x` and the columns of `spots` broadcast.
        """
        y = x
        for d in np.flatnonzero(spots.reshape(len(self.lacks), -1).any(axis=1)):
            y = y - self.shift[d, self.place[d, x], spots[d]]
        return y


@dataclass(frozen=True)
class Machine:
    """Levels (outermost first), what they keep, numbers of the problem, and the vectors of the regions' fan-outs.

    ``vectors[:, first[r]:first[r + 1]]`` are those of the fan-out inside of region r, with places of their divisors
    (``spots``) and products (``kids``). ``tops`` are the levels that hold the tensors as a whole. ``members[r]`` are
    the levels of region r that may keep something. ``leaves[r, T, k]``: may T leave the region with its last node at
    the k-th of them (0: none)? ``without[r, T]``: may it have no node from the region on? ``rates`` are the energies
    per bit of reads, fills and updates. ``ruled``: there are rules for nests.
    """

    levels: tuple[ProblemLevel, ...]
    region: Ints
    place: Ints
    may_keep: Ints
    may_skip: Ints
    vectors: Ints
    spots: Ints
    kids: Ints
    first: Ints
    tops: Ints
    members: tuple[tuple[int, ...], ...]
    leaves: Ints
    without: Ints
    rates: Floats
    rounds: Ints
    drains: bool
    resumes: bool
    volume: int
    steps: int
    work: int
    unit: int
    grain: int
    ruled: bool = False

    @property
    def regions(self) -> int:
        """How many regions there are."""
        return len(self.members)

    @property
    def leaks(self) -> bool:
        """Does any level leak?"""
        return any(level.leak_energy for level in self.levels)

    def digits(self, region: int, tensor: int) -> list[int]:
        """Places of the region's levels that may keep a tensor, after 0 (none)."""
        return [0, *(k for k, n in enumerate(self.members[region], 1) if self.may_keep[n, tensor])]

    def fan(self, region: int) -> slice:
        """The vectors of a region's fan-out."""
        return slice(int(self.first[region]), int(self.first[region + 1]))


@dataclass(frozen=True)
class Region:
    """Levels between two fan-outs, outermost first; the last one's fan-out is inside of the region."""

    levels: tuple[int, ...]

    @property
    def fan(self) -> int:
        """The level whose fan-out is inside of the region."""
        return self.levels[-1]


def regions_of(problem: LayerProblem) -> list[Region]:
    """Regions, outermost first."""
    found: list[Region] = []
    levels: list[int] = []
    for number, level in enumerate(problem.levels):
        levels.append(number)
        if math.prod(level.fanout) > 1 or number + 1 == len(problem.levels):
            found.append(Region(tuple(levels)))
            levels = []
    return found


def prime_parts(problem: LayerProblem) -> Parts:
    """The primes of every extent: all loops and factors are products of some of them."""
    return _prime_parts(problem.extents)


@lru_cache(maxsize=LATTICES)
def _prime_parts(extents: tuple[int, ...]) -> Parts:
    return tuple(tuple(p for p, power in factorize(e).items() for _ in range(power)) for e in extents)


def products(parts: tuple[int, ...]) -> list[int]:
    """All products of some of these numbers, in order: of the primes of an extent, its divisors."""
    found = {1}
    for part in parts:
        found |= {part * other for other in found}
    return sorted(found)


def lattice_of(problem: LayerProblem, parts: Parts | None = None) -> Lattice:
    """The lattice of a layer; the last ones are kept, whatever the hardware. Its arrays are not to be written to.

    With ``parts``, numbers whose product is the extent of a dim, it has only products of these in the place of all
    divisors.
    """
    plain = replace(problem, levels=(), step_energy=0, pinned=(False, False, False))
    return _lattice_of(plain, prime_parts(problem) if parts is None else parts)


@lru_cache(maxsize=LATTICES)
def _lattice_of(problem: LayerProblem, parts: Parts) -> Lattice:
    dims = len(problem.extents)
    lists = [products(row) for row in parts]
    counts = np.array([len(row) for row in lists], np.int64)
    table = np.ones((dims, counts.max()), np.int64)
    for d, row in enumerate(lists):
        table[d, : len(row)] = row
    size = int(counts.prod())
    place = np.stack(np.unravel_index(np.arange(size), counts)).astype(np.int64)
    extents = np.stack([table[d, place[d]] for d in range(dims)])
    axes = problem.input_axes
    widths = np.ones((max(len(axes), 1), size), np.int64)
    axis, coefficient = np.full(dims, -1, np.int64), np.zeros(dims, np.int64)
    touched = np.ones(size, np.int64)
    for a, spec in enumerate(axes):
        for d, c in spec.terms:
            widths[a] += c * (extents[d] - 1)
            axis[d], coefficient[d] = a, c
        touched *= _distinct([(c, extents[d]) for d, c in spec.terms])
    words = np.stack(
        [extents[list(problem.relevant(t))].prod(axis=0) if t != I else widths.prod(axis=0) for t in TENSORS]
    )
    outs = (np.array(problem.extents)[:, None] // extents).prod(axis=0)
    least = np.stack([words[W], touched, words[O]]).astype(float)
    stride = np.array([int(counts[d + 1 :].prod()) for d in range(dims)], np.int64)
    quotient = _quotients(lists, int(counts.max()))
    steps_back = (np.arange(quotient.shape[1])[None, :, None] - quotient) * stride[:, None, None]
    primes = tuple(tuple(row.index(p) for p in sorted(set(some))) for row, some in zip(lists, parts, strict=True))
    return Lattice(
        extents=extents,
        outs=outs,
        words=words,
        traffic=least * outs.astype(float) * np.array(problem.bits)[:, None],
        widths=widths,
        place=place,
        stride=stride,
        divisors=table,
        counts=counts,
        primes=primes,
        prime_dims=np.repeat(np.arange(dims), [len(row) for row in primes]).astype(np.int64),
        back=np.stack(
            [
                np.where(quotient[d, place[d], q] < 0, -1, np.arange(size) - steps_back[d, place[d], q])
                for d, row in enumerate(primes)
                for q in row
            ]
            or [np.full(size, -1)]
        ).astype(np.int64),
        quotient=quotient,
        shift=np.where(quotient < 0, FAR, steps_back),
        lacks=np.array(problem.irrelevant_to, np.int64),
        axis=axis,
        coefficient=coefficient,
        halo=np.array(problem.halo, np.int64),
        bits=np.array(problem.bits, np.int64),
        step_bits=np.array(problem.step_bits, np.int64),
        regional=problem.rules.are_regional,
    )


def _quotients(lists: list[list[int]], most: int) -> Ints:
    """Per dim the place of every divisor over every other one, -1 where it is no integer."""
    found = np.full((len(lists), most, most), -1, np.int64)
    for d, row in enumerate(lists):
        where = {value: n for n, value in enumerate(row)}
        for a, dividend in enumerate(row):
            for b, divisor in enumerate(row):
                if dividend % divisor == 0:
                    found[d, a, b] = where.get(dividend // divisor, -1)
    return found


def _distinct(terms: list[tuple[int, Ints]]) -> Ints:
    """Distinct values of a sum of one or two terms (:func:`formulations.problem.distinct_sums`)."""
    if len(terms) == 1:
        return terms[0][1]
    (a, m), (b, n) = terms
    common = math.gcd(a, b)
    found: Ints = m * n - np.maximum(0, m - b // common) * np.maximum(0, n - a // common)
    return found


def machine_of(problem: LayerProblem, parts: Parts | None = None) -> Machine:
    """The machine of a problem, with all vectors, or those of products of parts (:func:`lattice_of`)."""
    parts = prime_parts(problem) if parts is None else parts
    regions, count = regions_of(problem), len(problem.levels)
    grain = math.gcd(*problem.bits, *problem.step_bits)
    keeps = [[{o[t] for o in level.keep_options} for t in TENSORS] for level in problem.levels]
    may_keep = np.array([[True in o for o in row] for row in keeps], np.int64)
    may_skip = np.array([[False in o for o in row] for row in keeps], np.int64)
    members = tuple(tuple(n for n in region.levels if n > 0) for region in regions)
    region_of, place = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for r, region in enumerate(regions):
        for n in region.levels:
            region_of[n], place[n] = r, members[r].index(n) + 1 if n else 0
    leaves = np.array(
        [[[all(may_skip[n, t] for n in row[k:]) for k in range(count + 1)] for t in TENSORS] for row in members],
        np.int64,
    )
    rows = vectors_of(problem, parts)
    vectors = np.ascontiguousarray(np.concatenate(rows).astype(np.int64).T)
    energies = [e for v in problem.levels for e in (v.read_energy, v.fill_energy, v.update_energy, v.leak_energy)]
    return Machine(
        levels=problem.levels,
        region=region_of,
        place=place,
        may_keep=may_keep,
        may_skip=may_skip,
        vectors=vectors,
        spots=spots_of(parts, vectors),
        kids=vectors.prod(axis=0),
        first=np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64),
        tops=np.array([int(pinned) for pinned in problem.pinned], np.int64),
        members=members,
        leaves=leaves,
        without=np.array([leaves[r:, :, 0].all(axis=0) for r in range(len(regions))], np.int64),
        rates=np.array([[v.read_energy, v.fill_energy, v.update_energy] for v in problem.levels], float)
        / np.array([[v.access_bits] for v in problem.levels], float),
        rounds=np.array([grain % level.access_bits != 0 for level in problem.levels], np.int64),
        drains=problem.drain_reads,
        resumes=problem.resumes,
        volume=problem.volume(O),
        steps=problem.steps,
        work=problem.work * problem.latency_unit,
        unit=problem.latency_unit,
        grain=math.gcd(*energies),
        ruled=problem.rules != NO_RULES,
    )


def most_instances(m: Machine) -> Ints:
    """By region, the largest product of factors from its fan-out on; 1 behind the last one."""
    widest = np.ones(m.regions + 1, np.int64)
    for r in range(m.regions - 1, -1, -1):
        widest[r] = widest[r + 1] * int(m.kids[m.fan(r)].max())
    return widest


def vectors_of(problem: LayerProblem, parts: Parts) -> list[Ints]:
    """Per region the vectors of its fan-out that keep the rules, sorted; factors are products of parts.

    Where rules ask for regions, a fan-out between two of them is used: with all factors 1 it would be no boundary.
    """
    regions, rules = regions_of(problem), problem.rules
    found: list[Ints] = [_sorted(spatial_vectors(problem, region.fan)) for region in regions]
    if parts != prime_parts(problem):
        lists = [products(row) for row in parts]
        found = [rows[[all(map(list.__contains__, lists, row)) for row in rows.tolist()]] for rows in found]
    if rules.spatial:
        pairs = zip(regions, found, strict=True)
        found = [rows[[rules.spread(r.fan, tuple(row)) for row in rows.tolist()]] for r, rows in pairs]
    if rules.least_used > 1:
        most = [max(rows.prod(axis=1), default=0) for rows in found]
        found = [
            rows[rows.prod(axis=1) * math.prod(most[:n] + most[n + 1 :]) >= rules.least_used]
            for n, rows in enumerate(found)
        ]
    if rules.are_regional:
        found[:-1] = [rows[rows.prod(axis=1) > 1] for rows in found[:-1]]
    return found


def _sorted(rows: Ints) -> Ints:
    return rows[np.lexsort(rows.T[::-1])]


def spots_of(parts: Parts, vectors: Ints) -> Ints:
    """The places of factors (a row per dim) among the divisors of their dims."""
    return np.stack([np.searchsorted(products(row), vectors[d]) for d, row in enumerate(parts)]).astype(np.int64)


def by_value(numbers: Ints) -> Iterator[tuple[int, Ints]]:
    """Places of equal numbers."""
    if len(numbers) == 0:
        return
    if (numbers == numbers[0]).all():
        yield int(numbers[0]), np.arange(len(numbers))
        return
    for value in np.unique(numbers):
        yield int(value), np.flatnonzero(numbers == value)
