"""Outcome of the search for widths."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.network_adjustment.request import WidthChanges
from optimizer.network_adjustment.search import Size
from optimizer.network_adjustment.ties import Ties
from optimizer.results.kinds import SolveResult
from optimizer.search.exploration import Exploration
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.workload.network import Network


@dataclass(frozen=True)
class Adjustment:
    """The outcome at every resolution and over all of them, and the designs before and after (None: there are no
    widths).
    """

    network: Network
    request: WidthChanges
    prepared: PreparedProblem
    ties: Ties
    sizes: list[Size]
    state: Exploration
    before: SolveResult
    after: SolveResult | None
    adjusted: Network | None
    widths: tuple[int, ...]
    seed: int
    wall_s: float
