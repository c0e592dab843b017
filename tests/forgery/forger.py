"""What a consistent forger recomputes after it has changed something."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

from formulations.networks.master import BoxBound, settle
from optimizer.architecture.boxes import Box
from optimizer.architecture.fabric import RESOURCES
from optimizer.checker.box_layer_bounds import LayerBounds
from optimizer.checker.claims.solve import Claim, ClaimedBox, hash_of, rebuild
from optimizer.checker.design_checks import plain
from optimizer.checker.solve import point_counts
from optimizer.checker.stored import StoredResult

Data = dict[str, Any]
DESIGN = ("hardware", "device", "area_um2", "energy_pj", "latency_cycles", "latency_ms", "power_w", "layers", "groups")


@dataclass
class Forgery:
    """A result that is being changed, with the random numbers that say how."""

    data: Data
    certificate: Data
    random: Random
    beside: StoredResult | None = None

    @classmethod
    def of(cls, result: StoredResult, random: Random) -> Forgery:
        """A copy, as it would come back from files."""
        data, certificate = (json.loads(json.dumps(part)) for part in (result.data, result.certificate))
        return cls(data, certificate, random, copy.deepcopy(result.beside))

    @property
    def result(self) -> StoredResult:
        """The forgery as a result."""
        return StoredResult(copy.deepcopy(self.data), copy.deepcopy(self.certificate), copy.deepcopy(self.beside))

    @property
    def claim(self) -> Claim:
        """What both files claim now."""
        whole = {"boxes": []} if self.certificate["format"].startswith("tilewright-front") else {}
        return rebuild(self.data, self.certificate | whole)

    @property
    def goal(self) -> str:
        """What the floors are of: energy, or latency where nothing else is asked for."""
        target = self.claim.target
        return "latency" if target.objective == "latency" and not target.capped else "energy"

    @property
    def boxes(self) -> list[Data]:
        """The boxes of the certificate."""
        found: list[Data] = self.certificate["boxes"]
        return found

    @property
    def design(self) -> list[list[int]] | None:
        """The box of the design's point."""
        index = self.certificate["design"]
        return None if index is None else [[n, n] for n in index]

    def floors_of(self, box: Data) -> list[int]:
        """The floors that count."""
        found: list[int] = box[f"{self.goal}_floors"]
        return found

    def rehash(self) -> None:
        """Both files state the hash of the problem."""
        self.data["problem_hash"] = self.certificate["problem_hash"] = hash_of(self.data["problem"])

    def retotal(self) -> None:
        """Totals and objective from what the layers and groups state."""
        claim, data = self.claim, self.data
        hardware = claim.points.points[tuple(self.certificate["design"])]
        unit = hardware.energy_unit_pj or Fraction(1, hardware.energy_scale)
        parts = [(x["multiplicity"], x) for x in data["layers"] if x.get("group") is None]
        parts += [(1, group) for group in data.get("groups", ())]
        energy = sum(n * round(Fraction(part["energy_pj"]) / unit) for n, part in parts)
        latency = sum(n * math.ceil(Fraction(part["latency_cycles"])) for n, part in parts)
        cycles = claim.target.cycles(energy, latency)
        seconds = float(cycles / (hardware.clock_mhz * 10**6))
        data |= {
            "energy_pj": hardware.energy_pj(energy),
            "latency_cycles": plain(cycles),
            "latency_ms": seconds * 1e3,
            "power_w": hardware.energy_pj(energy) * 1e-12 / seconds if seconds else None,
        }
        self.certificate["value"] = str(claim.target.value(energy, latency))

    def rebound(self, *, keep_solved: bool = False) -> None:
        """Bounds of all boxes from their floors; areas, resources and numbers of points of what they hold.

        Where floors alone do not settle a solved point, its bound may be kept.
        """
        claim = self.claim
        floors = LayerBounds(claim)
        for raw, entry in zip(self.boxes, claim.entries, strict=True):
            inside = list(claim.points.inside(entry.box))
            raw |= {"points": len(inside), "area_um2": min(point.area_um2 for point in inside)}
            if inside[0].resources:
                least = (min(use) for use in zip(*(point.resources for point in inside), strict=True))
                raw["resources"] = dict(zip(RESOURCES, least, strict=True))
            if not (entry.says_nothing or (keep_solved and entry.by == "solved")):
                raw["bound"] = str(floors.value(entry))
        solved = {tuple(n for n, _ in raw["box"]): raw["bound"] for raw in self.boxes if raw["closed_by"] == "solved"}
        for raw in self.boxes:
            if "bound_of_point" in raw:
                raw["bound"] = solved.get(tuple(raw["bound_of_point"]), raw["bound"])

    def conclude(self) -> None:
        """Bound, status, master, counts and gap from the boxes and the value."""
        claim, certificate, data = self.claim, self.certificate, self.data
        value = claim.value
        held = [e.bound for e in claim.entries if not e.over_budget and e.by != "infeasible"]
        least = min([*held, *([] if value is None else [value])], default=Fraction(0))
        unsettled = any(entry.by == "open" for entry in claim.entries)
        if value is None:
            status = "UNKNOWN" if unsettled else "INFEASIBLE"
        else:
            status = "FEASIBLE" if unsettled or least < value else "OPTIMAL"
        certificate |= {"status": status, "bound": str(least), "master_optimum": _master(claim, claim.entries)}
        data["status"] = status
        unit, worth = data["objective"]["unit"], self._worth(claim)
        data["objective"] = {
            "name": data["problem"]["objective"],
            "unit": unit,
            "value": None if value is None else plain(value * worth),
            "bound": plain(least * worth),
            "gap": None if value is None else float((value - least) / value) if value else 0.0,
        }
        data["hardware_points"] = point_counts(self.claim)

    @staticmethod
    def _worth(claim: Claim) -> Fraction:
        some = claim.some_point
        if claim.target.objective == "latency":
            return Fraction(1)
        return some.energy_unit_pj or Fraction(1, some.energy_scale)

    def agree(self, *, keep_solved: bool = False) -> None:
        """All of it."""
        self.rehash()
        if self.certificate["design"] is not None:
            self.retotal()
        self.rebound(keep_solved=keep_solved)
        self.conclude()
        self.end()

    def end(self) -> None:
        """Why the work ended follows from what is left open."""
        left = any(raw["closed_by"] == "open" for raw in self.boxes)
        self.data["termination"] = "time limit" if left else "complete"

    def drop_design(self) -> None:
        """No design is claimed any more."""
        for key in DESIGN:
            self.data.pop(key, None)
        self.certificate |= {"design": None, "value": None, "master_optimum": None}


def _master(claim: Claim, entries: Sequence[ClaimedBox]) -> str | None:
    value = claim.value
    if value is None:
        return None
    scale = max(1, int(value) >> 50)
    rows = [
        BoxBound(e.area_um2, int(e.bound / scale), int(value / scale) if e.box == claim.design else None, e.resources)
        for e in entries
        if e.by != "infeasible"
    ]
    cap, plan = claim.architecture.budgets.area_um2, claim.architecture.plan
    limits = () if plan is None else plan.device.available
    found = settle(rows, area_cap=None if cap is None else int(cap), limits=limits, seed=1)
    return None if found is None else str(Fraction(found) * scale)


def box_entry(box: Box, by: str, energy: Sequence[int], latency: Sequence[int], bound: object = 0) -> Data:
    """A box for a certificate, before :meth:`Forgery.rebound`."""
    return {
        "box": [list(side) for side in box],
        "points": 1,
        "closed_by": by,
        "area_um2": 0,
        "bound": str(bound),
        "energy_floors": list(energy),
        "latency_floors": list(latency),
    }
