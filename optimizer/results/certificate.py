"""The certificate of a result: boxes of hardware points, the reason that closes each box, and its layer bounds."""

from __future__ import annotations

from typing import Any

from optimizer.architecture.boxes import size
from optimizer.architecture.device_plan import use_of
from optimizer.results.formats import CERTIFICATE_FORMAT
from optimizer.results.totals import status_of
from optimizer.search.exploration import Closed, Exploration
from optimizer.search.prepared_problem import PreparedProblem


def certificate(prepared: PreparedProblem, state: Exploration, master: str | None) -> dict[str, Any]:
    """Contents of ``certificate.json``: the reason that closes every box of hardware points, in exact integers."""
    point = None
    if state.best_box is not None:
        point = [low for low, _ in state.best_box]
    return {
        "format": CERTIFICATE_FORMAT,
        "problem_hash": prepared.problem_hash,
        "status": status_of(state).value,
        "objective": prepared.goal.objective,
        "accounting": prepared.accounting,
        "space": prepared.space,
        "padding": prepared.padding,
        "value": None if state.value is None else str(state.value),
        "bound": str(state.bound),
        "master_optimum": master,
        "design": point,
        "menus": {
            path: list(labels) for path, labels in zip(prepared.points.paths, prepared.points.labels, strict=True)
        },
        "layers": parts_of(prepared),
        "boxes": [closed_entry(entry) for entry in state.closed],
    }


def parts_of(prepared: PreparedProblem) -> list[dict[str, Any]]:
    """The layers that the layer bounds of a box refer to, with their number of runs; with fusion the whole network."""
    if prepared.fused is not None:
        return [{"name": prepared.network.name, "count": 1}]
    return [{"name": p.layer.name, "count": p.count} for p in prepared.pricers]


def closed_entry(entry: Closed) -> dict[str, Any]:
    """A box as the certificate states it."""
    return (
        {
            "box": [list(side) for side in entry.box],
            "points": size(entry.box),
            "closed_by": entry.by,
            "area_um2": entry.area_um2,
            "bound": str(entry.bound),
            "energy_floors": list(entry.energy_bounds),
            "latency_floors": list(entry.latency_bounds),
        }
        | ({} if entry.ahead is None else {"bound_of_point": [n for n, _ in entry.ahead]})
        | ({"resources": use_of(entry.resources)} if entry.resources else {})
    )
