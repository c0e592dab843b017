"""Lattice and machine as the arrays that the steps of labels read."""

from __future__ import annotations

import numpy as np

from formulations.shortest_path.kernels.steps import Board
from formulations.shortest_path.tables import TENSORS, Ints, Lattice, Machine, most_instances
from formulations.shortest_path.twins import Twins

ABOVE, AHEAD, PRIME, FORGETS = True, True, True, True
"""Do rules R1, R2 and R3 hold, and do labels forget what matters to no later step?"""
NO_LIMIT = (1 << 63) - 1


def board_of(t: Lattice, m: Machine, twins: Twins) -> Board:
    """The arrays of a lattice and a machine."""
    spots = range(t.divisors.shape[1])
    dims = np.array(
        [t.lacks, t.axis, t.coefficient, t.halo, [d in twins.seconds for d in range(len(t.lacks))]], np.int64
    )
    numbers = [m.drains, m.resumes, m.volume, m.steps, m.work, m.unit, t.regional, ABOVE, AHEAD, FORGETS]
    return Board(
        extents=t.extents,
        outs=t.outs,
        words=t.words,
        widths=t.widths,
        place=t.place,
        shift=t.shift,
        divisors=t.divisors,
        quotient=t.quotient,
        alone=np.array([[not PRIME or spot in primes for spot in spots] for primes in t.primes], np.bool_),
        dims=np.ascontiguousarray(dims.T),
        bits=np.stack([t.bits, t.step_bits]),
        levels=_levels(m),
        may_keep=m.may_keep,
        may_skip=m.may_skip,
        members=_members(m),
        more=_more_nodes(m),
        vectors=m.vectors,
        kids=m.kids,
        widest=most_instances(m),
        untouched=twins.untouched,
        ordered=twins.ordered,
        numbers=np.array(numbers, np.int64),
    )


def _levels(m: Machine) -> Ints:
    """A row per level."""
    rows = []
    for n, level in enumerate(m.levels):
        capacity = NO_LIMIT if level.capacity_bits is None else min(level.capacity_bits, NO_LIMIT)
        energies = (level.read_energy, level.fill_energy, level.update_energy, level.leak_energy)
        ports = [number for port in level.ports for number in (port.multiplier, min(port.divisor, NO_LIMIT))]
        rows.append([m.region[n], m.place[n], capacity, *energies, level.access_bits, m.rounds[n], *ports])
    return np.array(rows, np.int64)


def _members(m: Machine) -> Ints:
    """A row per region, filled up with -1."""
    most = max(map(len, m.members))
    return np.array([[*row, *[-1] * (most - len(row))] for row in m.members], np.int64).reshape(m.regions, most)


def _more_nodes(m: Machine) -> Ints:
    """By region, tensor and place of its last node: may it have one further inside (2), or in the region (1)?"""
    most = max(len(row) for row in m.members)
    more = np.zeros((m.regions, 3, most + 1), np.int64)
    for r in range(m.regions):
        for tensor in TENSORS:
            inside = any(m.may_keep[n, tensor] for row in m.members[r + 1 :] for n in row)
            for digit in range(len(m.members[r]) + 1):
                here = any(m.may_keep[n, tensor] for n in m.members[r][digit:])
                more[r, tensor, digit] = 2 if inside else int(here)
    return more
