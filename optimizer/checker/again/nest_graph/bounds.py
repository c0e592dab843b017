"""The bounds of a region as the kernels take them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.potential import Potentials
from optimizer.checker.again.nest_graph.prices import Kind, Kinds


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


def bounds_of(potentials: Potentials, region: int, kind: Kind | None) -> Bounds:
    """Bounds of a region inside of a fan-out of a kind."""
    machine = potentials.machine
    some = None if kind is None else Kinds.of([kind])
    tables = potentials.tables(region, some)
    closing_bottom = tables.closing_bottom
    families, closing = np.zeros((1, 1, 1)), np.zeros((1, 1, 1, 1))
    if region and not all(potentials.single(region, v) for v in range(3)):
        families = _first(np.stack(potentials.tables(region, some, 7).plain))
    if region + 1 == len(machine.regions):
        closing_bottom = np.zeros((1, 1, 1, 1))
    else:
        closing = _first(np.stack([np.stack(one) for one in tables.closing]))
    graph = tables.graph
    return Bounds(
        _first(np.stack(tables.plain)),
        closing,
        _first(tables.bottom),
        _first(closing_bottom),
        np.stack([_first(graph.commit_alpha), _first(graph.commit_beta)]),
        families,
        graph.moves,
        np.stack([_first(graph.alpha), _first(graph.beta)]),
    )


def _first(values: Floats) -> Floats:
    """The last axis, of criteria, comes first."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))
