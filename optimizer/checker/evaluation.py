"""Check of ``evaluation.json``: both designs are walked, the comparison recomputed, the loop nests searched again.

The groups are walked like those of a result. Only a search can show that every loop nest is optimal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from optimizer.checker.claims.solve import Claim, expected_warnings, hash_fault, rebuild
from optimizer.checker.comparison import comparison_faults, off_chip_words
from optimizer.checker.design_checks import check_design, differences, plain, verdict
from optimizer.checker.effort import Say
from optimizer.checker.outcome import Check, not_searched
from optimizer.checker.searches import Searches
from optimizer.problem.fusion_options import Fusion
from optimizer.results.formats import EVALUATED, EVALUATION_FORMAT, GIVEN_SPACE

Data = dict[str, Any]
BEFORE = "layer_by_layer"


def evaluation_checks(data: Data, say: Say, again: Searches | None) -> Iterator[Check]:
    """All checks of an evaluation of user-given groups; without `again` no loop nest is searched."""
    claim = rebuild(data, {"boxes": []})
    yield verdict("problem", hash_fault(data), f"hash {data['problem_hash'][:16]} recomputed")
    yield verdict("agreement", list(_head_faults(claim)), "the file and the problem agree")
    if again is not None:
        faults = list(again.given_groups(claim))
        yield verdict("groups as given", faults, "groups, tiles and policies are the given ones")
    say("walking the loop nests")
    fused = replace(claim, fusion=Fusion(max(2, len(claim.network.graph))))
    for label, part, one in (("", data, fused), (f"{BEFORE}: ", data[BEFORE], claim)):
        for check in _design_checks(one, part):
            yield check._replace(name=label + check.name)
    yield verdict(
        "comparison", list(comparison_faults(data["comparison"], data[BEFORE], data)), "figures of both designs"
    )
    if again is None:
        yield not_searched("evaluation.json: that the groups are the given ones and the loop nests the best")
        return
    say("seeking the loop nests again")
    yield verdict("nests again", list(again.nests(claim)), "no run of a layer has a better loop nest")


def _head_faults(claim: Claim) -> Iterator[str]:
    data, problem, network = claim.data, claim.data["problem"], claim.network
    expected = {
        "format": EVALUATION_FORMAT,
        "status": EVALUATED,
        "accounting": problem["accounting"],
        "space": {
            "text": GIVEN_SPACE.format(objective=problem["objective"]) + claim.space,
            "padding": {},
            "reuse": "innermost",
        },
        "network": network.name,
        "architecture": claim.architecture.name,
        "warnings": expected_warnings(claim),
    } | ({} if network.training is None else {"training": network.training})
    yield from differences({key: data[key] for key in (*expected, "training") if key in data}, expected)
    if claim.points.total != 1:
        yield f"the architecture stands for {claim.points.total} hardware points"


def _design_checks(claim: Claim, part: Data) -> Iterator[Check]:
    """Check a design with its totals; stated floats are compared with exact energy units."""
    (hardware,) = claim.points.points.values()
    unit = hardware.energy_unit_pj or Fraction(1, hardware.energy_scale)
    energy, cycles = round(Fraction(part["energy_pj"]) / unit), Fraction(part["latency_cycles"])
    value = {"energy": Fraction(energy), "latency": cycles}[claim.target.objective]
    stated = part | {"problem": claim.data["problem"]}
    yield from check_design(replace(claim, data=stated, certificate={"value": str(value)}), hardware)
    worth = unit if claim.target.objective == "energy" else Fraction(1)
    in_pj = "pJ" if hardware.energy_unit_pj is not None else "MAC energies"
    expected = {
        "name": claim.target.objective,
        "unit": in_pj if claim.target.objective == "energy" else "cycles",
        "value": plain(value * worth),
    }
    faults = list(differences(part["objective"], expected, "objective"))
    faults += [] if part["dram_words"] == off_chip_words(part) else [f"dram_words are {off_chip_words(part)}"]
    faults += [] if part["status"] == EVALUATED else [f"the status is {part['status']}"]
    yield verdict("objective", faults, f"{claim.target.objective} and words off chip follow")
