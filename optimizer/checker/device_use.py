"""Resource use on an FPGA device, counted again from the tables of the problem, and the boxes closed by it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from optimizer.architecture.fabric import RESOURCES
from optimizer.architecture.hardware import Hardware, Level
from optimizer.checker.claims.solve import Claim
from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.outcome import Check
from optimizer.problem.off_chip import REASON

Counts = dict[str, int]


class Use(NamedTuple):
    """Resource use of a point; for every level in memory blocks, the kind and number of blocks."""

    counts: Counts
    memories: dict[str, dict[str, Any]]


def device_checks(claim: Claim) -> Iterator[Check]:
    """Check the use of all points, the least use of boxes, boxes closed by a resource, and the use of the design."""
    if claim.architecture.plan is None:
        if "device" in claim.data:
            yield Check("device", False, "the result names a device, the problem does not")
        return
    device = Recount(claim.architecture.source or {})
    uses = {index: device.best(point) for index, point in claim.points.points.items()}
    faults = [
        f"point {index}: {dict(zip(RESOURCES, point.resources, strict=True))}, counted again {uses[index].counts}"
        for index, point in claim.points.points.items()
        if list(point.resources) != [uses[index].counts[name] for name in RESOURCES]
    ]
    faults += _boxes(claim, {index: use.counts for index, use in uses.items()}, device.available)
    if claim.design is not None:
        faults += _design(claim, uses[tuple(low for low, _ in claim.design)], device)
    counted = f"{len(uses)} points, {len(claim.entries)} boxes"
    yield verdict("device", faults, f"use of {device.name} counted again: {counted}")


def _boxes(claim: Claim, counts: dict[tuple[int, ...], Counts], available: Counts) -> Iterator[str]:
    for entry in claim.entries:
        inside = [counts[index] for index, _ in claim.points.indexed(entry.box)]
        least = {name: min(use[name] for use in inside) for name in RESOURCES}
        stated = dict(zip(RESOURCES, entry.resources, strict=False))
        over = [name for name in RESOURCES if least[name] > available[name]]
        if stated != least:
            yield f"box {entry.box}: uses {stated}, the least of its points is {least}"
        elif entry.by in RESOURCES and entry.by not in over:
            yield f"box {entry.box}: closed by {entry.by}, but {least[entry.by]} fit the device"
        elif entry.by not in (*RESOURCES, "area", REASON, "open") and over:
            yield f"box {entry.box}: closed by {entry.by}, but its points need too much {', '.join(over)}"


def _design(claim: Claim, use: Use, device: Recount) -> Iterator[str]:
    resources = {name: {"used": use.counts[name], "available": device.available[name]} for name in RESOURCES}
    expected = {"name": device.name, "resources": resources, "memories": use.memories}
    yield from differences(claim.data.get("device"), expected, "device")
    for name in RESOURCES:
        if use.counts[name] > device.available[name]:
            yield f"the design uses {use.counts[name]} {name}, {device.name} has {device.available[name]}"


class Recount:
    """Recounts the use from the tables of a problem: device, fabric, and what the architecture states itself."""

    def __init__(self, source: dict[str, Any]) -> None:
        device, own, mac = source["device"], source.get("resources", {}), source.get("mac", {})
        self.name: str = device["name"]
        self.available: Counts = {name: device["resources"].get(name, 0) for name in RESOURCES}
        self._fabric = fabric = device["fabric"]
        self._levels = source["levels"]
        wanted = (mac.get("type", "int"), mac.get("bits", source.get("word_bits", 16)), mac.get("multiplier", "dsp"))
        listed = {(m["type"], m["bits"], m.get("multiplier", "dsp")): m["use"] for m in fabric["mac"]}
        self._mac = own["mac"] if "mac" in own else listed[wanted]
        self._parts = {part: own.get(part, fabric[part]["use"]) for part in ("pe", "lane", "fixed")}

    def best(self, hardware: Hardware) -> Use:
        """The use with the least maximum utilization over all resources, then the least sum of utilizations; the first
        among ties.
        """
        kinds = [self._kinds(index, level) for index, level in enumerate(hardware.levels)]
        uses = [self._use(hardware, chosen) for chosen in itertools.product(*kinds)]
        return min(uses, key=lambda use: self._rank(use.counts))

    def _kinds(self, index: int, level: Level) -> list[str]:
        if level.size_bits is None:
            return [""]
        raw = self._levels[index]
        stated = raw["memory"] if "memory" in raw else self._fabric["components"][raw["component"]]
        return [stated] if isinstance(stated, str) else list(stated)

    def _use(self, hardware: Hardware, kinds: tuple[str, ...]) -> Use:
        macs = hardware.mac_mesh[0] * hardware.mac_mesh[1]
        parts = [(1, self._parts["fixed"]), (hardware.vector_lanes, self._parts["lane"])]
        parts += [(macs, self._mac), (macs, self._parts["pe"])]
        memories = {}
        for level, kind in zip(hardware.levels, kinds, strict=True):
            if kind:
                blocks = level.mesh[0] * level.mesh[1] * self._blocks(level, kind)
                parts.append((blocks, self._fabric["memories"][kind]["use"]))
                memories[level.name] = {"kind": kind, "blocks": blocks}
        return Use({name: sum(n * use.get(name, 0) for n, use in parts) for name in RESOURCES}, memories)

    def _blocks(self, level: Level, kind: str) -> int:
        """Blocks of one instance: copies for double buffering, parallel blocks for bandwidth."""
        assert level.size_bits is not None
        rates = [level.read_bits_per_cycle, level.write_bits_per_cycle, level.shared_bits_per_cycle]
        beside = max([1, *(math.ceil(rate / level.access_bits) for rate in rates if rate is not None)])
        words = math.ceil(Fraction(level.size_bits, level.buffering * beside * level.access_bits))
        arrays = (
            math.ceil(Fraction(level.access_bits, shape["width"])) * math.ceil(Fraction(words, shape["depth"]))
            for shape in self._fabric["memories"][kind]["shapes"]
        )
        return level.buffering * beside * min(arrays)

    def _rank(self, counts: Counts) -> tuple[bool, Fraction, Fraction]:
        shares = [Fraction(counts[name], has) for name, has in self.available.items() if has]
        absent = any(counts[name] for name, has in self.available.items() if not has)
        return absent, max(shares), sum(shares, Fraction(0))
