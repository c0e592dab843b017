r"""How large the numbers of a label may become, and the refusal of problems where that is too much.

Energies are pairs of 60 bits, all other numbers of a label have 63. With the bits of a word or of a step, whichever are
more,

1. no transfer exceeds ``4 * bits * max over x of words(T, x) * out(x)``: fills and drains, reads and updates;
2. time units are at most the transfers times a port's multiplier, or the work;
3. energies per access and leakage of all instances are below 2**60, and so are accesses: their products are pairs.
"""

from __future__ import annotations

import math

from formulations.problem import LayerProblem
from formulations.shortest_path.tables import TENSORS, Lattice, Machine

WIDE, NARROW = 1 << 62, 1 << 60


def check_steps(problem: LayerProblem) -> None:
    """Refuse a layer whose steps alone are too many.

    Raises
    ------
    OverflowError
    """
    _check("steps", 4 * problem.steps * max(*problem.bits, *problem.step_bits), NARROW)


def check_magnitudes(problem: LayerProblem, t: Lattice, m: Machine) -> None:
    """Refuse a problem whose numbers may leave the integers of labels.

    Raises
    ------
    OverflowError
    """
    words = t.words.astype(float) * t.outs.astype(float)
    bits = [4 * int(words[T].max() * 1.001) * max(problem.bits[T], problem.step_bits[T]) for T in TENSORS]
    transfers = max(*bits, 4 * problem.steps * max(problem.step_bits))
    instances = math.prod(int(m.kids[m.fan(region)].max()) for region in range(m.regions))
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
