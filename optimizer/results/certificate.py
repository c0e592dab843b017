"""The certificate of a result: boxes of hardware points, the reason that closes each box, and its layer bounds."""

from __future__ import annotations

from fractions import Fraction

from optimizer.architecture.boxes import PointSet
from optimizer.architecture.device_plan import use_of
from optimizer.bodies.certificates import CERTIFICATE_FORMAT, BoundedPart, ClosedBox, Menus, SolveCertificate
from optimizer.results.totals import status_of
from optimizer.search.exploration import Closed, Exploration
from optimizer.search.prepared_problem import PreparedProblem


def certificate(prepared: PreparedProblem, state: Exploration, master: Fraction | None) -> SolveCertificate:
    """The reason that closes every box of hardware points, in exact integers."""
    return SolveCertificate(
        format=CERTIFICATE_FORMAT,
        problem_hash=prepared.problem_hash,
        status=status_of(state),
        objective=prepared.goal.objective,
        accounting=prepared.accounting,
        space=prepared.space,
        padding=prepared.padding,
        value=state.value,
        bound=state.bound,
        master_optimum=master,
        design=None if state.best_box is None else tuple(low for low, _ in state.best_box),
        menus=menus_of(prepared.points),
        layers=parts_of(prepared),
        boxes=tuple(closed_entry(entry) for entry in state.closed),
    )


def menus_of(points: PointSet) -> Menus:
    """The entries of the menus by path."""
    return {path: tuple(labels) for path, labels in zip(points.paths, points.labels, strict=True)}


def parts_of(prepared: PreparedProblem) -> tuple[BoundedPart, ...]:
    """The layers that the layer bounds of a box refer to, with their number of runs; with fusion the whole network."""
    if prepared.fused is not None:
        return (BoundedPart(name=prepared.network.name, count=1),)
    return tuple(BoundedPart(name=p.layer.name, count=p.count) for p in prepared.pricers)


def closed_entry(entry: Closed) -> ClosedBox:
    """A box as the certificate states it."""
    return ClosedBox(
        box=entry.box,
        points=entry.points,
        closed_by=entry.by,
        area_um2=entry.area_um2,
        bound=entry.bound,
        energy_floors=entry.energy_bounds,
        latency_floors=entry.latency_bounds,
        bound_of_point=None if entry.ahead is None else tuple(n for n, _ in entry.ahead),
        resources=use_of(entry.resources) if entry.resources else None,
    )
