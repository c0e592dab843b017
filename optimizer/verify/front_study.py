"""What a front states besides its designs: heads of both files, the question, steps and cells made again.

The designs of a front are checked by :mod:`optimizer.verify.front`; steps and cells are made again from them by the
code that describes studies. Those of a front that was stopped also rest on what its open boxes may hold, and are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from optimizer.aggregate import Aggregate
from optimizer.archive import Found
from optimizer.design import Pick
from optimizer.restore import restore
from optimizer.session import Session
from optimizer.study.describe import Describer, Scale
from optimizer.study.metrics import Range
from optimizer.study.run import takes
from optimizer.study.staircase import Placed, Staircase
from optimizer.verify.claim import NOT_CHECKED, Check, Claim, expected_warnings, rebuild
from optimizer.verify.design_checks import differences, verdict
from optimizer.verify.staircase import metric

Data = dict[str, Any]


def question_faults(data: Data) -> Iterator[str]:
    """The study is the one that the problem asks for."""
    study, asked = data["study"], data["problem"]["study"]
    if study["vary"] != asked["vary"]:
        yield f"the study varies {study['vary']}, asked for is {asked['vary']}"
    front = study["kind"] == "front"
    if front != ("front_tolerance" in asked) or (front and study["tolerance"] != asked["front_tolerance"]):
        yield f"a {study['kind']} with the tolerance {study.get('tolerance')}, asked for is {asked}"


def front_study_checks(data: Data, certificate: Data) -> Iterator[Check]:
    """Heads, question, steps and cells of a front."""
    claim = rebuild(data, certificate | {"boxes": []})
    yield verdict("agreement", list(_head_faults(claim)), "both files and the problem agree")
    boxes = certificate["boxes"]
    if any(box["closed_by"] == "open" for box in boxes):
        parts = "designs, cells" if data["study"]["kind"] == "staircase" else "status and certificate_box of designs"
        yield Check(NOT_CHECKED, True, f"result.json: study: {parts} (the front was stopped)")
        return
    if data["study"]["kind"] == "front":
        yield verdict("front", list(_front_faults(data["study"], boxes)), "every design is settled")
    else:
        yield verdict("study again", list(_study_faults(claim, boxes)), "steps and cells made again from the front")


def _head_faults(claim: Claim) -> Iterator[str]:
    data, certificate, problem = claim.data, claim.certificate, claim.data["problem"]
    some = claim.some_point
    energy = "pJ" if some.energy_unit_pj is not None else "MAC energies"
    unit = {"energy": energy, "latency": "cycles", "edp": f"{energy} x cycles"}[problem["objective"]]
    expected = {
        "objective": {"name": problem["objective"], "unit": unit}, "accounting": problem["accounting"],
        "space": {"text": claim.space, "padding": claim.padding, "reuse": "innermost"}, "network": claim.network.name,
        "architecture": claim.architecture.name, "warnings": expected_warnings(claim),
    }  # fmt: skip
    yield from differences({key: data[key] for key in expected}, expected)
    tolerance = problem["study"].get("front_tolerance", "0")
    heads = {
        "accounting": problem["accounting"], "space": claim.space, "padding": claim.padding, "tolerance": tolerance,
        "menus": {path: list(labels) for path, labels in zip(claim.points.paths, claim.points.labels, strict=True)},
        "layers": [{"name": name, "count": count} for name, count in claim.parts],
    }  # fmt: skip
    yield from differences({key: certificate[key] for key in heads}, heads, "certificate")
    yield from question_faults(data)


def _front_faults(study: Data, boxes: list[Data]) -> Iterator[str]:
    """Of a finished front every design is settled; some box solves its point, or time was not needed for it."""
    for design in study["designs"]:
        if design["status"] != "OPTIMAL":
            yield f"design {design['number']} is {design['status']}, but no box is open"
        number = design["certificate_box"]
        if number is not None and any(low != high for low, high in boxes[number]["box"]):
            yield f"design {design['number']}: box {number} is more than its point"
    if study["cells"] or study["least"]:
        yield "a front has no cells"


def _study_faults(claim: Claim, closed: list[Data]) -> Iterator[str]:
    """The section ``study`` as it follows from the designs of the front."""
    study, session = claim.data["study"], restore(claim.data["problem"])
    ranges = [Range(v["name"], *(None if v[end] is None else Fraction(v[end]) for end in ("low", "high")))
              for v in study["vary"]]  # fmt: skip
    placed = [_placed(claim, session, ranges, raw) for raw in study["front"]]
    staircase = Staircase(ranges, placed, [([place], found.value) for place, found in placed])
    boxes = [tuple((low, high) for low, high in box["box"]) for box in closed]
    some = claim.some_point
    unit = some.energy_unit_pj or Fraction(1, some.energy_scale)
    scale = Scale(Aggregate(), Fraction(1) if claim.target.objective == "latency" else unit)
    described = Describer(
        staircase, claim.points, boxes, scale, lambda found: takes(session, found), complete=True
    ).data()  # fmt: skip
    for name in ("designs", "cells"):
        stated, expected = study[name], described.pop(name)
        if len(stated) != len(expected):
            yield f"{len(stated)} {name}, there should be {len(expected)}"
        for number, (one, other) in enumerate(zip(stated, expected, strict=False)):
            yield from differences(one, other, f"study.{name}[{number}]")
    rest = {key: value for key, value in study.items() if key not in ("designs", "cells", "front")}
    yield from differences(rest, described, "study")


def _placed(claim: Claim, session: Session, ranges: list[Range], raw: Data) -> Placed:
    """A design of the front with the least limits that admit it."""
    index = next(n for n, point in claim.points.points.items() if dict(point.choices) == raw["choices"])
    point, box = claim.points.points[index], tuple((n, n) for n in index)
    energy, latency = raw["exact"]["energy"], raw["exact"]["latency"]
    known = {
        "latency-ms": Fraction(latency * 1000) / (point.clock_mhz * 10**6),
        "energy-mj": energy * (point.energy_unit_pj or Fraction(1)) / 10**9,
    }  # fmt: skip
    place = tuple(r.place(known[r.name] if r.name in known else metric(r.name, point)) for r in ranges)
    value = session.goal.value(energy, latency)
    rank = value, (Fraction(latency),), (energy,), box
    return place, Found(value, (Pick(energy, latency, ()),), point, box, rank)
