"""Results of problems with constraints on the sizes, and lies about the constraints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.constrain import with_constraints
from optimizer.checker.stored import StoredResult
from optimizer.problem.space import constraints_text
from tests.support import stored_results as api

from . import problems
from .design_lies import DESIGN_LIES
from .forger import Forgery
from .proof_lies import PROOF_LIES, Lie

PRODUCT, SQUARE, NEVER = "array.x * GLB.size >= 16 words", "array.x == array.y", "array.x == 3"


@cache
def constrained() -> StoredResult:
    """One combination of four is no point."""
    return _solved(PRODUCT)


@cache
def barred() -> StoredResult:
    """No combination is a point."""
    return _solved(NEVER, PRODUCT)


def _solved(*constraints: str) -> StoredResult:
    return api.solve(problems.network(), _chip(constraints), objective="energy", workers=1)


def _chip(constraints: Sequence[str]) -> Architecture:
    return with_constraints(problems.architecture(), constraints) if constraints else problems.architecture()


def other_constraints(f: Forgery) -> bool:
    """Another problem, whose space both files state as it should be."""
    stated = f.data["problem"]["architecture"]["constraints"]
    others = [found for found in ([], [PRODUCT], [SQUARE], [SQUARE, PRODUCT]) if found != stated]
    f.data["problem"]["architecture"]["constraints"] = chosen = f.random.choice(others)
    before, after = (constraints_text(_chip(found), ()) for found in (stated, chosen))
    f.data["space"]["text"] = f.data["space"]["text"].removesuffix(before) + after
    f.certificate["space"] = f.certificate["space"].removesuffix(before) + after
    f.rehash()
    return True


def other_blame(f: Forgery) -> bool:
    """More, fewer or other constraints are to blame."""
    reason = f.data["infeasible"]
    sets: list[list[str]] = [[], [NEVER], [PRODUCT], [NEVER, PRODUCT]]
    name = f.random.choice(["constraints", "removable"])
    reason[name] = f.random.choice([found for found in sets if found != reason[name]])
    return True


def other_counts(f: Forgery) -> bool:
    """The points that break a constraint are counted."""
    f.data["hardware_points"]["total"] += 1
    return True


CONSTRAINED_KINDS = {"constrained": constrained}
CONSTRAINED_LIES: list[Lie] = [*PROOF_LIES, *DESIGN_LIES, other_constraints, other_counts]
BARRED_KINDS = {"barred": barred}
BARRED_LIES: list[Lie] = [other_constraints, other_blame, other_counts]
