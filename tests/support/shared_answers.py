"""Proofs and searches that several tests ask for are made once: the same question about a layer has the same answer.

CP-SAT decides a statement with one thread and a fixed seed, the checker's own search and the shortest path are exact,
so the answers depend on the question alone. Many tests solve the same few problems, and verify results of them, each
with something else changed in it; every verification asks again about the untouched rest. Only what is decided is kept,
for the time of the test run, in memory. Test modules that import a function by its name are not served: they test the
function itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from formulations.cp_sat import SolverStatus
from optimizer.checker.again.nest_graph import Verdict

PLACES = (
    ("optimizer.checker.again.statements", "decide_floor"),
    ("optimizer.checker.again.statements", "find_below"),
    ("formulations.shortest_path.solve", "solve"),
)
"""What is shared: functions by the modules through which they are called."""
ASIDE = ("time_limit_s", "floors", "stop")
"""Parameters that an answer does not depend on."""
UNDECIDED = {SolverStatus.UNKNOWN, Verdict.UNDECIDED}


def share() -> None:
    """Let tests in this process share answers of what is loaded."""
    for place, name in PLACES:
        module: Any = sys.modules.get(place)
        if module is not None and not hasattr(getattr(module, name), "__wrapped__"):
            setattr(module, name, remembered(getattr(module, name)))


def remembered(ask: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is called once for equal questions; what ran out of time, or is to stop, is asked again."""
    known: dict[Any, Any] = {}

    @wraps(ask)
    def asked(*question: Any, **more: Any) -> Any:
        key = question, tuple(sorted((name, value) for name, value in more.items() if name not in ASIDE))
        stop = more.get("stop")
        if key not in known or (stop is not None and stop.requested):
            answer = ask(*question, **more)
            if UNDECIDED & {getattr(answer, "status", None), getattr(answer, "verdict", None)}:
                return answer
            known[key] = answer
        return known[key]

    return asked
