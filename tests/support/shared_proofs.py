"""Proofs that several tests ask for are made once: the same statement about a layer has the same answer.

CP-SAT decides a statement with one thread and a fixed seed, so its answer depends on the statement alone. Many tests
verify the same few results, each with something else changed in it, and every verification proves the statements of
the untouched rest again. Only decided answers are kept, for the time of the test run, in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from formulations.layer.solver import LayerOutcome, SolverStatus

PLACE = "optimizer.checker.again.statements"
UNDECIDED = SolverStatus.UNKNOWN


def share() -> None:
    """Let verifications in this process share their proofs, if any of them is loaded."""
    statements: Any = sys.modules.get(PLACE)
    if statements is not None and not hasattr(statements.find_below, "__wrapped__"):
        statements.find_below = remembered(statements.find_below)


def remembered(decide: Callable[..., LayerOutcome]) -> Callable[..., LayerOutcome]:
    """A decision that is made once for equal arguments, however long it may take; none is kept that ran out of time."""
    known: dict[Any, LayerOutcome] = {}

    @wraps(decide)
    def asked(*statement: Any, time_limit_s: float | None = None, **more: Any) -> LayerOutcome:
        key = statement, tuple(sorted(more.items()))
        if key not in known:
            outcome = decide(*statement, time_limit_s=time_limit_s, **more)
            if outcome.status is UNDECIDED:
                return outcome
            known[key] = outcome
        return known[key]

    return asked
