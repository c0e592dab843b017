"""Numbers that the kernels take as 64-bit integers."""

from __future__ import annotations

import math

from formulations.problem import I, LayerProblem

LARGEST = 1 << 60
MOST_POINTS = 400_000


def in_range(problem: LayerProblem) -> bool:
    """Do words, bits and prices fit 64 bits, and the lattice the memory?

    Per instance, a tensor of t words at least moves at most ``steps`` words between two levels (the input: no more than
    its tile in every step, of at most the product of its widths); drains and outputs count twice. Energies may be
    larger: they are kept modulo 2**64 and as floating numbers.
    """
    widths = [1 + sum(c * (problem.extents[d] - 1) for d, c in axis.terms) for axis in problem.input_axes]
    spread = math.prod(max(1, math.prod(level.fanout)) for level in problem.levels)
    gaps = math.prod(math.prod(max(1, c) for _, c in axis.terms) for axis in problem.input_axes)
    words = max(problem.steps * gaps * 4, math.prod(widths), problem.volume(I))
    largest = [words * 4 * max(*problem.bits, *problem.step_bits), problem.work * problem.latency_unit, spread]
    for level in problem.levels:
        largest += [level.access_bits, level.capacity_bits or 0]
        largest += [level.read_energy, level.fill_energy, level.update_energy, level.leak_energy]
    points = math.prod(sum(1 for n in range(1, e + 1) if e % n == 0) for e in problem.extents)
    return max(largest) < LARGEST and points <= MOST_POINTS
