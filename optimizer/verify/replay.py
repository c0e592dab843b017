"""Replay of a certificate: the boxes cover the points, and every stated bound follows from its floors."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from formulations.master import Entry as MasterEntry
from formulations.master import settle
from optimizer.hardware import Hardware, Level
from optimizer.points import Box, PointSet
from optimizer.pricing import NEVER
from optimizer.verify.claim import OVER_BUDGET, Check, Claim, Entry, Group
from optimizer.verify.design_checks import verdict
from optimizer.verify.device_again import device_checks
from optimizer.verify.walk import step_bits, step_cycles
from optimizer.workload import VectorLayer

REASONS = (*OVER_BUDGET, "bound", "solved", "infeasible", "open")
OTHER_SEED = 7919


@dataclass(frozen=True)
class Replay:
    """Checks of a certificate, and the single points whose bound rests on more than their floors."""

    checks: tuple[Check, ...]
    unsettled: tuple[Entry, ...]


def replay(claim: Claim) -> Replay:
    """Check boxes, areas, bounds, status and the master's answer."""
    gaps = list(_partition(claim))
    cover = verdict("boxes", gaps, f"{len(claim.entries)} boxes hold all {len(claim.points.points)} points, each once")
    if gaps:
        return Replay((cover,), ())
    inherited = parents(claim.points, {entry.box for entry in claim.entries})
    bounds = _Bounds(claim, inherited)
    faults = [f"box {entry.box}: {fault}" for entry in claim.entries for fault in bounds.faults(entry)]
    by = Counter(entry.by for entry in claim.entries)
    counted = ", ".join(f"{by[reason]} {reason}" for reason in REASONS if by[reason])
    checks = (
        cover,
        verdict("corners", list(_corners(claim)), "each box's ideal hardware is as good as all of its points"),
        verdict("areas", list(_areas(claim)), "least area of every box recomputed"),
        *device_checks(claim),
        verdict("bounds", faults, f"every bound follows from its floors ({counted})"),
        verdict("status", list(_status(claim)), f"{claim.certificate['status']} is what the boxes show"),
        _master(claim),
    )
    return Replay(checks, tuple(bounds.unsettled))


def _partition(claim: Claim) -> Iterator[str]:
    limits = [len(labels) for labels in claim.points.labels]
    seen: Counter[tuple[int, ...]] = Counter()
    for entry in claim.entries:
        sides = entry.box
        if len(sides) != len(limits) or any(not lo <= hi < n for (lo, hi), n in zip(sides, limits, strict=True)):
            yield f"{sides} is no box of menus with {limits} entries"
            continue
        inside = list(itertools.product(*(range(low, high + 1) for low, high in sides)))
        seen.update(inside)
        if entry.points != len(inside):
            yield f"{sides} holds {len(inside)} points, stated are {entry.points}"
        if len(entry.energy) != len(claim.parts) or len(entry.latency) != len(claim.parts):
            yield f"{sides} has not one floor per layer, or for the whole network"
        if entry.by not in REASONS:
            yield f"{sides} is closed by {entry.by!r}, known are {', '.join(REASONS)}"
    missing = [index for index in claim.points.points if index not in seen]
    if missing:
        yield f"{len(missing)} points are in no box, e.g. {missing[0]}"
    doubled = [index for index, times in seen.items() if times > 1]
    if doubled:
        yield f"{len(doubled)} points are in more than one box, e.g. {doubled[0]}"
    for index in seen:
        if index not in claim.points.points:
            yield f"{index} is no point"


def parents(points: PointSet, boxes: set[Box]) -> dict[Box, Box | None]:
    """The box that each box was split from, where splitting leads to it; None for the whole."""
    found: dict[Box, Box | None] = {}
    stack: list[tuple[Box, Box | None]] = [(points.whole, None)]
    while stack:
        box, parent = stack.pop()
        if box in boxes:
            found[box] = parent
        elif any(low < high for low, high in box):
            stack += [(half, box) for half in points.split(box)]
    return found


def _corners(claim: Claim) -> Iterator[str]:
    for entry in claim.entries:
        corner = claim.points.corner(entry.box)
        for point in claim.points.inside(entry.box):
            for fault in worse(corner, point):
                yield f"box {entry.box}: {fault}, with {dict(point.choices)}"


def worse(corner: Hardware, point: Hardware) -> Iterator[str]:
    """In what a hardware that should bound a point is worse than it."""
    for number, (best, level) in enumerate(zip(corner.levels, point.levels, strict=True)):
        for axis, most, need in zip("XY", corner.fanout(number), point.fanout(number), strict=True):
            if most < need:
                yield f"{level.name} fans out to {most} along {axis}, a point of the box to {need}"
        yield from (f"{level.name}.{name} is worse than a point of the box" for name in _worse_level(best, level))
    costs = ("mac_energy", "vector_energy", "area_um2")
    yield from (name for name in costs if getattr(corner, name) > getattr(point, name))
    if any(least > need for least, need in zip(corner.resources, point.resources, strict=True)):
        yield "more resources of the device than a point of the box"
    widths = zip((*corner.mac_mesh, corner.vector_lanes), (*point.mac_mesh, point.vector_lanes), strict=True)
    if any(most < need for most, need in widths):
        yield "fewer multipliers or lanes than a point of the box"


def _worse_level(best: Level, level: Level) -> Iterator[str]:
    costs = ("read_energy", "fill_energy", "update_energy", "leak_energy")
    yield from (name for name in costs if getattr(best, name) > getattr(level, name))
    sizes = ("usable_bits", "read_bits_per_cycle", "write_bits_per_cycle", "shared_bits_per_cycle")
    for name in sizes:
        most, need = getattr(best, name), getattr(level, name)
        if most is not None and (need is None or most < need):
            yield name
    same = ("name", "access_bits", "must_keep", "must_bypass", "spatial_x", "spatial_y")
    yield from (name for name in same if getattr(best, name) != getattr(level, name))


def _areas(claim: Claim) -> Iterator[str]:
    cap = claim.architecture.budgets.area_um2
    for entry in claim.entries:
        least = min(point.area_um2 for point in claim.points.inside(entry.box))
        if entry.area_um2 != least:
            yield f"box {entry.box}: area {entry.area_um2}, the least of its points is {least}"
        elif entry.by == "area" and (cap is None or least <= cap):
            yield f"box {entry.box}: closed by area, but {least} um2 keep the budget"
        elif not entry.over_budget and entry.by != "open" and cap is not None and least > cap:
            yield f"box {entry.box}: closed by {entry.by}, but {least} um2 exceed the budget"


class _Bounds:
    """Bounds recomputed from the floors, on the box's ideal hardware or (inherited) on its parent's."""

    def __init__(self, claim: Claim, inherited: dict[Box, Box | None]) -> None:
        self.claim, self.inherited = claim, inherited
        self.unsettled: list[Entry] = []
        self._fixed: dict[Box, tuple[int, int]] = {}
        self._spread: dict[Box, tuple[int, ...]] = {}

    def faults(self, entry: Entry) -> Iterator[str]:
        """What is wrong with one box."""
        target, parent = self.claim.target, self.inherited.get(entry.box)
        own = self._objective(entry.box, entry.energy, entry.latency)
        known = {own}
        if parent is not None:
            known.add(self._objective(parent, entry.energy, entry.latency))
            known.add(self._objective(parent, entry.energy, self._cycles(parent)))
        elif entry.box == self.claim.points.whole:
            known.add(Fraction(0))
        yield from self._floors(entry, parent)
        single = all(low == high for low, high in entry.box)
        if entry.by == "solved" and not single:
            yield "a box of several points cannot be solved"
        if entry.bound not in known:
            if entry.by == "solved" and entry.bound > own and (target.objective == "edp" or target.capped):
                self.unsettled.append(entry)
            else:
                yield f"the bound is {entry.bound}, the floors give {own}"
        value = self.claim.value
        if entry.by in ("bound", "solved") and (value is None or (entry.by == "bound" and entry.bound < value)):
            yield f"closed by {entry.by}, but its bound {entry.bound} does not reach the objective {value}"
        sound = entry.by == "open" or (entry.by == "solved" and value is not None and entry.bound <= value)
        if entry.box == self.claim.design and not sound:
            yield f"the design's own point is closed by {entry.by} with the bound {entry.bound}"
        if entry.by == "infeasible" and not self._hopeless(entry):
            if single and target.capped:
                self.unsettled.append(entry)
            else:
                yield "closed as infeasible, but its floors keep all caps"

    def _floors(self, entry: Entry, parent: Box | None) -> Iterator[str]:
        """Floors that the box's own numbers show: compute cycles, and none for what is not minimized."""
        target = self.claim.target
        if target.objective == "latency" and not target.capped:
            if any(entry.energy):
                yield "floors of an energy that was not asked for"
            return
        own = self._cycles(entry.box)
        allowed = {own, tuple(0 for _ in own) if parent is None else self._cycles(parent)}
        if entry.latency not in allowed or any(a > b for a, b in zip(entry.latency, own, strict=True)):
            yield f"latency floors {list(entry.latency)}, the multipliers give {list(own)}"

    def _objective(self, box: Box, energy: tuple[int, ...], latency: tuple[int, ...]) -> Fraction:
        return self.claim.target.value(*self._spent(box, energy, latency))

    def _spent(self, box: Box, energy: tuple[int, ...], latency: tuple[int, ...]) -> tuple[int, int]:
        if box not in self._fixed:
            self._fixed[box] = self.claim.fixed(self.claim.points.corner(box))
        counts = [count for _, count in self.claim.parts]
        fixed = self._fixed[box]
        return (
            fixed[0] + sum(n * floor for n, floor in zip(counts, energy, strict=True)),
            fixed[1] + sum(n * floor for n, floor in zip(counts, latency, strict=True)),
        )

    def _hopeless(self, entry: Entry) -> bool:
        """Do the floors show that a layer does not fit, or that a cap is broken?"""
        if NEVER in (*entry.energy, *entry.latency):
            return True
        return not self.claim.target.allows(*self._spent(entry.box, entry.energy, entry.latency))

    def _cycles(self, box: Box) -> tuple[int, ...]:
        if box not in self._spread:
            corner = self.claim.points.corner(box)
            self._spread[box] = part_cycles(self.claim, corner)
        return self._spread[box]


def part_cycles(claim: Claim, hardware: Hardware) -> tuple[int, ...]:
    """Cycles that no design goes below, part by part: of a fused network, all its work on all units."""
    if claim.fusion is None:
        return tuple(least_cycles(group, hardware) for group in claim.groups)
    vectors = sum(x.operations * x.multiplicity for x in claim.network.layers() if isinstance(x, VectorLayer))
    work = math.ceil(Fraction(claim.network.macs, math.prod(hardware.mac_mesh)))
    return (work + math.ceil(Fraction(vectors, hardware.vector_lanes)),)


def least_cycles(group: Group, hardware: Hardware) -> int:
    """Cycles that no mapping goes below: the work over the largest spread of every fan-out, or compulsory traffic."""
    best = None
    for extents in group.variants:
        spread = 1
        for number, level in enumerate(hardware.levels):
            spread *= widest(extents, hardware.fanout(number), (level.spatial_x, level.spatial_y))
        work = math.prod(extents.values()) * step_cycles(group.layer, hardware)
        cycles = max(-(-work // spread), _traffic_cycles(group, hardware, extents))
        best = cycles if best is None else min(best, cycles)
    assert best is not None
    return best


def _traffic_cycles(group: Group, hardware: Hardware, extents: dict[str, int]) -> int:
    """Whole cycles in which every word that takes part passes the outermost ports once."""
    bits = {}
    for operand in group.layer.operands:
        words = 1
        for axis in operand.axes:
            ranges = [[coefficient * i for i in range(extents[dim])] for dim, coefficient in axis.terms]
            words *= len({sum(steps) for steps in itertools.product(*ranges)})
        bits[operand.role] = words * min(operand.bits, step_bits(group.layer, operand))
    dram = hardware.levels[0]
    ports = (
        (bits["W"] + bits["I"], dram.read_bits_per_cycle), (bits["O"], dram.write_bits_per_cycle),
        (sum(bits.values()), dram.shared_bits_per_cycle),
    )  # fmt: skip
    return max((math.ceil(moved / limit) for moved, limit in ports if limit is not None), default=0)


def widest(
    extents: dict[str, int], fanout: tuple[int, int], allowed: tuple[tuple[str, ...] | None, tuple[str, ...] | None]
) -> int:
    """Most children that factors of the extents can fill along both axes."""
    reached = {(1, 1)}
    for dim, extent in extents.items():
        divisors = [d for d in range(1, extent + 1) if extent % d == 0]
        x, y = (divisors if dims is None or dim in dims else [1] for dims in allowed)
        shares = [(a, b) for a in x for b in y if a <= fanout[0] and b <= fanout[1] and extent % (a * b) == 0]
        reached = {
            (p * a, q * b) for p, q in reached for a, b in shares if p * a <= fanout[0] and q * b <= fanout[1]
        }
    return max(p * q for p, q in reached)


def _status(claim: Claim) -> Iterator[str]:
    value, certificate = claim.value, claim.certificate
    bounds = [entry.bound for entry in claim.entries if not entry.over_budget and entry.by != "infeasible"]
    is_open = any(entry.by == "open" for entry in claim.entries)
    least = min([*bounds, *([] if value is None else [value])], default=Fraction(0))
    if value is None:
        status = "UNKNOWN" if is_open else "INFEASIBLE"
    else:
        status = "FEASIBLE" if is_open or least < value else "OPTIMAL"
    if certificate["status"] != status:
        yield f"the status is {certificate['status']}, the boxes show {status}"
    if Fraction(certificate["bound"]) != least:
        yield f"the bound is {certificate['bound']}, the boxes show {least}"
    if value is not None and not any(_settles(entry, claim.design) for entry in claim.entries):
        yield "the design's point was not solved"


def _settles(entry: Entry, design: Box | None) -> bool:
    """Is this the solved point of the design, or an open box around it?"""
    if design is None or entry.by != "open":
        return entry.by == "solved" and entry.box == design
    return all(low <= n <= high for (low, high), (n, _) in zip(entry.box, design, strict=True))


def _master(claim: Claim) -> Check:
    """The CP-SAT master once more, by another seed."""
    value, stated = claim.value, claim.certificate["master_optimum"]
    if value is None:
        fine = stated is None
        return Check("master", fine, "no design to settle" if fine else f"states {stated} without a design")
    scale = max(1, int(value) >> 50)
    entries = [
        MasterEntry(
            e.area_um2, int(e.bound / scale), int(value / scale) if e.box == claim.design else None, e.resources
        )
        for e in claim.entries if e.by != "infeasible"
    ]  # fmt: skip
    cap = claim.architecture.budgets.area_um2
    plan = claim.architecture.plan
    limits = () if plan is None else plan.device.available
    found = settle(entries, area_cap=None if cap is None else int(cap), limits=limits, seed=OTHER_SEED)
    again = None if found is None else str(Fraction(found) * scale)
    fine = again is not None and again == stated
    return Check("master", fine, f"settled again at {again}" if fine else f"states {stated}, settled again at {again}")
