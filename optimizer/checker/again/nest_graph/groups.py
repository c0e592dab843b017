"""Kinds of fan-outs that cannot lead below all limits are left out in groups.

**Lemma.** What bounds inside of a fan-out say does not rise if shares of distinct tiles fall or copies of outputs rise.
  So the bounds inside of a fan-out with the least shares and the most copies of a group hold for each of its kinds.

*Proof.* Each price is ``word (fill + share read)``, or that of the outputs with reads and updates, or of the
multipliers: a share is only ever multiplied by what is not negative and added. Copies multiply the reads of partial
sums that are saved, which are taken away. Tables are least sums of such prices times words, which are not negative,
over nests that do not depend on the kind. What fewer instances add to leakage is counted kind by kind. ∎

So a vector of factors and the extents outside of it are out as soon as the bounds of their group are above a limit.
Groups with kinds left are split, up to single kinds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from optimizer.checker.again.nest_graph.kernels.narrow import mark_alive
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.prices import Kind
from optimizer.checker.again.nest_graph.spread import Vector


class Rows(NamedTuple):
    """Least costs right inside of a fan-out, as :meth:`Potentials.rows` has them."""

    plain: Floats
    closing: Floats
    both: Floats
    slid: Floats


def least_of(group: list[Kind]) -> Kind:
    """The least shares and the most copies of a group."""
    shares = tuple(min(kind.shares[v] for kind in group) for v in range(3))
    return Kind(
        (shares[0], shares[1], shares[2]), max(kind.copies for kind in group), max(kind.instances for kind in group)
    )


def split(group: list[Kind], parts: int) -> list[list[Kind]]:
    """Halve a group, and its halves, where their shares (or copies) differ most."""
    if parts < 2 or len(group) < 2:
        return [group] if group else []
    numbers = np.log([[*kind.shares, math.sqrt(kind.copies)] for kind in group])
    widest = int(np.ptp(numbers, axis=0).argmax())
    one = numbers[:, widest]
    low = one <= (one.min() + one.max()) / 2
    if low.all():
        low = np.arange(len(group)) < len(group) // 2
    halves = ([kind for kind, here in zip(group, low, strict=True) if here == side] for side in (True, False))
    return [part for half in halves for part in split(half, parts // 2)]


class Narrowing:
    """What is left of all kinds of the outermost fan-outs: vectors of factors, and extents inside and outside.

    `idle` is what fewer instances of a kind add; `reach` are the least costs outside.
    """

    def __init__(
        self, layer: Layer, vectors: dict[Kind, list[Vector]], idle: dict[Kind, Floats], limit: Floats, reach: Floats,
        reach_closing: Floats, spread: Callable[[Vector], tuple[Ints, Ints]], check: Callable[[], None],
    ) -> None:  # fmt: skip
        self._layer, self.idle, self._limit, self._check = layer, idle, limit, check
        self._reach, self._reach_closing, self._spread = reach, reach_closing, spread
        self._left: dict[Vector, tuple[Ints, Ints]] = {}
        self._vectors = {kind: list(some) for kind, some in vectors.items()}
        extents = np.array(layer.problem.extents, np.int64)
        self._of_dims = np.stack([layer.axis_of, layer.coefficient, extents, layer.lacks[0], layer.lacks[2]])

    def left(self, group: list[Kind], rows: Rows) -> list[Kind]:
        """The kinds of a group that are left, by bounds that hold for all of it."""
        return [kind for kind in group if self._narrowed(kind, rows)]

    def _narrowed(self, kind: Kind, rows: Rows) -> bool:
        self._check()
        some, layer = [], self._layer
        for vector in self._vectors[kind]:
            x, z = self._left.get(vector) or self._spread(vector)
            alive = np.zeros(len(x), np.bool_)
            mark_alive(
                x, z, self._of_dims, layer.lattice.vectors, layer.width, layer.traffic, *rows, self.idle[kind],
                self._reach, self._reach_closing, self._limit, alive,
            )  # fmt: skip
            if alive.any():
                some.append(vector)
                self._left[vector] = x[alive], z[alive]
        self._vectors[kind] = some
        return bool(some)
