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
    first
        Bits of first visits at such parents at most.
    fills
        The least energy per bit of filling a node from the region on; infinite if there is none.
    again
        The least number of trips of a loop that brings the tensor in again; infinite if there is none (a row).
    """

    multicast: Ints
    shared: Floats
    reads: Floats
    updates: Floats
    first: Floats
    fills: Floats
    again: Floats


def prices_of(t: Lattice, m: Machine) -> Prices:
    """Least prices of a machine for a layer."""
    alike = [(t.lacks == tensor) | ((tensor == I) & (t.halo == 1)) for tensor in TENSORS]
    multicast = np.stack([m.vectors[dims].prod(axis=0) for dims in alike])
    shared = np.ones((m.regions + 1, 3))
    for r in range(m.regions):
        shared[r] = multicast[:, m.fan(r)].max(axis=1)
    reads, updates, fills = (np.full((m.regions + 1, 3), np.inf) for _ in range(3))
    first = np.zeros((m.regions + 1, 3))
    for region in range(m.regions):
        for tensor in TENSORS:
            served = 1.0
            for r in range(region - 1, -1, -1):
                served *= shared[r, tensor]
                known = [n for n in m.members[r] if m.may_keep[n, tensor]] + ([int(m.tops[tensor])] if r == 0 else [])
                for n in known:
                    reads[region, tensor] = min(reads[region, tensor], m.rates[n, READS] / served)
                    updates[region, tensor] = min(updates[region, tensor], m.rates[n, UPDATES] / served)
                    first[region, tensor] = max(first[region, tensor], first_bits(t, m, r, shared) * served)
            for r in range(region, m.regions):
                for n in m.members[r]:
                    if m.may_keep[n, tensor]:
                        fills[region, tensor] = min(fills[region, tensor], m.rates[n, FILLS])
    again = np.full(3, np.inf)
    for d, tensor in enumerate(t.lacks):
        if tensor >= 0 and t.counts[d] > 1:
            again[tensor] = min(again[tensor], t.divisors[d, 1])
    return Prices(multicast, shared, reads, updates, first, fills, again)


def first_bits(t: Lattice, m: Machine, region: int, shared: Floats) -> float:
    """Bits of first visits at a level of a region at most: of every copy."""
    return float(m.volume * max(t.bits[O], t.step_bits[O]) * shared[:region, O].prod())


def price(m: Machine, level: int, tensor: int, bits: Floats, first: Floats | float) -> Floats:
    """What it costs at least to serve bits of a tensor at a level; `first`: bits of first visits at most."""
    reads, updates = float(m.rates[level, READS]), float(m.rates[level, UPDATES])
    if tensor != O:
        return bits * reads
    left = bits if m.resumes else np.maximum(0.0, bits - first)
    return bits * updates + left * reads


def fill_price(m: Machine, level: int, tensor: int, bits: Floats, first: float) -> Floats:
    """What it costs at least to fill a node with so many bits (and to drain it), less first visits."""
    fills = float(m.rates[level, FILLS])
    if tensor != O:
        return bits * fills
    left = bits if m.resumes else np.maximum(0.0, bits - first)
    return left * fills + bits * (float(m.rates[level, READS]) if m.drains else 0.0)


def outside(m: Machine, p: Prices, region: int, tensor: int, bits: Floats) -> Floats:
    """What so many bits cost at least at a parent further out than a region."""
    reads, updates = float(p.reads[region, tensor]), float(p.updates[region, tensor])
    if tensor != O:
        return bits * reads
    left = bits if m.resumes else np.maximum(0.0, bits - float(p.first[region, tensor]))
    return bits * updates + left * reads


def least_fill(t: Lattice, m: Machine, p: Prices, region: int, tensor: int, bits: Floats) -> Floats:
    """The least cost of filling any node of a tensor from a region on."""
    each = float(p.fills[region, tensor])
    if each == np.inf:
        return np.full_like(bits, np.inf)
    if tensor == O and not m.resumes:
        bits = np.maximum(0.0, bits - first_bits(t, m, m.regions - 1, p.shared))
    return bits * each
