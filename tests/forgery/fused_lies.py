"""Lies about a design with fused groups: the groups, their figures, and that nothing is better."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import at
from optimizer.checker.comparison import reductions
from optimizer.checker.least_cycles import part_cycles
from optimizer.checker.stored import StoredResult
from optimizer.files.exact_yaml import load_exact
from optimizer.problem.fusion_options import Fusion
from tests.support import stored_results as api
from tests.support.chip_cases import chip_yaml

from . import problems
from .design_lies import other_hardware, other_hash, other_total, scale_layer, words
from .forger import DESIGN, Data, Forgery, box_entry
from .proof_lies import Lie, double_points, lift, lose_points, other_master, relabel, take, wider_menus

CHIP = chip_yaml(
    "{x: 2, y: 1, below: GLB}",
    "{name: GLB, component: regfile, size: [48 words, 96 words], bandwidth: {shared: 2 words/cycle}}",
)
CHAIN = """
name: chain
layers:
  - {name: one, type: conv, dims: {K: 2, C: 2, P: 4, Q: 2}}
  - name: two
    type: conv
    dims: {K: 2, C: 2, P: 4, Q: 2}
    inputs: [one]
    views: {one: [[1, 1, 0], [1, 1, 0], [1, 1, 0]]}
"""
FUSION = Fusion(max_group=2, halo=("cache",), axes=("rows",))


@cache
def fused(objective: str = "energy") -> StoredResult:
    """Two layers on a chip with one buffer, beside the best design layer by layer."""
    chip = parse_architecture(load_exact(CHIP))
    return api.compare(problems.network(CHAIN), chip, fusion=FUSION, objective=objective, workers=1)


@cache
def _known() -> list[Data]:
    """Designs of every point, with and without fusion, for every objective."""
    chip, network = parse_architecture(load_exact(CHIP)), problems.network(CHAIN)
    found = []
    for point in chip.points():
        for fusion in (FUSION, None):
            for goal in ("energy", "latency", "edp"):
                hardware = at(chip, dict(point.choices))
                one = api.solve(network, hardware, objective=goal, fusion=fusion, workers=1).data
                if fusion is None:
                    for entry in one["layers"]:
                        entry |= {"group": None}
                    one["groups"] = []
                chosen = zip(point.choices, _labels(), strict=True)
                design = [labels.index(entry) for (_, entry), labels in chosen]
                found.append({"design": design} | {key: one[key] for key in DESIGN if key in one})
    return found


def _labels() -> list[list[Any]]:
    return list(fused().certificate["menus"].values())


def worse_fused(f: Forgery) -> bool:
    """A worse design, with or without groups, is claimed optimal: floors of the whole network were raised."""
    before, claim = f.claim.value, f.claim
    design = f.random.choice(_known())
    take(f, design)
    f.rehash()
    f.retotal()
    value = f.claim.value
    if before is None or value is None or value <= before:
        return False
    f.certificate["boxes"] = []
    for index, point in claim.points.points.items():
        box, own = tuple((n, n) for n in index), list(index) == design["design"]
        latency, goal = list(part_cycles(claim, point)), claim.target.objective
        floors = {"energy": [int(value)], "latency": [0], "edp": [-(-int(value) // latency[0])]}[goal]
        if goal == "latency":
            latency = [int(value)]
        f.boxes.append(box_entry(box, "solved" if own else "bound", floors, latency, value))
    f.agree(keep_solved=True)
    return f.data["status"] == "OPTIMAL"


def raise_whole(f: Forgery) -> bool:
    """The floor of the whole network in a box of one point, above its best design."""
    claim = f.claim
    goal = claim.target.objective
    singles = [raw for raw in f.boxes if all(a == b for a, b in raw["box"]) and raw["closed_by"] == "bound"]
    if not singles or goal == "edp":
        return False
    raw = f.random.choice(singles)
    index = [a for a, _ in raw["box"]]
    unit = claim.some_point.energy_unit_pj or Fraction(1)
    key = "latency_cycles" if goal == "latency" else "energy_pj"
    costs = [Fraction(design[key]) for design in _known() if design["design"] == index]
    best = min(costs) if goal == "latency" else round(min(costs) / unit)
    raw[f"{f.goal}_floors"][0] = int(best) + f.random.choice([1, 1 + int(best) // 10])
    f.agree(keep_solved=True)
    return True


def other_group(f: Forgery) -> bool:
    """A number or a decision of a group, with all totals."""
    groups = f.data.get("groups")
    if not groups:
        return False
    group = f.random.choice(groups)
    other: dict[str, Callable[[], Any]] = {
        "energy": lambda: group.update(energy_pj=group["energy_pj"] / 2),
        "latency": lambda: group.update(latency_cycles=max(1, group["latency_cycles"] // 3)),
        "words": lambda: group.update(dram_words=group["dram_words"] // 3),
        "macs": lambda: group.update(macs=group["macs"] // 2),
        "buffer": lambda: group.update(buffer_bits=group["buffer_bits"] // 2),
        "peak": lambda: group.update(peak_bits=group["peak_bits"] // 2),
        "tile": lambda: group["tile"]["parts"].update(rows=group["tile"]["parts"]["rows"] * 2),
        "halo": lambda: group["halo"].update(rows="recompute" if group["halo"]["rows"] == "cache" else "cache"),
        "weights": lambda: group["weights"].update(
            {n: "streamed" if how == "resident" else "resident" for n, how in group["weights"].items()}
        ),
        "run": lambda: group["runs"][0].update(count=group["runs"][0]["count"] + 1),
        "run gone": group["runs"].pop,
        "member": group["layers"].pop,
        "order": group["layers"].reverse,
        "moves": lambda: group["moves"].update(energy_pj=0.0),
        "strips": lambda: group["strips"].update(one=2),
    }
    other[f.random.choice(sorted(other))]()
    f.retotal()
    f.agree(keep_solved=True)
    return True


def own_figures(f: Forgery) -> bool:
    """The fused side of the comparison, or what it is said to save."""
    both = f.data["comparison"]
    part = f.random.choice([both["fused"], both["reduction"]])
    key = f.random.choice([key for key, stated in part.items() if isinstance(stated, float | int) and stated] or [None])
    if key is None:
        return False
    part[key] *= 0.5
    return True


def tripled(f: Forgery) -> bool:
    """The figures layer by layer times three, with what fusion saves; in the result that they are of, too, or not."""
    both = f.data["comparison"]
    before = both["layer_by_layer"]
    for key in ("energy_pj", "latency_cycles", "dram_words", "objective"):
        before[key] *= 3
    both["reduction"] = reductions(before, both["fused"])
    if f.beside is not None and f.random.random() < 0.7:
        one = Forgery.of(f.beside, f.random)
        for entry in one.data["layers"]:
            entry["energy_pj"] *= 3
            entry["latency_cycles"] *= 3
        one.retotal()
        if f.random.random() < 0.5:
            value = Fraction(one.certificate["value"])
            for raw in one.boxes:
                lift(one, raw, 0, value)
                raw["bound"] = str(value)
        one.agree(keep_solved=True)
        f.beside = one.result
    return True


FUSED_LIES: list[Lie] = [
    worse_fused,
    tripled,
    raise_whole,
    other_group,
    own_figures,
    other_hardware,
    other_hash,
    other_total,
    scale_layer,
    words,
    double_points,
    lose_points,
    other_master,
    relabel,
    wider_menus,
]
FUSED_KINDS: dict[str, Callable[[], StoredResult]] = {
    "fused": lambda: fused("energy"),
    "fused edp": lambda: fused("edp"),
    "fused latency": lambda: fused("latency"),
}
