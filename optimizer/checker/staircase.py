"""Check of a study: its steps and cells are computed again from the boxes of the certificate, and a sample is solved
again.

No code of the search for steps is used: for every cell all boxes and points are enumerated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from optimizer.architecture.boxes import Box
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.selection import at
from optimizer.checker.claims.solve import Claim, ClaimedBox
from optimizer.checker.design_checks import plain, verdict
from optimizer.checker.effort import Effort, ProofTally, Route
from optimizer.checker.metrics import metric, varied_metric
from optimizer.checker.outcome import Check, not_searched
from optimizer.checker.searches import Searches
from optimizer.checker.stored import StoredResult
from optimizer.results.formats import STUDY_FORMAT

Data = dict[str, Any]
UNITS = {
    "area-mm2": "mm2",
    "dram-gbps": "GB/s",
    "buffer-kib": "KiB",
    "storage-kib": "KiB",
    "latency-ms": "ms",
    "energy-mj": "mJ",
}
SECTION = ("format", "kind", "status", "vary", "designs", "cells", "least", "front", "tolerance")
DESIGN = (
    "number",
    "needs",
    "status",
    "objective",
    "energy_pj",
    "latency_cycles",
    "latency_ms",
    "metrics",
    "choices",
    "at_largest",
    "relaxed",
    "certificate_box",
)
COSTS = ("energy_pj", "latency_cycles", "latency_ms")
METRICS = ("area-mm2", "dram-gbps", "buffer-kib", "storage-kib")
HOLDING = ("bound", "solved", "open")
LEAST = 2
"""Steps that are solved again in any case."""
CLOSE = 1e-9
"""Relative difference that rounding to floats may leave."""


def section_words(section: Data) -> Iterator[str]:
    """Check the head of a study: format, units, no unknown fields."""
    if section["format"] != STUDY_FORMAT:
        yield f"the format is {section['format']!r}"
    for varied in section["vary"]:
        keys, unit = {"name", "unit", "low", "high"}, UNITS.get(varied["name"])
        if "constraint" in varied:
            keys, unit = {*keys, "constraint"}, "broken"
            title = _title(varied["constraint"])
            if varied["name"] != f"constraint:{title}" or (varied["low"], varied["high"]) != (None, None):
                yield f"varied is {varied}, the constraint is {title}"
        if set(varied) != keys or varied["unit"] != unit:
            yield f"varied is {varied}, {varied['name']} is in {unit}"
    yield from (f"{key} should not be there" for key in section if key not in SECTION)


def _title(constraint: Data) -> str:
    """The name of a constraint as it is stated."""
    if "relation" in constraint:
        return " ".join(constraint["relation"].split())
    return str(constraint.get("name", f"allowed {', '.join(constraint['allowed'][0])}"))


def design_words(claim: Claim, raw: Data, keys: tuple[str, ...], boxes: list[Box]) -> Iterator[str]:
    """All metrics of a design's hardware, where the certificate has its point, nothing more than is known."""
    index, point = claim.chosen(raw["choices"])
    known = {name: metric(name, point) for name in METRICS if name != "buffer-kib" or len(point.levels) > 1}
    metrics = {name: plain(value) for name, value in known.items() if value}
    if raw["metrics"] != metrics:
        yield f"design {raw['number']}: the metrics are {raw['metrics']}, its hardware has {metrics}"
    box = tuple((n, n) for n in index)
    place = boxes.index(box) if box in boxes else None
    if raw["certificate_box"] != place:
        yield f"design {raw['number']}: box {raw['certificate_box']} is said to have its point, it is {place}"
    if set(raw) != set(keys):
        yield f"design {raw['number']} states {', '.join(sorted(set(raw) ^ set(keys)))} wrongly, or not at all"


@dataclass(frozen=True)
class _Step:
    """A design as a study states it."""

    number: int
    place: tuple[Fraction, ...]
    value: Fraction
    point: Hardware
    raw: Data


class Study:
    """A staircase as stated, with the varied metrics of all points."""

    def __init__(self, claim: Claim, worth: Fraction) -> None:
        self.claim, self.worth, self.stated = claim, worth, claim.data["study"]
        self.names = [varied["name"] for varied in self.stated["vary"]]
        self.low = [None if v["low"] is None else Fraction(v["low"]) for v in self.stated["vary"]]
        self.high = [None if v["high"] is None else Fraction(v["high"]) for v in self.stated["vary"]]
        self.steps = [
            _Step(
                raw["number"],
                tuple(Fraction(raw["needs"][name]) for name in self.names),
                Fraction(raw["objective"]["exact"]),
                claim.chosen(raw["choices"])[1],
                raw,
            )
            for raw in self.stated["designs"]
        ]
        self.held = [
            (entry.bound, sorted({self.place(point) for point in claim.points.inside(entry.box)}))
            for entry in claim.entries
            if entry.by in HOLDING
        ]
        """Bounds, and the places that they hold at."""

    def place(self, point: Hardware) -> tuple[Fraction, ...]:
        """The varied metrics of a point; values below the low end are raised to it."""
        metrics = (varied_metric(self.claim, varied, point) for varied in self.stated["vary"])
        return tuple(value if low is None else max(value, low) for value, low in zip(metrics, self.low, strict=True))

    def inside(self, place: tuple[Fraction, ...]) -> bool:
        """True if all metrics are within the high ends."""
        return all(high is None or value <= high for value, high in zip(place, self.high, strict=True))

    def design_faults(self) -> Iterator[str]:
        """Check designs against their points and against the boxes of these."""
        for number, step in enumerate(self.steps, start=1):
            if step.place != self.place(step.point) or not self.inside(step.place):
                yield f"design {number} states {step.raw['needs']}, its hardware has {self.place(step.point)}"
            yield from self.own_faults(step, number, [entry.box for entry in self.claim.entries])
            box = step.raw["certificate_box"]
            entry = None if box is None else self.claim.entries[box]
            if entry is not None and not self._solves(entry, step):
                yield f"design {number}: box {box} of the certificate does not solve its point"

    def own_faults(self, step: _Step, number: int, boxes: list[Box]) -> Iterator[str]:
        """Check a design against its hardware and the previous design."""
        if step.number != number:
            yield f"design {step.number} stands at place {number}"
        before = self.steps[number - 2].value if number > 1 else None
        if before is not None and step.value > before:
            yield f"design {number} is worse than the one before it"
        yield from design_words(self.claim, step.raw, DESIGN, boxes)
        menus = zip(self.claim.points.paths, self.claim.points.labels, strict=True)
        last = {path: labels[-1] for path, labels in menus if len(labels) > 1}
        largest = [path for path, label in step.point.choices if last.get(path) == label]
        if step.raw["at_largest"] != largest:
            yield f"design {number}: the largest entries are said to be {step.raw['at_largest']}, they are {largest}"
        yield from self._numbers(step, before)

    def _numbers(self, step: _Step, before: Fraction | None) -> Iterator[str]:
        goal, raw = step.raw["objective"], step.raw
        if set(goal) != {"value", "bound", "gap", "exact", "change_percent"}:
            yield f"design {step.number}: the objective states {', '.join(goal)}"
        if goal["value"] != plain(step.value * self.worth):
            yield f"design {step.number}: the objective is {goal['value']}, exactly it is {step.value} units"
        percent = None
        if len(self.names) == 1 and before is not None:
            percent = float(100 * (step.value - before) / before)
        if (percent is None) != (goal["change_percent"] is None) or not _close(percent, goal["change_percent"]):
            yield f"design {step.number}: the change is {goal['change_percent']} %, it should be {percent}"
        energy, cycles = raw["energy_pj"], Fraction(str(raw["latency_cycles"]))
        made = {"energy": energy, "latency": float(cycles), "edp": energy * float(cycles)}
        if not _close(made[self.claim.target.objective], float(step.value * self.worth)):
            yield f"design {step.number}: its energy and latency do not make its objective"
        if not _close(raw["latency_ms"], float(cycles / (step.point.clock_mhz * 1000))):
            yield f"design {step.number}: {raw['latency_cycles']} cycles are not {raw['latency_ms']} ms"

    def _solves(self, entry: ClaimedBox, step: _Step) -> bool:
        alone = all(low == high for low, high in entry.box)
        at = self.claim.points.points[tuple(low for low, _ in entry.box)]
        return alone and entry.by == "solved" and at == step.point and entry.bound <= step.value

    def cell_faults(self) -> Iterator[str]:
        """Check that every cell has the best design within its limits, and a status that follows from the boxes."""
        edges = [self._edges(axis) for axis in range(len(self.names))]
        expected = list(itertools.product(*(range(len(column)) for column in edges)))
        if len(expected) != len(self.stated["cells"]):
            yield f"{len(self.stated['cells'])} cells, the designs make {len(expected)}"
            return
        seen = set()
        for corner, cell in zip(expected, self.stated["cells"], strict=True):
            start = tuple(column[n] for n, column in zip(corner, edges, strict=True))
            ends = zip(corner, edges, strict=True)
            below = tuple(column[n + 1] if n + 1 < len(column) else None for n, column in ends)
            seen |= {step.number for step in self.steps if step.number == cell["design"] and step.place == start}
            yield from self._cell(cell, start, below)
        if {step.number for step in self.steps} != seen:
            yield "some design is not the best where it becomes possible"
        least = [dict(zip(self.names, map(str, place), strict=True)) for place in self._least()]
        if self.steps and self.stated["least"] != least:
            yield f"the least limits are {self.stated['least']}, the designs need {least}"

    def _edges(self, axis: int) -> list[Fraction]:
        low = self.low[axis]
        return sorted({step.place[axis] for step in self.steps} | (set() if low is None else {low}))

    def _least(self) -> list[tuple[Fraction, ...]]:
        places = sorted({step.place for step in self.steps})
        return [a for a in places if not any(b != a and _within(b, a) for b in places)]

    def _cell(self, cell: Data, start: tuple[Fraction, ...], below: tuple[Fraction | None, ...]) -> Iterator[str]:
        ends = dict(zip(self.names, map(str, start), strict=True))
        limits = {n: None if b is None else str(b) for n, b in zip(self.names, below, strict=True)}
        if cell["from"] != ends or cell["below"] != limits:
            yield f"the cell from {cell['from']} below {cell['below']} should be from {ends} below {limits}"
        admitted = [step for step in self.steps if _within(step.place, start)]
        value = min((step.value for step in admitted), default=None)
        chosen = next((step for step in admitted if step.number == cell["design"]), None)
        if (None if chosen is None else chosen.value) != value:
            yield f"from {ends}: design {cell['design']} is not the best that is admitted"
        bounds = [
            bound
            for bound, places in self.held
            if any(_before(place, below) and self.inside(place) for place in places)
        ]
        bound = min(bounds, default=None)
        if cell["exact_bound"] != (None if bound is None else str(bound)):
            yield f"from {ends}: the bound is {cell['exact_bound']}, the boxes give {bound}"
        if value is None:
            status = "INFEASIBLE" if bound is None else "UNKNOWN"
        else:
            status = "OPTIMAL" if bound is not None and bound >= value else "FEASIBLE"
        if cell["status"] != status:
            yield f"from {ends}: the status is {cell['status']}, the boxes show {status}"
        if chosen is not None and chosen.place == start and bound is not None:
            yield from self._at_start(chosen, cell, min(bound, chosen.value))

    def _at_start(self, step: _Step, cell: Data, bound: Fraction) -> Iterator[str]:
        """Check a design against the cell that starts at its own limits."""
        goal = step.raw["objective"]
        if step.raw["status"] != cell["status"]:
            yield f"design {step.number} is {step.raw['status']}, its cell {cell['status']}"
        if goal["bound"] != plain(bound * self.worth):
            yield f"design {step.number}: the bound is {goal['bound']}, its cell gives {plain(bound * self.worth)}"
        gap = float((step.value - bound) / step.value) if step.value else 0.0
        if goal["gap"] != gap:
            yield f"design {step.number}: the gap is {goal['gap']}, it should be {gap}"
        for axis, name in enumerate(self.names):
            yield from self._relaxed(step, axis, step.raw["relaxed"][name])

    def _relaxed(self, step: _Step, axis: int, stated: Data | None) -> Iterator[str]:
        """Check the least increase of one limit that admits a better design."""

        def raised(other: _Step) -> bool:
            return _within((*other.place[:axis], step.place[axis], *other.place[axis + 1 :]), step.place)

        better = [other for other in self.steps if other.value < step.value and raised(other)]
        least = min((other.place[axis] for other in better), default=None)
        if least is None or stated is None:
            if least is not None or stated is not None:
                yield f"design {step.number}: relaxed is {stated}, the next better design needs {least}"
            return
        value = min(other.value for other in better if other.place[axis] == least)
        chosen = self.steps[stated["design"] - 1]
        percent = float(100 * (value - step.value) / step.value)
        if set(stated) != {"to", "design", "change_percent", "menus"}:
            yield f"design {step.number}: relaxed states {', '.join(stated)}"
        if Fraction(stated["to"]) != least or chosen.value != value or not _close(stated["change_percent"], percent):
            yield f"design {step.number}: relaxed to {stated['to']}, better is {least} with {percent} %"
        there = dict(chosen.point.choices)
        menus = {path: [entry, there[path]] for path, entry in step.point.choices if entry != there[path]}
        if stated["menus"] != menus:
            yield f"design {step.number}: the menus that change are {menus}, stated are {stated['menus']}"

    def status_faults(self) -> Iterator[str]:
        """Check the status of the whole study."""
        settled = all(cell["status"] in ("OPTIMAL", "INFEASIBLE") for cell in self.stated["cells"])
        if not self.stated["cells"]:
            settled = all(entry.by != "open" for entry in self.claim.entries)
        expected = ("OPTIMAL" if settled else "FEASIBLE") if self.steps else ("INFEASIBLE" if settled else "UNKNOWN")
        if self.stated["status"] != expected:
            yield f"the study is {self.stated['status']}, its cells show {expected}"


def check_staircase(claim: Claim, worth: Fraction) -> Iterator[Check]:
    """Checks of a study whose certificate was replayed; `worth` is how much of its unit one integer unit is."""
    study = Study(claim, worth)
    known = [*section_words(study.stated)]
    if study.stated["kind"] != "staircase" or {"front", "tolerance"} & set(study.stated):
        known.append("it is no staircase of a front")
    yield verdict("designs", [*known, *study.design_faults()], f"{len(study.steps)} designs recomputed")
    faults = [*study.cell_faults(), *study.status_faults()]
    yield verdict("cells", faults, f"{len(study.stated['cells'])} cells follow from the boxes, and fall")


def steps_again(
    claim: Claim, worth: Fraction, effort: Effort, again: Searches | None, sound: Callable[[StoredResult], bool]
) -> Check:
    """Solve the points of some designs by themselves; `sound` walks the loop nests of what comes out."""
    study = Study(claim, worth)
    steps, faults, done = list(study.steps), [], 0
    if again is None:
        effort.record(ProofTally("designs", len(steps), {Route.SEARCH: 0}))
        return not_searched("result.json: study.designs, solved by themselves")
    effort.random("steps").shuffle(steps)
    for step in steps:
        if done >= LEAST and effort.left_s <= 0:
            break
        effort.say(f"solving the point of design {step.number} again")
        done += 1
        found = again.solve(
            study.claim.network,
            at(study.claim.architecture, dict(step.point.choices)),
            objective=study.claim.target.objective,
            padding=study.claim.data["problem"]["padding"],
            fusion=study.claim.fusion,
        )
        costs = [{name: data.get(name) for name in COSTS[:2]} for data in (step.raw, found.data)]
        if found.certificate["value"] != str(step.value) or costs[0] != costs[1] or not sound(found):
            faults.append(f"design {step.number} has {step.value} units and {costs[0]}, its point {costs[1]}")
    effort.record(ProofTally("designs", len(steps), {Route.SEARCH: done - len(faults)}))
    return verdict("steps again", faults, f"{done} of {len(steps)} designs solved again by themselves")


def _within(place: tuple[Fraction, ...], limits: tuple[Fraction, ...]) -> bool:
    return all(a <= b for a, b in zip(place, limits, strict=True))


def _before(place: tuple[Fraction, ...], below: tuple[Fraction | None, ...]) -> bool:
    return all(b is None or a < b for a, b in zip(place, below, strict=True))


def _close(one: float | None, other: float | None) -> bool:
    return one is other or (one is not None and other is not None and math.isclose(one, other, rel_tol=CLOSE))
