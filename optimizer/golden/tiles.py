"""Positions of tiles: every loop of a nest is a movement of one operand's tile, in words along its axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.workload.layer import Operand

Vector = tuple[int, ...]
"""Words along each axis of one operand."""


@dataclass(frozen=True)
class Sweep:
    """The effect of a loop on one operand: `trips` positions, each `step` words after the one before.

    `step` is zero on every axis if the loop's dim does not index the operand.
    """

    trips: int
    step: Vector

    @property
    def moves(self) -> bool:
        """Whether the operand's tile ever moves along this loop."""
        return self.trips > 1 and any(self.step)


@dataclass(frozen=True)
class LoopPlace:
    """A node in its nest.

    Parameters
    ----------
    level : int
        Memory level, 0 is the outermost.
    position : int
        Index of the node among the mapping's items.
    tile : tuple of int
        Words of the kept tile along each axis (bounding intervals, gaps included).
    outside : tuple of Sweep
        Temporal loops outside of the node, outermost first.
    """

    level: int
    position: int
    tile: Vector
    outside: tuple[Sweep, ...]


def shifted(position: Vector, step: Vector, times: int = 1) -> Vector:
    """`position` moved by `times` steps."""
    return tuple(p + times * s for p, s in zip(position, step, strict=True))


def sweep(mapping: Mapping, operand: Operand, position: int) -> Sweep:
    """The loop at `position` of the mapping as a movement of the operand's tile."""
    loop = mapping.items[position]
    assert isinstance(loop, Loop)
    deeper = mapping.items[position + 1 :]
    inside = math.prod(item.bound for item in deeper if isinstance(item, Loop) and item.dim == loop.dim)
    step = tuple(sum(c * inside for dim, c in axis.terms if dim == loop.dim) for axis in operand.axes)
    return Sweep(loop.bound, step)


def kept_extents(mapping: Mapping, position: int, dims: Iterable[str]) -> dict[str, int]:
    """Extents that one instance keeps at the node at `position`: loops of outer fan-outs tell instances apart."""
    extents = dict.fromkeys(dims, 1)
    for inside in mapping.items[position + 1 :]:
        if isinstance(inside, Loop):
            elsewhere = inside.axis is not None and inside.level < mapping.items[position].level
            extents[inside.dim] *= 1 if elsewhere else inside.bound
    return extents


def places(mapping: Mapping, operand: Operand, dims: Sequence[str]) -> list[LoopPlace]:
    """All nodes of the operand, outermost first."""
    found: list[LoopPlace] = []
    outside: list[Sweep] = []
    for position, item in enumerate(mapping.items):
        if isinstance(item, Node) and item.role == operand.role:
            extents = kept_extents(mapping, position, dims)
            tile = tuple(axis.extent(extents) for axis in operand.axes)
            found.append(LoopPlace(item.level, position, tile, tuple(outside)))
        elif isinstance(item, Loop) and item.axis is None:
            outside.append(sweep(mapping, operand, position))
    return found


def positions(sweeps: Iterable[Sweep], axes: int) -> set[Vector]:
    """Every distinct position that the loops lead to, found by stepping through all of them."""
    reached = {(0,) * axes}
    for entry in sweeps:
        if entry.moves:
            reached = {shifted(p, entry.step, trip) for p in reached for trip in range(entry.trips)}
    return reached


def distinct_children(mapping: Mapping, operand: Operand, level: int, child: int) -> int:
    """Different tiles that one instance of `level` serves to instances of level `child`.

    The children of each fan-out are enumerated and their tiles compared: equal tiles are one multicast. Where
    a level in between bypasses the operand, its fan-out multicasts on its own, as a network per fan-out does.
    """
    fanouts: dict[int, list[Sweep]] = {}
    for position, item in enumerate(mapping.items):
        if isinstance(item, Loop) and item.axis is not None and level <= item.level < child:
            fanouts.setdefault(item.level, []).append(sweep(mapping, operand, position))
    count = 1
    for sweeps in fanouts.values():
        count *= len(positions(sweeps, len(operand.axes)))
    return count


def visited_words(place: LoopPlace) -> int:
    """Different words that one instance of the node ever holds.

    Axes that no loop moves together are independent, so the words of each such group of axes are collected in
    a set of their own.
    """
    total = 1
    for group in _coupled_axes(place):
        sweeps = [Sweep(s.trips, tuple(s.step[a] for a in group)) for s in place.outside]
        words: set[Vector] = set()
        for corner in positions(sweeps, len(group)):
            ranges = (range(c, c + place.tile[a]) for c, a in zip(corner, group, strict=True))
            words.update(itertools.product(*ranges))
        total *= len(words)
    return total


def _coupled_axes(place: LoopPlace) -> list[list[int]]:
    groups = [[axis] for axis in range(len(place.tile))]
    for entry in place.outside:
        touched = [group for group in groups if any(entry.step[axis] for axis in group)]
        if len(touched) > 1:
            groups = [group for group in groups if group not in touched]
            groups.append([axis for group in touched for axis in group])
    return groups
