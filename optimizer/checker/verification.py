"""The outcome of a verification: all checks, how much was proved again by which method, and the verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.checker.effort import Effort, ProofTally, Route
from optimizer.checker.outcome import NOT_CHECKED, Check

NUMBERS = "numbers, budgets, boxes and totals"
BEARING_ROUTES = (Route.CHECKER, Route.CP_SAT, Route.COUNTING, Route.PATH)
MOST_NAMED = 8
"""Names that a verdict lists of each kind; the checks themselves list all."""

WITHOUT_DESIGN = "boxes and bounds (there is no design)"


@dataclass(frozen=True)
class Verification:
    """Outcome of all checks.

    Parameters
    ----------
    checks : list of Check
    proofs : tuple of Tally
        What was proved again, kind by kind: layer bounds, bounds of single points, ...
    seed : int
        Seed of the random sample.
    seconds : float
    checked : str
        What else was checked.
    unproved : tuple of str
        What no check looks at.
    """

    checks: list[Check]
    proofs: tuple[ProofTally, ...] = ()
    seed: int = 0
    seconds: float = 0.0
    checked: str = NUMBERS
    unproved: tuple[str, ...] = ()

    @staticmethod
    def of(
        checks: list[Check], effort: Effort, started: float, checked: str = NUMBERS, unproved: tuple[str, ...] = ()
    ) -> Verification:
        """The outcome of these checks and their searches, which started at a ``time.perf_counter()``."""
        proofs: dict[str, ProofTally] = {}
        for tally in effort.tallies:
            proofs[tally.what] = proofs[tally.what] + tally if tally.what in proofs else tally
        seconds = time.perf_counter() - started
        return Verification(checks, tuple(proofs.values()), effort.seed, seconds, checked, unproved)

    @property
    def ok(self) -> bool:
        """True if every check passed. (What was not checked, such as the rest of a sample, may still be wrong.)"""
        return all(check.ok for check in self.checks)

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed."""
        return [check.name for check in self.checks if check.ok is False]

    @property
    def undecided(self) -> list[str]:
        """Names of the undecided checks."""
        return [check.name for check in self.checks if check.ok is None]

    @property
    def complete(self) -> bool:
        """True if all statements of every kind were proved again."""
        return all(tally.proved == tally.total for tally in self.proofs)

    @property
    def share(self) -> Fraction:
        """Share of the bound that rests on statements proved again; the average over several bounds."""
        whole = sum((tally.whole for tally in self.proofs), Fraction(0))
        return sum((tally.share for tally in self.proofs), Fraction(0)) / whole if whole else Fraction(1)

    def proved_by(self, route: Route) -> int:
        """Number of statements proved again by this method, as the slowest one needed."""
        return sum(tally.by.get(route, 0) for tally in self.proofs)

    @property
    def verdict(self) -> str:
        """One line: whether the result was verified, what was proved again and what was not."""
        if self.failed:
            return f"NOT VERIFIED: {', '.join(self.failed)}"
        parts = [*self._proved(), *self._solved()]
        if self.undecided:
            head = f"CANNOT DECIDE: {_listed(self.undecided)}"
            missing = [name for tally in self.proofs for name in tally.missing]
            parts += [f"not proved again: {_listed(missing)}"] if missing else []
        else:
            head = f"verified: {self.checked}"
        begun = sum(tally.undecided - len(tally.missing) for tally in self.proofs)
        parts += [f"{begun} more begun and not decided"] if begun else []
        parts += [f"not proved again: {text}" for text in self.unproved]
        parts += [] if self.complete else [f"seed {self.seed}"]
        left_out = [check.detail for check in self.checks if check.name == NOT_CHECKED]
        parts += [f"not checked: {', '.join(left_out)}"] if left_out else []
        return "; ".join([head, *parts])

    def _proved(self) -> list[str]:
        """Text on the statements that the bound rests on; empty without a bound."""
        if not self.proofs:
            return []
        bearing = [tally for tally in self.proofs if tally.whole or Route.SEARCH not in tally.by]
        bearing = [tally for tally in bearing if tally.total]
        if not bearing:
            return ["there are no floors to prove again"]
        counts = " and ".join(tally.text for tally in bearing)
        text = f"{counts} proved again ({int(100 * self.share)} % of the bound)"
        routes = [
            (route, number, sum((tally.shares.get(route, Fraction(0)) for tally in bearing), Fraction(0)))
            for route in BEARING_ROUTES
            if (number := sum(tally.by.get(route, 0) for tally in bearing))
        ]
        whole = sum((tally.whole for tally in bearing), Fraction(0))
        for place, (route, number, share) in enumerate(routes):
            part = f" ({int(100 * share / whole)} %)" if whole and len(routes) > 1 else ""
            text += f", {number}{'' if place else ' of them'} by {route.value}{part}"
        twice = sum(tally.twice for tally in bearing)
        return [text + (f", {twice} of them by {Route.CP_SAT.value} too" if twice else "")]

    def _solved(self) -> list[str]:
        """Text on what the search has solved again."""
        again = [tally for tally in self.proofs if Route.SEARCH in tally.by and not tally.whole]
        return [f"{tally.text} solved again" for tally in again]


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join([*names[:MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])
