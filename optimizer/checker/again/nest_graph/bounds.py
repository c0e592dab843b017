"""The bounds of a region as the kernels take them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.potential import Potentials
from optimizer.checker.again.nest_graph.spread import Kind


class Bounds(NamedTuple):
    """Least costs inside of the places of a region, and what they are made of (:mod:`potential`): `commit` are prices
    of holding a tensor, `families` bounds with all nodes free, `price` those of nodes, both ``alpha`` and ``beta``.

    The next bounds of the same region take their place.
    """

    plain: Floats
    closing: Floats
    bottom: Floats
    closing_bottom: Floats
    commit: Floats
    families: Floats
    moves: Ints
    price: Floats


def bounds_of(potentials: Potentials, region: int, kind: Kind) -> Bounds:
    """Bounds of a region inside of a fan-out of some kind."""
    tables = potentials.tables(region, kind)
    families = np.zeros((1, 1, 1))
    if region and not all(potentials.single(region, v) for v in range(3)):
        families = potentials.tables(region, kind, 7).plain
    return Bounds(
        tables.plain, tables.closing, tables.bottom, tables.closing_bottom, tables.commit, families, tables.moves,
        tables.price,
    )  # fmt: skip
