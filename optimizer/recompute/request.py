"""Request of a plan of the memory of a training step."""

from __future__ import annotations

from dataclasses import dataclass, field

from formulations.networks.checkpoint_search import NO_LIMITS, Goal, MemoryLimits
from optimizer.files.arguments import Checked
from optimizer.files.rules import NOT_NEGATIVE
from optimizer.recompute.costs import RecomputeCosts
from optimizer.workload.network import Network


@dataclass(frozen=True)
class MemoryRequest(Checked):
    """Memory of a training step over time, and the best choice for every saved activation.

    Parameters
    ----------
    network : Network
        A training step.
    goal : {"overhead", "peak"}, optional
        What is minimized; None chooses nothing and keeps all.
    limits : Limits
        Caps on the peak off chip (bits), weights and gradients included, and on the overhead (in the costs' unit).
    reserve_bits : int
        On-chip memory for kept activations.
    costs : Costs, optional
        By default those of :func:`optimizer.recompute.costs.work_costs`.
    recompute : bool
        Whether anything may be computed again.
    """

    network: Network
    goal: Goal | None = "overhead"
    limits: MemoryLimits = NO_LIMITS
    reserve_bits: int = field(default=0, metadata=NOT_NEGATIVE)
    costs: RecomputeCosts | None = None
    recompute: bool = True
