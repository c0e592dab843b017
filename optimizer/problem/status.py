"""Status (what is proved of a result) and termination (why the search ended): two separate enums."""

from __future__ import annotations

from enum import Enum


class Status(str, Enum):
    """What is proved of an answer. ``OPTIMAL``: the best design, proved. ``FEASIBLE``: a design, with a bound on all
    others. ``INFEASIBLE``: there is no design, proved. ``UNKNOWN``: neither. ``EVALUATED``: given by hand, nothing was
    chosen.
    """

    OPTIMAL = "OPTIMAL"
    FEASIBLE = "FEASIBLE"
    INFEASIBLE = "INFEASIBLE"
    UNKNOWN = "UNKNOWN"
    EVALUATED = "EVALUATED"

    def __str__(self) -> str:
        return self.value

    @property
    def has_design(self) -> bool:
        """True if there is a design."""
        return self in (Status.OPTIMAL, Status.FEASIBLE, Status.EVALUATED)

    @property
    def is_proved(self) -> bool:
        """True if more time would change nothing."""
        return self not in (Status.FEASIBLE, Status.UNKNOWN)

    def of_whole(self, *, counted: bool) -> Status:
        """The status for a network of which this is that of the part that is counted.

        An optimum of a part is proved for no more than that. What no design can do for a part, none can for the whole.
        """
        return Status.FEASIBLE if self is Status.OPTIMAL and not counted else self


class Termination(str, Enum):
    """Why the work ended.

    ``COMPLETE``: everything was decided. ``TIME_LIMIT``, ``MEMORY_LIMIT`` and ``INTERRUPTED``: stopped by its limits,
    or by the user. ``GIVEN_UP``: parts of the work were stopped, for example tasks that ran out of time or memory.
    ``DISAGREEMENT``: two parts of Tilewright stated different numbers for one thing.
    """

    COMPLETE = "complete"
    TIME_LIMIT = "time limit"
    INTERRUPTED = "interrupted"
    MEMORY_LIMIT = "memory limit"
    GIVEN_UP = "given up"
    DISAGREEMENT = "disagreement"

    def __str__(self) -> str:
        return self.value
