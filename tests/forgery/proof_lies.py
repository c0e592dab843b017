"""Lies about the proof of a result: floors, bounds, boxes, reasons, what the whole is said to be."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random

from optimizer.architecture.boxes import Box, size
from optimizer.architecture.selection import at
from optimizer.checker.box_layer_bounds import LayerBounds
from optimizer.checker.claims.solve import Claim
from optimizer.checker.least_cycles import part_cycles
from optimizer.checker.optimistic_corner import worse
from optimizer.problem.goal import INFEASIBLE_COST
from tests.support.stored_results import solve

from . import truth
from .forger import DESIGN, Data, Forgery, box_entry

RESTING = ("bound", "infeasible", "open")
"""What rests on floors: those of boxes over a budget are not used, those of solved points must be exact."""

Lie = Callable[[Forgery], bool]
"""Changes a forgery; False where there is nothing to lie about."""


def partition(claim: Claim, random: Random, alone: Box | None) -> Iterator[Box]:
    """Boxes that hold every point once, split at random; one point may have to be alone."""
    left = [claim.points.whole]
    while left:
        box = left.pop()
        holds = alone is not None and all(a <= n <= b for (a, b), (n, _) in zip(box, alone, strict=True))
        if size(box) == 1 or (not holds and claim.points.has_optimistic_corner(box) and random.random() < 0.5):
            yield box
            continue
        axis = random.choice([n for n, (low, high) in enumerate(box) if low < high])
        low, high = box[axis]
        middle = random.randrange(low, high)
        sides = ((low, middle), (middle + 1, high))
        left += claim.points.occupied((*box[:axis], side, *box[axis + 1 :]) for side in sides)


def true_box(f: Forgery, claim: Claim, box: Box, by: str) -> Data:
    """A box with true floors, closed by its area where that is too large."""
    cap = claim.architecture.budgets.area_um2
    if cap is not None and min(point.area_um2 for point in claim.points.inside(box)) > cap:
        by = "area"
    if f.goal == "latency":
        return box_entry(box, by, [0] * len(claim.groups), truth.floors(claim, box, "latency"))
    return box_entry(box, by, truth.floors(claim, box, "energy"), part_cycles(claim, claim.points.corner(box)))


def lift(f: Forgery, raw: Data, layer: int, goal: Fraction, *, exact: bool = False) -> bool:
    """Raise the floor of a layer until the box's bound reaches a goal; what is left over, on a layer that runs once."""

    def bound() -> Fraction:
        claim = f.claim
        return LayerBounds(claim).value(claim.entries[f.boxes.index(raw)])

    floors = f.floors_of(raw)
    before, step = floors[layer], 1
    while bound() < goal:
        floors[layer], step = before + step, 2 * step
    low, high = before, floors[layer]
    while low < high:
        floors[layer] = middle = (low + high) // 2
        low, high = (low, middle) if bound() >= goal else (middle + 1, high)
    floors[layer] = high
    if exact and bound() != goal:
        floors[layer] -= 1
        once = next(n for n, (_, count) in enumerate(f.claim.parts) if count == 1)
        floors[once] += int(goal - bound()) if f.claim.target.objective != "edp" else 0
    return bound() == goal if exact else True


def heaviest(f: Forgery, raw: Data) -> int:
    """The layer that contributes most to the bound of a box."""
    counts = [count for _, count in f.claim.parts]
    return max(range(len(counts)), key=lambda n: counts[n] * f.floors_of(raw)[n])


POOLS: dict[str, list[Data]] = {}


def designs(f: Forgery) -> list[Data]:
    """Designs of single points: the best for every objective, without caps."""
    asked = ("objective", "budgets", "padding")  # of the problem, not of these designs
    key = str({name: value for name, value in f.data["problem"].items() if name not in asked})
    if key not in POOLS:
        claim = f.claim
        bare = claim.architecture.with_budgets(type(claim.architecture.budgets)())
        POOLS[key] = [
            {"design": list(index)} | {key: found.data[key] for key in DESIGN if key in found.data}
            for index, point in claim.points.points.items()
            for goal in ("energy", "latency", "edp")
            for found in [solve(claim.network, at(bare, dict(point.choices)), objective=goal, workers=1)]
            if "layers" in found.data
        ]
    return POOLS[key]


def take(f: Forgery, design: Data) -> None:
    """Claim another design."""
    for key in DESIGN:
        f.data.pop(key, None)
    f.data |= {key: copy.deepcopy(value) for key, value in design.items() if key != "design"}
    f.certificate["design"] = list(design["design"])


def worse_designs(f: Forgery, factor: Fraction = Fraction(1)) -> list[Data]:
    """Designs that keep all budgets and are worse than the best by more than a factor, best first."""
    claim, value = f.claim, f.claim.value
    cap = claim.architecture.budgets.area_um2
    found = []
    for design in designs(f):
        other = Forgery(copy.deepcopy(f.data), copy.deepcopy(f.certificate), f.random)
        take(other, design)
        other.retotal()
        its, point = other.claim.value, claim.points.points[tuple(design["design"])]
        energy, cycles = (Fraction(other.data[key]) for key in ("energy_pj", "latency_cycles"))
        unit = point.energy_unit_pj or Fraction(1, point.energy_scale)
        kept = claim.target.allows(round(energy / unit), math.ceil(cycles))
        kept = kept and (cap is None or point.area_um2 <= cap)
        if kept and its is not None and (value is None or its > factor * value):
            found.append((its, design))
    return [design for _, design in sorted(found, key=lambda pair: pair[0])]


def claim_best(f: Forgery, design: Data, *, heavy: bool, shape: Random) -> bool:
    """Claim a design, and that nothing is better: floors of all other boxes, and of its own, reach its value."""
    take(f, design)
    f.rehash()
    f.retotal()
    claim = f.claim
    value = claim.value
    assert value is not None and claim.design is not None
    f.certificate["boxes"] = [
        true_box(f, claim, box, "solved" if box == claim.design else "bound")
        for box in partition(claim, shape, claim.design)
    ]
    trades = claim.target.objective == "edp" or claim.target.capped
    for raw in f.boxes:
        layer = heaviest(f, raw) if heavy else f.random.randrange(len(claim.parts))
        own = raw["box"] == f.design
        if own and trades:
            raw["bound"] = str(value)
        elif raw["closed_by"] != "area" and not lift(f, raw, layer, value, exact=own):
            return False
    f.agree(keep_solved=trades)
    return f.data["status"] == "OPTIMAL"


def worse_design(f: Forgery) -> bool:
    """A worse design is claimed optimal, the lie in the floors of the heaviest or of any layer."""
    found = worse_designs(f)
    return bool(found) and claim_best(f, f.random.choice(found), heavy=f.random.random() < 0.5, shape=f.random)


def claim_infeasible(f: Forgery) -> bool:
    """A problem with a design is claimed to have none: floors that never end, floors above a cap, or nothing at all."""
    claim, how = f.claim, f.random.choice(["never", "caps", "bare", "area"])
    if claim.value is None:
        return False
    f.drop_design()
    boxes = [true_box(f, claim, box, "infeasible") for box in partition(claim, f.random, None)]
    f.certificate["boxes"] = boxes
    for raw in boxes:
        if raw["closed_by"] == "area":
            continue
        floors = f.floors_of(raw)
        layer = f.random.randrange(len(floors))
        if how == "never":
            floors[layer] = INFEASIBLE_COST
        elif how == "caps":
            if claim.target.energy_cap is None and claim.target.power_cap is None:
                return False
            floors[layer] = 10 * max(floors) + int(claim.target.energy_cap or 10**15)
        elif how == "area":
            raw["closed_by"] = "area"
    f.agree()
    return True


def raise_floor(f: Forgery) -> bool:
    """A floor above the truth, and the bounds that rest on it."""
    claim = f.claim
    raw = f.random.choice([raw for raw in f.boxes if raw["closed_by"] in RESTING] or [None])
    if raw is None:
        return False
    layer = f.random.randrange(len(claim.parts))
    box = tuple((low, high) for low, high in raw["box"])
    above = truth.floors(claim, box, f.goal)[layer]
    f.floors_of(raw)[layer] = above + f.random.choice([1, 1 + above // 100, above, 10 * above])
    f.agree(keep_solved=True)
    return True


def move_floors(f: Forgery) -> bool:
    """Floors moved from one layer to another, their sum as before."""
    claim = f.claim
    raw = f.random.choice([raw for raw in f.boxes if raw["closed_by"] in ("bound", "open")] or [None])
    if raw is None or len(claim.parts) < 2:
        return False
    to, away = f.random.sample(range(len(claim.parts)), 2)
    counts = [count for _, count in claim.parts]
    common = math.lcm(counts[to], counts[away])
    box = tuple((low, high) for low, high in raw["box"])
    floors = f.floors_of(raw)
    short = truth.floors(claim, box, f.goal)[to] - floors[to] + 1
    part = common * max(1, -(-short * counts[to] // common))
    if floors[away] < part // counts[away]:
        return False
    floors[to] += part // counts[to]
    floors[away] -= part // counts[away]
    f.agree(keep_solved=True)
    return True


def enlarge(f: Forgery) -> bool:
    """A box is taken out and another one enlarged over its points, with the floors that the smaller one had."""
    claim = f.claim
    pairs = [
        (one, other, box)
        for one in f.boxes
        for other in f.boxes
        if one is not other and one["box"] != f.design != other["box"]
        for box in [tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(one["box"], other["box"], strict=True))]
        if size(box) == size(_box(one)) + size(_box(other)) and one["closed_by"] in ("bound", "open", "infeasible")
    ]
    f.random.shuffle(pairs)
    for one, other, box in pairs:
        true = truth.floors(claim, box, f.goal)
        if any(stated > floor for stated, floor in zip(f.floors_of(one), true, strict=True)):
            one["box"] = [list(side) for side in box]
            if f.goal == "energy":
                one["latency_floors"] = list(part_cycles(claim, claim.points.corner(box)))
            f.boxes.remove(other)
            f.agree(keep_solved=True)
            return True
    return False


def _box(raw: Data) -> Box:
    return tuple((low, high) for low, high in raw["box"])


def false_leader(f: Forgery) -> bool:
    """A box is said to be led by a solved point that is worse in some respect; its own floors say nothing."""
    claim = f.claim
    pairs = [
        (raw, [low for low, _ in led["box"]])
        for raw in f.boxes
        if raw["closed_by"] in ("bound", "open")
        for led in f.boxes
        if led["closed_by"] == "solved" and Fraction(led["bound"]) >= (claim.value or 0)
        if any(
            list(worse(claim.points.points[tuple(low for low, _ in led["box"])], point))
            for point in claim.points.inside(_box(raw))
        )
    ]
    if not pairs:
        return False
    raw, raw["bound_of_point"] = f.random.choice(pairs)
    raw["closed_by"] = "bound"
    f.agree(keep_solved=True)
    return True


def raise_solved(f: Forgery) -> bool:
    """The bound of a solved point that is not the design's, above the truth; others are led by it."""
    claim = f.claim
    others = [raw for raw in f.boxes if raw["closed_by"] == "solved" and raw["box"] != f.design]
    if not others or not (claim.target.objective == "edp" or claim.target.capped):
        return False
    raw = f.random.choice(others)
    raw["bound"] = str(f.random.choice([2, 10]) * Fraction(raw["bound"]))
    f.agree(keep_solved=True)
    return True


def latency_floors(f: Forgery) -> bool:
    """More cycles than the multipliers need, and the bounds that rest on it."""
    if f.goal == "latency":
        return False
    raw = f.random.choice(f.boxes)
    layer = f.random.randrange(len(raw["latency_floors"]))
    raw["latency_floors"][layer] += f.random.choice([1, 10, 1 + raw["latency_floors"][layer]])
    f.agree(keep_solved=True)
    return True


def all_proved(f: Forgery) -> bool:
    """What is FEASIBLE is claimed OPTIMAL: open boxes are closed by floors that were raised."""
    claim = f.claim
    value = claim.value
    if value is None or f.data["status"] != "FEASIBLE":
        return False
    heavy = f.random.random() < 0.5
    for raw in f.boxes:
        if raw["closed_by"] != "open":
            continue
        raw["closed_by"] = "bound"
        layer = heaviest(f, raw) if heavy else f.random.randrange(len(claim.parts))
        above = truth.floors(claim, _box(raw), f.goal)[layer]
        f.floors_of(raw)[layer] = max(f.floors_of(raw)[layer], above + 1)
        lift(f, raw, layer, value)
    f.agree(keep_solved=True)
    return f.data["status"] == "OPTIMAL"


def wrong_reason(f: Forgery) -> bool:
    """A box is said to be closed by something else."""
    raw = f.random.choice([raw for raw in f.boxes if raw["box"] != f.design] or [None])
    if raw is None:
        return False
    known = {"area", "bound", "solved", "infeasible", "dsp"} - {raw["closed_by"]}
    if f.claim.value is not None and Fraction(raw["bound"]) >= f.claim.value:
        known -= {"bound", "solved"}
    if raw["closed_by"] == "infeasible":  # with the floors of an infeasible box a bound says as much
        known -= {"bound", "solved"}
    raw["closed_by"] = f.random.choice(sorted(known))
    f.agree(keep_solved=True)
    return True


def lose_points(f: Forgery) -> bool:
    """A box is gone, or shrinks, and with it points."""
    raw = f.random.choice([raw for raw in f.boxes if raw["box"] != f.design] or [None])
    if raw is None:
        return False
    wide = [n for n, (low, high) in enumerate(raw["box"]) if low < high]
    if wide and f.random.random() < 0.5:
        axis = f.random.choice(wide)
        raw["box"][axis] = [raw["box"][axis][0]] * 2
    else:
        f.boxes.remove(raw)
    f.agree(keep_solved=True)
    return True


def double_points(f: Forgery) -> bool:
    """A box stands twice."""
    f.boxes.append(copy.deepcopy(f.random.choice(f.boxes)))
    f.agree(keep_solved=True)
    return True


def wider_menus(f: Forgery) -> bool:
    """Menus with an entry that the architecture does not have, closed by their bound."""
    path = f.random.choice(sorted(f.certificate["menus"]))
    axis = list(f.certificate["menus"]).index(path)
    f.certificate["menus"][path].append("one more")
    raw = f.random.choice(f.boxes)
    last = len(f.certificate["menus"][path]) - 1
    beyond = copy.deepcopy(raw) | {"box": [list(side) for side in raw["box"]]}
    beyond["box"][axis] = [last, last]
    if f.random.random() < 0.5:
        f.boxes.append(beyond)
    f.data["hardware_points"]["total"] += raw["points"]
    f.data["hardware_points"]["boxes"] = len(f.boxes)
    return True


def other_count(f: Forgery) -> bool:
    """A layer is said to run more often, in the certificate and its bounds."""
    entry = f.random.choice(f.certificate["layers"])
    entry["count"] += f.random.choice([1, -1])
    return True


def relabel(f: Forgery) -> bool:
    """Another status, in both files."""
    known = {"OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNKNOWN"} - {f.data["status"]}
    f.data["status"] = f.certificate["status"] = f.random.choice(sorted(known))
    return True


def other_master(f: Forgery) -> bool:
    """The master is said to have settled something else."""
    stated = f.certificate["master_optimum"]
    f.certificate["master_optimum"] = "1" if stated is None else str(Fraction(stated) + f.random.choice([-1, 1]))
    return True


def closer_bound(f: Forgery) -> bool:
    """The bound of the whole is moved, with the gap."""
    stated = Fraction(f.certificate["bound"])
    f.certificate["bound"] = str(stated + f.random.choice([-1, 1, 1 + stated // 10]))
    goal = f.data["objective"]
    if goal["value"]:
        goal["gap"] = f.random.choice([0.0, 0.01, goal["gap"]])
    return True


PROOF_LIES: list[Lie] = [
    worse_design,
    claim_infeasible,
    raise_floor,
    move_floors,
    enlarge,
    false_leader,
    raise_solved,
    latency_floors,
    all_proved,
    wrong_reason,
    lose_points,
    double_points,
    wider_menus,
    other_count,
    relabel,
    other_master,
    closer_bound,
]
