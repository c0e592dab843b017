"""Why no engine exists: the smallest set of rules and budgets to blame, and the least relaxation of each."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from formulations.cp_sat import SolverStatus
from formulations.sparse.sizing import TIME
from optimizer.bodies.sparse import EngineInfeasibility, EngineRelaxation
from optimizer.sparse_engine.engine import Engine
from optimizer.sparse_engine.request import GOALS, SizingRequest, row_count

MOST_ROWS = 20_000
"""Pairs of out-degree and z that a question may have: every question is a program of its own."""

Solve = Callable[[SizingRequest, tuple[str, ...]], tuple[SolverStatus, int | None, Engine | None]]
"""Solves a request by goals: status, value of the first goal, engine."""


class _StoppedError(Exception):
    """The time limit was reached."""


def explain(request: SizingRequest, solve: Solve) -> EngineInfeasibility:
    """What stands under ``infeasible``: ``blame``, ``relaxations``, ``held`` and ``complete``.

    No fewer rules and budgets than those in ``blame`` exclude every engine. A relaxation drops one of them and keeps
    all others. The rule z-divides-n is held where dropping it leaves too many candidates to list. Where time does not
    suffice, more may be blamed than need be, and ``complete`` is false.
    """
    inquiry = _Inquiry(request, solve)
    blame, relaxations, complete = inquiry.names, list[EngineRelaxation](), False
    with contextlib.suppress(_StoppedError):
        blame = inquiry.smallest()
        for name in blame:
            relaxations += inquiry.relaxation(name)
        complete = True
    return EngineInfeasibility(
        blame=tuple(blame), relaxations=tuple(relaxations), held=tuple(inquiry.held), complete=complete
    )


class _Inquiry:
    """Questions about fewer rules and budgets."""

    def __init__(self, request: SizingRequest, solve: Solve) -> None:
        self._request, self._solve = request, solve
        limits = (*request.budgets, *(() if request.max_time_us is None else (TIME,)))
        rules = request.rules
        self.held = ["z-divides-n"] if "z-divides-n" in rules and row_count(self._keeping(())) > MOST_ROWS else []
        self.names = [name for name in (*limits, *rules) if name not in self.held]

    def _keeping(self, names: tuple[str, ...]) -> SizingRequest:
        """The request with only these rules and budgets, and what is held."""
        asked, held = self._request, getattr(self, "held", [])
        return replace(
            asked,
            budgets={name: limit for name, limit in asked.budgets.items() if name in names},
            max_time_us=asked.max_time_us if TIME in names else None,
            rules=tuple(name for name in asked.rules if name in names or name in held),
        )

    def _possible(self, names: tuple[str, ...]) -> bool:
        status, _, _ = self._solve(self._keeping(names), ())
        if status is SolverStatus.UNKNOWN:
            raise _StoppedError
        return status is not SolverStatus.INFEASIBLE

    def smallest(self) -> list[str]:
        """Fewest names that exclude every engine.

        A *correction* is a set of names that, dropped together, let an engine through. A set excludes every engine if
        and only if it has a name of every correction. So a smallest set with a name of each known correction is tried.
        If it lets an engine through, as many other names as possible are added to it, and the names outside of it are
        one more correction (a minimum hitting set, with corrections found on the way).
        """
        corrections: list[set[str]] = []
        while True:
            names = self._hitting(corrections)
            if not self._possible(names):
                return list(names)
            kept = list(names)
            for name in reversed(self.names):
                if name not in kept and self._possible((*kept, name)):
                    kept.append(name)
            corrections.append(set(self.names) - set(kept))

    def _hitting(self, corrections: list[set[str]]) -> tuple[str, ...]:
        """A smallest set that has a name of each correction."""
        for count in range(len(self.names) + 1):
            for names in itertools.combinations(self.names, count):
                if all(correction & set(names) for correction in corrections):
                    return names
        return tuple(self.names)

    def relaxation(self, name: str) -> Iterator[EngineRelaxation]:
        """The least limit that lets an engine through, or the engine without a rule; all else as asked."""
        others = tuple(other for other in self.names if other != name)
        asked = self._keeping(others)
        is_rule = name in self._request.rules
        status, value, engine = self._solve(asked, GOALS["time"] if is_rule else GOALS[name])
        if status is SolverStatus.UNKNOWN or (status is SolverStatus.FEASIBLE and not is_rule):
            raise _StoppedError
        if engine is None or value is None:
            return
        degrees = f"fo = {engine.network.out_degrees}, " if any(len(m) > 1 for m in asked.out_degrees) else ""
        design = f"{degrees}z = {engine.parallel}, C = {engine.cycles}"
        if is_rule:
            yield EngineRelaxation(rule=name, text=f"without {name}: {design}")
            return
        limit, least = self._limit(name), value
        if name == TIME:
            shown = float(Fraction(value, asked.units_per_us))
            text = f"time {limit:.6g} us: least {shown:.6g}, {design}"
            yield EngineRelaxation(budget=name, limit=limit, least=shown, text=text)
        else:
            text = f"{name} {limit}: least {least}, {design}"
            yield EngineRelaxation(budget=name, limit=limit, least=least, text=text)

    def _limit(self, name: str) -> float | int:
        limit = self._request.max_time_us
        return float(limit) if name == TIME and limit is not None else self._request.budgets[name]
