"""Numbers of the program that could leave the integers of the solver: looked at before it is built."""

from __future__ import annotations

from collections.abc import Sequence

from formulations.integer_range import Most
from formulations.problem import LayerProblem
from formulations.rows import bounded


def check_magnitudes(points: Sequence[LayerProblem], weight: int = 0) -> None:
    """Refuse a layer whose numbers could leave the integers on any point (:mod:`formulations.integer_range` says what
    they may reach). Products that the program itself forms are checked where they are made.

    Parameters
    ----------
    points : sequence of LayerProblem
        The same layer on one or several hardware points.
    weight : int
        Energy units per cycle, for a weighted objective.

    Raises
    ------
    OverflowError
        With the number that is too large.
    """
    levels = zip(*(point.levels for point in points), strict=True)
    most = Most(points[0], [tuple(dict.fromkeys(menu)) for menu in levels])
    for reach in most.reaches():
        if not reach.fits:
            raise OverflowError(str(reach))
    bounded(most.energy() + weight * most.cycles())
