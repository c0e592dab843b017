"""Lattice and machine as the arrays that the steps of labels read."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from formulations.shortest_path.kernels.steps import MEMBER, MORE, WIDEST, Board
from formulations.shortest_path.tables import TENSORS, Ints, Lattice, Machine, most_instances
from formulations.shortest_path.twins import Twins

ABOVE, BEFORE, PRIME, FORGETS = True, True, True, True
"""Do rules R1, R2 and R3 hold, and do labels forget what matters to no later step?"""
NO_LIMIT = (1 << 63) - 1


def board_of(t: Lattice, m: Machine, twins: Twins) -> Board:
    """The arrays of a lattice and a machine."""
    seconds = [d in twins.seconds for d in range(len(t.lacks))]
    bits = [*t.bits, *t.step_bits]
    numbers = [
        m.drains,
        m.resumes,
        m.volume,
        m.steps,
        m.work,
        m.unit,
        t.regional,
        len(t.widths),
        ABOVE,
        BEFORE,
        FORGETS,
    ]
    return Board(
        points=_by_row(t.outs, *t.words, twins.untouched, *t.extents, *t.place, *t.widths),
        spots=_spots(t),
        dims=_by_row(t.lacks, t.axis, t.coefficient, t.halo, seconds),
        levels=_levels(m),
        regions=_regions(m),
        vectors=_by_row(m.kids, twins.ordered, *m.vectors),
        numbers=np.array([*bits, *numbers, ABOVE, BEFORE, FORGETS], np.int64),
    )


def _by_row(*columns: ArrayLike) -> Ints:
    return np.stack(columns, axis=1, dtype=np.int64, casting="unsafe")


def _spots(t: Lattice) -> Ints:
    """By dim, place and divisor: how far back, trips, and may such a loop come alone?"""
    alone = [[not PRIME or spot in primes for spot in range(t.divisors.shape[1])] for primes in t.primes]
    shape = t.shift.shape
    rows = [t.shift, np.broadcast_to(t.divisors[:, None], shape), np.broadcast_to(np.array(alone)[:, None], shape)]
    return np.stack(rows, axis=-1, dtype=np.int64, casting="unsafe")


def _levels(m: Machine) -> Ints:
    """A row per level."""
    rows = []
    for n, level in enumerate(m.levels):
        capacity = NO_LIMIT if level.capacity_bits is None else min(level.capacity_bits, NO_LIMIT)
        energies = (level.read_energy, level.fill_energy, level.update_energy, level.leak_energy)
        ports = [number for port in level.ports for number in (port.multiplier, min(port.divisor, NO_LIMIT))]
        keeps = (*m.may_keep[n], *m.may_skip[n])
        rows.append([m.region[n], m.place[n], capacity, *energies, level.access_bits, m.rounds[n], *ports, *keeps])
    return np.array(rows, np.int64)


def _regions(m: Machine) -> Ints:
    """By region and place: its level, and what may follow; one region more than there are."""
    found = np.full((m.regions + 1, max(map(len, m.members)) + 1, 5), -1, np.int64)
    found[:, 0, WIDEST] = most_instances(m)
    for r, members in enumerate(m.members):
        found[r, 1 : len(members) + 1, MEMBER] = members
        for tensor in TENSORS:
            inside = any(m.may_keep[n, tensor] for row in m.members[r + 1 :] for n in row)
            for place in range(len(members) + 1):
                here = any(m.may_keep[n, tensor] for n in members[place:])
                found[r, place, MORE + tensor] = 2 if inside else int(here)
    return found
