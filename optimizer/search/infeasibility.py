"""Why no design exists: the smallest set of budgets and constraints to blame, and the least relaxation of each budget.

A layer that does not fit into the memories is found by counting words (:mod:`optimizer.search.room`). Without a cap on
latency or energy, a point that holds every layer is a design. On a device the kinds of memory are part of the question:
a point fits if any combination of kinds does. Bounds without a search (:mod:`optimizer.search.instant_bounds`) come
first: they settle caps that are out of reach, and bound every relaxation. Then the fastest design and the design of
least energy settle most questions; both are optima without caps, which are cheaper to find than designs under caps, and
each is searched once.

A constraint on the sizes is dropped or kept as a whole: without it the points of the menus that break it come back.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from formulations.primes import divisors
from optimizer.architecture.boxes import PointSet
from optimizer.architecture.budgets import Limits
from optimizer.architecture.fabric import RESOURCES
from optimizer.architecture.menu_points import MenuPoints
from optimizer.bodies.infeasibility import Infeasibility, Relaxation
from optimizer.problem.budget_text import CAPS, CHIP, SUBJECTS, UNITS, rounded_down, rounded_up, within_text
from optimizer.problem.goal import INFEASIBLE_COST, Goal, make_goal
from optimizer.search.boxes_at_once import BoxesAtOnce, UndecidedError
from optimizer.search.exploration import Exploration
from optimizer.search.instant_bounds import AtOnce, uses
from optimizer.search.point_solver import Pick
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.search.room import menu_points, roomy, too_small

Solve = Callable[[Limits, str, str], Exploration]
"""Explores the same problem under other limits and objective; the text says what for."""
PATIENCE_S = 10.0
"""Least time in seconds for the search of the reason where no time limit is given; more if the search for a design took
longer.
"""

QUICK = 10**5
"""Hardware points times tile shapes up to which a problem is small: then the reason is sought to the end."""


def patience(prepared_problems: Sequence[PreparedProblem], started: float, deadline: float | None) -> float | None:
    """Deadline of the search for the reason (``time.perf_counter``), from the start of the run and its time limit."""
    if deadline is not None or all(map(_is_quick, prepared_problems)):
        return deadline
    now = time.perf_counter()
    return now + max(PATIENCE_S, now - started)


class _StoppedError(Exception):
    """Time is over, or Ctrl-C."""


def explain(prepared: PreparedProblem, solve: Solve, *, asked: bool = False) -> Infeasibility:
    """Why there is no design: budgets to blame, their relaxations, and the layer that fits nowhere, if there is one.

    Under constraints on mappings all limits are blamed, and ``complete`` is false: which of them suffice is not sought.
    If the time runs out, bounds without a search take the place of the missing answers: more budgets than necessary may
    be blamed, relaxations are bounds (not ``exact``), and ``complete`` is false. If caps are out of reach without a
    search, large problems are searched only if that is `asked` for (by a time limit).
    """
    points = menu_points(prepared)
    reason = too_small(prepared, points)
    if reason is None and prepared.rules:
        return _everything(prepared)
    return reason or _Inquiry(prepared, points, solve, asked).outcome()


def _everything(prepared: PreparedProblem) -> Infeasibility:
    """All limits: under constraints on mappings a chip that has room for every layer may still not run it."""
    limits = prepared.architecture.limits
    return Infeasibility(
        budgets=tuple(name for name in CAPS if getattr(limits, name) is not None),
        relaxations=(),
        complete=False,
        constraints=tuple(one.title for one in (*limits.constraints, *prepared.rules)),
        removable=(),
    )


class _Inquiry:
    """Questions about other budgets; every answer is kept."""

    def __init__(self, prepared: PreparedProblem, points: PointSet, solve: Solve, asked: bool) -> None:
        self._solve = solve
        self._limits = prepared.architecture.limits
        self._point = prepared.points.some
        self._plan = prepared.architecture.plan
        self._at_once = (
            BoxesAtOnce(prepared, points)
            if isinstance(points, MenuPoints)
            else AtOnce(prepared, [point for _, point in roomy(prepared, points)])
        )
        self._known: dict[tuple[Limits, str], Exploration] = {}
        self._stopped: dict[tuple[Limits, str], Exploration] = {}
        self._over = False
        with contextlib.suppress(UndecidedError):
            self._over = not asked and not _is_quick(prepared) and self._at_once.excludes(self._limits)

    def outcome(self) -> Infeasibility:
        active = [name for name in CAPS if self._binds(name)]
        broken = self._at_once.broken
        active += [constraint.title for constraint in self._limits.constraints if constraint.title in broken]
        blamed, complete = active, False
        with contextlib.suppress(_StoppedError, UndecidedError, KeyboardInterrupt):
            blamed = self._smallest(active, lambda limits: not self._at_once.excludes(limits))
            blamed = self._smallest(active, self._possible, len(blamed)) or blamed
            complete = True
        budgets = tuple(name for name in blamed if name in CAPS)
        relaxations = [found for name in budgets if (found := self._relaxation(name)) is not None]
        complete = complete and all(entry.exact for entry in relaxations)
        reason = Infeasibility(budgets=budgets, relaxations=tuple(relaxations), complete=complete)
        return self._with_constraints(reason, [name for name in blamed if name not in CAPS])

    def _with_constraints(self, reason: Infeasibility, blamed: Sequence[str]) -> Infeasibility:
        """Add the constraints to blame, and those of them without which there is a design."""
        if not self._limits.constraints:
            return reason
        removable: list[str] = []
        try:
            removable += (name for name in blamed if self._possible(self._limits.without([name])))
        except (_StoppedError, UndecidedError, KeyboardInterrupt):
            self._over, reason = True, replace(reason, complete=False)
        return replace(reason, constraints=tuple(blamed), removable=tuple(removable))

    def _binds(self, name: str) -> bool:
        """Is it a budget that can exclude a design? A resource of a device must be exceeded by some chip."""
        limit = getattr(self._limits, name)
        chips = self._at_once.chips
        return limit is not None and (name not in RESOURCES or any(chip.need(name) > limit for chip in chips))

    def _smallest(self, active: list[str], possible: Callable[[Limits], bool], below: int | None = None) -> list[str]:
        """Fewest limits that already exclude every design; with `below` only fewer than that, or none."""
        every = [*CAPS, *(constraint.title for constraint in self._limits.constraints)]
        for count in range(1, len(active) if below is None else below):
            for names in itertools.combinations(active, count):
                if not possible(self._limits.without([name for name in every if name not in names])):
                    return list(names)
        return active if below is None else []

    def _relaxation(self, name: str) -> Relaxation | None:
        """The least limit of one budget under which a design exists, with the others unchanged; None if there is none.

        If the time runs out, a limit below which there is no design.
        """
        relaxed = self._limits.without([name])
        bound = self._at_once.least(name, relaxed)
        if bound is None:
            return None
        try:
            if not self._possible(relaxed):
                return None
            value = self._least_chip(name) if name in CHIP else self._least(name, relaxed)
            return self._entry(name, relaxed, value)
        except (_StoppedError, UndecidedError, KeyboardInterrupt):
            self._over = True
            bound = max(bound, self._reached(name, relaxed))
            return self._entry(name, relaxed, bound, exact=False) if bound else None

    def _entry(self, name: str, relaxed: Limits, value: Fraction | int, *, exact: bool = True) -> Relaxation:
        rounded = rounded_up if exact else rounded_down
        least = Decimal(int(value)) if name in RESOURCES else rounded(value)
        needs = "needs" if exact else "needs at least"
        text = f"{SUBJECTS[name]}{within_text(relaxed)} {needs} {least.normalize():f} {UNITS[name]}"
        limit = float(getattr(self._limits, name))
        return Relaxation(budget=name, limit=limit, least=float(least), exact=exact, text=text)

    def _least_chip(self, name: str) -> Fraction | int:
        """Bisection over the areas, or uses of a resource, of the chips that hold all layers."""
        needs = self._at_once.needs(name)
        low, high = 0, len(needs) - 1
        while low < high:
            middle = (low + high) // 2
            tried: dict[str, Any] = {name: needs[middle]}
            if self._possible(replace(self._limits, **tried)):
                high = middle
            else:
                low = middle + 1
        return needs[low]

    def _least(self, name: str, relaxed: Limits) -> Fraction:
        """The least latency, energy or power that a design within the other budgets needs."""
        state = self._explored(*_ask(name, relaxed))
        assert state.value is not None
        return self._in_unit(name, state.value, state.goal)

    def _reached(self, name: str, relaxed: Limits) -> Fraction:
        """The lower bound on latency, energy or power that a stopped exploration had proved."""
        state = self._stopped.get(_ask(name, relaxed))
        return Fraction(0) if state is None or name in CHIP else self._in_unit(name, state.bound, state.goal)

    def _in_unit(self, name: str, value: Fraction, goal: Goal) -> Fraction:
        """Converts cycles to ms, and energy units to mJ or to the power over the capped latency."""
        hertz = self._point.clock_mhz * 10**6
        if name == "latency_ms":
            return math.ceil(value) * 1000 / hertz
        energy_pj = value * (self._point.energy_unit_pj or Fraction(1))
        return energy_pj / 10**9 if name == "energy_mj" else energy_pj / 10**12 * hertz / goal.latency_cap

    def _possible(self, limits: Limits) -> bool:
        """Is there a design within these limits?"""
        if self._at_once.excludes(limits):
            return False
        goal = make_goal("energy", limits, self._point)
        fast, least_energy = goal.latency_cap < INFEASIBLE_COST, goal.energy_cap < INFEASIBLE_COST
        if not fast and not least_energy:
            return True  # under a cap on power alone a design idles until it keeps it
        if any(_keeps(goal, limits, state) for state in self._known.values()):
            return True
        uncapped = replace(limits, latency_ms=None, energy_mj=None, power_w=None)
        if fast:
            best = self._best(uncapped, "latency")
            if goal.allows(best.energy, best.latency) or not goal.allows(0, best.latency):
                return goal.allows(best.energy, best.latency)
        if least_energy or goal.power_cap is not None:
            best = self._best(uncapped, "energy")
            if goal.allows(best.energy, best.latency) or not goal.allows(best.energy, 0):
                return goal.allows(best.energy, best.latency)
        return self._explored(limits, "energy").best is not None

    def _best(self, limits: Limits, objective: str) -> Pick:
        best = self._explored(limits, objective).best
        assert best is not None
        return best

    def _explored(self, limits: Limits, objective: str) -> Exploration:
        key = limits, objective
        known = self._answered(limits, objective)
        if known is not None:
            self._known[key] = known
        if key not in self._known:
            if self._over:
                raise _StoppedError
            kind = "fastest" if objective == "latency" else "most frugal"
            state = self._solve(limits, objective, f"no design; seeking the {kind} one{within_text(limits)}")
            if not state.complete:
                self._over, self._stopped[key] = True, state
                raise _StoppedError
            self._known[key] = state
        return self._known[key]

    def _answered(self, limits: Limits, objective: str) -> Exploration | None:
        """Reuse the outcome under looser limits: it also holds here if it was infeasible, or if its best design keeps
        the tighter limits.
        """
        for (other, kind), state in self._known.items():
            if kind == objective and other.looser(limits):
                point = state.best_point
                fits = point is None or any(limits.allow(*chip) for chip in uses(self._plan, point))
                if fits and (point is None or limits.keeps(point)):
                    return state
        return None


def _ask(name: str, relaxed: Limits) -> tuple[Limits, str]:
    """The exploration whose optimum is the least latency, energy or power within limits."""
    return relaxed, "latency" if name == "latency_ms" else "energy"


def _is_quick(prepared: PreparedProblem) -> bool:
    """Is the problem so small that its searches take negligible time?"""
    shapes = sum(math.prod(len(divisors(extent)) for _, extent in p.layer.dims) for p in prepared.pricers)
    return len(prepared.architecture.unconstrained) * shapes <= QUICK


def _keeps(goal: Goal, limits: Limits, state: Exploration) -> bool:
    """Does the incumbent keep these caps?"""
    point = state.best_point
    if state.best is None or point is None or not limits.keeps(point):
        return False
    if not limits.allow(point.area_um2, point.resources):
        return False
    return goal.allows(state.best.energy, state.best.latency)
