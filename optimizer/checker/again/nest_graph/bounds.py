"""The bounds of a region as the kernels take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.potential import Potentials
from optimizer.checker.again.nest_graph.prices import Kind, Kinds

TABLES = 5
"""Tables of every place: of the plain bounds, of three closing runs, and of a family."""


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


def bounds_of(potentials: Potentials, region: int, kinds: list[Kind] | None) -> Iterator[Bounds]:
    """Bounds of a region inside of fan-outs of each of some kinds (None: of the outermost region)."""
    if kinds is None:
        yield from _together(potentials, region, None)
        return
    batch = potentials.batch(region, TABLES)
    for first in range(0, len(kinds), batch):
        yield from _together(potentials, region, Kinds.of(kinds[first : first + batch]))


def _together(potentials: Potentials, region: int, kinds: Kinds | None) -> Iterator[Bounds]:
    machine, count = potentials.machine, len(potentials.criteria.scale)
    tables = potentials.tables(region, kinds)
    graph, last = tables.graph, region + 1 == len(machine.regions)
    families = None
    if region and not all(potentials.single(region, v) for v in range(3)):
        families = np.stack(potentials.tables(region, kinds, 7).plain)
    plain, closing = np.stack(tables.plain), None if last else np.stack([np.stack(one) for one in tables.closing])
    for n in range(1 if kinds is None else len(kinds.instances)):
        part = slice(n * count, (n + 1) * count)
        yield Bounds(
            _first(plain[..., part]),
            np.zeros((1, 1, 1, 1)) if closing is None else _first(closing[..., part]),
            _first(tables.bottom[..., part]),
            np.zeros((1, 1, 1, 1)) if last else _first(tables.closing_bottom[..., part]),
            np.stack([_first(graph.commit_alpha[..., part]), _first(graph.commit_beta[..., part])]),
            np.zeros((1, 1, 1)) if families is None else _first(families[..., part]),
            graph.moves,
            np.stack([_first(graph.alpha[..., part]), _first(graph.beta[..., part])]),
        )


def _first(values: Floats) -> Floats:
    """The last axis, of criteria, comes first."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))
