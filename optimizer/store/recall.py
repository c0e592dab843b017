"""Optimum or bound of a layer problem: cached in the store, or searched and then cached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from formulations.nest import Nest
from formulations.nest_check import is_nest_of
from formulations.problem import UNLIMITED, LayerProblem
from optimizer.problem.space import DEFAULT_ENGINE
from optimizer.store.store import Store, content_key


@dataclass(frozen=True)
class Question:
    """A search for the best mapping of a problem.

    Parameters
    ----------
    problem : Problem
    goal : {"energy", "latency", "weighted"}
    weight : int
        Energy units per cycle, goal weighted.
    latency_cap : int
        Latency units.
    engine : {"path", "cp-sat", "both"}
        What searches.
    """

    problem: LayerProblem
    goal: str
    weight: int = 0
    latency_cap: int = UNLIMITED
    engine: str = DEFAULT_ENGINE

    @property
    def key(self) -> str:
        """The key of the result in the store."""
        return content_key(self.problem, self.goal, self.latency_cap, self.weight, self.engine)

    def cycles(self, solution: Nest) -> int:
        """Whole cycles."""
        return -(-solution.latency // self.problem.latency_unit)

    def value(self, solution: Nest) -> int:
        """The objective: energy units, or cycles."""
        cycles = self.cycles(solution)
        return cycles if self.goal == "latency" else solution.energy + self.weight * cycles


Search = Callable[[int], Nest | None]
"""The best mapping whose value is below a limit, or None if there is none."""


def recalled(store: Store, question: Question, cutoff: int, search: Search, label: str = "") -> Nest | int | None:
    """The optimum, a bound of at least `cutoff` if it is not below `cutoff`, or None if nothing fits.

    If the store has no answer, it is searched, with the value of a start as the first cutoff if there is one, and
    cached under the label. A start does not change the answer.
    """
    key = question.key
    known, solution = store.optimum(key)
    if known and (solution is None or _answers(question, solution)):
        return solution
    bound = store.bound(key)
    if cutoff < UNLIMITED and bound >= cutoff:
        return bound
    start, limit = store.start(key), cutoff
    if start is not None and _answers(question, start):
        limit = min(cutoff, question.value(start) + 1)
    solution = search(limit)
    if solution is None and limit < cutoff:
        solution = search(cutoff)
    if solution is None and cutoff < UNLIMITED:
        store.note_bound(key, cutoff, label)
        return cutoff
    store.note_optimum(key, solution, label)
    return solution


def _answers(question: Question, solution: Nest) -> bool:
    return solution.latency <= question.latency_cap and is_nest_of(question.problem, solution)
