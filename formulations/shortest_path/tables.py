"""A layer problem as a few integer arrays: the divisor lattice of the layer, and the machine with its regions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.lattice.kernels.layout import _factor_vectors, spatial_vectors
from formulations.primes import divisors, factorize
from formulations.problem import I, LayerProblem, O, W

Ints = NDArray[np.int64]
TENSORS = (W, I, O)

CAPACITY, ACCESS, READ, FILL, UPDATE, ROUNDS, REGION, PLACE, LEAK, PORT = range(10)
"""Columns of a level. ROUNDS: a transfer may be a part of an access; PLACE: position in its region, from 1; from PORT on
multiplier and divisor of the read, the write and the shared port (latency units per bit; divisor 0: unlimited)."""
COLUMNS = 15
DRAINS, RESUMES, VOLUME, STEPS, REGIONS, LEVELS, GRAIN, ROUNDED, WORK, TIMED, LEAKS, UNIT = range(12)
"""Flags of the problem: accounting looptree; first visits are read; words of the output; steps; counts; the number that
divides all energies; does any level round; latency units of a single multiplier; is any port limited; does any level leak; latency units of a cycle."""


class Lattice(NamedTuple):
    """Points of the divisor lattice (extents inside), ordered so that divisors come first.

    ``extents`` and ``place`` (number of the divisor) have a row per point, ``outs`` the iterations outside, ``words``,
    ``touched`` (without the gaps of strides) and ``traffic`` (the bits that come into a node there at least) a row per tensor, ``widths`` a row per axis of the input. ``divisors``
    has a row per dim, ``down`` the place of a divisor divided by each of the dim's primes (-1: it does not divide),
    ``quotient[d, p, q]`` that of divisor p over divisor q; ``axis`` and ``coefficient`` are those of the input's index.
    """

    extents: Ints
    outs: Ints
    words: Ints
    touched: Ints
    traffic: NDArray[np.float64]
    widths: Ints
    place: Ints
    stride: Ints
    divisors: Ints
    counts: Ints
    down: Ints
    quotient: Ints
    lacks: Ints
    axis: Ints
    coefficient: Ints
    halo: Ints
    bits: Ints
    step_bits: Ints


class Machine(NamedTuple):
    """Levels (outermost first), what they keep, flags of the problem, and the vectors of the regions' fan-outs.

    ``vectors[first[r]:first[r + 1]]`` are those of the fan-out inside of region r, with places of their divisors
    (``spots``) and products (``kids``). ``tops`` are the levels that hold the tensors as a whole. ``members[r]`` are the
    ``counts[r]`` levels of region r that may keep something, then -1; ``leaves[r, T, k]``: may T leave the region with
    its last node at the k-th of them (0: none)? ``without[r, T]``: may it have no node from the region on? ``rates`` are
    the energies per bit of reads, fills and updates.
    """

    levels: Ints
    may_keep: Ints
    may_skip: Ints
    flags: Ints
    vectors: Ints
    spots: Ints
    kids: Ints
    first: Ints
    tops: Ints
    members: Ints
    counts: Ints
    leaves: Ints
    without: Ints
    rates: NDArray[np.float64]


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


def lattice_of(problem: LayerProblem) -> Lattice:
    """The lattice of a layer."""
    dims = len(problem.extents)
    lists = [divisors(extent) for extent in problem.extents]
    counts = np.array([len(row) for row in lists], np.int64)
    table = np.ones((dims, counts.max()), np.int64)
    primes = [sorted(factorize(extent)) for extent in problem.extents]
    down = np.full((dims, counts.max(), max(len(row) for row in primes)), -1, np.int64)
    for d, row in enumerate(lists):
        table[d, : len(row)] = row
        where = {value: n for n, value in enumerate(row)}
        for n, value in enumerate(row):
            for m, prime in enumerate(primes[d]):
                if value % prime == 0:
                    down[d, n, m] = where[value // prime]
    quotient = _quotients(lists, int(counts.max()))
    size = int(counts.prod())
    place = np.stack(np.unravel_index(np.arange(size), counts), axis=1).astype(np.int64)
    extents = np.stack([table[d, place[:, d]] for d in range(dims)], axis=1)
    axes = problem.input_axes
    widths = np.ones((max(len(axes), 1), size), np.int64)
    axis, coefficient = np.full(dims, -1, np.int64), np.zeros(dims, np.int64)
    touched = np.ones(size, np.int64)
    for a, spec in enumerate(axes):
        for d, c in spec.terms:
            widths[a] += c * (extents[:, d] - 1)
            axis[d], coefficient[d] = a, c
        touched *= _distinct([(c, extents[:, d]) for d, c in spec.terms])
    words = np.stack([extents[:, list(problem.relevant(t))].prod(axis=1) if t != I else widths.prod(axis=0) for t in TENSORS])
    outs = (np.array(problem.extents) // extents).prod(axis=1)
    all_touched = np.stack([words[W], touched, words[O]])
    return Lattice(
        extents=extents,
        outs=outs,
        words=words,
        touched=all_touched,
        traffic=all_touched.astype(float) * outs.astype(float) * np.array(problem.bits)[:, None],
        widths=widths,
        place=place,
        stride=np.array([int(counts[d + 1 :].prod()) for d in range(dims)], np.int64),
        divisors=table,
        counts=counts,
        down=down,
        quotient=quotient,
        lacks=np.array(problem.irrelevant_to, np.int64),
        axis=axis,
        coefficient=coefficient,
        halo=np.array(problem.halo, np.int64),
        bits=np.array(problem.bits, np.int64),
        step_bits=np.array(problem.step_bits, np.int64),
    )


def _quotients(lists: list[list[int]], most: int) -> Ints:
    """Per dim the place of every divisor over every other one, -1 where it is no integer."""
    found = np.full((len(lists), most, most), -1, np.int64)
    for d, row in enumerate(lists):
        where = {value: n for n, value in enumerate(row)}
        for a, dividend in enumerate(row):
            for b, divisor in enumerate(row):
                if dividend % divisor == 0:
                    found[d, a, b] = where[dividend // divisor]
    return found


def _distinct(terms: list[tuple[int, Ints]]) -> Ints:
    """Distinct values of a sum of one or two terms (:func:`formulations.problem.distinct_sums`)."""
    if len(terms) == 1:
        return terms[0][1]
    (a, m), (b, n) = terms
    common = math.gcd(a, b)
    found: Ints = m * n - np.maximum(0, m - b // common) * np.maximum(0, n - a // common)
    return found


def machine_of(problem: LayerProblem) -> Machine:
    """The machine of a problem."""
    regions, count = regions_of(problem), len(problem.levels)
    grain = math.gcd(*problem.bits, *problem.step_bits)
    levels = np.zeros((count, COLUMNS), np.int64)
    members = np.full((len(regions), count + 1), -1, np.int64)
    for r, region in enumerate(regions):
        inner = [n for n in region.levels if n > 0]
        members[r, : len(inner)] = inner
        for n in region.levels:
            level = problem.levels[n]
            ports = [number for port in level.ports for number in (port.multiplier, port.divisor)]
            levels[n] = (
                -1 if level.capacity_bits is None else level.capacity_bits,
                level.access_bits,
                level.read_energy,
                level.fill_energy,
                level.update_energy,
                grain % level.access_bits != 0,
                r,
                inner.index(n) + 1 if n else 0,
                level.leak_energy,
                *ports,
            )
    energies = [
        e for v in problem.levels for e in (v.read_energy, v.fill_energy, v.update_energy, v.leak_energy)
    ]
    rows = [spatial_vectors(problem, region.fan) for region in regions]
    first = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    vectors = np.concatenate(rows).astype(np.int64)
    may_keep = np.array([[any(o[t] for o in level.keep_options) for t in TENSORS] for level in problem.levels], np.int64)
    may_skip = np.array([[any(not o[t] for o in level.keep_options) for t in TENSORS] for level in problem.levels], np.int64)
    counts_of = (members >= 0).sum(axis=1)
    leaves = np.array(
        [
            [[all(may_skip[n, t] for n in row[k:] if n >= 0) for k in range(count + 1)] for t in TENSORS]
            for row in members
        ],
        np.int64,
    )
    without = np.array([leaves[r:, :, 0].all(axis=0) for r in range(len(regions))], np.int64)
    rounded = int(levels[:, ROUNDS].max())
    timed = int(any(port.divisor for level in problem.levels for port in level.ports))
    leaks = int(any(level.leak_energy for level in problem.levels))
    work = problem.work * problem.latency_unit
    counts = (len(regions), count, math.gcd(*energies), rounded, work, timed, leaks, problem.latency_unit)
    flags = (problem.drain_reads, problem.resumes, problem.volume(O), problem.steps, *counts)
    return Machine(
        levels=levels,
        may_keep=may_keep,
        may_skip=may_skip,
        flags=np.array(flags, np.int64),
        vectors=vectors,
        spots=spots_of(problem, vectors),
        kids=vectors.prod(axis=1),
        first=first,
        tops=np.array([int(pinned) for pinned in problem.pinned], np.int64),
        members=members,
        counts=counts_of.astype(np.int64),
        leaves=leaves,
        without=without,
        rates=levels[:, READ : UPDATE + 1] / levels[:, ACCESS, None],
    )


def axis_vectors(problem: LayerProblem, level: int) -> tuple[Ints, Ints]:
    """The vectors of factors along X and along Y of a fan-out."""
    spec = problem.levels[level]
    lists = [divisors(extent) for extent in problem.extents]
    return tuple(_factor_vectors(lists, along, size) for along, size in zip((spec.spatial_x, spec.spatial_y), spec.fanout, strict=True))


def spots_of(problem: LayerProblem, vectors: Ints) -> Ints:
    """The places of factors among the divisors of their dims."""
    return np.stack(
        [np.searchsorted(divisors(e), vectors[:, d]) for d, e in enumerate(problem.extents)], axis=1
    ).astype(np.int64)
