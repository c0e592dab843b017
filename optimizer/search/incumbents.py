"""Incumbents: the designs that an exploration keeps, and the cutoffs that they set for all other points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from optimizer.architecture.boxes import Box
from optimizer.architecture.hardware import Hardware
from optimizer.search.point_solver import Pick

Logs = NDArray[np.float64]
"""Natural logarithms of objectives."""

SLACK = 1e-11
"""An upper bound on the rounding error of the logarithm of an objective."""

Rank = tuple[Fraction, tuple[Fraction, ...], tuple[int, ...], Box]


@dataclass(frozen=True)
class Incumbent:
    """A design: one pick per network on a hardware point.

    ``value`` is the objective. ``rank`` orders designs: objective, then latencies, energies, place in the menus. So the
    choice among equal designs does not depend on the order in which they are found.
    """

    value: Fraction
    picks: tuple[Pick, ...]
    point: Hardware
    box: Box
    rank: Rank


class Incumbents(Protocol):
    """The designs that an exploration keeps.

    ``reach`` is the ratio by which a search is expected to raise the bound of a box. A box that needs more to be closed
    is split.
    """

    reach: float

    @property
    def designs(self) -> Sequence[Incumbent]:
        """The designs kept, best first."""

    def limit(self, box: Box) -> Fraction | None:
        """The objective above which no design in a box can improve on the incumbents."""

    def closes(self, box: Box, bound: Fraction) -> bool:
        """Is a box closed by a lower bound on its objective?"""

    def cutoffs(self, shape: tuple[int, ...]) -> Logs:
        """Per point, in a grid with one axis per menu, the logarithm of the objective above which it cannot improve on
        the incumbents.

        Rounded: it guides the search and proves nothing.
        """

    def offer(self, found: Incumbent) -> None:
        """Keep a design if it improves on the incumbents."""


def logarithm(value: Fraction) -> float:
    """Natural logarithm, of numbers of any size."""
    return math.log(value.numerator) - math.log(value.denominator) if value > 0 else -math.inf


class Best:
    """Keeps the best design.

    Parameters
    ----------
    cutoff : Fraction, optional
        Objective of a design found elsewhere.
    """

    reach = math.inf

    def __init__(self, cutoff: Fraction | None = None) -> None:
        self._cutoff = cutoff
        self._best: Incumbent | None = None

    @property
    def designs(self) -> Sequence[Incumbent]:
        """The best design, if there is one."""
        return () if self._best is None else (self._best,)

    def limit(self, box: Box) -> Fraction | None:
        """The best objective, the same for all boxes."""
        values = [*(found.value for found in self.designs), *([] if self._cutoff is None else [self._cutoff])]
        return min(values, default=None)

    def closes(self, box: Box, bound: Fraction) -> bool:
        """Is the bound worse than the best objective? (Equal ones are compared by rank.)"""
        limit = self.limit(box)
        return limit is not None and bound > limit

    def cutoffs(self, shape: tuple[int, ...]) -> Logs:
        """The same for all points; designs as good as the best one still count."""
        limit = self.limit(())
        return np.full(shape, np.inf if limit is None else logarithm(limit) + SLACK)

    def offer(self, found: Incumbent) -> None:
        """Keep it if it is better than the best one; of two designs of equal costs on a point the later one."""
        if self._best is None or found.rank <= self._best.rank:
            self._best = found
