"""The bounds of a region as the kernels take them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.potential import Part, Potentials
from optimizer.checker.again.nest_graph.prices import Kind


class Bounds(NamedTuple):
    """Least costs inside of the places of a region, and what they are made of (:mod:`potential`): `commit` are prices
    of holding a tensor, `families` bounds with all nodes free, `price` those of nodes, both ``alpha`` and ``beta``."""

    plain: Floats
    closing: Floats
    bottom: Floats
    closing_bottom: Floats
    commit: Floats
    families: Floats
    moves: Ints
    price: Floats


def bounds_of(potentials: Potentials, region: int, kind: Kind | None, part: Part | None) -> Bounds:
    """Bounds of a region inside of a fan-out of a kind, for a part of the extents."""
    machine = potentials.machine
    tables = potentials.tables(region, kind, 0, part)
    places, last = machine.places[region], region + 1 == len(machine.regions)
    bottom, closing_bottom = potentials.bottom(region, kind, 0)
    if last:
        closing_bottom = np.zeros((1, 1, 1, 1))
    commit = np.zeros((2, len(potentials.criteria.scale), len(places), 3))
    for p, place in enumerate(places):
        for v in range(3):
            if machine.deeper(region, v):
                commit[0, :, p, v], commit[1, :, p, v] = potentials.prices.commit(region, kind, place, v)
    families = np.zeros((1, 1, 1, 1))
    if region and not all(potentials.single(region, v) for v in range(3)):
        families = potentials.tables(region, kind, 7, part).plain
    closing = tables.closing if tables.closing.shape[1] else np.zeros((1, 1, 1, 1, 1))
    price = np.stack([tables.alpha, tables.beta])
    return Bounds(tables.plain, closing, bottom, closing_bottom, commit, families, tables.moves, price)
