"""The expected contents of the files of a co-design, computed from its exact values alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from optimizer.architecture.selection import unroll_warnings
from optimizer.bodies.certificates import CODESIGN_CERTIFICATE_FORMAT
from optimizer.checker.claims.codesign import ClaimedColumn, JointClaim
from optimizer.checker.claims.solve import hash_of, status_of_whole
from optimizer.checker.design_checks import differences, hardware_table, plain
from optimizer.checker.endings import ending_faults
from optimizer.checker.solve import point_counts
from optimizer.checker.stored import StoredResult
from optimizer.results.formats import CODESIGN_FORMAT, JOINT

Data = dict[str, Any]
FREE = ("versions", "seed", "wall_s", "infeasible", "device", "disagreements")
"""Keys that say nothing of the design, or are checked elsewhere."""
SHOWN = 1e-15
"""Relative difference of the same root, calculated in two ways."""
PERCENT = 1e-10


def hash_faults(claim: JointClaim) -> Iterator[str]:
    """Formats and hashes."""
    data, certificate = claim.result.data, claim.result.certificate
    expected = hash_of(data["problem"])
    files = (("result", data, CODESIGN_FORMAT), ("certificate", certificate, CODESIGN_CERTIFICATE_FORMAT))
    for name, stated, form in files:
        if stated["format"] != form:
            yield f"the {name}'s format is {stated['format']!r}, known is {form!r}"
        if stated["problem_hash"] != expected:
            yield f"the {name} states the hash {stated['problem_hash']}, the problem has {expected}"


def problem_faults(claim: JointClaim) -> Iterator[str]:
    """Check that the networks share architecture, accounting, objective, area and bandwidth, and that their names
    differ.
    """
    first, *others = claim.result.data["problem"]["networks"]
    for name, other in zip(claim.names[1:], others, strict=True):
        for key in ("architecture", "accounting", "objective", "fusion"):
            if first.get(key) != other.get(key):
                yield f"{key} of {name} is another than that of {claim.names[0]}"
        for key in ("area_mm2", "dram_gbps"):
            if first["budgets"].get(key) != other["budgets"].get(key):
                yield f"the budget {key} of {name} is another than that of {claim.names[0]}"
    for name, own, caps in zip(claim.names, [first, *others], claim.result.data["problem"]["caps"], strict=True):
        loose = [cap for cap, limit in caps.items() if Fraction(own["budgets"][cap]) > Fraction(limit)]
        yield from (f"the cap {cap} of {name} is tighter than its budget" for cap in loose)
    if len(set(claim.names)) < len(claim.names):
        yield f"two networks have the same name: {', '.join(claim.names)}"


def number_faults(claim: JointClaim) -> Iterator[str]:
    """Everything that ``result.json`` and the heads of ``certificate.json`` state."""
    numbers = ExpectedNumbers(claim)
    data, certificate = claim.result.data, claim.result.certificate
    yield from ending_faults(data, certificate, *(one.data for one in claim.result.alone.values()))
    stated = {key: value for key, value in data.items() if key not in (*FREE, "networks", "cross")}
    yield from differences(stated, numbers.head())
    if "infeasible" in data and data["status"] != "INFEASIBLE":
        yield "infeasible should not be there"
    yield from _lists("networks", data["networks"], [numbers.network(n) for n in range(len(claim.names))])
    yield from _lists("cross", data["cross"], [numbers.column(k) for k in range(len(claim.columns))])
    heads = {key: certificate[key] for key in certificate if key not in ("boxes", "cross", "master_optimum", "bound")}
    yield from differences(heads, numbers.certificate_head(), "certificate")


def _lists(place: str, stated: list[Data], expected: list[Data]) -> Iterator[str]:
    if len(stated) != len(expected):
        yield f"{place} has {len(stated)} entries, it should have {len(expected)}"
        return
    for number, (one, other) in enumerate(zip(stated, expected, strict=True)):
        yield from differences(one, other, f"{place}[{number}]")


class ExpectedNumbers:
    """Expected contents, part by part; a stated float within rounding error of the exact value is accepted."""

    def __init__(self, claim: JointClaim) -> None:
        self._claim = claim
        self._data = claim.result.data
        hardware = claim.whole.some_point
        self._in_pj = hardware.energy_unit_pj is not None
        self._unit = hardware.energy_unit_pj or Fraction(1, hardware.energy_scale)
        self._energy_name = "pJ" if self._in_pj else "MAC energies"

    def head(self) -> Data:
        """Everything except networks and cross table."""
        claim, data, problem = self._claim, self._data, self._data["problem"]
        whole = claim.whole
        expected: Data = {
            "format": CODESIGN_FORMAT,
            "status": status_of_whole(claim.result.certificate["status"], [one.network for one in claim.claims]),
            "termination": data["termination"],
            "objective": self._objective(),
            "energy_unit": self._energy_name,
            "accounting": problem["networks"][0]["accounting"],
            "space": {"text": whole.space, "reuse": "innermost"},
            "architecture": whole.architecture.name,
            "hardware_points": point_counts(whole) if whole.entries else None,
            "warnings": list(dict.fromkeys(line for one in claim.claims for line in one.network.warnings)),
            "problem": problem,
            "problem_hash": data["problem_hash"],
        }
        dims = {dim for one in claim.claims for layer in one.network.mac_layers() for dim in layer.extents}
        idle = unroll_warnings(whole.architecture, dims)
        expected["warnings"] += [line for line in data["warnings"] if line in idle]
        if whole.design is not None:
            point = whole.points.points[tuple(low for low, _ in whole.design)]
            expected |= {"hardware": hardware_table(point), "area_um2": point.area_um2}
        return expected

    def certificate_head(self) -> Data:
        """The certificate without its exact values and boxes."""
        claim, whole = self._claim, self._claim.whole
        problem = self._data["problem"]
        weights = self._weights()
        return {
            "format": CODESIGN_CERTIFICATE_FORMAT,
            "problem_hash": self._data["problem_hash"],
            "status": claim.result.certificate["status"],
            "objective": problem["networks"][0]["objective"],
            "aggregate": claim.kind,
            "weights": None if weights is None else [str(weight) for weight in weights],
            "powers": list(claim.powers) if claim.kind == "geomean" and weights is not None else None,
            "accounting": problem["networks"][0]["accounting"],
            "value": self._value(),
            "design": None if self._joint() is None else [low for low, _ in claim.columns[0].box],
            "menus": {path: list(labels) for path, labels in zip(whole.points.paths, whole.points.labels, strict=True)},
            "networks": [
                {"name": name, "layers": [{"name": layer, "count": count} for layer, count in one.parts]}
                for name, one in zip(claim.names, claim.claims, strict=True)
            ],
        }

    def network(self, n: int) -> Data:
        """A network on the joint design, and by itself."""
        claim, joint = self._claim, self._joint()
        alone = claim.result.alone[claim.names[n]]
        own: Data = {"status": alone.data["status"]}
        value = own_value(alone)
        if value is not None:
            keys = ("energy_pj", "latency_cycles", "latency_ms", "power_w", "area_um2")
            own |= {key: alone.data[key] for key in keys} | {"choices": alone.data["hardware"]["choices"]}
            own["value"] = plain(value * self._worth())
        return {
            "name": claim.names[n],
            "caps": self._data["problem"]["caps"][n],
            "joint": None if joint is None else self._cell(n, joint),
            "alone": own,
        }

    def column(self, number: int) -> Data:
        """A design of the cross table."""
        claim, column = self._claim, self._claim.columns[number]
        point = claim.whole.points.points[tuple(low for low, _ in column.box)]
        stated, joint = self._data["cross"][number], self._joint()
        value = self.joint_value(column)
        best = None if joint is None else self.joint_value(joint)
        gain = None if value is None or best is None else 100 * (claim.mean(value / best) - 1)
        return {
            "design": " and ".join(column.made_for) if column.made_for else JOINT,
            "choices": dict(point.choices),
            "area_um2": point.area_um2,
            "networks": {name: self._cell(n, column) for n, name in enumerate(claim.names)},
            "aggregate": None if value is None else _near(stated["aggregate"], self._shown(value), SHOWN),
            "improvement_percent": None if gain is None else _near(stated["improvement_percent"], gain, 0, PERCENT),
        }

    def joint_value(self, column: ClaimedColumn) -> Fraction | None:
        """The exact aggregate of a design; None if some network has no design there."""
        claim = self._claim
        cells = [
            one.target.value(*cell)
            for one, cell in zip(claim.claims, column.cells, strict=True)
            if not isinstance(cell, str)
        ]
        return None if claim.weights is None or len(cells) < len(column.cells) else claim.join(cells)

    def _objective(self) -> Data:
        claim, problem, stated = self._claim, self._data["problem"], self._data["objective"]
        value, bound = claim.whole.value, Fraction(claim.result.certificate["bound"])
        bound = bound if value is None else min(bound, value)
        there = bool(claim.whole.entries) and claim.weights is not None
        gap = None if value is None else 1 - claim.mean(bound / value)
        unit = {"energy": self._energy_name, "latency": "cycles", "edp": f"{self._energy_name} x cycles"}
        return {
            "name": problem["networks"][0]["objective"],
            "aggregate": problem["aggregate"],
            "relative": problem["relative"],
            "weights": {
                name: plain(Fraction(weight)) for name, weight in zip(claim.names, problem["weights"], strict=True)
            },
            "unit": None if not there else "x optimum" if problem["relative"] else unit[claim.whole.target.objective],
            "value": None if value is None else _near(stated["value"], self._shown(value), SHOWN),
            "bound": _near(stated["bound"], self._shown(bound), SHOWN) if there else None,
            "gap": None if gap is None else _near(stated["gap"], gap, 0, PERCENT),
        }

    def _weights(self) -> list[Fraction] | None:
        """The effective weights: those of the problem, divided by the networks' own optima if they are relative."""
        problem = self._data["problem"]
        weights = [Fraction(weight) for weight in problem["weights"]]
        if not problem["relative"]:
            return weights
        optima = [own_value(self._claim.result.alone[name]) for name in self._claim.names]
        known = [optimum for optimum in optima if optimum is not None]
        return None if len(known) < len(weights) else [w / v for w, v in zip(weights, known, strict=True)]

    def _value(self) -> str | None:
        joint = self._joint()
        value = None if joint is None else self.joint_value(joint)
        return None if value is None else str(value)

    def _joint(self) -> ClaimedColumn | None:
        return next((column for column in self._claim.columns if not column.made_for), None)

    def _worth(self) -> Fraction:
        return Fraction(1) if self._claim.whole.target.objective == "latency" else self._unit

    def _shown(self, value: Fraction) -> Decimal:
        worth = Fraction(1) if self._data["problem"]["relative"] else self._worth()
        return self._claim.mean(value) * Decimal(worth.numerator) / Decimal(worth.denominator)

    def _cell(self, n: int, column: ClaimedColumn) -> Data:
        """A network on a design; its loss is computed exactly, then rounded to a float."""
        claim, cell = self._claim.claims[n], column.cells[n]
        if isinstance(cell, str):
            return {"status": cell}
        hardware, value = claim.some_point, claim.target.value(*cell)
        cycles, energy_pj = claim.target.cycles(*cell), hardware.energy_pj(cell[0])
        seconds = float(cycles / (hardware.clock_mhz * 10**6))
        own = own_value(self._claim.result.alone[self._claim.names[n]])
        return {
            "energy_pj": energy_pj,
            "latency_cycles": plain(cycles),
            "latency_ms": seconds * 1e3,
            "power_w": energy_pj * 1e-12 / seconds if self._in_pj and seconds else None,
            "value": plain(value * self._worth()),
        } | ({} if own is None else {"loss_percent": float(100 * (value / own - 1))})


def own_value(alone: StoredResult) -> Fraction | None:
    """The exact value of a network's own best design."""
    value = alone.certificate["value"]
    return None if value is None else Fraction(value)


def _near(stated: Any, exact: Decimal, relative: float, absolute: float = 0.0) -> Any:
    """The stated number if it equals the exact one up to rounding, else the exact one as a float."""
    number = type(stated) in (int, float) and math.isclose(stated, exact, rel_tol=relative, abs_tol=absolute)
    return stated if number else float(exact)
