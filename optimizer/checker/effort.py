"""How much is proved again: everything, or a random sample within a time limit; and a record of it."""

from __future__ import annotations

import math
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from typing import Any

from optimizer.files.arguments import check_arguments
from optimizer.files.rules import NOT_NEGATIVE, RULE

Say = Callable[[str], object]

LEAST_SECONDS = 5.0
MOST_SECONDS = 60.0
ALL_SECONDS = 60.0
"""All statements are proved if that is expected to take no longer than this, or than the solve took."""
SEEDS = 1 << 32


def drawn(seed: int | None) -> int:
    """A seed as it was given; without one, an unpredictable one.

    Raises
    ------
    SpecError
        If it is no whole number, or a negative one.
    """
    check_arguments(seed=(seed, int | None, NOT_NEGATIVE[RULE]))
    return secrets.randbelow(SEEDS) if seed is None else seed


class Route(Enum):
    """Method by which a statement was proved again.

    ``COUNTING``: counts of words, steps and port accesses prove it for every mapping; no search is needed. ``SEARCH``:
    solved again by the search itself, with fresh tables. ``CHECKER``: by the checker's own search over every nest,
    which shares nothing with the search that found the bound.
    """

    COUNTING = "counting"
    CHECKER = "the checker's own search"
    CP_SAT = "CP-SAT"
    PATH = "the shortest-path search"
    SEARCH = "the search"


@dataclass(frozen=True)
class ProofTally:
    """Count of the statements of one kind that were proved again.

    Parameters
    ----------
    what : str
        The kind, in the plural.
    total : int
        All statements of this kind, proved or not.
    by : mapping of Route to int
        Number proved, by the slowest method needed.
    shares : mapping of Route to Fraction
        Shares of the bound that rest on them.
    undecided : int
        Started, but stopped by the time limit or an integer overflow; statements not started are not counted.
    whole : Fraction
        Share of the bound that rests on all of this kind.
    missing : tuple of str
        Mandatory statements that were not decided, each with the reason.
    twice : int
        Number that the checker's own search has proved, and CP-SAT too.
    """

    what: str
    total: int
    by: dict[Route, int] = field(default_factory=dict)
    shares: dict[Route, Fraction] = field(default_factory=dict)
    undecided: int = 0
    whole: Fraction = Fraction(0)
    missing: tuple[str, ...] = ()
    twice: int = 0

    @property
    def proved(self) -> int:
        """Number proved, by any method."""
        return sum(self.by.values())

    @property
    def share(self) -> Fraction:
        """Share of the bound that rests on what was proved."""
        return sum(self.shares.values(), Fraction(0))

    @property
    def text(self) -> str:
        """The number proved and the total, as text."""
        whole = self.proved == self.total > 1
        return f"{'all' if whole else f'{self.proved} of'} {self.total} {self.what}"

    def __add__(self, other: ProofTally) -> ProofTally:
        by = Counter(self.by)
        by.update(other.by)
        routes = self.shares.keys() | other.shares.keys()
        none = Fraction(0)
        return ProofTally(
            self.what,
            self.total + other.total,
            dict(by),
            {route: self.shares.get(route, none) + other.shares.get(route, none) for route in routes},
            self.undecided + other.undecided,
            self.whole + other.whole,
            self.missing + other.missing,
            self.twice + other.twice,
        )


@dataclass
class Effort:
    """Limits of the repeated searches, and a record of them.

    Parameters
    ----------
    thorough : bool
        Everything, however long it takes.
    seed : int
        Draws the sample.
    due : float
        Time at which a sample should be complete (``time.perf_counter()``).
    latest : float
        Time at which even mandatory proofs are stopped.
    say : callable
        Is told what is being done.
    all_due : float
        Time until which a sample goes on if all are expected to be proved by then.
    """

    thorough: bool
    seed: int
    due: float = math.inf
    latest: float = math.inf
    say: Say = str
    tallies: list[ProofTally] = field(default_factory=list)
    whole: Effort | None = field(default=None, repr=False, compare=False)
    """What this is a part of."""
    all_due: float = -math.inf

    @staticmethod
    def of(data: dict[str, Any], *, thorough: bool, seed: int | None = None, say: Say = str, parts: int = 1) -> Effort:
        """About the solve time of the result, at most a minute (for `parts` results like this one).

        All that time, or a minute if that is more, if all statements are proved then.
        """
        chosen = drawn(seed)
        if thorough:
            return Effort(True, chosen, say=say)
        now, took = time.perf_counter(), data.get("wall_s")
        known = isinstance(took, int | float) and 0 <= took < math.inf
        solve_s = float(took) if isinstance(took, int | float) and known else MOST_SECONDS
        most, whole = MOST_SECONDS / parts, max(ALL_SECONDS, solve_s) / parts
        due = now + min(max(solve_s, LEAST_SECONDS), most)
        return Effort(False, chosen, due, now + most, say, all_due=now + whole)

    def part(self, number: int) -> Effort:
        """The effort for the next of `number` remaining checks: an equal part of the time left."""
        now = time.perf_counter()
        due, latest, whole = (now + max(0.0, end - now) / number for end in (self.due, self.latest, self.all_due))
        return replace(self, due=due, latest=latest, all_due=whole, whole=self)

    def about(self, name: str) -> Effort:
        """The same effort, with this name in front of its messages."""
        return replace(self, say=lambda message: self.say(f"{name}: {message}"), whole=self)

    def random(self, purpose: str) -> random.Random:
        """A random generator that depends on the seed and the purpose."""
        return random.Random(f"{self.seed} {purpose}")

    @property
    def left_s(self) -> float:
        """Seconds until the sample should be complete."""
        return max(0.0, self.due - time.perf_counter())

    @property
    def all_left_s(self) -> float:
        """Seconds in which all must be expected to be proved for a sample to go on."""
        return max(0.0, self.all_due - time.perf_counter())

    @property
    def most_s(self) -> float:
        """Seconds until all proofs are stopped."""
        return max(0.0, self.latest - time.perf_counter())

    def put_off(self, seconds: float) -> None:
        """Give all limits these seconds more, also those of what this is a part of."""
        self.due += seconds
        self.latest += seconds
        self.all_due += seconds
        if self.whole is not None:
            self.whole.put_off(seconds)

    def record(self, tally: ProofTally) -> ProofTally:
        """Note what was proved again."""
        self.tallies.append(tally)
        return tally
