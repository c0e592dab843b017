"""A second, plain search over every nest of a layer, which proves layer bounds: no nest costs less than a
value.

It is written from the definition of a nest and its cost alone (:mod:`formulations.nest_check`,
:mod:`formulations.nest_cost`), and shares nothing with :mod:`formulations.shortest_path` but the data types. Nests grow
outside in, node by node (:mod:`kernels.step`); the cost of a node is known where it is placed. Four rules leave out
what cannot be needed: bounds (:mod:`potential`), places of loops (:mod:`canonical`), dominance (:mod:`dominance`) and
fan-outs in groups (:mod:`groups`). What is left at the end is counted again, exactly, from the nest itself.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from formulations.faults import FaultError
from formulations.nest import Nest
from formulations.nest_check import is_nest_of
from formulations.nest_rules import NO_RULES
from formulations.problem import LayerProblem
from formulations.stop import Stop
from optimizer.checker.again.nest_graph.criteria import criteria_of
from optimizer.checker.again.nest_graph.layer import layer_of
from optimizer.checker.again.nest_graph.magnitudes import in_range
from optimizer.checker.again.nest_graph.places import machines
from optimizer.checker.again.nest_graph.rules import ALL_RULES, GaveUpError, Rules

__all__ = ["ALL_RULES", "Found", "Rules", "Verdict", "decide_floor"]

COMPILER = ("numba", "llvmlite")


class Verdict(Enum):
    """Of a layer bound."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Found:
    """What a search says of a layer bound: a nest below it refutes it. `labels` are partial nests that were seen."""

    verdict: Verdict
    nest: Nest | None = None
    labels: int = 0


def decide_floor(
    problem: LayerProblem,
    objective: Literal["energy", "latency"],
    value: int,
    *,
    latency_cap: int | None = None,
    time_limit_s: float = math.inf,
    stop: Stop | None = None,
    rules: Rules = ALL_RULES,
) -> Found:
    """Does no nest have an objective below a value?

    Parameters
    ----------
    problem : LayerProblem
        Undecided with rules for nests, with numbers beyond 64 bits, and without the package that compiles kernels.
    objective : {"energy", "latency"}
        Energy includes leakage.
    value : int
        Energy or latency units.
    latency_cap : int, optional
        Of nests of at most this latency (latency units).
    time_limit_s : float
        Undecided if that is not enough.
    stop : Stop, optional
        Through which another thread may end the search; then it is undecided.
    rules : Rules
        Pruning rules in use.

    Raises
    ------
    FaultError
        If a nest that it made is none of the layer.
    """
    until, stop = time.perf_counter() + time_limit_s, stop or Stop()
    if problem.rules != NO_RULES or not in_range(problem):
        return Found(Verdict.UNDECIDED)
    try:
        from optimizer.checker.again.nest_graph.search import Search  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in COMPILER:
            raise
        return Found(Verdict.UNDECIDED)
    criteria, labels = criteria_of(problem, objective, value, latency_cap), 0
    layer = layer_of(problem)
    try:
        for machine in machines(problem):
            search = Search(machine, layer, criteria, rules, until, stop)
            search.run()
            labels += search.counts.labels
            for nest in search.nests():
                reached = nest.energy if objective == "energy" else nest.latency
                if reached < value and (latency_cap is None or nest.latency <= latency_cap):
                    if not is_nest_of(problem, nest):
                        raise FaultError("the checker's own search made a nest that is none of the layer")
                    return Found(Verdict.REFUTED, nest, labels)
    except GaveUpError:
        return Found(Verdict.UNDECIDED, None, labels)
    return Found(Verdict.PROVED, None, labels)
