"""Verification of a result: its numbers by walking the loop nests, its proof by replaying the certificate.

Nothing here searches. The layer bounds are proved again by a search that the caller passes in
(:mod:`optimizer.checker.again`); without one they are named as not checked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from optimizer.architecture.fabric import RESOURCES
from optimizer.bodies.certificates import CERTIFICATE_FORMAT, FRONT_FORMAT
from optimizer.checker.claims.solve import Claim, expected_warnings, hash_of, rebuild, status_of_whole
from optimizer.checker.comparison import beside_checks
from optimizer.checker.design_checks import DESIGN_KEYS, check_design, plain, verdict
from optimizer.checker.dropped_rule import dropped_checks
from optimizer.checker.effort import Effort, Say
from optimizer.checker.endings import ending_faults
from optimizer.checker.front import check_front
from optimizer.checker.front_statements import front_words, question_faults
from optimizer.checker.infeasibility import blame_checks
from optimizer.checker.outcome import Check
from optimizer.checker.replay import REASONS, Replay, replay
from optimizer.checker.searches import Searches
from optimizer.checker.sections import misplaced
from optimizer.checker.serving import expected_serving
from optimizer.checker.staircase import check_staircase, steps_again
from optimizer.checker.stored import StoredResult, as_stored, opened
from optimizer.checker.study_limits import least_checks
from optimizer.checker.unsearched import unsearched_bounds
from optimizer.checker.verification import NUMBERS, WITHOUT_DESIGN, Verification
from optimizer.errors import TilewrightError
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.problem.off_chip import REASON as MEMORY
from optimizer.problem.progress import Progress, Watch
from optimizer.results.formats import SOLVE_FORMAT, STUDY_FORMAT, folder_beside
from optimizer.results.result import Result

DAMAGED = (TilewrightError, KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)

__all__ = ["Check", "Verification", "verify"]


def verify(
    source: str | Path | Result | StoredResult,
    again: Searches | None,
    *,
    thorough: bool = False,
    seed: int | None = None,
    progress: Watch | None = None,
) -> Verification:
    """Check a result by code that imports no search, no pricing and no cost model.

    Parameters
    ----------
    source : str, Path, Result or StoredResult
        A folder with a result, or the result itself.
    again : Searches or None
        Proves again what the bounds rest on; without it that is named as not checked.
    thorough : bool
        Prove every layer bound of the certificate again, not only the design's and a sample of the others.
    seed : int, optional
        Draws the sample; by default one that nobody can foresee.
    progress : callable, optional
        Called with a :class:`Progress` that says what is being checked.

    Returns
    -------
    Verification
        A result that was changed, or is wrong, fails at least one check; a lie in a layer bound does if that layer
        bound is drawn.

    Raises
    ------
    SpecError
        If the folder or one of its files is missing or no result at all.
    """
    started = time.perf_counter()
    result = opened(source)
    effort = Effort.of(result.data, thorough=thorough, seed=seed, say=teller(progress, started))
    checked = NUMBERS if _has_design(result.data) else WITHOUT_DESIGN
    return Verification.of(examine(result, effort, again), effort, started, checked)


def _has_design(data: dict[str, Any]) -> bool:
    """Does a result state a design? Those of a front stand in its study alone."""
    study = data.get("study")
    return bool(data.get("layers") or (isinstance(study, dict) and study.get("designs")))


def teller(progress: Watch | None, started: float) -> Say:
    """A function that passes messages to the progress callback."""

    def say(message: str) -> None:
        if progress is not None:
            progress(Progress(time.perf_counter() - started, message=message))

    return say


def examine(
    result: StoredResult, effort: Effort, again: Searches | None, *, proofs: bool = True, reasons: bool = True
) -> list[Check]:
    """All checks of a result.

    Without `again` nothing is searched, and what that leaves out is named. Without `proofs` it is left out because it
    is proved elsewhere (but a front is checked whole), without `reasons` not why there is no design.
    """
    data, certificate = as_stored(result.data), as_stored(result.certificate)
    checks: list[Check] = []
    step = "problem"
    try:
        if certificate.get("format") == FRONT_FORMAT:
            checks.append(front_words(data, certificate))
            checks += check_front(data, certificate, effort, again) if checks[0].ok else []
            return checks
        claim = rebuild(data, certificate)
        for check in _numbers(claim, effort.say):
            checks.append(check)
            if check.name == "problem" and not check.ok:
                return checks  # the other checks would be about another problem
            step = f"after {check.name}"
        effort.say("replaying the certificate")
        step = "certificate"
        replayed = replay(claim)
        checks += replayed.checks
        step, study = "study", "study" in data
        if study:
            checks.append(verdict("asked", list(question_faults(data)), "the study that the problem asks for"))
            checks += [*check_staircase(claim, _unit(claim)[1]), *least_checks(claim)]
        if proofs and all(check.ok for check in checks):  # a search is slow, and a failed check stays failed
            step = "proof again"
            checks += _proofs(claim, replayed, effort.part(2) if folder_beside(data) else effort, again)
            if study:
                sound = partial(_sound, effort=effort)
                checks.append(steps_again(claim, _unit(claim)[1], effort, again, sound))
        step = "infeasible"
        if reasons and proofs and all(check.ok for check in checks):
            examined = partial(examine, effort=replace(effort, tallies=[]), again=again, reasons=False)
            checks += blame_checks(claim, examined, again, thorough=effort.thorough, say=effort.say)
        step = "comparison"
        beside = StoredResult(data, certificate, result.beside)
        examined = partial(examine, effort=effort, again=again, proofs=proofs)
        checks += [*beside_checks(beside, examined), *dropped_checks(claim, beside, examined)]
    except DAMAGED as error:
        checks.append(damaged(step, error))
    return checks


def _sound(result: StoredResult, effort: Effort) -> bool:
    """True if a result found by a check passes all checks except the proofs."""
    return all(check.ok for check in examine(result, effort, None, proofs=False))


def damaged(step: str, error: Exception) -> Check:
    """The check that an error ended; numbers too large for the integers of a search or of floats decide nothing."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, OverflowError):
        return Check(step, None, f"cannot be decided: {text}")
    return Check(step, False, f"cannot be read: {text}")


def _numbers(claim: Claim, say: Say) -> Iterator[Check]:
    """Compare both files with each other and with the problem, and check the design."""
    data, certificate = claim.data, claim.certificate
    yield verdict("problem", list(_hashes(data, certificate)), f"hash {data['problem_hash'][:16]} recomputed")
    yield verdict("agreement", [*_agreement(claim), *misplaced(data, claim)], "both files and the problem agree")
    if claim.design is not None:
        index = tuple(low for low, _ in claim.design)
        if index not in claim.points.points:
            yield Check("hardware", False, f"entries {index} of the menus are no hardware point of the problem")
            return
        say("walking the loop nests")
        yield from check_design(claim, claim.points.points[index])
        return
    present = [f"{key} without a design" for key in DESIGN_KEYS if key in data]
    if claim.value is not None:
        present.append(f"the objective {claim.value} without a design")
    yield verdict("design", present, "there is none")


def _proofs(claim: Claim, replayed: Replay, effort: Effort, again: Searches | None) -> list[Check]:
    """Layer bounds, and points that rest on more than layer bounds, proved by another route."""
    raised = {*replayed.excluded, *(claim.entries.index(entry) for _, entry in replayed.raised)}
    return unsearched_bounds(claim, effort, raised) if again is None else again.bounds(claim, effort, raised)


def _hashes(data: dict[str, Any], certificate: dict[str, Any]) -> Iterator[str]:
    if certificate["format"] != CERTIFICATE_FORMAT:
        yield f"the certificate's format is {certificate['format']!r}, known is {CERTIFICATE_FORMAT!r}"
    expected = hash_of(data["problem"])
    for name, stated in (("result", data["problem_hash"]), ("certificate", certificate["problem_hash"])):
        if stated != expected:
            yield f"the {name} states the hash {stated}, the problem has {expected}"


def _agreement(claim: Claim) -> Iterator[str]:
    """Compare everything that both files state, or that follows from the problem without walking a loop nest."""
    data, certificate, problem = claim.data, claim.certificate, claim.data["problem"]
    unit, worth = _unit(claim)
    value, bound = claim.value, _bound(claim)
    yield from ending_faults(data, certificate)
    pairs = (
        ("format", data["format"], STUDY_FORMAT if "study" in data else SOLVE_FORMAT),
        ("status", data["status"], status_of_whole(certificate["status"], [claim.network])),
        ("objective.name", data["objective"]["name"], problem["objective"]),
        ("objective of the certificate", certificate["objective"], problem["objective"]),
        ("objective.unit", data["objective"]["unit"], unit),
        ("objective.value", data["objective"]["value"], None if value is None else plain(value * worth)),
        ("objective.bound", data["objective"]["bound"], plain(bound * worth)),
        (
            "objective.gap",
            data["objective"]["gap"],
            None if value is None else float((value - bound) / value) if value else 0.0,
        ),
        ("accounting", data["accounting"], problem["accounting"]),
        ("accounting of the certificate", certificate["accounting"], problem["accounting"]),
        ("space", data["space"], {"text": claim.space, "padding": claim.padding, "reuse": "innermost"}),
        ("space of the certificate", certificate["space"], claim.space),
        ("padding of the certificate", certificate["padding"], claim.padding),
        ("network", data["network"], claim.network.name),
        ("training", data.get("training"), claim.network.training),
        (
            "serving",
            data.get("serving"),
            expected_serving(claim.network, data, joules=claim.some_point.energy_unit_pj is not None),
        ),
        ("architecture", data["architecture"], claim.architecture.name),
        ("warnings", data["warnings"], expected_warnings(claim)),
        (
            "menus of the certificate",
            certificate["menus"],
            {path: list(labels) for path, labels in zip(claim.points.paths, claim.points.labels, strict=True)},
        ),
        (
            "layers of the certificate",
            certificate["layers"],
            [{"name": name, "count": count} for name, count in claim.parts],
        ),
        ("hardware_points", data["hardware_points"], point_counts(claim)),
    )
    for name, stated, expected in pairs:
        if stated != expected:
            yield f"{name} is {stated!r}, it should be {expected!r}"
    if (value is None) != (claim.design is None):
        yield f"the certificate's value is {value}, its design {claim.design}"


def point_counts(claim: Claim) -> dict[str, int]:
    """Number of points by the reason that closed them; a layer that does not fit has an infinite bound."""
    by = {reason: sum(e.points for e in claim.entries if e.by == reason) for reason in REASONS}
    unfit = [entry for entry in claim.entries if entry.by == "infeasible"]
    small = sum(entry.points for entry in unfit if INFEASIBLE_COST in (*entry.energy, *entry.latency))
    device = {} if claim.architecture.plan is None else {"closed_by_device": sum(by[name] for name in RESOURCES)}
    return (
        {
            "total": claim.points.total,
            "closed_by_bound": by["bound"],
            "closed_by_area": by["area"],
            "closed_by_size": small,
            "closed_by_caps": by["infeasible"] - small,
            "solved": by["solved"],
            "open": by["open"],
            "boxes": len(claim.entries),
        }
        | device
        | ({"closed_by_memory": by[MEMORY]} if by[MEMORY] else {})
    )


def _bound(claim: Claim) -> Fraction:
    """The bound of the certificate, at most the value of the design."""
    bound = Fraction(claim.certificate["bound"])
    return bound if claim.value is None else min(bound, claim.value)


def _unit(claim: Claim) -> tuple[str, Fraction]:
    """Unit of the objective, and the size of one integer unit in it."""
    hardware = claim.some_point
    in_pj = hardware.energy_unit_pj
    name = "MAC energies" if in_pj is None else "pJ"
    worth = Fraction(1, hardware.energy_scale) if in_pj is None else in_pj
    return {
        "energy": (name, worth),
        "latency": ("cycles", Fraction(1)),
        "edp": (f"{name} x cycles", worth),
    }[claim.target.objective]
