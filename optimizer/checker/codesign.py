"""Verification of a co-design: its networks as results of their own, its proof by replaying the joint certificate.

Nothing here searches; see :mod:`optimizer.checker.solve`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from optimizer.checker.bound_weights import EXCLUDED, Bearing
from optimizer.checker.claims.codesign import JointClaim, rebuild_joint
from optimizer.checker.claims.solve import Claim, rebuild
from optimizer.checker.codesign_infeasibility import joint_blame_checks, with_reason
from optimizer.checker.codesign_numbers import hash_faults, number_faults, own_value, problem_faults
from optimizer.checker.design_checks import plain, verdict
from optimizer.checker.effort import Effort, ProofTally, Route, Say
from optimizer.checker.outcome import Check, left_out, not_searched
from optimizer.checker.replay import Replay, replay
from optimizer.checker.searches import Searches
from optimizer.checker.solve import DAMAGED, damaged, examine, teller
from optimizer.checker.stored import StoredCodesign, StoredResult, as_stored, opened_codesign
from optimizer.checker.unsearched import unsearched_bounds
from optimizer.checker.verification import Verification
from optimizer.problem.progress import Watch
from optimizer.results.kinds import CodesignResult

CELLS = "cells of the cross table"
CHECKED = "numbers of all networks, budgets, boxes and totals"


def verify_joint(
    source: str | Path | CodesignResult | StoredCodesign,
    again: Searches | None,
    *,
    thorough: bool = False,
    seed: int | None = None,
    progress: Watch | None = None,
) -> Verification:
    """Check a co-design by code that imports no search, no pricing and no cost model; parameters as of
    :func:`optimizer.checker.solve.verify`."""
    started = time.perf_counter()
    result = _as_stored(opened_codesign(source))
    effort = Effort.of(result.data, thorough=thorough, seed=seed, say=teller(progress, started))
    checks: list[Check] = []
    step = "problem"
    try:
        claim = rebuild_joint(result)
        checks.append(verdict("problem", list(hash_faults(claim)), f"hash {result.data['problem_hash'][:16]} again"))
        if not checks[0].ok:
            return Verification.of(checks, effort, started, CHECKED)  # the other checks would be about another problem
        checks.append(verdict("one chip", list(problem_faults(claim)), "the networks share architecture and budgets"))
        step = "networks"
        checks += _single_results(claim, effort, again)
        step = "agreement"
        checks.append(verdict("agreement", list(number_faults(claim)), "all numbers follow from the exact ones"))
        checks.append(verdict("cross table", list(_cross_faults(claim)), "designs and exact values as in the results"))
        step = "certificate"
        replayed = _replayed(claim, effort.say)
        checks += replayed.checks
        if all(check.ok is not False for check in checks):  # a search is slow, and a failed check stays failed
            step = "proof again"
            checks += _proofs(claim, replayed, effort, again)
            step = "infeasible"
            checks += joint_blame_checks(claim, again, thorough=effort.thorough, say=effort.say)
    except DAMAGED as error:
        checks.append(damaged(step, error))
    return Verification.of(checks, effort, started, CHECKED)


def _as_stored(result: StoredCodesign) -> StoredCodesign:
    """The result as read back from its files."""

    def results(found: dict[str, StoredResult]) -> dict[str, StoredResult]:
        return {name: StoredResult(as_stored(one.data), as_stored(one.certificate)) for name, one in found.items()}

    return StoredCodesign(
        as_stored(result.data),
        as_stored(result.certificate),
        networks=results(result.networks),
        alone=results(result.alone),
    )


def _single_results(claim: JointClaim, effort: Effort, again: Searches | None) -> Iterator[Check]:
    """Check the result of every network on the joint design, and by itself. The joint certificate covers the proofs of
    the former.
    """
    for number, name in enumerate(claim.names):
        problem = claim.result.data["problem"]["networks"][number]
        alone = claim.result.alone[name]
        faults = [] if alone.data["problem"] == problem else ["its problem is another"]
        part = effort.part(2 * len(claim.names) - number)  # as much again for the joint certificate
        found = examine(with_reason(claim, name), part.about(f"{name} alone"), again)
        yield _summed(f"{name} alone", faults, found)
        yield from left_out(found, f"{name} alone")
        if claim.whole.design is None:
            continue
        there = claim.result.networks[name]
        faults = list(_point_faults(claim, problem, there))
        found = examine(there, effort.about(f"{name} on the joint design"), again, proofs=effort.thorough)
        yield _summed(f"{name} on the joint design", faults, found)
        yield from left_out(found, f"{name} on the joint design")
    extra = set(claim.result.networks) - set(claim.names if claim.whole.design is not None else ())
    if extra:
        yield Check("networks", False, f"results without a design: {', '.join(sorted(extra))}")


def _point_faults(claim: JointClaim, problem: object, there: StoredResult) -> Iterator[str]:
    """The problem of a network on the joint design is its own problem, restricted to the joint hardware point."""
    assert claim.whole.design is not None and isinstance(problem, dict)
    stated = there.data["problem"]
    for key in {*problem, *stated} - {"architecture"}:
        if problem.get(key) != stated.get(key):
            yield f"its {key} is another"
    points = list(rebuild(there.data, there.certificate).points.points.values())
    if points != [claim.whole.points.points[tuple(low for low, _ in claim.whole.design)]]:
        yield "its hardware is not the joint design"


def _summed(name: str, faults: list[str], checks: list[Check]) -> Check:
    """The checks of one result as one."""
    faults = faults + [f"{check.name}: {check.detail}" for check in checks if check.ok is False]
    unsettled = [f"{check.name}: {check.detail}" for check in checks if check.ok is None]
    if unsettled and not faults:
        return Check(name, None, "; ".join(unsettled))
    return verdict(name, faults, f"all {len(checks)} checks of a result pass")


def _cross_faults(claim: JointClaim) -> Iterator[str]:
    """The columns are the joint design and those of the single networks; their exact values are in the results."""
    owners: dict[tuple[int, ...], list[str]] = {}
    for name in claim.names:
        design = claim.result.alone[name].certificate["design"]
        if design is not None:
            owners.setdefault(tuple(design), []).append(name)
    hopeless = any(claim.result.alone[name].data["status"] == "INFEASIBLE" for name in claim.names)
    expected = [] if hopeless else [(tuple(names), point) for point, names in owners.items()]
    if claim.whole.design is not None:
        expected.insert(0, ((), tuple(low for low, _ in claim.whole.design)))
    stated = [(column.made_for, tuple(low for low, _ in column.box)) for column in claim.columns]
    if stated != expected:
        yield f"the designs are {stated}, they should be {expected}"
        return
    for column in claim.columns:
        for name, one, cell in zip(claim.names, claim.claims, column.cells, strict=True):
            result = None
            if not column.made_for:
                result = claim.result.networks[name]
            elif name in column.made_for and cell != "UNKNOWN":
                result = claim.result.alone[name]
            if result is not None and not _same_design(cell, result, one):
                yield f"{name}: the cross table has {cell}, its result another design"
            own = own_value(claim.result.alone[name])
            optimal = claim.result.alone[name].certificate["status"] == "OPTIMAL"
            if optimal and own is not None and not isinstance(cell, str) and one.target.value(*cell) < own:
                yield f"{name}: {cell} is better than its own optimum {own}"


def _same_design(cell: tuple[int, int] | str, result: StoredResult, claim: Claim) -> bool:
    """Are these the energy, the cycles and the objective of a result?"""
    if isinstance(cell, str):
        return False
    energy_pj, cycles = claim.some_point.energy_pj(cell[0]), plain(claim.target.cycles(*cell))
    stated = (result.data["energy_pj"], result.data["latency_cycles"], own_value(result))
    return stated == (energy_pj, cycles, claim.target.value(*cell))


def _replayed(claim: JointClaim, say: Say) -> Replay:
    """Replay the joint certificate. Without boxes it rests on a network that is infeasible by itself, or proves
    nothing.
    """
    say("replaying the joint certificate")
    status = claim.result.certificate["status"]
    hopeless = any(claim.result.alone[name].data["status"] == "INFEASIBLE" for name in claim.names)
    if claim.whole.entries:
        found = replay(claim.whole, claim.claims, claim.join)
        feasible = Check("single networks", not hopeless, "each has a design by itself, or its search was stopped")
        return replace(found, checks=(*found.checks, feasible))
    bare = [claim.result.certificate[key] for key in ("value", "design", "master_optimum")] == [None] * 3
    fine = bare and claim.result.certificate["bound"] == "0" and status == ("INFEASIBLE" if hopeless else "UNKNOWN")
    return Replay((Check("status", fine, f"{status} without a joint exploration"),))


def _proofs(claim: JointClaim, replayed: Replay, effort: Effort, again: Searches | None) -> Iterator[Check]:
    """Prove layer bounds by another method, and bounds of points that do not follow from them; solve cells of the cross
    table again.
    """
    parts = len(claim.names) + 1
    for number, (name, one) in enumerate(zip(claim.names, claim.claims, strict=True)):
        part = effort.part(parts - number).about(name)
        raised = [one.entries.index(entry) for network, entry in replayed.raised if network == number]
        if again is None:
            yield from left_out(unsearched_bounds(one, part, raised, replayed.excluded), name)
        else:
            found = again.bounds(one, part, raised, replayed.excluded)
            yield from (check._replace(name=f"{check.name}, {name}") for check in found)
    if replayed.excluded and again is not None:
        yield again.excluded(claim, replayed.excluded, effort.part(2))
    elif replayed.excluded:
        whole = len(claim.names) * Bearing(claim.whole).of(replayed.excluded)
        effort.record(ProofTally(EXCLUDED, len(replayed.excluded), whole=whole))
        yield not_searched(f"certificate.json: {len(replayed.excluded)} {EXCLUDED}")
    yield _cells_again(claim, effort, again)


def _cells_again(claim: JointClaim, effort: Effort, again: Searches | None) -> Check:
    """Solve networks on the designs of other networks again with fresh tables: all, or as many as the time allows."""
    cells = [
        (column, n)
        for column in claim.columns
        for n, name in enumerate(claim.names)
        if column.made_for and name not in column.made_for and column.cells[n] != "UNKNOWN"
    ]
    effort.random("cells").shuffle(cells)
    if effort.thorough:  # one network after the other: only its tables are kept
        cells.sort(key=lambda cell: cell[1])
    if again is None:
        effort.record(ProofTally(CELLS, len(cells), {Route.SEARCH: 0}))
        return not_searched(f"result.json: {len(cells)} {CELLS}")
    solved = again.cells(claim.result.data["problem"]["networks"], keep=not effort.thorough)
    faults, done = [], 0
    for column, n in cells:
        if done and effort.left_s <= 0:
            break
        effort.say(f"solving cell {done + 1} of {len(cells)} of the cross table again")
        cell, found = column.cells[n], solved(n, column.box) or "INFEASIBLE"
        if found != cell:
            faults.append(f"{claim.names[n]} on {column.box}: {found}, the table has {cell}")
        done += 1
    effort.record(ProofTally(CELLS, len(cells), {Route.SEARCH: done - len(faults)}))
    return verdict("cross table again", faults, f"{done} of {len(cells)} cells solved again")
