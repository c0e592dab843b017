"""Lies about a co-design: the joint certificate, the cross table, the networks' own results, words and weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

from optimizer.architecture.selection import at
from optimizer.checker.box_layer_bounds import LayerBounds
from optimizer.checker.claims.codesign import JointClaim, rebuild_joint
from optimizer.checker.claims.solve import hash_of
from optimizer.checker.codesign_numbers import ExpectedNumbers, own_value
from optimizer.checker.least_cycles import part_cycles
from optimizer.checker.stored import StoredCodesign, StoredResult, as_stored
from optimizer.multi_network.request import Member
from optimizer.problem.goal import INFEASIBLE_COST
from tests.support import stored_results as api
from tests.support.stored_results import codesign

from . import problems, truth
from .forger import Data, Forgery, _master, box_entry
from .proof_lies import claim_best, partition, worse_designs

FLAT = "{name: flat, layers: [{name: fc, type: matmul, dims: {M: 2, N: 3, K: 4}}]}"
DEEP = "{name: deep, layers: [{name: conv, type: conv, dims: {K: 2, C: 2, P: 3, R: 2}, multiplicity: 2}]}"


@cache
def joint(
    aggregate: str = "geomean", relative: bool = False, objective: str = "energy", cap: str = ""
) -> StoredCodesign:
    """Two tiny networks on the tiny chip."""
    caps = {"latency_ms": Fraction(cap)} if cap else {}
    members = [Member(problems.network(FLAT), Fraction(2), caps), Member(problems.network(DEEP))]
    return codesign(
        members, problems.architecture(), aggregate=aggregate, relative=relative, objective=objective, workers=1
    )


class JointForgery:
    """A co-design that is being changed."""

    def __init__(self, honest: StoredCodesign, random: Random) -> None:
        self.random = random
        results = [
            {name: StoredResult(as_stored(r.data), as_stored(r.certificate)) for name, r in part.items()}
            for part in (honest.networks, honest.alone)
        ]
        self.result = StoredCodesign(as_stored(honest.data), as_stored(honest.certificate), None, *results)

    @property
    def data(self) -> Data:
        """Contents of ``result.json``."""
        return self.result.data

    @property
    def certificate(self) -> Data:
        """Contents of ``certificate.json``."""
        return self.result.certificate

    @property
    def claim(self) -> JointClaim:
        """What all files claim now."""
        return rebuild_joint(self.result)

    @property
    def boxes(self) -> list[Data]:
        """The boxes of the joint certificate."""
        found: list[Data] = self.certificate["boxes"]
        return found

    @property
    def goal(self) -> str:
        """What the floors are of."""
        target = self.claim.claims[0].target
        return "latency" if target.objective == "latency" and not target.capped else "energy"

    def rehash(self) -> None:
        """Both files state the hash of the problem."""
        self.data["problem_hash"] = self.certificate["problem_hash"] = hash_of(self.data["problem"])

    def rebound(self, *, keep_solved: bool = True) -> None:
        """Bounds of the networks from their floors, joint bounds from these."""
        claim = self.claim
        floors = [LayerBounds(one) for one in claim.claims]
        for number, (raw, entry) in enumerate(zip(self.boxes, claim.whole.entries, strict=True)):
            inside = list(claim.whole.points.inside(entry.box))
            raw |= {"points": len(inside), "area_um2": min(point.area_um2 for point in inside)}
            if not (keep_solved and entry.by == "solved") and "bound_of_point" not in raw:
                own = [f.value(one.entries[number]) for f, one in zip(floors, claim.claims, strict=True)]
                if raw["bounds"]:
                    raw["bounds"] = [str(bound) for bound in own]
                raw["bound"] = str(claim.join(own))
        solved = {tuple(n for n, _ in raw["box"]): raw for raw in self.boxes if raw["closed_by"] == "solved"}
        for raw in self.boxes:
            led = solved.get(tuple(raw.get("bound_of_point", ())))
            if led is not None:
                raw.update({"bound": led["bound"]} | ({"bounds": list(led["bounds"])} if raw["bounds"] else {}))

    def conclude(self) -> None:
        """Value, bound, status, master, and both files from the exact values."""
        self.certificate["weights"] = [str(w) for w in ExpectedNumbers(self.claim)._weights() or ()] or None
        self.certificate["value"] = ExpectedNumbers(self.claim)._value()
        claim = self.claim
        value = claim.whole.value
        held = [e.bound for e in claim.whole.entries if not e.over_budget and e.by != "infeasible"]
        least = min([*held, *([] if value is None else [value])], default=Fraction(0))
        unsettled = any(entry.by == "open" for entry in claim.whole.entries)
        if value is None:
            status = "UNKNOWN" if unsettled else "INFEASIBLE"
        else:
            status = "FEASIBLE" if unsettled or least < value else "OPTIMAL"
        master = _master(claim.whole, claim.whole.entries)
        self.certificate.update(status=status, bound=str(least), master_optimum=master)
        self.data["status"] = status
        self.restate()

    def restate(self) -> None:
        """Everything that ``result.json`` and the head of ``certificate.json`` state, from the exact values."""
        for part in (self.data["networks"], self.data["cross"]):
            part.clear()
        numbers = ExpectedNumbers(self.claim)
        caps = [self.caps[n] for n in range(len(self.claim.names))]
        self.data["networks"] = [{"caps": cap} for cap in caps]
        self.data["cross"] = [{"aggregate": None, "improvement_percent": None} for _ in self.claim.columns]
        numbers = ExpectedNumbers(self.claim)
        self.data.update(numbers.head())
        self.data["networks"] = [numbers.network(n) for n in range(len(caps))]
        self.data["cross"] = [numbers.column(n) for n in range(len(self.claim.columns))]
        self.certificate.update(numbers.certificate_head())

    @property
    def caps(self) -> list[Data]:
        """Caps of the networks' own, as their budgets."""
        names = ("latency_ms", "energy_mj", "power_w")
        return [
            {name: budgets[name] for name in names if name in budgets}
            for budgets in (problem["budgets"] for problem in self.data["problem"]["networks"])
        ]

    def agree(self, *, keep_solved: bool = True) -> None:
        """All of it."""
        self.rehash()
        self.rebound(keep_solved=keep_solved)
        self.conclude()
        left = any(raw["closed_by"] == "open" for raw in self.certificate["boxes"])
        left |= any(one.data["termination"] != "complete" for one in self.result.alone.values())
        self.data["termination"] = "time limit" if left else "complete"


JointLie = Callable[[JointForgery], bool]


def other_joint(f: JointForgery) -> bool:
    """Another joint design, with its results, is claimed best: the floors of one network were raised."""
    claim = f.claim
    if claim.whole.value is None:
        return False
    points = list(claim.whole.points.points)
    index = f.random.choice(points)
    if list(index) == f.certificate["design"]:
        return False
    cells, networks = [], {}
    for name, one in zip(claim.names, claim.claims, strict=True):
        point = one.points.points[index]
        only = at(one.architecture, dict(point.choices))
        found = api.solve(one.network, only, objective=one.target.objective, workers=1)
        if found.data["status"] != "OPTIMAL":
            return False
        unit = point.energy_unit_pj or Fraction(1)
        cells.append([round(Fraction(found.data["energy_pj"]) / unit), round(Fraction(found.data["latency_cycles"]))])
        networks[name] = found
    before = claim.whole.value
    f.certificate["cross"][0] |= {"design": list(index), "networks": cells}
    f.certificate["design"] = list(index)
    f.certificate["value"] = ExpectedNumbers(f.claim)._value()
    value = f.claim.whole.value
    if value is None or value <= before:
        return False
    f.result.networks.clear()
    f.result.networks.update(networks)
    victim = f.random.randrange(len(networks))
    f.certificate["boxes"] = []
    design = tuple((n, n) for n in index)
    for box in partition(claim.whole, f.random, design):
        f.boxes.append(_true(f, claim, box, "solved" if box == design else "bound"))
    f.rebound(keep_solved=False)
    for raw in f.boxes:
        floors = raw[f"{f.goal}_floors"][victim]
        while Fraction(raw["bound"]) < value:
            floors[0] = floors[0] * 21 // 20 + 1
            f.rebound(keep_solved=False)
    f.agree()
    return f.data["status"] in ("OPTIMAL", "FEASIBLE")


def _true(f: JointForgery, claim: JointClaim, box: Any, by: str) -> Data:
    raw = box_entry(box, by, [], []) | {"energy_floors": [], "latency_floors": []}
    for one in claim.claims:
        true = truth.floors(one, box, f.goal)
        energy = f.goal == "energy"
        raw["energy_floors"].append(true if energy else [0] * len(true))
        raw["latency_floors"].append(list(part_cycles(one, one.points.corner(box))) if energy else true)
    return raw | {"bounds": ["0"] * len(claim.claims)}


def raise_floor(f: JointForgery) -> bool:
    """A floor of one network above the truth, with all bounds."""
    raw = f.random.choice([raw for raw in f.boxes if raw["closed_by"] not in ("area", "solved")] or [None])
    if raw is None:
        return False
    n = f.random.randrange(len(f.claim.claims))
    floors = raw[f"{f.goal}_floors"][n]
    layer = f.random.randrange(len(floors))
    box = tuple((low, high) for low, high in raw["box"])
    above = truth.floors(f.claim.claims[n], box, f.goal)[layer]
    floors[layer] = above + f.random.choice([1, above, 10 * above])
    f.agree()
    return True


def claim_infeasible(f: JointForgery) -> bool:
    """No joint design: every box is closed, though every network has a design there."""
    if f.certificate["design"] is None:
        return False
    claim = f.claim
    how = f.random.choice(["never", "lut", "area", "bare", "no boxes"])
    f.certificate["boxes"] = (
        []
        if how == "no boxes"
        else [
            _true(f, claim, box, how if how in ("lut", "area") else "infeasible")
            for box in partition(claim.whole, f.random, None)
        ]
    )
    if how == "never":
        for raw in f.boxes:
            raw[f"{f.goal}_floors"][0][0] = INFEASIBLE_COST
    f.result.networks.clear()
    f.certificate["cross"].pop(0)
    f.certificate.update(design=None, value=None)
    for key in ("hardware", "area_um2"):
        f.data.pop(key, None)
    f.agree()
    if how == "no boxes":
        f.certificate["bound"], f.data["hardware_points"] = "0", None
    return True


def close_by_device(f: JointForgery) -> bool:
    """Boxes closed by a device that is not there, or by their area."""
    raw = f.random.choice([raw for raw in f.boxes if raw["closed_by"] in ("bound", "open")] or [None])
    if raw is None:
        return False
    raw["closed_by"] = f.random.choice(["lut", "area", "infeasible", "dsp"])
    f.agree()
    return True


def lose_box(f: JointForgery) -> bool:
    """A box is gone, doubled, or grows over another one."""
    raw = f.random.choice([raw for raw in f.boxes if raw["closed_by"] != "solved"] or [None])
    if raw is None:
        return False
    if f.random.random() < 0.5:
        f.boxes.remove(raw)
    else:
        f.boxes.append(copy.deepcopy(raw))
    f.agree()
    return True


def other_cell(f: JointForgery) -> bool:
    """A network on another network's design, or on the joint one, costs something else: in all places."""
    if not f.certificate["cross"]:
        return False
    column = f.random.choice(f.certificate["cross"])
    n = f.random.randrange(len(column["networks"]))
    cell = column["networks"][n]
    if isinstance(cell, str):
        column["networks"][n] = [10**9, 1000]
    elif f.random.random() < 0.2:
        column["networks"][n] = "INFEASIBLE"
    else:
        which = f.random.choice([0, 1])
        cell[which] = max(1, cell[which] * f.random.choice([9, 11, 20]) // 10)
    f.agree()
    return True


def worse_alone(f: JointForgery) -> bool:
    """A network's own best design is a worse one, claimed optimal with all that follows."""
    name = f.random.choice(sorted(f.result.alone))
    one = Forgery.of(f.result.alone[name], f.random)
    if one.certificate["value"] is None:
        return False
    found = worse_designs(one)
    if not found or not claim_best(one, f.random.choice(found), heavy=True, shape=f.random):
        return False
    f.result.alone[name] = one.result
    n = f.claim.names.index(name)
    for column in f.certificate["cross"]:
        if name in column["made_for"]:
            column["made_for"].remove(name)
    index, claim = list(one.certificate["design"]), one.claim
    point = claim.points.points[tuple(index)]
    own = [round(Fraction(one.data["energy_pj"]) / (point.energy_unit_pj or 1)), int(one.data["latency_cycles"])]
    cells: list[Any] = []
    for m, other in enumerate(f.claim.claims):
        only = at(other.architecture, dict(point.choices))
        found_there = api.solve(other.network, only, objective=other.target.objective, workers=1)
        if found_there.data["status"] != "OPTIMAL":
            cells.append("INFEASIBLE")
        else:
            unit = point.energy_unit_pj or Fraction(1)
            energy = round(Fraction(found_there.data["energy_pj"]) / unit)
            cells.append(own if m == n else [energy, int(found_there.data["latency_cycles"])])
    f.certificate["cross"] = [c for c in f.certificate["cross"] if c["made_for"] or c is f.certificate["cross"][0]]
    f.certificate["cross"].append({"made_for": [name], "design": index, "networks": cells})
    f.agree()
    return own_value(f.result.alone[name]) is not None


def shared_figures(f: JointForgery) -> bool:
    """A number for readers: a loss, an improvement, an aggregate, a table of hardware, an own optimum."""
    places: list[tuple[Data, str]] = [(f.data["objective"], "value"), (f.data["objective"], "gap")]
    for entry in f.data["networks"]:
        places += [(part, key) for part in (entry["joint"], entry["alone"]) if part for key in part if key != "status"]
    for column in f.data["cross"]:
        places += [(column, "aggregate"), (column, "improvement_percent"), (column, "area_um2")]
    numbers = [(part, key) for part, key in places if isinstance(part[key], int | float) and part[key]]
    if not numbers:
        return False
    part, key = f.random.choice(numbers)
    part[key] *= f.random.choice([0.5, 1.01, 3])
    return True


def words(f: JointForgery) -> bool:
    """Warnings, caps, names, weights, units, accounting."""
    data, certificate = f.data, f.certificate
    networks = data["networks"]

    def wider_caps() -> None:
        for entry in networks:
            entry["caps"] = {name: str(10 * Fraction(limit)) for name, limit in entry["caps"].items()}

    other: dict[str, Callable[[], Any]] = {
        "warning": lambda: data["warnings"].append("checked by hand"),
        "unroll warning": lambda: data["warnings"].append("GLB.unroll.x has nothing to do: every design is best"),
        "caps added": lambda: networks[0]["caps"].update(energy_mj="1000"),
        "name": lambda: networks[0].update(name="alexnet"),
        "weights": lambda: data["objective"]["weights"].update({networks[0]["name"]: 7}),
        "weights in the certificate": lambda: certificate.update(weights=["1", "1"], powers=[1, 1]),
        "powers": lambda: certificate.update(powers=[3, 1]),
        "unit": lambda: data["objective"].update(unit="fJ"),
        "energy unit": lambda: data.update(energy_unit="fJ"),
        "architecture": lambda: data.update(architecture="tpu"),
        "accounting": lambda: data.update(accounting="looptree"),
        "space": lambda: data["space"].update(text="All mappings."),
        "format": lambda: data.update(format="tilewright-codesign/2"),
        "status": lambda: [part.update(status="FEASIBLE") for part in (data, certificate)],
        "aggregate": lambda: data["objective"].update(aggregate="max"),
        "section": lambda: data.update(comparison={"layer_by_layer": {}, "fused": {}, "reduction": {}}),
        "blame": lambda: data.update(infeasible={"budgets": ["area_mm2"], "relaxations": []}),
        "device": lambda: data.update(device={"name": "u250", "resources": {}, "memories": {}}),
    }
    if any(entry["caps"] for entry in networks):
        other["caps wider"] = wider_caps
        other["caps removed"] = lambda: [entry.update(caps={}) for entry in networks]
    before = copy.deepcopy((data, certificate))
    other[f.random.choice(sorted(other))]()
    return (data, certificate) != before


def other_problem(f: JointForgery) -> bool:
    """The problem is another, with its hash; the answer stays."""
    problem = f.data["problem"]
    how = f.random.choice(["weights", "aggregate", "cap", "relative"])
    if how == "weights":
        problem["weights"][0] = "5"
    elif how == "aggregate":
        problem["aggregate"] = f.random.choice([k for k in ("geomean", "weighted", "max") if k != problem["aggregate"]])
    elif how == "cap":
        problem["networks"][0]["budgets"]["latency_ms"] = "0.000001"
    else:
        problem["relative"] = not problem["relative"]
    f.rehash()
    return True


def swapped(f: JointForgery) -> bool:
    """Results of networks change places, or are gone."""
    part = f.random.choice([part for part in (f.result.networks, f.result.alone) if part])
    names = sorted(part)
    if f.random.random() < 0.5:
        part[names[0]], part[names[1]] = part[names[1]], part[names[0]]
    else:
        part.pop(names[0])
    return True


def single_lie(f: JointForgery) -> bool:
    """A lie in the result of one network only."""
    from .design_lies import other_total, scale_layer, words  # noqa: PLC0415

    part = f.random.choice([part for part in (f.result.networks, f.result.alone) if part])
    name = f.random.choice(sorted(part))
    one = Forgery.of(part[name], f.random)
    made = f.random.choice([other_total, scale_layer, words])(one)
    part[name] = one.result
    return made


JOINT_LIES: list[JointLie] = [
    other_joint,
    raise_floor,
    claim_infeasible,
    close_by_device,
    lose_box,
    other_cell,
    worse_alone,
    shared_figures,
    words,
    other_problem,
    swapped,
    single_lie,
]

JOINT_KINDS: dict[str, Callable[[], StoredCodesign]] = {
    "geomean": lambda: joint(cap="1"),
    "relative": lambda: joint("max", True, "edp"),
    "weighted": lambda: joint("weighted", False, "latency"),
}
