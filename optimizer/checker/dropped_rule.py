"""Check of what a constraint on mappings costs: the result without it is checked as a result of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from optimizer.checker.claims.solve import Claim
from optimizer.checker.comparison import as_one, figures
from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.outcome import Check
from optimizer.checker.stored import StoredResult

Data = dict[str, Any]
Examine = Callable[[StoredResult], list[Check]]
NAMES = ("objective", "energy_pj", "latency_cycles", "dram_words")


def dropped_checks(claim: Claim, result: StoredResult, examine: Examine) -> Iterator[Check]:
    """All checks of the section ``dropped``; none if the problem does not ask for it.

    Parameters
    ----------
    claim : Claim
        Of the result.
    result : Result
        With the result without the constraint beside it.
    examine : callable
        All checks of a result.
    """
    if "dropped" not in result.data["problem"]:
        return
    if "dropped" not in result.data or result.beside is None:
        yield Check("dropped", False, "the result without the constraint, which the problem asks for, is missing")
        return
    yield verdict("dropped", list(_faults(claim, result, result.beside)), "figures of both results, and what follows")
    yield from as_one("without the constraint", examine(result.beside))


def _faults(claim: Claim, result: StoredResult, beside: StoredResult) -> Iterator[str]:
    title = result.data["problem"]["dropped"]
    if [one.title for one in claim.rules].count(title) != 1:
        yield f"there is no constraint {title} on mappings"
        return
    if beside.data["problem"] != _without(claim, result.data["problem"]):
        yield "the result beside it is not about the problem without the constraint"
    kept, free = figures(result.data), figures(beside.data)
    increase = {name: _increase(free[name], kept[name]) for name in NAMES}
    settled = free["status"] == "OPTIMAL" and kept["status"] in ("OPTIMAL", "INFEASIBLE")
    binds = result.certificate["value"] != beside.certificate["value"] if settled else None
    expected = {"constraint": title, "kept": kept, "without": free, "increase": increase, "binds": binds}
    yield from differences(result.data["dropped"], expected, "dropped")


def _without(claim: Claim, problem: Data) -> Data:
    """The problem without the constraint; the rules of the architecture come first, then those of the network."""
    found = {key: value for key, value in problem.items() if key != "dropped"}
    number = [one.title for one in claim.rules].index(problem["dropped"])
    own = len(claim.architecture.mapping)
    part, place = ("architecture", number) if number < own else ("network", number - own)
    rules = [rule for n, rule in enumerate(problem[part]["mapping"]) if n != place]
    changed = {key: value for key, value in problem[part].items() if key != "mapping"}
    return found | {part: changed | ({"mapping": rules} if rules else {})}


def _increase(without: float | None, kept: float | None) -> float | None:
    return None if without is None or kept is None or not without else kept / without - 1
