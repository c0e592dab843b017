"""A mapping: one total order of loops and nodes.

A node ``(tensor, level)`` is the place in the nest where the tile of a tensor is filled into a level; the tile
is the extent of all loops below it. Temporal loops may stand anywhere; nodes of a level come before the
fan-out (the spatial loops) of that level, and each tensor's nodes go from outer to inner levels.

A node usually stands below the fan-outs of the outer levels. It may be *hoisted* further out, above temporal
loops that do not move its tile: then the tile stays in its level while they run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Loop:
    """A loop over `dim` with `bound` trips; temporal if `axis` is None, else unrolled along axis X or Y.

    `level` is the level that owns it: the innermost level whose block it is in, or, for a spatial loop, the
    level above the fan-out.
    """

    dim: str
    bound: int
    level: int
    axis: str | None = None


@dataclass(frozen=True)
class Node:
    """The place where operand `role` is kept at `level`."""

    role: str
    level: int


Item = Loop | Node


@dataclass(frozen=True)
class Mapping:
    """Loops and nodes, outermost first. Bounds of a dim multiply to its (possibly padded) extent."""

    items: tuple[Item, ...]

    @property
    def loops(self) -> tuple[Loop, ...]:
        """All loops, outermost first."""
        return tuple(item for item in self.items if isinstance(item, Loop))

    def extents(self, dims: Iterable[str]) -> dict[str, int]:
        """Extent of every dim: the product of its loop bounds."""
        return {d: math.prod(loop.bound for loop in self.loops if loop.dim == d) for d in dims}

    def keepers(self, role: str) -> tuple[int, ...]:
        """Levels that keep an operand, outermost first."""
        return tuple(item.level for item in self.items if isinstance(item, Node) and item.role == role)

    def tile_below(self, index: int, dims: Iterable[str]) -> dict[str, int]:
        """Extents of the tile of the node at position `index`, in one instance of its level.

        All loops below it, but for the fan-outs of outer levels: every instance has its own place there.
        """
        level = self.items[index].level
        tile = dict.fromkeys(dims, 1)
        for item in self.items[index + 1 :]:
            if isinstance(item, Loop) and (item.axis is None or item.level >= level):
                tile[item.dim] *= item.bound
        return tile
