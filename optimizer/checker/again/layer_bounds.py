"""Layer bounds proved again by another method: those of the chosen point, and a random sample of the others, or all.

The probability of drawing a layer bound is its share of the proved bound. So a false one is found with about the
probability of its share. A drawn layer bound is decided before the next one, however hard it is. The checker's own
search is asked first, then CP-SAT, and the search with fresh tables last. In the end CP-SAT proves some of what the
checker's own search has proved, drawn in the same way.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TypeVar

from formulations.engines import Engine
from formulations.stop import Stop, StoppedError
from optimizer.checker.again.nest_graph.compiled import compiled
from optimizer.checker.again.points import Derived, TooManyError, derive, derive_exclusion
from optimizer.checker.again.statements import SIZE, TIME, Decision, by_own_search, by_program, decide
from optimizer.checker.again.time_limit import limited
from optimizer.checker.bound_weights import EXCLUDED, LAYER_BOUNDS, LINES, POINTS, Bearing, LayerBound
from optimizer.checker.claims.codesign import JointClaim
from optimizer.checker.claims.solve import Claim
from optimizer.checker.design_checks import verdict
from optimizer.checker.effort import Effort, ProofTally, Route, Say
from optimizer.checker.outcome import Check
from optimizer.checker.statements import Statement, by_counting

MOST_SECONDS = 15.0
THOROUGH_SECONDS = 60.0
"""For the checker's own search, and for CP-SAT, on a statement."""
SECOND_SECONDS = 10.0
SECOND_PART = 1 / 3
"""Part of the time in which CP-SAT proves what the checker's own search has proved."""
LEAST_DRAWN = 3
MANY = "its fronts have too many joint choices"


@dataclass(frozen=True)
class Derivation:
    """A bound of a single point that needs more than layer bounds, and the function that derives it again."""

    name: str
    share: Fraction
    own: bool
    derive: Callable[[Stop, Say], Derived]


Item = LayerBound | Derivation
Drawn = TypeVar("Drawn", bound=Item)


@dataclass
class _Log:
    """Findings about statements of one kind."""

    faults: list[str] = field(default_factory=list)
    by: dict[Route, int] = field(default_factory=dict)
    shares: dict[Route, Fraction] = field(default_factory=dict)
    undecided: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    twice: int = 0

    def proved(self, route: Route, share: Fraction) -> None:
        self.by[route] = self.by.get(route, 0) + 1
        self.shares[route] = self.shares.get(route, Fraction(0)) + share

    def failed(self, name: str, why: str, *, own: bool) -> None:
        self.undecided.append(f"{name} ({why})")
        if own:
            self.missing.append(f"{name} ({why})")

    def tally(self, what: str, total: int, whole: Fraction) -> ProofTally:
        return ProofTally(
            what, total, self.by, self.shares, len(self.undecided), whole, tuple(self.missing), self.twice
        )


def reprove(
    claim: Claim, effort: Effort, raised: Collection[int] = (), beside: Collection[int] = (), *, engine: Engine
) -> list[Check]:
    """Prove layer bounds and bounds of single points again; parameters as of
    :meth:`optimizer.checker.searches.Searches.bounds`."""
    bearing = Bearing(claim, {*raised, *beside})
    points = [
        Derivation(
            f"box {entry.box}",
            bearing.of([number]),
            bearing.owns(entry),
            partial(derive, claim, entry, engine),
        )
        for number, entry in ((n, claim.entries[n]) for n in sorted(raised))
    ]
    layer_bounds = bearing.layer_bounds()
    prover = Prover(claim, effort, engine)
    prover.run(layer_bounds, points)
    whole = bearing.of(bearing.parts.keys() - set(raised) - set(beside))
    tally = effort.record(prover.layer_bounds.tally(LAYER_BOUNDS, len(layer_bounds), whole))
    checks = [points_check("points again", prover, len(points), bearing.of(raised))] if points else []
    return [*checks, conclusion("proof again", prover.layer_bounds.faults, tally, effort)]


def lines_again(claim: Claim, layer_bounds: Sequence[LayerBound], effort: Effort, engine: Engine) -> Check:
    """Prove again the statements about single layers that the lines of a front rest on."""
    prover = Prover(claim, effort, engine)
    prover.run(layer_bounds, ())
    whole = sum((lower_bound.share for lower_bound in layer_bounds), Fraction(0))
    tally = effort.record(prover.layer_bounds.tally(LINES, len(layer_bounds), whole))
    return conclusion("lines again", prover.layer_bounds.faults, tally, effort)


def excluded_again(claim: JointClaim, numbers: Sequence[int], effort: Effort, engine: Engine) -> Check:
    """Prove again that on these single points at least one network cannot keep its caps."""
    bearing, networks = Bearing(claim.whole), len(claim.names)
    points = [
        Derivation(
            f"box {claim.whole.entries[number].box}",
            networks * bearing.of([number]),
            False,
            partial(derive_exclusion, claim.claims, number, engine),
        )
        for number in numbers
    ]
    prover = Prover(claim.claims[0], effort, engine)
    prover.run((), points)
    return points_check("excluded again", prover, len(points), networks * bearing.of(numbers), EXCLUDED)


def points_check(name: str, prover: Prover, total: int, whole: Fraction, what: str = POINTS) -> Check:
    """The check of the points that a prover has derived again."""
    tally = prover.effort.record(prover.points.tally(what, total, whole))
    by = "".join(f", {count} of them proved by {route.value}" for route, count in prover.routes.items())
    lines = f", from {prover.lines} statements about layers{by}"
    return conclusion(name, prover.points.faults, tally, prover.effort, lines)


def conclusion(name: str, faults: list[str], tally: ProofTally, effort: Effort, more: str = "") -> Check:
    """A check that passes if there are no faults. It is undecided if a mandatory proof is."""
    how = ", ".join(f"{count} by {route.value}" for route, count in tally.by.items())
    if tally.twice:
        how += f", {tally.twice} of them by {Route.CP_SAT.value} too"
    text = f"{tally.text} proved again{': ' if how else ''}{how}{more}"
    if tally.undecided:
        text += f"; {tally.undecided} begun and not decided"
    if faults:
        return verdict(name, faults, text)
    if tally.missing:
        text += f": {', '.join(tally.missing)}"
    return Check(name, None if tally.missing or (effort.thorough and tally.undecided) else True, text)


class Prover:
    """Proves statements about one network again."""

    def __init__(self, claim: Claim, effort: Effort, engine: Engine) -> None:
        self.effort, self._accounting, self._engine = effort, claim.accounting, engine
        self._limited = not effort.thorough
        self._known: dict[object, Decision] = {}
        self._twice: list[LayerBound] = []
        self.layer_bounds, self.points = _Log(), _Log()
        self.lines = 0
        self.routes: Counter[Route] = Counter()

    def run(self, layer_bounds: Sequence[LayerBound], points: Sequence[Derivation]) -> None:
        """Prove what counting gives, then the rest of the chosen point, then the random sample; some of it twice."""
        searched: list[LayerBound] = []
        for lower_bound in layer_bounds:
            if by_counting(lower_bound.statement):
                self.layer_bounds.proved(Route.COUNTING, lower_bound.share)
            else:
                searched.append(lower_bound)
        if searched or points:
            self.effort.say("compiling the checker's own search")
            self.effort.put_off(compiled())
        own = sorted((one for one in searched if one.own), key=lambda lower_bound: lower_bound.statement.work)
        spare = self.effort.most_s / 2  # the rest is left to the search that decides in the end, and to points
        for number, lower_bound in enumerate(own):
            self.effort.say(f"proving floor {number + 1} of {len(own)} of the chosen point again")
            begun = time.perf_counter()
            self._lower_bound(lower_bound, spare / 2, self.effort.most_s)
            spare = max(0.0, spare - (time.perf_counter() - begun))
        for point in points:
            if point.own:
                self._point(point, self.effort.most_s)
        self._draw([*(one for one in searched if not one.own), *(point for point in points if not point.own)])
        self._draw_twice()

    def _draw(self, rest: list[Item]) -> None:
        """Prove all if thorough, or if that is expected within the time for all; else in random order until the
        sample's time is over, but a minimum number in any case.
        """
        effort, last = self.effort, SECOND_PART * self.effort.left_s if self._limited else 0.0
        items, begun = drawn(rest, effort.random("sample")), time.perf_counter()
        for number, item in enumerate(items):
            seconds = effort.most_s if number < LEAST_DRAWN else effort.left_s - last
            if seconds <= 0:
                spent, left = time.perf_counter() - begun, effort.all_left_s
                if expected_s(items[:number], items[number:], spent) > left:
                    return
                seconds = left
            effort.say(f"proving {number + 1} of {len(rest)} drawn again")
            if isinstance(item, LayerBound):
                self._lower_bound(item, seconds / 3, seconds)
            else:
                self._point(item, seconds)

    def _draw_twice(self) -> None:
        """Ask CP-SAT too of what the checker's own search has proved, in the same way."""
        effort = self.effort
        for number, one in enumerate(drawn(self._twice, effort.random("twice"))):
            seconds = effort.most_s if number < LEAST_DRAWN else effort.left_s
            if seconds <= 0:
                return
            effort.say(f"proving {number + 1} of {len(self._twice)} by CP-SAT too")
            found = by_program(one.statement, self._accounting, min(SECOND_SECONDS, seconds))
            if found is not None and found.refuted:
                self._refuted(one, found)
            self.layer_bounds.twice += found is not None and found.route is not None

    def _lower_bound(self, one: LayerBound, each_s: float, seconds: float) -> None:
        found = self._decide(one.statement, each_s, seconds)
        if found.route is not None:
            self.layer_bounds.proved(found.route, one.share)
            if found.route is Route.CHECKER:
                self._twice.append(one)
        elif found.refuted:
            self._refuted(one, found)
        else:
            self.layer_bounds.failed(one.statement.group.layer.name, found.why, own=one.own)

    def _refuted(self, one: LayerBound, found: Decision) -> None:
        self.layer_bounds.faults.append(f"box {one.box}, {one.statement}: some mapping has {found.refuted}")

    def _decide(self, statement: Statement, each_s: float, seconds: float) -> Decision:
        key = statement.key
        if key not in self._known:
            self._known[key] = decide(
                statement,
                self._accounting,
                self._engine,
                seconds=min(MOST_SECONDS, each_s) if self._limited else THOROUGH_SECONDS,
                until=time.perf_counter() + seconds if self._limited else None,
            )
        return self._known[key]

    def _point(self, point: Derivation, seconds: float) -> None:
        """Derive a point's bound by the search; then another method proves what it was derived from."""
        until = time.perf_counter() + seconds
        try:
            with limited(seconds if self._limited else None) as stop:
                derived = point.derive(stop, self.effort.say)
        except (StoppedError, TooManyError, OverflowError, MemoryError) as error:
            why = TIME if isinstance(error, StoppedError) else SIZE if isinstance(error, OverflowError) else MANY
            self.points.failed(point.name, why, own=point.own)
            return
        routes: set[Route] = set()
        faults = [*derived.faults, *self._lines(derived, until, routes)]
        if faults:
            self.points.faults += faults
        else:
            self.points.proved(max(routes, key=list(Route).index, default=Route.PATH), point.share)

    def _lines(self, derived: Derived, until: float, routes: set[Route]) -> Iterator[str]:
        """Statements that are refuted before the time is over; each method may take half of the time left.

        The methods that proved them go to `routes`: of what neither the checker's own search nor CP-SAT has proved, the
        search that derived it.
        """
        statements = sorted(derived.statements, key=lambda statement: statement.work)
        self.lines += len(statements)
        for number, statement in enumerate(statements):
            self.effort.say(f"proving statement {number + 1} of {len(statements)} of a point again")
            for ask in (by_own_search, by_program):
                if statement.key not in self._known:
                    most = MOST_SECONDS if self._limited else THOROUGH_SECONDS
                    found = ask(statement, self._accounting, min(most, (until - time.perf_counter()) / 2))
                    if found is not None:
                        self._known[statement.key] = found
            known = self._known.get(statement.key, Decision(Route.PATH))
            if known.route is not None:
                routes.add(known.route)
                self.routes[known.route] += 1
            elif known.refuted:
                yield f"{statement}: some mapping has {known.refuted}"
            else:
                routes.add(Route.PATH)


def expected_s(done: Sequence[Item], rest: Sequence[Item], spent_s: float) -> float:
    """Seconds that the rest is expected to take: in proportion to the extents of the layers; unknown for points."""
    if not done or any(isinstance(item, Derivation) for item in (*done, *rest)):
        return math.inf
    work, left = (sum(one.statement.work[0] for one in some if isinstance(one, LayerBound)) for some in (done, rest))
    return spent_s * left / work


def drawn(items: Sequence[Drawn], numbers: random.Random) -> list[Drawn]:
    """All items in random order, drawn without replacement with probabilities in proportion to their shares."""
    keys = {id(item): math.inf for item in items}
    for item in items:
        chance = 1.0 - numbers.random()
        if item.share:
            keys[id(item)] = -math.log(chance) / float(item.share)
    return sorted(items, key=lambda item: keys[id(item)])
