"""Branch and bound whose evaluations of boxes are tasks: any process may run them, and the store caches their outcomes.

Every round evaluates the same number of boxes, whoever runs the tasks; all evaluations of a round use the incumbents of
the rounds before it. So the optimum and its certificate are the same for any number of processes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from formulations.stop import Stop, StoppedError
from optimizer.architecture.boxes import Box
from optimizer.problem.aggregate import Aggregate
from optimizer.scaling.pool import Outcome, Payload, Pool
from optimizer.scaling.tasks import run_tasks
from optimizer.search.box_evaluation import BoxEvaluation, BoxEvaluator, OpenBox
from optimizer.search.branch_and_bound import Asked, Explorer, Report
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Incumbents
from optimizer.search.point_solver import Pick
from optimizer.search.prepared_problem import PreparedProblem, prepare_again
from optimizer.store.store import Store

WIDTH = 6
"""Boxes evaluated in a round."""

Problem = dict[str, Any]


def explore_spread(
    problems: Sequence[Problem],
    *,
    pool: Pool,
    aggregate: Aggregate | None = None,
    incumbents: Incumbents | None = None,
    cache_dir: Path | None = None,
    time_limit_s: float | None = None,
    within: Box | None = None,
    report: Report | None = None,
) -> Exploration:
    """Explore the menus that several networks share.

    Parameters
    ----------
    problems : sequence of dict
        :attr:`PreparedProblem.problem` of every network; architecture and accounting are those of the first.
    pool : Pool
        Runs the evaluations.
    aggregate : Aggregate, optional
        Needed for more than one network.
    incumbents : Incumbents, optional
        Which designs are kept; by default the best one. The picks of designs hold no prices.
    cache_dir : Path, optional
        Folder of the store.
    time_limit_s : float, optional
    within : Box, optional
        Only the points of this box.
    report : callable, optional
        Called after every round.
    """
    aggregate = aggregate or Aggregate()
    prepared_problems = [_prepared(_text(problem), None) for problem in problems]
    shared = joint_problem(problems, aggregate)
    deadline = None if time_limit_s is None else time.perf_counter() + time_limit_s

    def evaluations(asked: Sequence[Asked]) -> Iterator[BoxEvaluation | None]:
        seconds = None if deadline is None else max(0.0, deadline - time.perf_counter())
        payloads = [evaluation_payload(shared, open_box, limit, seconds) for open_box, limit in asked]
        return run_evaluations(payloads, pool, cache_dir, store)

    first = prepared_problems[0]
    caps = [prepared.area_cap_um2 for prepared in prepared_problems if prepared.area_cap_um2 is not None]
    explorer = Explorer(
        [prepared.network_bounds for prepared in prepared_problems],
        first.points,
        min(caps, default=None),
        aggregate,
        limits=first.resource_caps,
        incumbents=incumbents,
        within=within,
        evaluations=evaluations,
        width=WIDTH,
    )
    with closing(Store(cache_dir)) as store:
        return explorer.run(deadline=deadline, report=report)


def joint_problem(problems: Sequence[Problem], aggregate: Aggregate) -> Problem:
    """Payload that all evaluations of an exploration share: the problems of its networks and the aggregate of their
    objectives.
    """
    return {"networks": list(problems), "aggregate": aggregate.kind, "weights": [str(w) for w in aggregate.weights]}


def evaluation_payload(shared: Problem, open_box: OpenBox, limit: Fraction | None, seconds: float | None) -> Payload:
    """Payload of the evaluation of a box (:func:`evaluate_box`); `shared` is a :func:`joint_problem`."""
    return {
        "problem": shared,
        "box": [list(side) for side in open_box.box],
        "energy": open_box.energy,
        "latency": open_box.latency,
        "limit": None if limit is None else str(limit),
        "time_limit_s": seconds,
        "tight": open_box.tight,
    }


def run_evaluations(
    payloads: Sequence[Payload], pool: Pool, cache_dir: Path | None, store: Store | None = None
) -> Iterator[BoxEvaluation | None]:
    """Run :func:`evaluate_box` on a pool: outcomes in order, None where the time ran out; the picks hold no prices."""
    return map(_evaluation, run_tasks("visit", evaluate_box, payloads, pool=pool, cache_dir=cache_dir, store=store))


def evaluate_box(payload: Payload, cache_dir: Path | None) -> Outcome:
    """The evaluation of one box as a task; ``complete`` is false if its time ran out."""
    seconds, stop = payload["time_limit_s"], Stop()
    if seconds is not None and seconds <= 0:
        return {"complete": False}
    evaluator = _evaluator(_text(payload["problem"]), cache_dir)
    for network in evaluator.networks:
        for pricer in network.pricers:
            pricer.stop = stop
    box = tuple((low, high) for low, high in payload["box"])
    open_box = OpenBox(Fraction(0), ((), ()), 0, box, payload["energy"], payload["latency"], tight=payload["tight"])
    limit = payload["limit"]
    try:
        with stop.after(seconds):
            found = evaluator.evaluate(open_box, None if limit is None else Fraction(limit))
    except StoppedError:
        return {"complete": False}
    picks = None if found.picks is None else [[pick.energy, pick.latency] for pick in found.picks]
    return {
        "complete": True,
        "by": found.by,
        "bounds": [str(bound) for bound in found.bounds],
        "energy": found.energy,
        "latency": found.latency,
        "picks": picks,
    }


def _evaluation(outcome: Outcome) -> BoxEvaluation | None:
    if not outcome["complete"]:
        return None
    picks = outcome["picks"]
    return BoxEvaluation(
        outcome["by"],
        tuple(map(Fraction, outcome["bounds"])),
        outcome["energy"],
        outcome["latency"],
        None if picks is None else tuple(Pick(energy, latency, ()) for energy, latency in picks),
    )


def _text(problem: Problem) -> str:
    return json.dumps(problem, sort_keys=True)


@lru_cache(maxsize=32)
def _prepared(text: str, cache_dir: Path | None) -> PreparedProblem:
    return prepare_again(json.loads(text), cache_dir)


@lru_cache(maxsize=4)
def _evaluator(text: str, cache_dir: Path | None) -> BoxEvaluator:
    """The evaluator of a problem, cached from one task to the next with the tables of its layers."""
    problem = json.loads(text)
    prepared_problems = [_prepared(_text(network), cache_dir) for network in problem["networks"]]
    aggregate = Aggregate(problem["aggregate"], tuple(map(Fraction, problem["weights"])))
    return BoxEvaluator(
        [prepared.network_bounds for prepared in prepared_problems], prepared_problems[0].points, aggregate
    )
