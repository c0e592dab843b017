"""Check of a study without a design: nothing within its ranges is feasible, and the least limits beyond them are.

Without caps on latency, energy or power the points that hold every layer are counted; with caps, and where the budget
of bandwidth was lowered to the range, what the least limits rest on is not in the files, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from optimizer.architecture.hardware import Hardware
from optimizer.checker.claims.solve import Claim
from optimizer.checker.design_checks import verdict
from optimizer.checker.feasible_designs import lacking
from optimizer.checker.metrics import varied_metric
from optimizer.checker.outcome import NOT_CHECKED, Check
from optimizer.checker.staircase import HOLDING

CAPS = ("latency_ms", "energy_mj", "power_w")
Place = tuple[Fraction, ...]


def least_checks(claim: Claim) -> Iterator[Check]:
    """All checks of ``study.least`` of a study of the hardware; none where the study has designs."""
    study = claim.data["study"]
    if study["designs"]:
        return
    inside = [
        entry
        for entry in claim.entries
        if entry.by in HOLDING and any(_inside(claim, point) for point in claim.points.inside(entry.box))
    ]
    wrong = [f"box {entry.box} lies in the range, closed by {entry.by}" for entry in inside]
    yield verdict("nothing in range", wrong if study["status"] == "INFEASIBLE" else [], "no box with a design is")
    if study["status"] != "INFEASIBLE":
        yield verdict("least", [f"it is {study['least']}"] if study["least"] else [], "not known")
        return
    lowered = any(varied["name"] == "dram-gbps" and varied["high"] is not None for varied in study["vary"])
    if lowered or any(getattr(claim.architecture.budgets, name) is not None for name in CAPS):
        yield Check(NOT_CHECKED, True, "result.json: study.least")
        return
    expected = [dict(zip(_names(claim), map(str, place), strict=True)) for place in _least(claim)]
    faults = [] if study["least"] == expected else [f"it is {study['least']}, it should be {expected}"]
    yield verdict("least", faults, "the least limits that hold every layer, counted")


def _names(claim: Claim) -> list[str]:
    return [varied["name"] for varied in claim.data["study"]["vary"]]


def _inside(claim: Claim, point: Hardware) -> bool:
    return all(
        varied["high"] is None or varied_metric(claim, varied, point) <= Fraction(varied["high"])
        for varied in claim.data["study"]["vary"]
    )


def _least(claim: Claim) -> list[Place]:
    """Places of points that hold every layer, none of which needs more than another one."""
    names = _names(claim)
    limits, plan = claim.architecture.limits, claim.architecture.plan
    places = set()
    for point in claim.points.points.values():
        uses = [placement.use for placement in plan.options(point)] if plan is not None else [()]
        area = 0 if "area-mm2" in names else point.area_um2
        if not list(lacking(claim, point)) and any(limits.allow(area, use) for use in uses):
            places.add(tuple(varied_metric(claim, varied, point) for varied in claim.data["study"]["vary"]))
    return [a for a in sorted(places) if not any(b != a and all(map(Fraction.__le__, b, a)) for b in places)]
