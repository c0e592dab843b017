"""Values of an objective, and the bounds that are of no use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

KINDS = ("energy", "latency", "edp", "weighted")
LATENCY, EDP = KINDS.index("latency"), KINDS.index("edp")
"""Objectives, and the numbers of two of them."""
MARGIN = 1e-13
"""Sums of energies in floating point are wrong by less than this part of themselves: a bound adds up fewer than a
hundred numbers, each right to 2**-53, and what is taken off them is smaller than what is added."""


class Aim(NamedTuple):
    """An objective with its limits and the best value so far; what there is none of is infinite or the largest integer.

    Values of nests differ by multiples of `step`. `cycles` are those of the best nest where ties of energy count, or 0.
    """

    kind: int
    weight: float
    cap: int
    ceiling: float
    best: float
    step: float
    cycles: int


@njit(cache=True, no_cfunc_wrapper=True)
def value(aim: Aim, energy: float, cycles: int) -> float:
    """The objective, infinite beyond the limits."""
    if not energy < np.inf or cycles > aim.cap or energy * (1 - MARGIN) > aim.ceiling:
        return np.inf
    if aim.kind == LATENCY:
        return float(cycles)
    if aim.kind == EDP:
        return energy * cycles
    return energy + aim.weight * cycles


@njit(cache=True, no_cfunc_wrapper=True)
def is_hopeless(aim: Aim, bound: float, cycles: int) -> bool:
    """Can nothing from a bound on be better than the best?

    Of equal energy the fewer cycles are better. Bounds of values are lower bounds and values are whole numbers, so what
    lies above the best value cannot be equal to it, and what lies less than a step below cannot be less.
    """
    if not bound < np.inf:
        return True
    least = bound * (1 - MARGIN)
    if least <= aim.best - 0.5 * aim.step:
        return False
    return cycles >= aim.cycles or not least <= aim.best * (1 + MARGIN)


@njit(cache=True, no_cfunc_wrapper=True)
def hopeless(aim: Aim, bounds: Floats, cycles: Ints) -> Flags:
    """The same of many bounds."""
    found = np.empty(len(bounds), np.bool_)
    for n in range(len(bounds)):
        found[n] = is_hopeless(aim, bounds[n], cycles[n])
    return found
