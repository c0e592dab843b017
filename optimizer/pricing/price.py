"""The least cost of a layer on a hardware point, and what every source of such prices offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from formulations.problem import LayerSolution
from formulations.stop import Stop
from optimizer.architecture.hardware import Hardware
from optimizer.problem.goal import INFEASIBLE_COST


@dataclass(frozen=True)
class Price:
    """What a layer costs on a hardware point, one run of it.

    ``energy`` in energy units and ``latency`` in whole cycles. ``value`` is the objective that was minimized
    (energy, cycles, or energy + weight x cycles). Where ``solution`` is None it is only a bound on it, and
    ``energy`` and ``latency`` are meaningless. ``extents`` are the padded extents.
    """

    value: int
    energy: int = 0
    latency: int = 0
    solution: LayerSolution | None = None
    extents: tuple[tuple[str, int], ...] = ()

    @property
    def found(self) -> bool:
        """Is it the price of a design, not only a bound?"""
        return self.solution is not None


@dataclass(frozen=True)
class StoppedSearch:
    """A search that was given up: the best price known by then (None: no design), and a value that none goes below."""

    hardware: Hardware
    objective: str
    weight: int
    price: Price | None
    bound: int


class Prices(Protocol):
    """What the branch and bound asks of a part of the network that is priced by itself: a layer, or all of it."""

    count: int
    stop: Stop
    stopped_search: StoppedSearch | None

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""

    def latency_bound(self, hardware: Hardware) -> int:
        """Cycles that one run takes at least."""

    def energy_bound(self, hardware: Hardware) -> int:
        """Energy units that one run takes at least."""

    def price(
        self,
        hardware: Hardware,
        objective: str = "energy",
        *,
        weight: int = 0,
        cap: int = INFEASIBLE_COST,
        cutoff: int = INFEASIBLE_COST,
    ) -> Price | None:
        """Optimum of one run, or a bound once it is clear that `cutoff` cannot be beaten."""
