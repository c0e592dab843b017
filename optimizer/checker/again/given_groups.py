"""Check of user-given groups: they are read again from the problem, and their loop nests are searched again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optimizer.checker.claims.solve import Claim
from optimizer.checker.evaluation import BEFORE
from optimizer.files.records import to_json
from optimizer.given_groups.evaluate import evaluate_groups
from optimizer.given_groups.reader import parse_groups

Data = dict[str, Any]
SEARCHED = ("energy_pj", "latency_cycles", "dram_words")


def group_faults(claim: Claim) -> Iterator[str]:
    """Groups of an evaluation that differ from those of its problem."""
    stated, given = (
        parse_groups({"groups": groups}, claim.network) for groups in (claim.data["groups"], _given(claim))
    )
    for number, (one, other) in enumerate(zip(stated, given, strict=False)):
        if (one.group.members, one.frame.tiling.cut, one.choice) != (
            other.group.members,
            other.frame.tiling.cut,
            other.choice,
        ):
            yield f"groups[{number}] is not the one of the problem"
    if len(stated) != len(given):
        yield f"{len(stated)} groups, the problem has {len(given)}"


def nest_faults(claim: Claim) -> Iterator[str]:
    """Loop nests that differ from those that the same search finds with fresh tables."""
    problem = claim.data["problem"]
    evaluated = evaluate_groups(
        claim.network, claim.architecture, {"groups": _given(claim)}, objective=problem["objective"]
    )
    found = to_json(evaluated)
    for label, stated, other in (("", claim.data, found), (f"{BEFORE}: ", claim.data[BEFORE], found[BEFORE])):
        yield from (
            f"{label}{key} is {stated[key]}, the best loop nests make {other[key]}"
            for key in SEARCHED
            if stated[key] != other[key]
        )


def _given(claim: Claim) -> list[Data]:
    groups: list[Data] = claim.data["problem"]["groups"]
    return groups
