"""How a layer problem is packed into a few integer arrays for the compiled kernels.

Compiled functions that take few arrays compile ten times faster than ones that take records, so everything of
fixed size lives in one table ``c`` (rows and columns are named below). The others are: ``g`` digits and ``e``
extents of every lattice point, ``q`` quotients and products of divisors, ``s`` spatial vectors, ``t`` bounds
per level and point, ``r`` refetches per tensor and point (and the input's least traffic), ``w`` the decisions
on the current branch and the best mapping.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.primes import divisors
from formulations.problem import INFINITE, Hoist, LayerProblem

Int = NDArray[np.int64]
W, I, O = 0, 1, 2  # noqa: E741

# Rows of `c` that hold one number per dim.
EXTENT, LACKS, HALO, AXIS_OF, STEP, COUNT, STRIDE = range(7)
# Rows of `c` that hold one number per tensor (BITS also, from STEP_BITS on, those that a step of the innermost loops
# takes at the multipliers); scalars; one number per level; the best mapping.
BITS, VOLUME, SCALARS, STARTS, COUNTS, BEST = range(7, 13)
WORK, DRAIN, COMPUTE, SCALE, UNIT, HAS_HALO, AXES, LEVELS, DIMS, KIND, CAP, EXACT, WEIGHT = range(13)
RESIDENT, RESIDENT_AT, RESIDENT_FROM = 13, 14, 15
PINNED, PORT_FLOOR, RESUMES, STEPS = 16, 19, 20, 21
STEP_BITS = 3
BEST_ENERGY, BEST_LATENCY, LEAVES, NODES_SEEN, STOPPED = range(5)
# STEPS of the innermost loops; WORK: cycles of them on a single multiplier; COMPUTE: energy of all at the multipliers.
# STOPPED: another thread asks to give up; whatever is computed from then on is worthless.
# LEAST_INPUT, behind the volumes: words of I that take part at all (fewer than the volume where strides leave gaps).
LEAST_INPUT = 3
# RESIDENT: the tensor (or -1) whose node at level RESIDENT_AT is hoisted above the loops irrelevant to it that close
# the block of level RESIDENT_FROM, past at least one level.
# PINNED (and the two behind): is the tensor pinned to level 1? Level 0's energies per word of it are then those of
# level 1.
# PORT_FLOOR: latency units that the outermost level's ports need at least.
# RESUMES: are first visits of outputs read and filled like all others?
# EXACT: the level whose bounds know how the input may stand (-1: none).
# One row per input axis (dim, coefficient, second dim or -1, its coefficient), per level, per level's orders.
AXIS0, LEVEL0, ORDER0 = 13, 23, 31
CAPACITY, KEEP, WORD_READ, WORD_FILL, WORD_UPDATE = 0, 1, 4, 7, 10
READ, FILL, UPDATE, ACCESS, LEAK, PORT = 13, 14, 15, 16, 17, 18
# Per tensor, READER: the level that serves the children of this one; SHARED: from the reader's fan-out to this
# level's (excluded), at most so many of them take the same words.
READER, SHARED = 24, 27
# Per tensor, PASSED: kept at a level that this level's first node is hoisted past, but not here.
PASSED = 30
# Per tensor, what a step of the innermost loops costs where this level serves the multipliers; FIRST_READ: what a first
# visit of an output's word saves in reads.
STEP_READ, STEP_UPDATE, FIRST_READ = 33, 36, 39
ORDER_COUNT = 18
ROWS, COLUMNS = 39, 40
# Kinds of objective; WEIGHTED is energy + WEIGHT x cycles.
ENERGY, LATENCY, EDP, WEIGHTED = range(4)
# Planes of `t`, from LOCAL on pairs of planes.
INSIDE, BLOCK, FIRST, RANKED, TILES, LOCAL = range(6)
# Row of `r` behind the three refetches.
LOW = 3
# Planes of `w`, per level (NODE has three); META columns. The best mapping's planes follow in the order of the
# first seven. LIFT: the part of the first node's loops that stands outside of the fan-out above, the node hoisted
# over it. SPATIAL_BELOW holds, in row 0, the largest product of the spatial factors of each level and inside.
TOP, BOTTOM, TILE, SPATIAL, ORDER, META, LIFT, GAP, GAP_SPATIAL, TRIPS, FREE, SPATIAL_BELOW, NODE = range(13)
BEST_TOP, BEST_BOTTOM, BEST_TILE, BEST_SPATIAL, BEST_ORDER, BEST_META, BEST_LIFT = range(15, 22)
PLANES = 22
WINDOW, WORDS, GAP_WINDOW, TOP_POINT, BOTTOM_POINT, POSITION, COPIES = range(7)
ENERGY_IN, LATENCY_IN, FLOOR, ENERGY_OUT, LATENCY_OUT, INSIDE_NOW = range(7, 13)
RANK, ORDER_NUMBER, OPTION, ROW, FITTED, LIFTED, TILE_POINT, ALIKE = range(13, 21)
META_COLUMNS = 23
OPEN, BLOCKED = -1, -2


def new_work(levels: int, dims: int) -> Int:
    """An empty `w`."""
    return np.ones((PLANES, levels + 1, max(dims + 1, META_COLUMNS)), np.int64)


class Packed(NamedTuple):
    """A layer's lattice: ``c`` holds the layer's part only until :func:`pack_machine` adds the hardware's."""

    c: Int
    g: Int
    e: Int
    q: Int


def pack_layer(problem: LayerProblem) -> Packed:
    """The divisor lattice of a layer."""
    dims = len(problem.extents)
    lists = [divisors(e) for e in problem.extents]
    longest = max(len(x) for x in lists)
    q = np.full((2, dims, longest, longest), -1, np.int64)
    for d, values in enumerate(lists):
        position = {v: i for i, v in enumerate(values)}
        for (i, a), (j, b) in itertools.product(enumerate(values), repeat=2):
            q[0, d, i, j] = position[a // b] if a % b == 0 else -1
            q[1, d, i, j] = position.get(a * b, -1)
    shape = tuple(len(x) for x in lists)
    g = np.array(np.unravel_index(np.arange(math.prod(shape)), shape), np.int64).T.copy()
    e = np.array([np.array(lists[d], np.int64)[g[:, d]] for d in range(dims)], np.int64).T.copy()
    c = np.zeros((ROWS, max(COLUMNS, dims)), np.int64)
    c[EXTENT, :dims], c[LACKS, :dims], c[HALO, :dims] = problem.extents, problem.irrelevant_to, problem.halo
    c[AXIS_OF, :dims] = -1
    for a, spec in enumerate(problem.input_axes):
        c[AXIS0 + a, 2] = -1
        for term, (d, coefficient) in enumerate(spec.terms):
            c[AXIS0 + a, 2 * term], c[AXIS0 + a, 2 * term + 1] = d, coefficient
            c[AXIS_OF, d], c[STEP, d] = a, coefficient
    c[COUNT, :dims] = shape
    c[STRIDE, :dims] = [math.prod(shape[d + 1 :]) for d in range(dims)]
    c[BITS, :3], c[VOLUME, :3] = problem.bits, [problem.volume(tensor) for tensor in range(3)]
    c[BITS, STEP_BITS : STEP_BITS + 3], c[SCALARS, STEPS] = problem.step_bits, problem.steps
    c[SCALARS, WORK], c[SCALARS, HAS_HALO] = problem.work, any(problem.halo)
    c[SCALARS, AXES], c[SCALARS, DIMS] = len(problem.input_axes), dims
    return Packed(c, g, e, q)


def pack_machine(
    layer: Packed, problem: LayerProblem, keep: tuple[tuple[bool, bool, bool], ...], hoist: Hoist | None = None
) -> Int:
    """The table ``c`` of a layer on a hardware point under one choice of kept tensors per level.

    `hoist` is a node that is hoisted past at least one level. Energies per word are scaled to whole numbers.
    """
    c = layer.c.copy()
    scale = word_scale(problem)
    c[SCALARS, DRAIN], c[SCALARS, COMPUTE] = problem.drain_reads, problem.steps * problem.step_energy
    c[SCALARS, SCALE], c[SCALARS, UNIT], c[SCALARS, LEVELS] = scale, problem.latency_unit, len(problem.levels)
    resident, at, start = (hoist.tensor, hoist.level, hoist.outer) if hoist else (-1, 0, 0)
    c[SCALARS, RESIDENT : RESIDENT_FROM + 1] = resident, at, start
    c[SCALARS, PINNED : PINNED + 3], c[SCALARS, RESUMES] = problem.pinned, problem.resumes
    for n, level in enumerate(problem.levels):
        row = c[LEVEL0 + n]
        row[CAPACITY] = INFINITE if level.capacity_bits is None else level.capacity_bits
        row[KEEP : KEEP + 3] = keep[n]
        row[PASSED : PASSED + 3] = _passed(keep, n, hoist)
        servers = [problem.levels[1] if n == 0 and pinned else level for pinned in problem.pinned]
        for column, action, moved in _PRICED:
            row[column : column + 3] = [
                bits * getattr(server, f"{action}_energy") * scale // server.access_bits
                for bits, server in zip(getattr(problem, moved), servers, strict=True)
            ]
        last = not any(kept[O] for kept in keep[n + 1 :])
        row[FIRST_READ] = min(row[WORD_READ + O], row[STEP_READ + O]) if last else row[WORD_READ + O]
        row[READ], row[FILL], row[UPDATE] = level.read_energy, level.fill_energy, level.update_energy
        row[ACCESS], row[LEAK] = level.access_bits, level.leak_energy
        row[PORT : PORT + 6] = [x for port in level.ports for x in (port.multiplier, port.divisor)]
        orders = [order for order in _orders(keep[n]) if _hoistable(order, n, hoist)]
        c[ORDER0 + n, :18] = -1
        for k, order in enumerate(orders):
            c[ORDER0 + n, 3 * k : 3 * k + len(order)] = order
        c[ORDER0 + n, ORDER_COUNT] = len(orders)
    return c


_PRICED = (
    (WORD_READ, "read", "bits"),
    (WORD_FILL, "fill", "bits"),
    (WORD_UPDATE, "update", "bits"),
    (STEP_READ, "read", "step_bits"),
    (STEP_UPDATE, "update", "step_bits"),
)
"""Energies of a word, and of what a step takes of one."""


def _passed(keep: tuple[tuple[bool, bool, bool], ...], level: int, hoist: Hoist | None) -> list[bool]:
    between = keep[hoist.outer + 1 : level] if hoist is not None and hoist.level == level else ()
    return [not keep[level][tensor] and any(kept[tensor] for kept in between) for tensor in range(3)]


def word_scale(problem: LayerProblem) -> int:
    """The least number that makes the energies of all words whole numbers (an access may hold many words)."""
    every = (*problem.bits, *problem.step_bits)
    words = (
        Fraction(bits * energy, level.access_bits)
        for level in problem.levels
        for bits in every
        for energy in (level.read_energy, level.fill_energy, level.update_energy)
    )
    return math.lcm(*(word.denominator for word in words))


def _orders(kept: tuple[bool, bool, bool]) -> list[tuple[int, ...]]:
    return list(itertools.permutations([tensor for tensor in range(3) if kept[tensor]]))


def _hoistable(order: tuple[int, ...], level: int, hoist: Hoist | None) -> bool:
    """Is a hoisted tensor the first of its level's order, and the last of the block's that it is hoisted to?"""
    if hoist is None or hoist.tensor not in order:
        return True
    if level == hoist.level:
        return order[0] == hoist.tensor
    return level != hoist.outer or level == 0 or order[-1] == hoist.tensor


def pack_spatial(c: Int, lists: list[Int]) -> Int:
    """Spatial vectors of every fan-out, one row each: digits, factors, product.

    Notes the starts in ``c``, and which level serves a tensor with how much multicast.
    """
    dims = int(c[SCALARS, DIMS])
    vectors = np.concatenate(lists)
    s = np.empty((len(vectors), 2 * dims + 1), np.int64)
    for d in range(dims):
        s[:, d] = np.searchsorted(divisors(int(c[EXTENT, d])), vectors[:, d])
    s[:, dims : 2 * dims], s[:, 2 * dims] = vectors, vectors.prod(axis=1)
    c[STARTS, : len(lists) + 1] = np.cumsum([0, *(len(rows) for rows in lists)])
    for n, tensor in itertools.product(range(len(lists)), (W, I, O)):
        alike = (c[LACKS, :dims] == tensor) | ((c[HALO, :dims] == 1) & (tensor == I))
        reader = max(k for k in range(n + 1) if c[LEVEL0 + k, KEEP + tensor])
        c[LEVEL0 + n, READER + tensor] = reader
        c[LEVEL0 + n, SHARED + tensor] = math.prod(int(rows[:, alike].prod(axis=1).max()) for rows in lists[reader:n])
    return s
