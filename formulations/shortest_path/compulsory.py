"""What any nest costs at least: the steps, what the multipliers ask, and every word that comes in once."""

from __future__ import annotations

import numpy as np

from formulations.problem import LayerProblem, O
from formulations.shortest_path.prices import FILLS, Prices, first_steps, price, prices_of
from formulations.shortest_path.tables import TENSORS, Lattice, Machine, lattice_of, machine_of


def compulsory_energy(problem: LayerProblem) -> float:
    """A lower bound on the energy of every nest of a problem, found without a search.

    Every tensor has a last node, which serves the multipliers. They ask for a word in every step, at best as one read
    for all children that may share it; less first visits of as many copies of the output as there may be. If that node
    is not the outermost one, every word comes out of the outermost one and into some node at least once.
    """
    t, m = lattice_of(problem), machine_of(problem)
    p = prices_of(t, m)
    served = sum(min(_served(t, m, p, tensor, level) for level in _last_levels(m, tensor)) for tensor in TENSORS)
    return float(m.steps * problem.step_energy) + served


def _last_levels(m: Machine, tensor: int) -> list[int]:
    """Levels that may have the last node of a tensor."""
    top, levels = int(m.tops[tensor]), range(len(m.levels))
    return [
        n
        for n in levels[top:]
        if (n == top or m.may_keep[n, tensor]) and all(m.may_skip[inner, tensor] for inner in levels[n + 1 :])
    ]


def _served(t: Lattice, m: Machine, p: Prices, tensor: int, level: int) -> float:
    """The cost of a tensor whose last node is at a level."""
    asked = float(m.steps) * t.step_bits[tensor] / p.shared[int(m.region[level]) :, tensor].prod()
    first = float(first_steps(t, m, np.array(p.later[0]))) if tensor == O else 0.0
    cost = float(price(m, level, tensor, np.array(asked), np.array(min(first, asked))))
    if level == int(m.tops[tensor]):
        return cost
    words = t.traffic[tensor, -1]
    cost += float(price(m, int(m.tops[tensor]), tensor, words, words))
    return cost if tensor == O else cost + float(words * m.rates[level, FILLS])
