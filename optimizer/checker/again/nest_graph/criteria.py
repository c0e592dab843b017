"""What a nest below the value must keep: sums of energies and port times, each below a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from formulations.problem import LayerProblem
from optimizer.checker.again.nest_graph.lattice import Floats
from optimizer.checker.again.nest_graph.places import Machine

MARGIN = 1e-12
"""Relative error of floating sums: some hundred terms, each of 1e-16 of numbers not above the limit."""


@dataclass(frozen=True)
class Criteria:
    """Linear costs c_k with ``c_k(nest) <= limit_k`` for every nest that refutes the layer bound.

    With energy E without leakage, ports' bits per instance b and cycles of the multipliers c0,
    ``c_k = scale_k E + sum price_k b + idle_k sum_l leak_l instances_l c0``:

    * the energy: latency is at least c0;
    * the energy: latency is at least the time of a port of level 0, and every level has an instance;
    * under a cap, the time of each port of level 0.

    Costs are whole, so a nest below the value costs at most value - 1.

    Attributes
    ----------
    scale, idle, limit : array of float, shape (criteria,)
    price : array of float, shape (criteria, 2, levels)
        Of a bit read, and written, per instance.
    """

    scale: Floats
    idle: Floats
    limit: Floats
    price: Floats
    cap: int | None


def criteria_of(problem: LayerProblem, objective: str, value: int, cap: int | None) -> Criteria:
    """The criteria of a statement."""
    levels = len(problem.levels)
    rows: list[tuple[float, float, float, Floats]] = []
    most = (value - 1) if objective == "latency" else cap
    if objective == "latency" and cap is not None:
        most = min(value - 1, cap)
    ports = []
    for number, port in enumerate(problem.levels[0].ports):
        if port.divisor:
            price = np.zeros((2, levels))
            if number in (0, 2):
                price[0, 0] = port.multiplier / port.divisor
            if number in (1, 2):
                price[1, 0] = port.multiplier / port.divisor
            ports.append(price)
    if objective == "energy":
        limit = value - 1 + MARGIN * max(1, value)
        rows.append((1.0, 1.0, limit, np.zeros((2, levels))))
        leak = sum(level.leak_energy for level in problem.levels)
        if leak:
            for price in ports:
                rows.append((1.0, 0.0, limit, price * (leak / problem.latency_unit)))
                rows.append((1.0, 0.5, limit, price * (leak / problem.latency_unit / 2)))
    if most is not None:
        rows += [(0.0, 0.0, most * (1 + MARGIN), price) for price in ports]
    if not rows:
        rows.append((0.0, 0.0, 1.0, np.zeros((2, levels))))
    return Criteria(
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.stack([row[3] for row in rows]),
        most,
    )


def idle_energy(machine: Machine, factors: list[int]) -> float:
    """Leakage while the multipliers work, with these factors of all fan-outs (one per region).

    Instances over all multipliers are one over the fan-outs inside of the level. So the sum is a sum of products of
    ``1 / n``, and its growth from one factor's least is never less than with all others at their most.
    """
    problem = machine.problem
    total = 0.0
    for r, levels in enumerate(machine.regions):
        inside = math.prod(factors[r:])
        total += sum(problem.levels[level].leak_energy for level in levels) * problem.work / inside
    return total
