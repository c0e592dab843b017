"""The least cost of a layer on a hardware point, and the interface of everything that computes such prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from formulations.nest import Nest
from formulations.stop import Stop
from optimizer.architecture.hardware import Hardware
from optimizer.problem.goal import INFEASIBLE_COST


@dataclass(frozen=True)
class Price:
    """Cost of one run of a layer on a hardware point.

    ``energy`` in energy units and ``latency`` in whole cycles. ``value`` is the objective that was minimized
    (energy, cycles, or energy + weight x cycles). Where ``solution`` is None it is only a bound on it, and
    ``energy`` and ``latency`` are meaningless. ``extents`` are the padded extents.
    """

    value: int
    energy: int = 0
    latency: int = 0
    solution: Nest | None = None
    extents: tuple[tuple[str, int], ...] = ()

    @property
    def found(self) -> bool:
        """Is it the price of a design, not only a bound?"""
        return self.solution is not None


@dataclass(frozen=True)
class StoppedSearch:
    """A search that was stopped: the best price found by then (None: no design), and a lower bound."""

    hardware: Hardware
    objective: str
    weight: int
    price: Price | None
    bound: int


class Prices(Protocol):
    """The interface of pricers, as the branch and bound uses it: of one layer, or with fusion of the whole network."""

    count: int
    stop: Stop
    stopped_search: StoppedSearch | None

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""

    def latency_bound(self, hardware: Hardware) -> int:
        """Lower bound on the cycles of one run."""

    def energy_bound(self, hardware: Hardware) -> int:
        """Lower bound on the energy units of one run."""

    def floor(self, hardware: Hardware, objective: str) -> int:
        """A lower bound on one run from earlier searches; 0 if they show nothing."""

    def price(
        self,
        hardware: Hardware,
        objective: str = "energy",
        *,
        weight: int = 0,
        cap: int = INFEASIBLE_COST,
        cutoff: int = INFEASIBLE_COST,
    ) -> Price | None:
        """Optimum of one run, or a lower bound once it is proved that none is below `cutoff`."""
