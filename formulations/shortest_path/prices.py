"""Least prices of what comes into nodes, where the levels that serve it are not known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.problem import I, O
from formulations.shortest_path.tables import TENSORS, Floats, Ints, Lattice, Machine

READS, FILLS, UPDATES = range(3)
"""Columns of the energies per bit."""


@dataclass(frozen=True)
class Prices:
    """Least prices, a row per region and a column per tensor.

    Attributes
    ----------
    multicast
        Per tensor and vector, the most children that one read serves (a column per vector).
    shared
        The most children of the region's fan-out that one read serves.
    reads, updates
        Of parents further out than the region: the least energy per bit that comes in.
    fills, dearest
        The least and the most energy per bit of filling a node from the region on; infinite, and 0, if there is none.
    later
        The most copies of the output that fan-outs from the region's on make of one (a row).
    again
        The least number of trips of a loop that brings the tensor in again; infinite if there is none (a row).
    """

    multicast: Ints
    shared: Floats
    reads: Floats
    updates: Floats
    fills: Floats
    dearest: Floats
    later: Floats
    again: Floats


def prices_of(t: Lattice, m: Machine) -> Prices:
    """Least prices of a machine for a layer."""
    alike = [(t.lacks == tensor) | ((tensor == I) & (t.halo == 1)) for tensor in TENSORS]
    multicast = np.stack([m.vectors[dims].prod(axis=0) for dims in alike])
    shared = np.ones((m.regions + 1, 3))
    for r in range(m.regions):
        shared[r] = multicast[:, m.fan(r)].max(axis=1)
    reads, updates, fills = (np.full((m.regions + 1, 3), np.inf) for _ in range(3))
    dearest = np.zeros((m.regions + 1, 3))
    for region in range(m.regions):
        for tensor in TENSORS:
            served = 1.0
            for r in range(region - 1, -1, -1):
                served *= shared[r, tensor]
                known = [n for n in m.members[r] if m.may_keep[n, tensor]] + ([int(m.tops[tensor])] if r == 0 else [])
                for n in known:
                    reads[region, tensor] = min(reads[region, tensor], m.rates[n, READS] / served)
                    updates[region, tensor] = min(updates[region, tensor], m.rates[n, UPDATES] / served)
            for r in range(region, m.regions):
                for n in m.members[r]:
                    if m.may_keep[n, tensor]:
                        fills[region, tensor] = min(fills[region, tensor], m.rates[n, FILLS])
                        dearest[region, tensor] = max(dearest[region, tensor], m.rates[n, FILLS])
    again = np.full(3, np.inf)
    for d, tensor in enumerate(t.lacks):
        if tensor >= 0 and t.counts[d] > 1:
            again[tensor] = min(again[tensor], t.divisors[d, 1])
    later: Floats = np.cumprod(shared[::-1, O])[::-1].astype(np.float64)
    return Prices(multicast, shared, reads, updates, fills, dearest, later, again)


def most_copies(m: Machine, p: Prices, region: int) -> int:
    """The most copies of the output in front of a region that make a difference."""
    return 1 if m.resumes else round(float(p.later[0] / p.later[region]))


def first_bits(t: Lattice, m: Machine, copies: Floats) -> Floats:
    """Bits of first visits of so many copies at a node, whose next node is filled."""
    return (0.0 if m.resumes else float(m.volume * t.bits[O])) * copies


def first_steps(t: Lattice, m: Machine, copies: Floats) -> Floats:
    """The same where multipliers ask."""
    return (0.0 if m.resumes else float(m.volume * min(t.bits[O], t.step_bits[O]))) * copies


def price(m: Machine, level: int, tensor: int, bits: Floats, first: Floats) -> Floats:
    """What it costs to serve bits of a tensor at a level; `first`: bits of first visits."""
    reads, updates = float(m.rates[level, READS]), float(m.rates[level, UPDATES])
    return bits * reads if tensor != O else bits * updates + (bits - first) * reads


def fill_price(m: Machine, level: int, tensor: int, bits: Floats, first: Floats) -> Floats:
    """What it costs to fill a node with so many bits (and to drain it), less first visits."""
    fills = float(m.rates[level, FILLS])
    if tensor != O:
        return bits * fills
    return (bits - first) * fills + bits * (float(m.rates[level, READS]) if m.drains else 0.0)


def outside(m: Machine, p: Prices, region: int, tensor: int, bits: Floats) -> Floats:
    """What so many bits cost at least at a parent further out than a region, first visits included."""
    reads, updates = float(p.reads[region, tensor]), float(p.updates[region, tensor])
    return bits * reads if tensor != O else bits * (updates + reads)


def least_fill(t: Lattice, m: Machine, p: Prices, region: int, tensor: int, bits: Floats, copies: Floats) -> Floats:
    """The least cost of filling any node of a tensor from a region on, less first visits.

    Where one level alone may fill it and no fan-out may come in between, that is exact, and formal for more copies than
    a nest can have (:mod:`potentials`). Else it is a line in the number of copies, if it is positive for most copies,
    and 0 if it is not.
    """
    each = float(p.fills[region, tensor])
    if each == np.inf:
        return np.full_like(bits, np.inf)
    if tensor != O:
        return bits * each
    left = bits - first_bits(t, m, copies * float(p.later[region]))
    if p.later[region] == 1 and each == p.dearest[region, tensor]:
        return left * each
    least = bits - first_bits(t, m, np.array(float(p.later[0])))
    return np.where(least >= 0, left * each, 0.0)
