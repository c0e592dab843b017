"""Branch and bound whose visits are tasks: any process may run them, and the store keeps what they found.

Every round visits the same number of boxes, whoever runs the tasks; all visits of a round know the designs of the
rounds before it. So the answer, and the boxes that prove it, are the same for any number of processes.
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
from optimizer.search.box_visit import BoxNode, Visit, Visitor
from optimizer.search.branch_and_bound import Asked, Explorer, Report
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Archive
from optimizer.search.point_solver import Pick
from optimizer.search.session import Session, restore
from optimizer.store.store import Store

WIDTH = 6
"""Boxes visited in a round."""

Problem = dict[str, Any]


def explore_spread(
    problems: Sequence[Problem],
    *,
    pool: Pool,
    aggregate: Aggregate | None = None,
    archive: Archive | None = None,
    cache_dir: Path | None = None,
    time_limit_s: float | None = None,
    within: Box | None = None,
    report: Report | None = None,
) -> Exploration:
    """Explore the menus that several networks share.

    Parameters
    ----------
    problems : sequence of dict
        :attr:`Session.problem` of every network; architecture and accounting are those of the first.
    pool : Pool
        Runs the visits.
    aggregate : Aggregate, optional
        Needed for more than one network.
    archive : Archive, optional
        What is kept of the designs; by default the best one. The picks of designs hold no prices.
    cache_dir : Path, optional
        Folder of the store.
    time_limit_s : float, optional
    within : Box, optional
        Only the points of this box.
    report : callable, optional
        Called after every round.
    """
    aggregate = aggregate or Aggregate()
    sessions = [_session(_text(problem), None) for problem in problems]
    shared = joint_problem(problems, aggregate)
    deadline = None if time_limit_s is None else time.perf_counter() + time_limit_s

    def visits(asked: Sequence[Asked]) -> Iterator[Visit | None]:
        seconds = None if deadline is None else max(0.0, deadline - time.perf_counter())
        payloads = [visit_payload(shared, node, limit, seconds) for node, limit in asked]
        return run_visits(payloads, pool, cache_dir, store)

    first = sessions[0]
    caps = [session.area_cap_um2 for session in sessions if session.area_cap_um2 is not None]
    explorer = Explorer(
        [session.part for session in sessions],
        first.points,
        min(caps, default=None),
        aggregate,
        limits=first.resource_caps,
        archive=archive,
        within=within,
        visits=visits,
        width=WIDTH,
    )
    with closing(Store(cache_dir)) as store:
        return explorer.run(deadline=deadline, report=report)


def joint_problem(problems: Sequence[Problem], aggregate: Aggregate) -> Problem:
    """What the visits of an exploration share: the problems of its networks, and how their objectives become one."""
    return {"networks": list(problems), "aggregate": aggregate.kind, "weights": [str(w) for w in aggregate.weights]}


def visit_payload(shared: Problem, node: BoxNode, limit: Fraction | None, seconds: float | None) -> Payload:
    """The visit of a box as :func:`visit_box` takes it; `shared` is a :func:`joint_problem`."""
    return {
        "problem": shared,
        "box": [list(side) for side in node.box],
        "energy": node.energy,
        "latency": node.latency,
        "limit": None if limit is None else str(limit),
        "time_limit_s": seconds,
        "tight": node.tight,
    }


def run_visits(
    payloads: Sequence[Payload], pool: Pool, cache_dir: Path | None, store: Store | None = None
) -> Iterator[Visit | None]:
    """Run :func:`visit_box` on a pool: outcomes in order, None where the time ran out; the picks hold no prices."""
    return map(_visit, run_tasks("visit", visit_box, payloads, pool=pool, cache_dir=cache_dir, store=store))


def visit_box(payload: Payload, cache_dir: Path | None) -> Outcome:
    """The visit of one box as a task; ``complete`` is false if its time ran out."""
    seconds, stop = payload["time_limit_s"], Stop()
    if seconds is not None and seconds <= 0:
        return {"complete": False}
    visitor = _visitor(_text(payload["problem"]), cache_dir)
    for part in visitor.parts:
        for pricer in part.pricers:
            pricer.stop = stop
    box = tuple((low, high) for low, high in payload["box"])
    node = BoxNode(Fraction(0), 0, box, payload["energy"], payload["latency"], tight=payload["tight"])
    limit = payload["limit"]
    try:
        with stop.after(seconds):
            found = visitor.visit(node, None if limit is None else Fraction(limit))
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


def _visit(outcome: Outcome) -> Visit | None:
    if not outcome["complete"]:
        return None
    picks = outcome["picks"]
    return Visit(
        outcome["by"],
        tuple(map(Fraction, outcome["bounds"])),
        outcome["energy"],
        outcome["latency"],
        None if picks is None else tuple(Pick(energy, latency, ()) for energy, latency in picks),
    )


def _text(problem: Problem) -> str:
    return json.dumps(problem, sort_keys=True)


@lru_cache(maxsize=32)
def _session(text: str, cache_dir: Path | None) -> Session:
    return restore(json.loads(text), cache_dir)


@lru_cache(maxsize=4)
def _visitor(text: str, cache_dir: Path | None) -> Visitor:
    """Kept from one task to the next, with the tables of its layers."""
    problem = json.loads(text)
    sessions = [_session(_text(network), cache_dir) for network in problem["networks"]]
    aggregate = Aggregate(problem["aggregate"], tuple(map(Fraction, problem["weights"])))
    return Visitor([session.part for session in sessions], sessions[0].points, aggregate)
