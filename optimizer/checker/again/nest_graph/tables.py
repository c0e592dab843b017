"""Tables of the least costs of what stands inside of all places of a region, and outside of them, over all extents.

Arrays have the criterion first, then the place and last the extents; a held tensor comes after the criterion.

**Lemma** (*room*). A place is only reached with extents at which the tiles of all nodes of its region outside of it
  fit. So tables are filled at these extents alone, and no nest stands inside of others.

*Proof.* A node is placed at extents y at which its tile fits. Extents x further in divide y, so no tile of x is larger,
nor is one of the input: widths along its axes are sums of terms that grow with every extent. ∎
"""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.checker.again.nest_graph.kernels.fill import fill, reach
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.places import Machine
from optimizer.checker.again.nest_graph.prices import INF, NO_KIND, Graph
from optimizer.checker.again.nest_graph.spread import Kind


class Tables(NamedTuple):
    """Bounds at all places of a region; with a tensor held across the next fan-out; what they are made of.

    The next tables of the same `Filler` take their place.
    """

    plain: Floats
    closing: Floats
    bottom: Floats
    closing_bottom: Floats
    commit: Floats
    moves: Ints
    price: Floats


class Room:
    """The extents that may stand at the places of a region, in ascending order, one place after another."""

    def __init__(self, machine: Machine, layer: Layer, region: int, fits: NDArray[np.bool_], *, narrow: bool) -> None:
        some = []
        for place in machine.places[region]:
            good = np.ones(layer.lattice.size, np.bool_)
            for level, row in zip(machine.regions[region], place.kept, strict=True):
                for tensor in range(3):
                    if narrow and row >> tensor & 1:
                        good &= fits[tensor, level]
            some.append(np.flatnonzero(good))
        self.codes = np.concatenate(some)
        self._place = np.repeat(np.arange(len(some)), [len(one) for one in some])
        self.firsts = np.searchsorted(self._place, np.arange(len(some) + 1))

    def within(self, extents: NDArray[np.bool_]) -> Room:
        """Only with some extents, of which divisors are some as well: what stands inside of x stands at divisors."""
        found, good = copy(self), extents[self.codes]
        found.codes, found._place = self.codes[good], self._place[good]
        found.firsts = np.searchsorted(found._place, np.arange(len(self.firsts)))
        return found


def fits_of(machine: Machine, layer: Layer) -> NDArray[np.bool_]:
    """Do tiles fit? Shape (tensors, levels, extents)."""
    levels = machine.problem.levels
    return np.array([[layer.fits(t, n, one.capacity_bits) for n, one in enumerate(levels)] for t in range(3)])


class Filler:
    """Fills the tables of one region."""

    def __init__(
        self, layer: Layer, graph: Graph, room: Room, fits: NDArray[np.bool_], held: Floats, closes: int
    ) -> None:
        self.graph, self._room = graph, room
        relaxed = (graph.relaxed.astype(np.int64) << np.arange(graph.relaxed.shape[1])).sum(axis=1)
        goals = np.stack([graph.ends, graph.roof.astype(np.int64), relaxed], axis=1)
        self._given = (
            fits, layer.lattice.smaller, layer.columns, np.concatenate([layer.words, held]),
            layer.slides_from, layer.slid, layer.slid_words, graph.moves, goals,
        )  # fmt: skip
        count, places, size = graph.price.shape[2], len(graph.ends), layer.lattice.size
        self._plain = np.full((count, places, size), INF)
        self._closing = np.full((count, closes, places, size), INF)

    def inside(self, kind: Kind, bottom: Floats, closing_bottom: Floats, room: Room | None = None) -> Tables:
        """Least costs inside of every place, from those of the bottom (by its numbers); elsewhere than in the room they
        are of no meaning."""
        room = room or self._room
        price, commit = self.graph.of_nodes(kind), self.graph.of_holding(kind)
        fill(room.codes, room.firsts, *self._given, price, commit, bottom, closing_bottom, self._plain, self._closing)
        return Tables(self._plain, self._closing, bottom, closing_bottom, commit, self.graph.moves, price)

    def outside(self, start: Floats, ends: int) -> Floats:
        """Least costs outside of every bottom, from the cost at the first place: the mirror image.

        Shape (criteria, 4, ends, extents): without a held tensor, and with each of the three.
        """
        price, commit = self.graph.of_nodes(NO_KIND), self.graph.of_holding(NO_KIND)
        count, places, size = self._plain.shape
        bottom, plain = np.full((count, 4, ends, size), INF), np.full((count, 4, places, size), INF)
        plain[:, 0, 0, size - 1] = start
        reach(self._room.codes, self._room.firsts, *self._given, price, commit, bottom, plain)
        return bottom
