"""Numbers of the program that could leave the integers of the solver: looked at before it is built."""

from __future__ import annotations

from formulations.integer_range import Most
from formulations.layer.rows import bounded
from formulations.problem import LayerProblem


def check_magnitudes(problem: LayerProblem, weight: int = 0) -> None:
    """Refuse a problem whose energy, times or transfers could reach 2**62 (:class:`formulations.integer_range.Most`
    says what they may reach). Products that the program itself forms are checked where they are made.

    Raises
    ------
    OverflowError
        With the number that is too large.
    """
    most = Most(problem, [(level,) for level in problem.levels])
    bounded(most.energy() + weight * most.cycles())
    for reach in most.reaches():
        if reach.kind in ("bits", "transfers", "divisor", "work", "spread", "step"):
            bounded(reach.value)
