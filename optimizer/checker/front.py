"""Check of a front: the boxes cover the points and leave no gap that the reported designs do not cover.

Boxes and gaps are checked by independent code. With a search, a sample of the values that lines rest on is proved
again, and a sample of designs is solved again, each under a cap on its latency.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.architecture.selection import at
from optimizer.checker.bound_weights import LayerBound
from optimizer.checker.claims.solve import Claim, hash_of, rebuild, status_of_whole
from optimizer.checker.constraint_use import constraint_checks
from optimizer.checker.design_checks import plain, verdict
from optimizer.checker.effort import Effort, ProofTally, Route
from optimizer.checker.metrics import metric
from optimizer.checker.outcome import Check, not_searched
from optimizer.checker.searches import Searches
from optimizer.checker.statements import Statement
from optimizer.checker.unsearched import unsearched_lines
from optimizer.problem.goal import INFEASIBLE_COST

Data = dict[str, Any]
REASONS = ("area", "covered", "solved", "infeasible", "open")
LEAST = 2
"""Designs that are solved again in any case."""


def check_front(data: Data, certificate: Data, effort: Effort, again: Searches | None) -> Iterator[Check]:
    """All checks of a front; without `again` nothing is searched."""
    expected = hash_of(data["problem"])
    files = (("result", data), ("certificate", certificate))
    wrong = [f"the hash of the {name} is another" for name, file in files if file["problem_hash"] != expected]
    yield verdict("problem", wrong, f"hash {expected[:16]} recomputed")
    if wrong:
        return
    front = _Front(rebuild(data, certificate | {"boxes": []}), certificate)
    yield verdict("boxes", list(front.box_faults()), f"{len(front.boxes)} boxes hold all points, each once")
    yield from constraint_checks(front.claim)
    found = f"{len(front.designs)} designs recomputed, none beats another"
    yield verdict("designs", list(front.design_faults()), found)
    if "front" in front.study:
        yield verdict("steps", list(front.step_faults()), f"{len(front.study['cells'])} steps are read off the front")
    effort.say("looking for gaps")
    yield verdict("gaps", list(front.gaps()), "no box closed by lines leaves a gap")
    yield verdict("fixed costs", list(front.fixed_faults()), "of vector layers, recomputed")
    yield from front.lines_again(effort, again)
    yield front.designs_again(effort, again)


class _Front:
    """A front as stated."""

    def __init__(self, claim: Claim, certificate: Data) -> None:
        self.claim, self.study, self.boxes = claim, claim.data["study"], certificate["boxes"]
        self.tolerance = Fraction(certificate["tolerance"])
        static = [varied for varied in self.study["vary"] if varied["name"] not in ("latency-ms", "energy-mj")]
        self.low = {v["name"]: None if v["low"] is None else Fraction(v["low"]) for v in self.study["vary"]}
        self.names = [varied["name"] for varied in static]
        self.designs = [
            (raw, claim.chosen(raw["choices"])[1], raw["exact"]["energy"], raw["exact"]["latency"])
            for raw in self.study.get("front", self.study["designs"])
        ]

    def place(self, point: Hardware) -> tuple[Fraction, ...]:
        """The varied metrics besides energy and latency."""
        return tuple(self._clipped(name, metric(name, point)) for name in self.names)

    def _clipped(self, name: str, value: Fraction) -> Fraction:
        low = self.low[name]
        return value if low is None else max(value, low)

    def box_faults(self) -> Iterator[str]:
        """Check that boxes hold every point once, and check areas, reasons, and one number per layer."""
        seen: Counter[tuple[int, ...]] = Counter()
        cap = self.claim.architecture.budgets.area_um2
        for raw in self.boxes:
            inside = dict(self.claim.points.indexed(raw["box"]))
            seen.update(inside.keys())
            if not inside:
                yield f"box {raw['box']} holds no point"
                continue
            least = min(point.area_um2 for point in inside.values())
            if raw["closed_by"] not in REASONS or raw["points"] != len(inside) or raw["area_um2"] != least:
                yield f"box {raw['box']}: reason, number of points or area is wrong"
            if (raw["closed_by"] == "area") != (cap is not None and least > cap) and raw["closed_by"] != "open":
                yield f"box {raw['box']}: closed by {raw['closed_by']} with {least} um2"
            if any(len(line["values"]) != len(self.claim.groups) for line in raw["lines"]):
                yield f"box {raw['box']}: not one value per layer"
        if dict(seen) != dict.fromkeys(self.claim.points.points, 1):
            yield "the boxes do not hold every point once"
        by = Counter(dict.fromkeys(REASONS, 0))
        for raw in self.boxes:
            by[raw["closed_by"]] += raw["points"]
        stated = self.claim.data["hardware_points"]
        if stated != {"total": self.claim.points.total, "boxes": len(self.boxes)} | dict(by):
            yield f"hardware_points are {stated}, the boxes have {dict(by)}"
        status = "FEASIBLE" if by["open"] and self.designs else "UNKNOWN" if by["open"] else "OPTIMAL"
        status = "INFEASIBLE" if not self.designs and not by["open"] else status
        whole = status_of_whole(self.study["status"], [self.claim.network])
        known = {self.study["status"]}
        if known != {status} and ("front" not in self.study or (by["open"] == 0 and known != {"OPTIMAL"})):
            yield f"the status is {self.study['status']}, the boxes show {status}"
        if self.claim.data["status"] != whole:
            yield f"the status is {self.claim.data['status']}, that of the front {self.study['status']}"

    def design_faults(self) -> Iterator[str]:
        """Check the numbers of the designs; none may dominate another."""
        for number, (raw, point, energy, latency) in enumerate(self.designs, start=1):
            expected = {
                "number": number,
                "energy_pj": point.energy_pj(energy),
                "latency_cycles": latency,
                "latency_ms": float(Fraction(latency * 1000) / (point.clock_mhz * 10**6)),
                "needs": dict(zip(self.names, map(str, self.place(point)), strict=True)),
            }
            yield from (f"design {number}: {k} is {raw[k]!r}, not {v!r}" for k, v in expected.items() if raw[k] != v)
            for name, value in raw["metrics"].items():
                if value != plain(metric(name, point)):
                    yield f"design {number}: {name} is {value}"
            if not self.claim.target.allows(energy, latency):
                yield f"design {number} breaks a budget"
        costs = [(energy, latency, *self.place(point)) for _, point, energy, latency in self.designs]
        for one, other in itertools.permutations(costs, 2):
            if all(a <= b for a, b in zip(one, other, strict=True)):
                yield f"a design with {one[0]} energy units and {one[1]} cycles beats another"

    def limits(self, point: Hardware, energy: int, latency: int) -> tuple[Fraction, ...]:
        """The least limits that admit a design, in the order of the study."""
        known = {
            "latency-ms": Fraction(latency * 1000) / (point.clock_mhz * 10**6),
            "energy-mj": energy * (point.energy_unit_pj or Fraction(1)) / 10**9,
        }
        names = [varied["name"] for varied in self.study["vary"]]
        return tuple(self._clipped(n, known[n] if n in known else metric(n, point)) for n in names)

    def step_faults(self) -> Iterator[str]:
        """Check that every cell has the best design of the front within its limits."""
        value = self.claim.target.value
        placed = [(self.limits(point, e, t), value(e, t)) for _, point, e, t in self.designs]
        exact = {raw["number"]: Fraction(raw["objective"]["exact"]) for raw in self.study["designs"]}
        for cell in self.study["cells"]:
            start = [Fraction(limit) for limit in cell["from"].values()]
            admitted = [v for place, v in placed if all(a <= b for a, b in zip(place, start, strict=True))]
            best = min(admitted, default=None)
            if best != (None if cell["design"] is None else exact[cell["design"]]):
                yield f"from {cell['from']} the best of the front has {best}, stated is design {cell['design']}"
            closed = all(raw["closed_by"] != "open" for raw in self.boxes)
            if closed and cell["status"] != ("INFEASIBLE" if best is None else "OPTIMAL"):
                yield f"from {cell['from']} the status is {cell['status']}"

    def gaps(self) -> Iterator[str]:
        """Boxes whose lines admit a design that no reported design dominates."""
        for raw in self.boxes:
            if raw["closed_by"] == "covered":
                for place in {self.place(point) for point in self._inside(raw)}:
                    if self._open(raw, place):
                        yield f"box {raw['box']}: its lines leave a gap at {list(map(str, place))}"
            elif raw["closed_by"] == "infeasible" and not any(
                INFEASIBLE_COST in line["values"] for line in raw["lines"]
            ):
                yield f"box {raw['box']}: all layers fit"

    def _open(self, raw: Data, place: tuple[Fraction, ...]) -> bool:
        """True if an uncovered (energy, latency) lies above all lines. Candidates are the corners just below every two
        neighbours.
        """
        factor = 1 + self.tolerance
        known = [
            (math.ceil(e / factor), math.ceil(t / factor))
            for _, point, e, t in self.designs
            if all(a <= b for a, b in zip(self.place(point), place, strict=True))
        ]
        target = self.claim.target
        most_energy = INFEASIBLE_COST if target.energy_cap is None else int(target.energy_cap)
        most_latency = INFEASIBLE_COST if target.latency_cap is None else int(target.latency_cap)
        lines, least = self._totals(raw)
        for latency in {*(t - 1 for _, t in known), most_latency}:
            below = [e - 1 for e, t in known if t <= latency]
            energy = min([most_energy, *below])
            if least <= latency <= most_latency and all(energy + w * latency >= v for w, v in lines):
                return True
        return False

    def _totals(self, raw: Data) -> tuple[list[tuple[int, int]], int]:
        counts = [group.count for group in self.claim.groups]
        energy, cycles = raw["fixed"]
        lines = [
            (
                line["weight"],
                energy + line["weight"] * cycles + sum(n * v for n, v in zip(counts, line["values"], strict=True)),
            )
            for line in raw["lines"]
        ]
        return lines, cycles + sum(n * v for n, v in zip(counts, raw["latency_floors"], strict=True))

    def _inside(self, raw: Data) -> Iterator[Hardware]:
        return self.claim.points.inside(self._box(raw))

    @staticmethod
    def _box(raw: Data) -> tuple[tuple[int, int], ...]:
        return tuple((low, high) for low, high in raw["box"])

    def fixed_faults(self) -> Iterator[str]:
        """Costs of the vector layers on the optimistic corner of each box."""
        for raw in self.boxes:
            fixed = self.claim.fixed(self.claim.points.corner(self._box(raw)))
            if any(stated > own for stated, own in zip(raw["fixed"], fixed, strict=True)):
                yield f"box {raw['box']}: fixed costs {raw['fixed']}, there are {list(fixed)}"

    def lines_again(self, effort: Effort, again: Searches | None) -> list[Check]:
        """Prove again on the optimistic corner of a box that no layer is below its lines or its least latency."""
        found: dict[object, LayerBound] = {}
        carrying = [raw for raw in self.boxes if raw["closed_by"] in ("covered", "solved", "open")]
        for raw in carrying:
            for lower_bound in self._values(raw, Fraction(1, len(carrying))):
                key = lower_bound.statement.key
                found[key] = found[key] + lower_bound if key in found else lower_bound
        if again is None:
            return unsearched_lines(found.values(), effort)
        return [again.lines(self.claim, list(found.values()), effort)]

    def _values(self, raw: Data, part: Fraction) -> Iterator[LayerBound]:
        """The statements about single layers that the lines of a box and its least latency rest on."""
        kinds: list[tuple[int | None, list[int]]] = [(line["weight"], line["values"]) for line in raw["lines"]]
        if raw["closed_by"] == "covered":
            kinds.append((None, raw["latency_floors"]))
        corner = self.claim.points.corner(self._box(raw))
        for weight, values in kinds:
            total = sum(group.count * n for group, n in zip(self.claim.groups, values, strict=True))
            for group, n in zip(self.claim.groups, values, strict=True):
                if n:
                    share = part * Fraction(group.count * n, total * len(kinds))
                    yield LayerBound(Statement(group, corner, n, weight), share, raw["box"], own=False)

    def designs_again(self, effort: Effort, again: Searches | None) -> Check:
        """The least energy on a design's hardware within its latency is its energy."""
        designs, faults, done = list(self.designs), [], 0
        if again is None:
            effort.record(ProofTally("designs", len(designs), {Route.SEARCH: 0}))
            return not_searched("result.json: that no design of the front can be better")
        effort.random("designs").shuffle(designs)
        for raw, point, energy, latency in designs:
            if done >= LEAST and effort.left_s <= 0:
                break
            effort.say(f"solving design {raw['number']} again")
            done += 1
            only = at(self.claim.architecture, dict(point.choices))
            cap = Fraction(latency * 1000) / (point.clock_mhz * 10**6)
            found = again.solve(
                self.claim.network,
                only.with_budgets(replace(only.budgets, latency_ms=cap)),
                objective="energy",
                padding=self.claim.data["problem"]["padding"],
            )
            least = found.certificate["value"]
            exact = least == str(energy) and found.data["latency_cycles"] <= latency
            if least is None or not (exact or (self.tolerance and Fraction(least) <= energy)):
                faults.append(f"design {raw['number']} has {energy} energy units, within its latency {least} are least")
        effort.record(ProofTally("designs", len(designs), {Route.SEARCH: done - len(faults)}))
        return verdict("designs again", faults, f"{done} of {len(designs)} designs solved again")
