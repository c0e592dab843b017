"""Co-design: one exploration for all networks, and one for each by itself."""

from __future__ import annotations

import time
from dataclasses import replace

from optimizer.multi_network.blame import explain_joint
from optimizer.multi_network.explorations import Explorations
from optimizer.multi_network.request import CodesignRequest, prepare_team
from optimizer.multi_network.result_data import certificate, codesign_body
from optimizer.multi_network.search import Search
from optimizer.problem.status import Status
from optimizer.results.kinds import CodesignResult, SolveResult
from optimizer.results.settled_nests import with_settled_nests
from optimizer.results.solve_result import make_result
from optimizer.scaling.options import Options
from optimizer.search.exploration import Exploration
from optimizer.search.infeasibility import patience
from optimizer.search.prepared_problem import PreparedProblem, begun


def run(request: CodesignRequest, options: Options) -> CodesignResult:
    """Best hardware of an architecture's menus for several networks, each with its own best mappings, with a proof.

    The time limit is that of the whole run; then the best joint design so far is returned with its bound. Without it,
    the reason why there is no design is sought only for a short while.

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    started = time.perf_counter()
    workers, seed, progress = options.workers, options.seed, options.progress
    team = prepare_team(request, cache_dir=options.cache_dir, workers=workers)
    deadline = begun(team.prepared_problems[0], options, started)
    explorations = Explorations(team, workers, deadline, options.pool, options.cache_dir)
    found = Search(explorations, started, progress).findings()
    body = codesign_body(team, found, seed, time.perf_counter() - started)
    if body.status is Status.INFEASIBLE:
        explorations.deadline = patience(team.prepared_problems, started, deadline)
        reason = explain_joint(explorations, found, workers, started, progress, asked=deadline is not None)
        body = replace(body, infeasible=reason, wall_s=round(time.perf_counter() - started, 3))
    on_joint = {
        name: _result(prepared, state, deadline, seed, 0.0)  # its time is part of the whole
        for name, (prepared, state) in zip(team.names, found.designs, strict=bool(found.designs))
    }
    rows = zip(team.names, team.prepared_problems, found.alone, found.seconds, strict=True)
    alone = {name: _result(prepared, state, deadline, seed, wall_s) for name, prepared, state, wall_s in rows}
    return CodesignResult(body, certificate(team, found, seed), networks=on_joint, alone=alone)


def _result(
    prepared: PreparedProblem, state: Exploration, deadline: float | None, seed: int, wall_s: float
) -> SolveResult:
    """The result of one network."""
    return make_result(prepared, with_settled_nests(prepared, state, deadline), seed=seed, wall_s=wall_s)
