"""Labels of partial nests, from the outermost loop inwards.

A label stands for the loops, nodes and fan-outs of the outer part of a nest. All of its costs are exact and paid: what
comes into a node is known the moment it is placed, from the loops outside of it. Labels are rows of an integer array.
"""

from __future__ import annotations

import numpy as np

from formulations.shortest_path.tables import Ints, Lattice, Machine

BASE = 1 << 60
"""Energies are pairs (high, low) that stand for ``high * BASE + low``."""

HI, LO, X, IN, RUN, RHO, SLIDE, TRIPS, STEP = range(9)
"""Energy, point of the lattice, region; the tensor (plus 1) that the last loops do not move, and their trips; the dim
(or -1) along which the input's next node slides, with its trips and its step."""
DIGIT, LAST, KIDS, APART = 9, 12, 15, 18
"""Per tensor: the place of its last node in the region (0: none), the level of its last node, and of the fan-outs
since, children and distinct tiles among them."""
COPIES, INSTANCES, DRAIN, BARE, RAN, WINDOWS, LEAKING, FROM, MOVE, WHAT, VALUE, DEAD = range(21, 33)
"""Copies of the output; instances; bits that drains read at the output's last node; no loop and no node since the last
fan-out; loops of this region are part of the run; dims of windows (bits) that the fan-out passed last splits; energy
that all instances of the levels so far leak per cycle; how the label was made; is it of no use any more?"""
USED = 33
"""Then per level: bits in use, and the bits that one instance has read and written."""

RULES = 3
"""Then, for a problem with rules, theirs (:mod:`formulations.shortest_path.rules`)."""

LOOP, NODE, CROSS = range(3)
"""Moves: WHAT is a dim, a tensor, the region left; VALUE trips, level, the vector."""


def first_of_rules(m: Machine) -> int:
    """The first column of rules, if there are any."""
    return USED + 3 * len(m.levels)


def width(m: Machine) -> int:
    """Columns of a label."""
    return first_of_rules(m) + (RULES if m.ruled else 0)


def start_of(t: Lattice, m: Machine, energy: int) -> Ints:
    """The label of the empty nest, with this energy."""
    row = np.zeros(width(m), np.int64)
    row[HI], row[LO] = divmod(energy, BASE)
    row[X], row[RHO], row[SLIDE], row[TRIPS] = t.size - 1, 1, -1, 1
    row[LAST : LAST + 3], row[KIDS : KIDS + 3], row[APART : APART + 3] = m.tops, 1, 1
    row[COPIES], row[INSTANCES], row[FROM] = 1, 1, -1
    row[LEAKING] = sum(level.leak_energy for level, region in zip(m.levels, m.region, strict=True) if region == 0)
    return row[None]
