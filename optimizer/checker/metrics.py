"""Metrics of hardware points that studies vary, counted by the checker itself."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.checker.claims.solve import Claim
from optimizer.checker.constraint_use import keeps


def varied_metric(claim: Claim, varied: dict[str, Any], point: Hardware) -> Fraction:
    """What a study varies, at a hardware point: a metric, or 1 where the point breaks a constraint."""
    if "constraint" in varied:
        stated = varied["constraint"]
        return Fraction(not all(keeps(claim, point, [stated.get("relation", stated)])))
    return metric(varied["name"], point)


def metric(name: str, point: Hardware) -> Fraction:
    """A varied metric of a hardware point, in the unit that its name ends with."""
    if name == "area-mm2":
        return Fraction(point.area_um2, 10**6)
    if name == "dram-gbps":
        bits = point.levels[0].shared_bits_per_cycle
        return Fraction(0) if bits is None else bits / 8 * point.clock_mhz / 1000
    levels = {"buffer-kib": point.levels[1:2], "storage-kib": point.levels[1:]}[name]
    return sum((Fraction((level.size_bits or 0) * math.prod(level.mesh), 8192) for level in levels), Fraction(0))
