"""A design that is not the best, claimed OPTIMAL with nothing wrong in the files but floors of the heaviest layer."""

from __future__ import annotations

import copy
import json
import math
from fractions import Fraction
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.selection import at
from optimizer.checker.claims.solve import Claim, rebuild
from optimizer.checker.design_checks import DESIGN_KEYS
from optimizer.checker.solve import point_counts
from optimizer.checker.stored import StoredResult
from optimizer.workload.network import Network
from tests.support.stored_results import solve


def forged(network: Network, architecture: Architecture, objective: str, worse: Fraction) -> tuple[StoredResult, int]:
    """A forged result, at least so many times worse than the optimum; the number of floors that lie.

    Every point of the menus is a box of its own. Points that are better than the design claim to be bounded by floors
    of which the one that contributes most to the bound is raised as far as need be.
    """
    honest = solve(network, architecture, objective=objective)
    claim = rebuild(json.loads(json.dumps(honest.data)), json.loads(json.dumps(honest.certificate)))
    alone = {
        index: solve(network, at(architecture, dict(point.choices)), objective=objective)
        for index, point in claim.points.points.items()
    }
    values = {index: Fraction(found.certificate["value"]) for index, found in alone.items()}
    most = worse * Fraction(honest.certificate["value"])
    design = min((value, index) for index, value in values.items() if value >= most)[1]
    boxes = [_box(claim, index, found, index == design, values[design]) for index, found in alone.items()]
    data, certificate = copy.deepcopy(honest.data), copy.deepcopy(honest.certificate)
    chosen = copy.deepcopy(alone[design])
    data |= {key: chosen.data[key] for key in (*DESIGN_KEYS, "objective") if key in chosen.data}
    data["hardware"]["choices"] = dict(claim.points.points[design].choices)
    certificate |= {key: chosen.certificate[key] for key in ("value", "bound", "master_optimum")}
    certificate |= {"design": list(design), "boxes": [box for box, _ in boxes]}
    data["hardware_points"] = point_counts(rebuild(data, certificate))
    return StoredResult(data, certificate), sum(lies for _, lies in boxes)


def _box(
    claim: Claim, index: tuple[int, ...], found: StoredResult, is_design: bool, value: Fraction
) -> tuple[dict[str, Any], bool]:
    """The box of one point, and whether one of its floors lies."""
    box = copy.deepcopy(found.certificate["boxes"][0])
    box |= {"box": [[n, n] for n in index], "closed_by": "solved" if is_design else "bound"}
    if is_design:
        return box, False
    counts = [group.count for group in claim.groups]
    energy, cycles = claim.fixed(claim.points.points[index])
    energy += sum(n * lower_bound for n, lower_bound in zip(counts, box["energy_floors"], strict=True))
    cycles += sum(n * lower_bound for n, lower_bound in zip(counts, box["latency_floors"], strict=True))
    need = value if claim.target.objective == "energy" else value / cycles
    heaviest = max(range(len(counts)), key=lambda n: counts[n] * box["energy_floors"][n])
    raised = max(0, math.ceil((need - energy) / counts[heaviest]))
    box["energy_floors"][heaviest] += raised
    box["bound"] = str(claim.target.value(energy + counts[heaviest] * raised, cycles))
    return box, raised > 0
