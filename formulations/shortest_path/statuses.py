"""What tables of bounds belong to.

A table belongs to a region, to a code (per tensor the place of its last node in the region, 0: none yet) and to the
status of every tensor:

``FREE``
    Its last node's level is known. Or it is not (the node stands further out), and a loop of this region that the
    tensor does not have may bring its next node in again: then its parent is read so many times more.
``TIGHT``
    Its last node stands further out, and no loop of this region brings its next node in again.
``NONE``
    It has no node from this region on.
``HELD``
    Its next node breaks further out, at a loop right outside of which it stays: what comes into it is not part of the
    table, and loops that would move it may not come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.shortest_path.tables import Floats

FREE, TIGHT, NONE, HELD = range(4)
Code = tuple[int, int, int]
Statuses = tuple[int, int, int]


@dataclass(frozen=True)
class Table:
    """Values of one region and code: a row per combination of statuses, a column per point.

    ``values`` are those of one copy of the output in front of the region, ``slopes`` what every further one adds.
    """

    statuses: tuple[Statuses, ...]
    values: Floats
    slopes: Floats


@dataclass(frozen=True)
class Behind:
    """What lies behind the fan-out that leads into a region: a row per combination of statuses, a column per point.

    ``parents`` are the levels of the tensors without a node inside, which serve the multipliers (-1: the tensor has
    one). ``values`` are those of one copy of the output in front of the fan-out, ``slopes`` what every further one
    adds.
    """

    statuses: tuple[Statuses, ...]
    parents: tuple[Code, ...]
    values: Floats
    slopes: Floats


def slopes_of(one: Floats, top: Floats, most: int) -> Floats:
    """What every further copy adds: the slopes of the chords from the values of one copy to those of most copies."""
    found, finite = np.zeros_like(one), np.isfinite(one)
    if most > 1:
        found[finite] = (top[finite] - one[finite]) / (most - 1)
    return found
