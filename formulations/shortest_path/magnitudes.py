r"""How large the numbers of a label may become, and the refusal of problems where that is too much.

Energies are pairs of 60 bits, all other numbers of a label have 63. With the bits of a word or of a step, whichever are
more, and the most words of a tensor that move between two levels (:mod:`formulations.integer_range`: the steps, and of
the input the largest of the corners of its axes),

1. no transfer exceeds ``4 * bits * words``: fills and drains, reads and updates;
2. time units are at most the transfers times a port's multiplier, or the work;
3. energies per access and leakage of all instances are below 2**60, and so are accesses: their products are pairs.
"""

from __future__ import annotations

import math

from formulations.integer_range import most_inputs
from formulations.problem import LayerProblem

WIDE, NARROW = 1 << 62, 1 << 60


def check_magnitudes(problem: LayerProblem) -> None:
    """Refuse a problem whose numbers may leave the integers of labels.

    Raises
    ------
    OverflowError
    """
    bits = [max(pair) for pair in zip(problem.bits, problem.step_bits, strict=True)]
    words = (problem.steps, most_inputs(problem), problem.steps)
    transfers = 4 * max(*(a * b for a, b in zip(words, bits, strict=True)), problem.steps * max(bits))
    instances = min(problem.steps, math.prod(math.prod(level.fanout) for level in problem.levels))
    _check("transfers", transfers, NARROW)
    _check("work", problem.work * problem.latency_unit, WIDE)
    for level in problem.levels:
        _check("energies", max(level.read_energy, level.fill_energy, level.update_energy), NARROW)
        _check("leakage", level.leak_energy * instances * len(problem.levels), NARROW)
        for port in level.ports:
            _check("transfers over bandwidth", 2 * transfers * port.multiplier, WIDE)


def _check(what: str, value: int, limit: int) -> None:
    if value >= limit:
        raise OverflowError(f"{what} may reach {value:,}; the shortest path needs less than {limit:,}")
