"""Check of a front besides its numbers: the heads of both files, and the fields of every design and step."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from optimizer.architecture.boxes import Box
from optimizer.architecture.hardware import Hardware
from optimizer.checker.claims.solve import Claim, expected_warnings, rebuild
from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.endings import ending_faults
from optimizer.checker.metrics import metric
from optimizer.checker.outcome import Check
from optimizer.checker.staircase import COSTS, Study, design_words, section_words
from optimizer.results.formats import STUDY_FORMAT

Data = dict[str, Any]
RUN = ("versions", "seed", "wall_s")
"""What a run was, not what it found."""
CHECKED = ("hardware_points", "study", "status", "problem_hash")
"""What is checked with the boxes and the problem."""
DESIGN = (
    "number",
    "needs",
    "status",
    "exact",
    "energy_pj",
    "latency_cycles",
    "latency_ms",
    "metrics",
    "choices",
    "certificate_box",
)


def front_words(data: Data, certificate: Data) -> Check:
    """Check that both files and the problem agree about their heads and the designs."""
    claim = rebuild(data, certificate | {"boxes": []})
    section = data["study"]
    faults = [*_heads(claim, data, certificate), *question_faults(data), *section_words(section)]
    stated_front = "front" in section
    if section["kind"] != ("staircase" if stated_front else "front"):
        faults.append(f"the study is a {section['kind']}")
    designs = section["front"] if stated_front else section["designs"]
    faults += [fault for raw in designs for fault in _design(claim, certificate, raw)]
    if stated_front:
        faults += _steps(claim, certificate, section)
    elif section["cells"] or section["least"]:
        faults.append("a front has no cells")
    return verdict("agreement", faults, "both files, the problem and what is said of the designs agree")


def question_faults(data: Data) -> Iterator[str]:
    """Check that the study is the one requested by the problem."""
    study, asked = data["study"], data["problem"]["study"]
    if study["vary"] != asked["vary"]:
        yield f"the study varies {study['vary']}, asked for is {asked['vary']}"
    front = study["kind"] == "front"
    if front != ("front_tolerance" in asked) or (front and study["tolerance"] != asked["front_tolerance"]):
        yield f"a {study['kind']} with the tolerance {study.get('tolerance')}, asked for is {asked}"


def _heads(claim: Claim, data: Data, certificate: Data) -> Iterator[str]:
    problem, hardware = data["problem"], claim.some_point
    energy = "MAC energies" if hardware.energy_unit_pj is None else "pJ"
    unit = {"energy": energy, "latency": "cycles", "edp": f"{energy} x cycles"}[claim.target.objective]
    yield from ending_faults(data, certificate)
    expected = {
        "format": STUDY_FORMAT,
        "termination": data["termination"],
        "objective": {"name": problem["objective"], "unit": unit},
        "accounting": problem["accounting"],
        "space": {"text": claim.space, "padding": claim.padding, "reuse": "innermost"},
        "network": claim.network.name,
        "architecture": claim.architecture.name,
        "warnings": expected_warnings(claim),
        "problem": problem,
    }
    yield from differences({key: value for key, value in data.items() if key not in (*RUN, *CHECKED)}, expected)
    told = {
        "format": certificate["format"],
        "accounting": problem["accounting"],
        "space": claim.space,
        "padding": claim.padding,
        "tolerance": problem["study"].get("front_tolerance", "0"),
        "menus": {p: list(labels) for p, labels in zip(claim.points.paths, claim.points.labels, strict=True)},
        "layers": [{"name": name, "count": count} for name, count in claim.parts],
    }
    stated = {key: value for key, value in certificate.items() if key not in ("boxes", "problem_hash")}
    yield from differences(stated, told, "certificate")


def _design(claim: Claim, certificate: Data, raw: Data) -> Iterator[str]:
    """Check the fields of a design of the front, and whether an open box may still hold a better one."""
    yield from design_words(claim, raw, DESIGN, _boxes(certificate))
    boxes = [box for box in certificate["boxes"] if box["closed_by"] == "open"]
    beaten = any(_beats(claim, box, raw["exact"]["energy"], raw["exact"]["latency"]) for box in boxes)
    if raw["status"] not in ("OPTIMAL", "FEASIBLE") or beaten == (raw["status"] == "OPTIMAL"):
        yield f"design {raw['number']} is {raw['status']}, the open boxes show something else"


def _beats(claim: Claim, box: Data, energy: int, latency: int) -> bool:
    """True if the lines of an open box admit a design with less energy or fewer cycles."""
    fixed, least = box["fixed"], _least(claim, box)[1]
    lines = [(line["weight"], _total(claim, line["values"])) for line in box["lines"]]
    return any(
        t >= least and all(e - fixed[0] + w * (t - fixed[1]) >= value for w, value in lines)
        for e, t in ((energy - 1, latency), (energy, latency - 1))
    )


def _steps(claim: Claim, certificate: Data, section: Data) -> Iterator[str]:
    """Every step is a design of the front, with its numbers; the cells follow from the front and the open boxes."""
    unit = claim.some_point.energy_unit_pj or Fraction(1, claim.some_point.energy_scale)
    known = Study(claim, Fraction(1) if claim.target.objective == "latency" else unit)
    held = []
    for raw in section["front"]:
        energy, cycles = raw["exact"]["energy"], raw["exact"]["latency"]
        held.append((claim.target.value(energy, cycles), [_limits(known, _point(claim, raw), energy, cycles)]))
    for number, step in enumerate(known.steps, start=1):
        same = [place for raw, (_, (place,)) in zip(section["front"], held, strict=True) if _same(raw, step.raw)]
        if step.place not in same:
            yield f"step {number} is no design of the front, or its limits are others"
        yield from known.own_faults(step, number, _boxes(certificate))
    for box in certificate["boxes"]:
        if box["closed_by"] == "open":
            energy, cycles = _least(claim, box)
            inside = claim.points.inside(tuple((low, high) for low, high in box["box"]))
            places = [_limits(known, point, energy, cycles) for point in inside]
            held.append((claim.target.value(energy, cycles), places))
    known.held = held
    yield from known.cell_faults()
    yield from known.status_faults()


def _same(one: Data, other: Data) -> bool:
    return all(one[key] == other[key] for key in (*COSTS, "metrics", "choices"))


def _point(claim: Claim, raw: Data) -> Hardware:
    return claim.chosen(raw["choices"])[1]


def _boxes(certificate: Data) -> list[Box]:
    return [tuple((low, high) for low, high in box["box"]) for box in certificate["boxes"]]


def _limits(known: Study, point: Hardware, energy: int, cycles: int) -> tuple[Fraction, ...]:
    """The least limits that admit a cost on a point."""
    taken = {
        "latency-ms": Fraction(cycles * 1000) / (point.clock_mhz * 10**6),
        "energy-mj": energy * (point.energy_unit_pj or Fraction(1)) / 10**9,
    }
    limits = [taken[name] if name in taken else metric(name, point) for name in known.names]
    return tuple(limit if low is None else max(limit, low) for limit, low in zip(limits, known.low, strict=True))


def _least(claim: Claim, box: Data) -> tuple[int, int]:
    """Lower bounds on energy and cycles of the designs in an open box."""
    lines = {line["weight"]: _total(claim, line["values"]) for line in box["lines"]}
    cycles = _total(claim, box["latency_floors"]) if lines else 0
    return box["fixed"][0] + lines[0] if 0 in lines else 0, box["fixed"][1] + cycles


def _total(claim: Claim, values: list[int]) -> int:
    return sum(group.count * value for group, value in zip(claim.groups, values, strict=True))
