"""The state of a running solve, as progress callbacks see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """State of a running solve.

    Parameters
    ----------
    elapsed_s : float
        Seconds since the start.
    incumbent, bound : float or None
        Objective of the best design so far and the proved lower bound, in the objective's unit.
    gap : float or None
        ``(incumbent - bound) / incumbent``.
    points_total, points_closed, points_solved : int
        Hardware points of the menus; those that are decided; those of them that were solved exactly.
    message : str
        The current activity, as text.
    unit : str
        Unit of `incumbent` and `bound`.
    """

    elapsed_s: float
    incumbent: float | None = None
    bound: float | None = None
    gap: float | None = None
    points_total: int = 0
    points_closed: int = 0
    points_solved: int = 0
    message: str = ""
    unit: str = ""


Watch = Callable[[Progress], None]
"""Is told the state of a run now and then."""
