"""Replay of a certificate: the boxes cover the points, and every stated bound follows from its layer bounds."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from formulations.networks.master import BoxBound, settle
from optimizer.architecture.boxes import Box
from optimizer.architecture.fabric import RESOURCES
from optimizer.checker.box_bounds import Bounds, Join
from optimizer.checker.claims.solve import OVER_BUDGET, Claim, ClaimedBox
from optimizer.checker.constraint_use import constraint_checks
from optimizer.checker.design_checks import verdict
from optimizer.checker.device_use import device_checks
from optimizer.checker.optimistic_corner import box_faults, least_area
from optimizer.checker.outcome import Check
from optimizer.problem.off_chip import REASON, excess_of

REASONS = (*OVER_BUDGET, "bound", "solved", "infeasible", "open")
OTHER_SEED = 7919


@dataclass(frozen=True)
class Replay:
    """Checks of a certificate, and the bounds that do not follow from layer bounds alone.

    ``raised`` are (network, solved point) whose bound is above what the layer bounds give; ``excluded`` numbers of
    single points that no layer bound shows to be infeasible.
    """

    checks: tuple[Check, ...]
    raised: tuple[tuple[int, ClaimedBox], ...] = ()
    excluded: tuple[int, ...] = ()


def replay(claim: Claim, claims: Sequence[Claim] = (), join: Join = max) -> Replay:
    """Check boxes, areas, bounds, status and the master's answer.

    Parameters
    ----------
    claim : Claim
        The claim of one network; or the joint claim of several.
    claims : sequence of Claim
        The claims of the single networks, if there are several.
    join : callable
        Their aggregate.
    """
    gaps = [*_partition(claim), *(fault for one in claims or [claim] for fault in _one_bound_per_layer(one))]
    cover = verdict("boxes", gaps, f"{len(claim.entries)} boxes hold all {claim.points.total} points, each once")
    if gaps:
        return Replay((cover,))
    bounds = Bounds(claims or [claim], claim, join)
    faults = [f"box {entry.box}: {fault}" for n, entry in enumerate(claim.entries) for fault in bounds.faults(n)]
    by = Counter(entry.by for entry in claim.entries)
    counted = ", ".join(f"{by[reason]} {reason}" for reason in REASONS if by[reason])
    checks = (
        cover,
        verdict("corners", list(_corners(claim)), "each box's ideal hardware is as good as all of its points"),
        verdict("areas", list(_areas(claim)), "least area of every box recomputed"),
        *device_checks(claim),
        *constraint_checks(claim),
        verdict("bounds", faults, f"every bound follows from its floors ({counted})"),
        verdict("status", list(_status(claim)), f"{claim.certificate['status']} is what the boxes show"),
        _master(claim),
    )
    return Replay(checks, tuple(bounds.raised), tuple(bounds.excluded))


def _partition(claim: Claim) -> Iterator[str]:
    limits = [len(labels) for labels in claim.points.labels]
    held = 0
    sides_of: list[Box] = []
    for entry in claim.entries:
        sides = entry.box
        if len(sides) != len(limits) or any(not lo <= hi < n for (lo, hi), n in zip(sides, limits, strict=True)):
            yield f"{sides} is no box of menus with {limits} entries"
            continue
        inside = claim.points.count(sides)
        held += inside
        sides_of.append(sides)
        if not inside:
            yield f"{sides} holds no point"
        if entry.points != inside:
            yield f"{sides} holds {inside} points, stated are {entry.points}"
        if entry.by not in REASONS:
            yield f"{sides} is closed by {entry.by!r}, known are {', '.join(REASONS)}"
    shared = [common for pair in itertools.combinations(sides_of, 2) if (common := _common(*pair)) is not None]
    doubled = sum(map(claim.points.count, shared))
    if doubled:
        yield f"{doubled} points are in more than one box, e.g. in {next(filter(claim.points.count, shared))}"
    elif held != claim.points.total:
        yield f"{claim.points.total - held} points are in no box"


def _common(one: Box, other: Box) -> Box | None:
    """The combinations that two boxes share; None if there are none.

    Boxes that share no point hold as many points together as each by itself. So boxes without a common point hold all
    points if their numbers of points add up to all.
    """
    sides = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(one, other, strict=True)]
    return None if any(low > high for low, high in sides) else tuple(sides)


def _one_bound_per_layer(claim: Claim) -> Iterator[str]:
    for entry in claim.entries:
        if len(entry.energy) != len(claim.parts) or len(entry.latency) != len(claim.parts):
            yield f"{entry.box} has not one floor per layer of {claim.network.name}, or for the whole network"


def _corners(claim: Claim) -> Iterator[str]:
    for entry in claim.entries:
        if entry.says_nothing:
            continue
        corner = claim.points.corner(entry.box)
        for fault, what in box_faults(claim, corner, entry.box):
            yield f"box {entry.box}: {fault}, with {what}"


def _areas(claim: Claim) -> Iterator[str]:
    cap = claim.architecture.budgets.area_um2
    for entry in claim.entries:
        least = least_area(claim, entry.box)
        if entry.area_um2 != least:
            yield f"box {entry.box}: area {entry.area_um2}, the least of its points is {least}"
        elif entry.by == "area" and (cap is None or least <= cap):
            yield f"box {entry.box}: closed by area, but {least} um2 keep the budget"
        elif entry.by == REASON and excess_of(claim.network, claim.architecture.budgets) is None:
            yield f"box {entry.box}: closed by {entry.by}, but the network fits into the outermost memory"
        elif entry.by in RESOURCES and claim.architecture.plan is None:
            yield f"box {entry.box}: closed by {entry.by}, but there is no device"
        elif not entry.over_budget and entry.by != "open" and cap is not None and least > cap:
            yield f"box {entry.box}: closed by {entry.by}, but {least} um2 exceed the budget"


def _status(claim: Claim) -> Iterator[str]:
    value, certificate = claim.value, claim.certificate
    bounds = [entry.bound for entry in claim.entries if not entry.over_budget and entry.by != "infeasible"]
    is_open = any(entry.by == "open" for entry in claim.entries)
    least = min([*bounds, *([] if value is None else [value])], default=Fraction(0))
    if value is None:
        status = "UNKNOWN" if is_open else "INFEASIBLE"
    else:
        status = "FEASIBLE" if least < value else "OPTIMAL"
    if certificate["status"] != status:
        yield f"the status is {certificate['status']}, the boxes show {status}"
    if Fraction(certificate["bound"]) != least:
        yield f"the bound is {certificate['bound']}, the boxes show {least}"
    if value is not None and not any(_settles(entry, claim.design) for entry in claim.entries):
        yield "the design's point was not solved"


def _settles(entry: ClaimedBox, design: Box | None) -> bool:
    """True for the solved point of the design, or an open box around it."""
    if design is None or entry.by != "open":
        return entry.by == "solved" and entry.box == design
    return all(low <= n <= high for (low, high), (n, _) in zip(entry.box, design, strict=True))


def _master(claim: Claim) -> Check:
    """Solve the CP-SAT master again with another seed."""
    value, stated = claim.value, claim.certificate["master_optimum"]
    if value is None:
        fine = stated is None
        return Check("master", fine, "no design to settle" if fine else f"states {stated} without a design")
    scale = max(1, int(value) >> 50)
    entries = [
        BoxBound(e.area_um2, int(e.bound / scale), int(value / scale) if e.box == claim.design else None, e.resources)
        for e in claim.entries
        if e.by != "infeasible"
    ]
    cap = claim.architecture.budgets.area_um2
    plan = claim.architecture.plan
    limits = () if plan is None else plan.device.available
    found = settle(entries, area_cap=None if cap is None else int(cap), limits=limits, seed=OTHER_SEED)
    again = None if found is None else str(Fraction(found) * scale)
    fine = again is not None and again == stated
    return Check("master", fine, f"settled again at {again}" if fine else f"states {stated}, settled again at {again}")
