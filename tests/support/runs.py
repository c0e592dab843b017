"""Runs by keywords, for tests that look at what stands behind a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.inspection import evaluate_groups
from optimizer.network_adjustment.adjustment import Adjustment
from optimizer.network_adjustment.request import AdjustRequest, WidthChanges
from optimizer.network_adjustment.run import adjustment
from optimizer.recompute import run
from optimizer.recompute.request import MemoryRequest
from optimizer.recompute.run import MemoryPlan
from optimizer.results.folder import write_files
from optimizer.results.result import Result
from optimizer.scaling.options import Options
from optimizer.workload.network import Network


def plan_memory(network: Network, *, workers: int = 1, **asked: Any) -> MemoryPlan:
    """The plan that the request of these keywords gets."""
    return run.plan_memory(MemoryRequest(network, **asked), Options(workers=workers))


def adjust(
    network: Network, architecture: Architecture, changes: WidthChanges, *, objective: str = "energy", **how: Any
) -> Adjustment:
    """What the search for widths finds."""
    return adjustment(AdjustRequest(network, architecture, changes, objective), Options(**how))


def group_costs(*args: Any, **asked: Any) -> dict[str, Any]:
    """Contents of ``evaluation.json``."""
    return evaluate_groups(*args, **asked).to_json()


def written(result: Result, folder: str | Path) -> Path:
    """The folder with the files of a result, whatever was there."""
    return write_files(result.files(), folder)
