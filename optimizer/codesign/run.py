"""The typed Python interface of co-design."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from optimizer.architecture.architecture import Architecture
from optimizer.codesign.blame import explain_joint
from optimizer.codesign.explorations import Explorations
from optimizer.codesign.request import Member, Team, prepare_team
from optimizer.codesign.result_data import certificate, result_data
from optimizer.codesign.search import Findings, Search
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.space import Padding
from optimizer.results.result import CodesignResult, Result
from optimizer.results.solve_result import conclude
from optimizer.scaling.pool import Pool
from optimizer.search.infeasibility import patience
from optimizer.search.progress import Watch


def codesign(
    members: Sequence[Member], architecture: Architecture, *, aggregate: str = "geomean", relative: bool = False,
    objective: str = "energy", padding: Padding = "none", time_limit_s: float | None = None, workers: int = 2,
    seed: int = 0, cache_dir: Path | None = None, fusion: Fusion | None = None, pool: Pool | None = None,
    progress: Watch | None = None,
) -> CodesignResult:  # fmt: skip
    """Best hardware of an architecture's menus for several networks, each with its own best mappings, with a proof.

    Parameters
    ----------
    members : sequence of Member
        Networks with weights and caps of their own; their names differ.
    architecture : Architecture
        Its budgets hold for every network.
    aggregate : {"geomean", "weighted", "max"}
        What is minimized, of the objectives of the networks (:mod:`optimizer.problem.aggregate`).
    relative : bool
        Divide every objective by the best that the network has by itself (``weighted`` and ``max``).
    objective : {"energy", "latency", "edp"}
        Of every network.
    padding, seed, cache_dir, fusion
        As for :func:`optimizer.api.solve`.
    time_limit_s : float, optional
        Of the whole run; then the best joint design so far is returned with its bound. Without it, the reason why there
        is no design is sought only for a short while.
    workers : int
        Threads, where there is no pool.
    pool : Pool, optional
        Runs the visits of boxes in other processes.
    progress : callable, optional
        Called with a :class:`Progress` that says which step it is about.

    Returns
    -------
    CodesignResult

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    started = time.perf_counter()
    team = prepare_team(
        members, architecture, aggregate=aggregate, relative=relative, objective=objective, padding=padding,
        cache_dir=cache_dir, fusion=fusion, workers=workers,
    )  # fmt: skip
    deadline = None if time_limit_s is None else started + time_limit_s
    explorations = Explorations(team, workers, deadline, pool, cache_dir)
    found = Search(explorations, started, progress).findings()
    data = result_data(team, found, seed, time.perf_counter() - started)
    faults = [fault for state in (found.joint, *found.alone) if state is not None for fault in state.disagreements]
    if faults:
        data["disagreements"] = list(dict.fromkeys(faults))
    if data["status"] == "INFEASIBLE":
        explorations.deadline = patience(team.sessions, started, deadline)
        data["infeasible"] = explain_joint(explorations, found, workers, started, progress, asked=deadline is not None)
        data["wall_s"] = round(time.perf_counter() - started, 3)
    return CodesignResult(data, certificate(team, found, seed), _on_joint(team, found, seed), _alone(team, found, seed))


def _on_joint(team: Team, found: Findings, seed: int) -> dict[str, Result]:
    """Results of the networks on the joint design; their time is part of the whole."""
    pairs = zip(team.names, found.designs, strict=bool(found.designs))
    return {name: conclude(session, state, seed=seed, wall_s=0.0) for name, (session, state) in pairs}


def _alone(team: Team, found: Findings, seed: int) -> dict[str, Result]:
    rows = zip(team.names, team.sessions, found.alone, found.seconds, strict=True)
    return {name: conclude(session, state, seed=seed, wall_s=wall_s) for name, session, state, wall_s in rows}
