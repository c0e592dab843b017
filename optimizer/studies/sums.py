r"""The front of a network on one hardware point: a sum of the fronts of its layers.

Every run of a layer takes the same mapping, so with fronts :math:`F_n` of single runs and counts :math:`c_n` the costs
of the network are the sums :math:`\sum_n c_n f_n` with :math:`f_n \in F_n`. Layers join one after the other; of the
partial sums

1. those that another one matches or beats are dropped, since both can be completed alike;
2. those are dropped whose completion by the least energies and latencies of the layers left reaches no gap.

*Tolerance* t. Half of it goes to the layers' fronts: after a point (E, L) the next one sought has less than
:math:`L / (1 + t/2)` cycles, so each design has a listed one with no more energy and at most 1 + t/2 times the cycles.
The other half is spread over the joins as cycles: :math:`d = \lfloor t L_{min} / 2n \rfloor`, with the least latency of
the network. Of sums whose latencies lie within d of the fastest of them, only the last, which has the least energy, is
kept. Every design is then covered by a sum with no more energy and at most :math:`(1 + t/2) L + n d \le (1 + t) L`
cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import SpecError
from optimizer.pricing.price import Prices
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.search.point_solver import Site
from optimizer.studies.frontier import Cost, Gap

LARGEST = int(np.iinfo(np.int64).max)
"""Of NumPy's integers; sums that may exceed it are Python's, which know no limit."""
MOST_SUMS = 200_000
"""Partial sums, none of which another one beats."""

Costs = NDArray[Any]
"""Rows of energy and latency: int64, or object where they may exceed it."""


@dataclass(frozen=True)
class Ends:
    """Of every layer the least energy and the least latency of a run; fixed costs of the network."""

    energy: Sequence[int]
    latency: Sequence[int]
    fixed: Cost


def layer_front(site: Site, pricer: Prices, most_energy: int, tolerance: Fraction) -> list[Cost]:
    """The front of one run of a layer up to an energy, cheapest first, within half of a tolerance."""
    front: list[Cost] = []
    cap = INFEASIBLE_COST
    while True:
        price = pricer.price(site.hardware, cap=cap)
        if price is None or not price.found or price.energy > most_energy:
            return front
        front.append((price.energy, price.latency))
        cap = min(price.latency - 1, -(-price.latency // (1 + tolerance / 2)) - 1)


def network_front(site: Site, ends: Ends, gaps: Sequence[Gap], tolerance: Fraction = Fraction(0)) -> list[Cost]:
    """All sums of the layers' fronts that reach a gap and that no other sum beats.

    Raises
    ------
    SpecError
        If there are more than :data:`MOST_SUMS` partial sums.
    """
    counts = [pricer.count for pricer in site.pricers]
    least = [
        ends.fixed[axis] + sum(c * v for c, v in zip(counts, values, strict=True))
        for axis, values in enumerate((ends.energy, ends.latency))
    ]
    most = gaps[0][1] if gaps else 0
    fronts = [
        layer_front(site, pricer, (most - least[0]) // pricer.count + energy, tolerance)
        for pricer, energy in zip(site.pricers, ends.energy, strict=True)
    ]
    if not all(fronts):
        return []
    slack = int(tolerance * least[1] / 2) // len(fronts)
    most_costs = (
        ends.fixed[axis] + sum(c * max(cost[axis] for cost in front) for c, front in zip(counts, fronts, strict=True))
        for axis in (0, 1)
    )
    numbers = np.int64 if max(most_costs) < LARGEST else object
    sums = np.array([ends.fixed], dtype=numbers)
    left = [least[0] - ends.fixed[0], least[1] - ends.fixed[1]]
    for number in sorted(range(len(fronts)), key=lambda n: len(fronts[n])):
        count = counts[number]
        left = [left[0] - count * ends.energy[number], left[1] - count * ends.latency[number]]
        front = count * np.array(fronts[number], dtype=numbers)
        sums = _beaten_dropped((sums[:, None, :] + front[None, :, :]).reshape(-1, 2))
        sums = _thinned(sums[_useful(sums, left, gaps)], slack)
        if len(sums) > MOST_SUMS:
            raise SpecError(
                f"the exact front has more than {MOST_SUMS:,} partial sums on one hardware point",
                field="tolerance",
                value="0",
                allowed="a tolerance above 0 for such networks",
                remedy="add one of e.g. 1 %: --tolerance 1%, in Python tolerance=Fraction(1, 100)",
            )
    return [(int(energy), int(latency)) for energy, latency in sums]


def _beaten_dropped(sums: Costs) -> Costs:
    """Rows that no other one matches or beats, by rising latency."""
    cheapest_first = sums[np.argsort(sums[:, 0], kind="stable")]
    ordered = cheapest_first[np.argsort(cheapest_first[:, 1], kind="stable")]
    before = np.minimum.accumulate(ordered[:, 0])
    keep = np.ones(len(ordered), dtype=bool)
    keep[1:] = ordered[1:, 0] < before[:-1]
    kept: Costs = ordered[keep]
    return kept


def _useful(sums: Costs, left: Sequence[int], gaps: Sequence[Gap]) -> NDArray[np.bool_]:
    """Which rows reach a gap once the least of the layers left is added."""
    largest = LARGEST if sums.dtype == np.int64 else max(LARGEST, *(max(gap) for gap in gaps))
    cycles = np.array([min(gap[0], largest) for gap in gaps], dtype=sums.dtype)
    energies = np.array([*(min(gap[1], largest) for gap in gaps), -1], dtype=sums.dtype)
    place = np.searchsorted(cycles, sums[:, 1] + left[1])
    reached: NDArray[np.bool_] = np.greater_equal(energies[place], sums[:, 0] + left[0]).astype(bool)
    return reached


def _thinned(sums: Costs, slack: int) -> Costs:
    """Of rows within `slack` cycles of the fastest of them, the one with the least energy."""
    if slack <= 0 or not len(sums):
        return sums
    kept, start = [], 0
    while start < len(sums):
        start = int(np.searchsorted(sums[:, 1], sums[start, 1] + slack, side="right"))
        kept.append(start - 1)
    return sums[kept]
