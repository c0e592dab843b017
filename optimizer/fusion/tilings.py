"""How a group is cut into tiles: what every layer computes per tile, and what the buffer holds of every tensor.

The outputs that leave a group are cut into equal parts along batch, rows and columns; the tiles run in this order,
columns innermost. Along each axis the parts of all other tensors follow backwards from these:

1. *Needed* of a tensor at a step: the hull of its own part (if it leaves the group), and of what every reader inside
   needs for what it computes at that step.
2. *Computed* at a step: with halo ``recompute`` all that is needed; with halo ``cache`` the range that is left of it
   without what was computed before at either end. Of a tensor from outside the same is fetched.
3. *Kept* after a step (``cache``): from the first position that a later step needs to the last one computed.

Borders are exact: nothing outside of a tensor is needed, computed or kept.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from formulations.primes import divisors
from optimizer.fusion.groups import FusionGroup
from optimizer.problem.fusion_options import HALO
from optimizer.workload.layer import Layer, VectorLayer
from optimizer.workload.views import TILE_AXES

Range = tuple[int, int]
"""Positions from the first to before the second."""
EMPTY = (0, 0)


@dataclass(frozen=True)
class Cut:
    """Number of parts along batch, rows and columns, and the halo policies along rows and columns."""

    parts: tuple[int, int, int]
    halo: tuple[str, str] = ("cache", "cache")

    def caches(self, axis: int) -> bool:
        """Are results along an axis kept for later tiles (halo policy ``cache``)?"""
        return axis == 0 or self.halo[axis - 1] == "cache"


@dataclass(frozen=True)
class TileSteps:
    """One tensor along one axis: its extent, and what is needed and computed (or fetched) at every step."""

    extent: int
    needed: tuple[Range, ...]
    computed: tuple[Range, ...]
    cached: bool

    @cached_property
    def sizes(self) -> Counter[int]:
        """How many steps compute how many positions (none is left out)."""
        return Counter(high - low for low, high in self.computed if high > low)

    @cached_property
    def kept(self) -> tuple[Range, ...]:
        """What is kept after every step."""
        if not self.cached:
            return (EMPTY,) * len(self.needed)
        reached = itertools.accumulate((high for _, high in self.computed), max)
        found: list[Range] = []
        first = self.extent
        for (low, high), last in zip(reversed(self.needed), reversed(list(reached)), strict=True):
            found.append((first, last) if first < last else EMPTY)
            first = min(first, low) if high > low else first
        return tuple(reversed(found))

    @cached_property
    def held(self) -> int:
        """Most positions held while a tile runs."""
        return max(_length(self.window(n)) for n in range(len(self.needed)))

    def window(self, step: int) -> Range:
        """All positions held while a tile runs."""
        before = self.kept[step - 1] if step else EMPTY
        return _hull([self.needed[step], before, self.kept[step]])

    @cached_property
    def between(self) -> int:
        """Most positions kept between two steps."""
        return max(_length(kept) for kept in self.kept)


def _length(positions: Range) -> int:
    return positions[1] - positions[0]


def _hull(ranges: Sequence[Range]) -> Range:
    some = [r for r in ranges if r[1] > r[0]]
    return (min(low for low, _ in some), max(high for _, high in some)) if some else EMPTY


@dataclass(frozen=True)
class TiledTensor:
    """One tensor under a cut: a member's output, or one that a member reads from outside.

    ``words`` are those of one position; ``steps`` are per axis.
    """

    words: int
    bits: int
    steps: tuple[TileSteps, TileSteps, TileSteps]

    @cached_property
    def volume(self) -> int:
        """All words."""
        return self.words * math.prod(steps.extent for steps in self.steps)

    def parts(self) -> Iterator[tuple[tuple[int, int, int], int]]:
        """(positions along each axis, number) of all parts of equal size that are computed or fetched."""
        for sizes in itertools.product(*(steps.sizes.items() for steps in self.steps)):
            yield tuple(size for size, _ in sizes), math.prod(count for _, count in sizes)  # type: ignore[misc]

    @property
    def row_bits(self) -> int:
        """Bits of one row held, where columns are not cut; of the batch only what no later tile needs."""
        return self.words * self.bits * (self.steps[0].held - self.steps[0].between) * self.steps[2].held

    @property
    def moved(self) -> int:
        """Words computed or fetched in all, repeated ones included."""
        return self.words * sum(math.prod(sizes) * count for sizes, count in self.parts())

    @cached_property
    def live(self) -> int:
        """Most words held while the tensor is in use.

        ``held`` positions of an axis with ``between`` of them kept, *b*, for all of the axes inside of it, and the
        rest for what is held of these: ``b * full(inside) + (held - b) * live(inside)``.
        """
        return self.words * self._nested(1)

    @cached_property
    def kept(self) -> int:
        """Most words kept from one tile for another: ``b * full(inside) + (held - b) * kept(inside)``."""
        return self.words * self._nested(0)

    def _nested(self, innermost: int) -> int:
        total, inside = innermost, 1
        for steps in reversed(self.steps):
            between = steps.between
            total = between * inside + (steps.held - between) * total
            inside *= steps.extent
        return total


class Along:
    """A group along its tile axes: the steps of all tensors, worked out once per axis, number of parts and policy."""

    def __init__(self, group: FusionGroup) -> None:
        self.group = group
        self._known: dict[tuple[int, int, bool], dict[str, TileSteps]] = {}

    def steps(self, axis: int, parts: int, cached: bool) -> dict[str, TileSteps]:
        """Steps of every tensor.

        Raises
        ------
        ValueError
            If the parts do not divide the outputs that leave the group.
        """
        key = axis, parts, cached
        if key not in self._known:
            self._known[key] = self._steps(axis, parts, cached)
        return self._known[key]

    def _steps(self, axis: int, parts: int, cached: bool) -> dict[str, TileSteps]:
        group = self.group
        found: dict[str, TileSteps] = {}
        for name in (*reversed(group.members), *group.outside):
            extent = group.layer(name).grid[axis]
            own = name in group.position and group.leaves(name)
            if own and extent % parts:
                raise ValueError(f"{parts} parts do not divide the {extent} positions of {name}")
            needed = tuple(
                _hull(
                    [
                        *([(n * extent // parts, (n + 1) * extent // parts)] if own else []),
                        *(self.read(name, reader, axis, found[reader].computed[n]) for reader in group.readers(name)),
                    ]
                )
                for n in range(parts)
            )
            found[name] = TileSteps(extent, needed, _new(needed) if cached else needed, cached)
        return found

    def read(self, producer: str, reader: str, axis: int, computed: Range) -> Range:
        """What a reader needs of a producer along an axis for what it computes."""
        extent = self.group.layer(producer).grid[axis]
        window = self.group.view(producer, reader)[axis]
        if computed[1] <= computed[0]:
            return EMPTY
        return (0, extent) if window is None else window.needs(*computed, extent)

    def least(self, axis: int) -> dict[str, int]:
        """Positions of every tensor that any cut computes or fetches: those needed in the end, gaps left out."""
        group = self.group
        needed: dict[str, set[int]] = {}
        for name in (*reversed(group.members), *group.outside):
            own = range(group.layer(name).grid[axis]) if name in group.position and group.leaves(name) else ()
            needed[name] = set(own).union(
                *(
                    range(*self.read(name, reader, axis, (position, position + 1)))
                    for reader in group.readers(name)
                    for position in needed[reader]
                )
            )
        return {name: len(positions) for name, positions in needed.items()}


class GroupTiling:
    """A group under one cut.

    Raises
    ------
    ValueError
        If the cut does not divide the outputs that leave the group.
    """

    def __init__(self, along: Along, cut: Cut) -> None:
        self.along, self.group, self.cut = along, along.group, cut
        axes = [along.steps(axis, cut.parts[axis], cut.caches(axis)) for axis in range(3)]
        self.tensors = {name: self._tensor(name, (axes[0][name], axes[1][name], axes[2][name])) for name in axes[0]}

    def _tensor(self, name: str, steps: tuple[TileSteps, TileSteps, TileSteps]) -> TiledTensor:
        layer = self.group.layer(name)
        words, bits = output_of(layer)
        return TiledTensor(words // math.prod(layer.grid), bits, steps)


def output_of(layer: Layer | VectorLayer) -> tuple[int, int]:
    """Words and bits per word of what a layer computes."""
    if isinstance(layer, VectorLayer):
        return layer.writes[0]
    operand = layer.operand("O")
    return operand.footprint(layer.extents), operand.bits


def _new(needed: Sequence[Range]) -> tuple[Range, ...]:
    """Of every range what is left without what was computed before at either end."""
    found: list[Range] = []
    done: list[Range] = []
    for low, high in needed:
        for first, end in done:
            low = end if first <= low < end else low  # noqa: PLW2901
        for first, end in reversed(done):
            high = first if first < high <= end else high  # noqa: PLW2901
        found.append((low, high) if low < high else EMPTY)
        done = _merged([*done, found[-1]])
    return tuple(found)


def _merged(ranges: Sequence[Range]) -> list[Range]:
    """The same positions as ranges that do not touch, in rising order."""
    found: list[Range] = []
    for low, high in sorted(r for r in ranges if r[1] > r[0]):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def cuts(group: FusionGroup, halo: Sequence[str] = HALO, axes: Sequence[str] = TILE_AXES) -> Iterator[Cut]:
    """Every cut of a group along some axes.

    Halo policies that agree, as nothing is cut along the axis, are listed once.
    """
    grids = [group.layer(name).grid for name in group.members if group.leaves(name)]
    lists = [
        divisors(math.gcd(*(grid[axis] for grid in grids))) if name in axes else [1]
        for axis, name in enumerate(TILE_AXES)
    ]
    for batch, rows, columns in itertools.product(*lists):
        for down in halo if rows > 1 else halo[:1]:
            for across in halo if columns > 1 else halo[:1]:
                yield Cut((batch, rows, columns), (down, across))
