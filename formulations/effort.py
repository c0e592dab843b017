"""What the searches of an engine did, counted. It says how hard a problem was; no claim rests on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Lock


@dataclass(frozen=True)
class Effort:
    """What searches did together.

    Attributes
    ----------
    engine : str
    searches : int
        Searches of a layer on a hardware point.
    seen, kept : int
        Partial nests that were looked at, and those kept for later (labels of the shortest path); 0 where an engine has
        none.
    """

    engine: str
    searches: int = 0
    seen: int = 0
    kept: int = 0

    def with_search(self, seen: int, kept: int) -> Effort:
        """With one search more."""
        return replace(self, searches=self.searches + 1, seen=self.seen + seen, kept=self.kept + kept)

    def plus(self, other: Effort) -> Effort:
        """Both together."""
        return Effort(
            self.engine,
            self.searches + other.searches,
            self.seen + other.seen,
            self.kept + other.kept,
        )


class Tally:
    """Counts the searches of one engine, which several threads may use."""

    def __init__(self, engine: str) -> None:
        self._effort, self._lock = Effort(engine), Lock()

    def count(self, *, seen: int = 0, kept: int = 0) -> None:
        """Note a search."""
        with self._lock:
            self._effort = self._effort.with_search(seen, kept)

    @property
    def effort(self) -> Effort:
        """What was counted so far."""
        return self._effort


def together(efforts: Iterable[Effort]) -> tuple[Effort, ...]:
    """Efforts by engine, in the order of the first of each."""
    found: dict[str, Effort] = {}
    for effort in efforts:
        known = found.get(effort.engine)
        found[effort.engine] = effort if known is None else known.plus(effort)
    return tuple(found.values())
