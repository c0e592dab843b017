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
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.checker.again.nest_graph.criteria import Criteria
from optimizer.checker.again.nest_graph.kernels.narrow import mark, meet
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.prices import INF
from optimizer.checker.again.nest_graph.spread import Kind, Vector
from optimizer.checker.again.nest_graph.tables import Room

MOST_PAIRS = 1 << 20
"""Entries that are listed at once, as far as one vector does not need more."""
FIRST_GROUPS, PARTS = 8, 4
"""Groups of kinds to begin with, and into how many a group is split."""


class Rows(NamedTuple):
    """Least costs right inside of a fan-out, at some extents `inside` of it.

    Shape (extents, ends, 7, criteria): `costs` of the roof, with a tensor held there, and with a tensor and the input
    held there, without what the input brings in; (ends, criteria): `slid`, the price of that. Shape (extents, ends, 4,
    criteria): `low`, no more than the cost of the roof and with a tensor held, as what the input brings in costs
    something.
    """

    inside: Ints
    costs: Floats
    low: Floats
    slid: Floats


class Below(NamedTuple):
    """What stands outside of a fan-out, `reach`: the least costs there, shape (extents, ends, 4, criteria) as of
    `Rows`, and the limits; and the least costs inside of all fan-outs, which are found, shape (criteria, 4, ends,
    extents)."""

    reach: Floats
    limit: Floats
    bottom: Floats

    @staticmethod
    def of(layer: Layer, criteria: Criteria, ends: int, reached: Floats | None) -> Below:
        """Without least costs outside, nothing is above the limits."""
        bottom = np.full((len(criteria.scale), 4, ends, layer.lattice.size), INF)
        if reached is None:
            return Below(np.zeros(bottom.transpose(3, 2, 1, 0).shape), np.full(len(bottom), INF / 10), bottom)
        return Below(np.ascontiguousarray(reached.transpose(3, 2, 1, 0)), criteria.limit, bottom)


def least_of_all(costs: Floats) -> Floats:
    """The least of costs of all ends, shape (extents, criteria)."""
    found: Floats = costs.reshape(len(costs), costs.shape[1] * 4, costs.shape[3]).min(axis=1)
    return found


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


class Groups:
    """All fan-outs below a region: kinds and, for each, factors and extents inside and outside that are left.

    If what stands outside of a fan-out costs too much together with the least inside, no nest with it is below the
    limits. So what is inside of it is not needed, nor are its costs for the bottom of the region. Entries (vector,
    place of the extents inside, extents outside) are left out in groups.
    """

    def __init__(
        self, layer: Layer, kinds: dict[Kind, list[Vector]], idle: Callable[[int], Floats], below: Below,
        check: Callable[[], None],
    ) -> None:  # fmt: skip
        self._layer, self._below, self._check, self._outer = layer, below, check, least_of_all(below.reach)
        self._kinds = list(kinds)
        self._vectors = [(number, v) for number, kind in enumerate(kinds) for v in kinds[kind]]
        self._kind_of = np.array([number for number, _ in self._vectors], np.int64)
        self._idle = np.array([idle(self._kinds[number].instances) for number in self._kind_of])
        self._times = layer.lattice.times([v for _, v in self._vectors])
        self.alive: dict[Kind, NDArray[np.bool_]] = {}

    def run(
        self, rows_of: Callable[[Kind, Room | None, Ints | None], Rows], room_of: Callable[[Ints], Room], *,
        grouped: bool,
    ) -> None:  # fmt: skip
        """Find what is left, and the least costs of it; `alive` tells at which ends and extents that is, by kind."""
        everything = np.arange(len(self._kinds))
        for some in self._split(everything, FIRST_GROUPS) if grouped else everything[:, None]:
            rows = rows_of(self._least_of(some), None, None)
            todo = [(some, self._marked(rows, self._listed(rows, some), some), rows.inside)]
            while todo:
                group, left, inside = todo.pop()
                if len(group) == 1 or not len(left):
                    continue
                inside, left[:, 1] = np.unique(inside[left[:, 1]], return_inverse=True)
                room, here = room_of(inside), self._kind_of[left[:, 0]]
                for part in self._split(np.unique(here), PARTS):
                    self._check()
                    pairs = left[np.isin(here, part)]
                    rows = rows_of(self._least_of(part), room, inside)
                    todo.append((part, self._marked(rows, [pairs], part), inside))

    def _least_of(self, group: Ints) -> Kind:
        return least_of([self._kinds[n] for n in group])

    def _split(self, group: Ints, parts: int) -> list[Ints]:
        numbers = {self._kinds[n]: n for n in group}
        return [np.array([numbers[kind] for kind in some]) for some in split(list(numbers), parts)]

    def _listed(self, rows: Rows, group: Ints) -> Iterator[Ints]:
        """All entries of some kinds that the least costs of all ends do not rule out."""
        below, first, state, lattice = self._below, 0, np.zeros(2, np.int64), self._layer.lattice
        mine, inner = np.flatnonzero(np.isin(self._kind_of, group)), least_of_all(rows.low)
        room = np.empty((max(MOST_PAIRS, len(rows.inside)), 3), np.int64)
        while first < len(mine):
            self._check()
            meet(first, mine, self._times, self._idle, rows.inside, inner, lattice.index, lattice.strides, self._outer,
                 below.limit, room, state)  # fmt: skip
            first = int(state[1])
            yield room[: state[0]]

    def _marked(self, rows: Rows, parts: Iterable[Ints], group: Ints) -> Ints:
        """The entries that are within all limits; of a single kind, their costs go to the bottom."""
        layer, below, left = self._layer, self._below, [np.zeros((0, 3), np.int64)]
        ends, inner = np.zeros(below.bottom.shape[2:], np.bool_), least_of_all(rows.low)
        size = len(rows.inside), rows.costs.shape[1] * rows.costs.shape[3]
        costs, low = rows.costs.reshape(size[0], 7 * size[1]), rows.low.reshape(size[0], 4 * size[1])
        reach = below.reach.reshape(len(below.reach), 4 * size[1])
        for pairs in parts:
            alive = np.zeros(len(pairs), np.bool_)
            mark(pairs, self._idle, rows.inside, inner, self._outer, layer.of_dims, layer.of_points, layer.extents,
                 layer.lacks_bits, layer.traffic[1], costs, low, rows.slid, reach, below.limit, alive, len(group) == 1,
                 below.bottom, ends)  # fmt: skip
            left.append(pairs[alive])
        if len(group) == 1 and ends.any():
            self.alive[self._kinds[group[0]]] = ends
        return np.concatenate(left)
