"""Lies about a staircase and about a front: steps, cells, limits, lines, and the words around them."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

from optimizer.checker.design_checks import plain
from optimizer.checker.staircase import Study
from optimizer.checker.stored import StoredResult
from optimizer.studies.metrics import Range
from tests.support.stored_results import front as front_study
from tests.support.stored_results import study

from . import problems
from .forger import Data, Forgery
from .proof_lies import Lie, lift


@cache
def staircase(objective: str = "energy", *names: str) -> StoredResult:
    """The best design for every limit on one or two metrics of the tiny chip."""
    return study(
        problems.network(), problems.architecture(), [Range(name) for name in names], objective=objective, workers=1
    )


@cache
def front(*names: str, objective: str | None = None, tolerance: str = "0") -> StoredResult:
    """All designs that no other one beats in energy and latency; or the steps read off them."""
    return front_study(
        problems.network(),
        problems.architecture(),
        [Range(name) for name in names],
        objective=objective,
        tolerance=Fraction(tolerance),
        workers=1,
    )


def restudy(f: Forgery) -> None:
    """Numbers, changes, cells, bounds and statuses from the designs that are left and the boxes."""
    section = f.data["study"]
    for number, raw in enumerate(section["designs"], start=1):
        raw["number"] = number
    known = Study(f.claim, f._worth(f.claim))
    edges = [known._edges(axis) for axis in range(len(known.names))]
    section["least"] = [dict(zip(known.names, map(str, place), strict=True)) for place in known._least()]
    section["cells"] = []
    for corner in itertools.product(*(range(len(column)) for column in edges)):
        start = tuple(column[n] for n, column in zip(corner, edges, strict=True))
        below = tuple(column[n + 1] if n + 1 < len(column) else None for n, column in zip(corner, edges, strict=True))
        section["cells"].append(_cell(known, start, below))
    starts = {tuple(Fraction(limit) for limit in cell["from"].values()): cell for cell in section["cells"]}
    for step in known.steps:
        _restate(known, step, starts[step.place])
    settled = all(cell["status"] in ("OPTIMAL", "INFEASIBLE") for cell in section["cells"])
    section["status"] = "OPTIMAL" if settled else "FEASIBLE"


def _cell(known: Study, start: Any, below: Any) -> Data:
    admitted = [s for s in known.steps if all(a <= b for a, b in zip(s.place, start, strict=True))]
    best = min(admitted, key=lambda step: (step.value, step.number), default=None)

    def before(place: Any) -> bool:
        return known.inside(place) and all(b is None or a < b for a, b in zip(place, below, strict=True))

    bounds = [bound for bound, places in known.held if any(before(place) for place in places)]
    bound = min(bounds, default=None)
    if best is None:
        status = "INFEASIBLE" if bound is None else "UNKNOWN"
    else:
        status = "OPTIMAL" if bound is not None and bound >= best.value else "FEASIBLE"
    return {
        "from": dict(zip(known.names, map(str, start), strict=True)),
        "below": {n: None if b is None else str(b) for n, b in zip(known.names, below, strict=True)},
        "design": None if best is None else best.number,
        "status": status,
        "exact_bound": None if bound is None else str(bound),
    }


def _restate(known: Study, step: Any, cell: Data) -> None:
    raw, bound = step.raw, Fraction(cell["exact_bound"] or 0)
    bound = min(bound, step.value)
    before = known.steps[step.number - 2].value if step.number > 1 and len(known.names) == 1 else None
    raw["status"] = cell["status"]
    raw["objective"] |= {
        "value": plain(step.value * known.worth),
        "bound": plain(bound * known.worth),
        "gap": float((step.value - bound) / step.value),
        "change_percent": None if before is None else float(100 * (step.value - before) / before),
    }
    for axis, name in enumerate(known.names):
        better = [
            s
            for s in known.steps
            if s.value < step.value
            and all(a <= b for n, (a, b) in enumerate(zip(s.place, step.place, strict=True)) if n != axis)
        ]
        if not better:
            raw["relaxed"][name] = None
            continue
        least = min(s.place[axis] for s in better)
        other = min((s for s in better if s.place[axis] == least), key=lambda s: s.value)
        there = dict(other.point.choices)
        raw["relaxed"][name] = {
            "to": str(least),
            "design": other.number,
            "change_percent": float(100 * (other.value - step.value) / step.value),
            "menus": {path: [entry, there[path]] for path, entry in step.point.choices if entry != there[path]},
        }


def hide_step(f: Forgery) -> bool:
    """A step is gone: the boxes with its design, and all as good, are said to reach what is left."""
    section = f.data["study"]
    if section["kind"] != "staircase" or len(section["designs"]) < 2 or "front" in section:
        return False
    gone = f.random.randrange(len(section["designs"]) - 1)
    raw = section["designs"].pop(gone)
    claim, places = f.claim, Study(f.claim, Fraction(1))
    here = tuple(Fraction(limit) for limit in raw["needs"].values())
    left = [step.value for step in places.steps if all(a <= b for a, b in zip(step.place, here, strict=True))]
    goal = min(left, default=None)
    for box in f.boxes:
        if goal is None or Fraction(box["bound"]) >= goal or box["box"] == f.design:
            continue
        inside = claim.points.inside(tuple((low, high) for low, high in box["box"]))
        if any(all(a <= b for a, b in zip(places.place(point), here, strict=True)) for point in inside):
            box.pop("bound_of_point", None)
            box["closed_by"] = "bound"
            lift(f, box, f.random.randrange(len(claim.parts)), goal)
    if goal is None:
        return False
    f.rebound(keep_solved=True)
    f.conclude()
    for raw in section["designs"]:
        number = next((n for n, box in enumerate(f.boxes) if box["box"] == [[i, i] for i in _index(f, raw)]), None)
        raw["certificate_box"] = number if number is not None and f.boxes[number]["closed_by"] == "solved" else None
    restudy(f)
    return True


def _index(f: Forgery, raw: Data) -> tuple[int, ...]:
    return next(
        index for index, point in f.claim.points.points.items() if set(point.choices) == set(raw["choices"].items())
    )


def other_cost(f: Forgery) -> bool:
    """What a step takes besides its objective: cycles and time, or energy."""
    goal = f.claim.target.objective
    raw = f.random.choice(f.data["study"]["designs"] or [None])
    if raw is None or goal == "edp" or "exact" in raw:
        return False
    factor = f.random.choice([0.5, 2])
    for key in ("latency_cycles", "latency_ms") if goal == "energy" else ("energy_pj",):
        raw[key] = raw[key] * factor
    return True


def better_step(f: Forgery) -> bool:
    """A step is said to be better than it is, and so is its box."""
    section = f.data["study"]
    designs = [raw for raw in section["designs"] if raw["certificate_box"] is not None and "exact" not in raw]
    if not designs or "front" in section:
        return False
    raw = f.random.choice(designs)
    box = f.boxes[raw["certificate_box"]]
    if box["box"] == f.design or f.claim.target.objective == "edp":
        return False
    floors = f.floors_of(box)
    layer = f.random.randrange(len(floors))
    floors[layer] -= max(1, floors[layer] // 50)
    f.rebound()
    raw["objective"]["exact"] = box["bound"]
    value = Fraction(box["bound"]) * f._worth(f.claim)
    raw["energy_pj" if f.goal == "energy" else "latency_cycles"] = plain(value)
    if f.goal == "latency":
        raw["latency_ms"] = float(value / (f.claim.some_point.clock_mhz * 1000))
    f.conclude()
    restudy(f)
    return True


def step_figures(f: Forgery) -> bool:
    """A number of a step: metrics, needs, changes, gaps, limits of a cell."""
    section = f.data["study"]
    places: list[tuple[Any, Any]] = []
    for raw in [*section["designs"], *section.get("front", ())]:
        parts = (raw, raw["metrics"], raw["needs"], raw.get("objective", {}))
        places += [(part, key) for part in parts for key in part]
        places += [(raw["exact"], key) for key in raw.get("exact", ())]
        places += [(part, key) for part in raw.get("relaxed", {}).values() if part for key in ("to", "change_percent")]
    for cell in section["cells"]:
        places += [(part, key) for part in (cell, cell["from"], cell["below"]) for key in part]
    places += [(part, key) for part in section["vary"] for key in ("low", "high")]
    for part, key in f.random.sample(places, len(places)):
        stated = part[key]
        if isinstance(stated, bool) or not isinstance(stated, int | float | str) or not stated:
            continue
        try:
            moved = Fraction(stated) * f.random.choice([Fraction(1, 2), Fraction(11, 10), 2])
        except ValueError:
            continue
        part[key] = str(moved) if isinstance(stated, str) else plain(moved)
        return True
    return False


def study_words(f: Forgery) -> bool:
    """Kinds, formats, units, statuses, tolerances, lists of menus, and what only a result of another kind has."""
    data, section = f.data, f.data["study"]
    designs = section["designs"]
    raw = f.random.choice(designs) if designs else {}
    flip = {"OPTIMAL": "FEASIBLE", "FEASIBLE": "OPTIMAL", "INFEASIBLE": "OPTIMAL", "UNKNOWN": "INFEASIBLE"}
    other: dict[str, Callable[[], Any]] = {
        "format": lambda: section.update(format="tilewright-study/9"),
        "kind": lambda: section.update(kind="front" if section["kind"] == "staircase" else "staircase"),
        "unit": lambda: section["vary"][0].update(unit="um2"),
        "status": lambda: section.update(status=flip[section["status"]]),
        "status of a step": lambda: raw.update(status=flip[raw["status"]]),
        "largest": lambda: raw.update(at_largest=[] if raw.get("at_largest") else ["array.x"]),
        "box": lambda: raw.update(certificate_box=None if raw["certificate_box"] is not None else 0),
        "choices": lambda: raw["choices"].update({sorted(raw["choices"])[0]: "another"}),
        "note": lambda: raw.update(area_um2=1),
        "network": lambda: data.update(network="alexnet"),
        "architecture": lambda: data.update(architecture="tpu"),
        "accounting": lambda: data.update(accounting="looptree"),
        "space": lambda: data["space"].update(text="All mappings."),
        "warnings": lambda: data["warnings"].append("checked by hand"),
        "objective": lambda: data["objective"].update(name="area"),
        "objective unit": lambda: data["objective"].update(unit="fJ"),
    }
    if section["kind"] == "front" or "front" in section:
        other |= {
            "layers": lambda: data.update(layers=[{"name": "fc", "energy_pj": 1.0}]),
            "hardware": lambda: data.update(energy_pj=1.0, area_um2=1, hardware={"array": [1, 1]}),
            "value": lambda: data["objective"].update(value=1.0, gap=0.0),
        }
    if "tolerance" in section:
        other["tolerance"] = lambda: section.update(tolerance="0" if section["tolerance"] != "0" else "1/10")
    if not section["vary"]:
        del other["unit"]
    if not designs or "at_largest" not in raw:
        del other["largest"]
    if not designs or raw["certificate_box"] is None:
        del other["box"]
    elif "at_largest" not in raw or raw["certificate_box"] is not None:
        other["box"] = lambda: raw.update(certificate_box=(raw["certificate_box"] + 1) % len(f.boxes))
    other[f.random.choice(sorted(other))]()
    return True


def hide_design(f: Forgery) -> bool:
    """A design of a front is gone, and lines are raised until they leave no gap, or not."""
    section = f.data["study"]
    if section["kind"] != "front" or len(section["designs"]) < 1:
        return False
    gone = f.random.randrange(len(section["designs"]))
    if len(section["designs"]) > 1:
        section["designs"].pop(gone)
    for number, raw in enumerate(section["designs"], start=1):
        raw["number"] = number
    if len(section["designs"]) == 1 or f.random.random() < 0.7:
        for box in f.boxes:
            if box["closed_by"] in ("solved", "covered"):
                box["closed_by"] = "covered"
                for line in box["lines"]:
                    line["values"][0] *= 3
        held = {name: sum(b["points"] for b in f.boxes if b["closed_by"] == name) for name in ("covered", "solved")}
        f.data["hardware_points"] |= held
        f.data["hardware_points"]["boxes"] = len(f.boxes)
    return True


def line(f: Forgery) -> bool:
    """A line, a least latency or the fixed costs of a box above the truth."""
    held = [box for box in f.boxes if box["closed_by"] == "covered"]
    if not held:
        return False
    box = f.random.choice(held)
    how = f.random.choice(["line", "latency", "fixed"])
    if how == "line" and box["lines"]:
        f.random.choice(box["lines"])["values"][0] *= 2
    elif how == "latency":
        box["latency_floors"][0] = 3 * box["latency_floors"][0] + 100
    else:
        box["fixed"][f.random.choice([0, 1])] += 1000
    return True


def better_design(f: Forgery) -> bool:
    """A design of a front costs less than it does, in all its numbers."""
    rows = [raw for raw in f.data["study"].get("front", f.data["study"]["designs"]) if "exact" in raw]
    if not rows:
        return False
    raw = f.random.choice(rows)
    claim = f.claim
    point = claim.points.points[_index(f, raw)]
    raw["exact"]["energy"] -= raw["exact"]["energy"] // 20
    raw["energy_pj"] = point.energy_pj(raw["exact"]["energy"])
    if f.random.random() < 0.5:
        raw["exact"]["latency"] -= 1
        raw["latency_cycles"] -= 1
        raw["latency_ms"] = float(Fraction(raw["latency_cycles"] * 1000) / (point.clock_mhz * 10**6))
    return True


def other_boxes(f: Forgery) -> bool:
    """A box of a front is gone, doubled, or closed by something else."""
    if not f.certificate["format"].startswith("tilewright-front"):
        return False
    box = f.random.choice(f.boxes)
    how = f.random.choice(["gone", "twice", "reason"])
    if how == "gone":
        f.boxes.remove(box)
    elif how == "twice":
        f.boxes.append(copy.deepcopy(box))
    else:
        box["closed_by"] = f.random.choice([r for r in ("area", "infeasible") if r != box["closed_by"]])
    points = f.data["hardware_points"]
    points["boxes"] = len(f.boxes)
    points |= {
        name: sum(b["points"] for b in f.boxes if b["closed_by"] == name)
        for name in ("area", "covered", "solved", "infeasible", "open")
    }
    return True


def other_certificate(f: Forgery) -> bool:
    """What the certificate says of itself."""
    other: dict[str, Callable[[], Any]] = {
        "space": lambda: f.certificate.update(space="All mappings."),
        "accounting": lambda: f.certificate.update(accounting="looptree"),
        "layers": lambda: f.certificate["layers"][0].update(count=9),
        "menus": lambda: f.certificate["menus"].update(more=["one"]),
        "padding": lambda: f.certificate.update(padding={"fc": {"M": [8]}}),
        "hash": lambda: f.certificate.update(problem_hash="0" * 64),
    }
    other[f.random.choice(sorted(other))]()
    return True


STUDY_LIES: list[Lie] = [hide_step, other_cost, better_step, step_figures, study_words]
FRONT_LIES: list[Lie] = [
    hide_design,
    line,
    better_design,
    other_boxes,
    other_certificate,
    other_cost,
    step_figures,
    study_words,
]

STUDY_KINDS: dict[str, Callable[[], StoredResult]] = {
    "staircase": lambda: staircase("energy", "area-mm2"),
    "two limits": lambda: staircase("edp", "area-mm2", "storage-kib"),
}
FRONT_KINDS: dict[str, Callable[[], StoredResult]] = {
    "front": lambda: front("area-mm2"),
    "coarse front": lambda: front(tolerance="1/20"),
    "steps of a front": lambda: front("latency-ms", "area-mm2", objective="energy"),
}
