"""Places of a nest, outside in: which nodes of a region stand outside of it, and what may come next."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from formulations.problem import LayerProblem

Parents = tuple[int, int, int]


@dataclass(frozen=True)
class Place:
    """Between nodes of a region.

    Attributes
    ----------
    region : int
    kept : tuple of int
        Per level of the region a bit for every tensor whose node stands outside of this place.
    parents : (int, int, int)
        Level of the innermost node of every tensor that does.
    """

    region: int
    kept: tuple[int, ...]
    parents: Parents

    @property
    def nodes(self) -> int:
        """How many nodes of the region stand outside of it."""
        return sum(row.bit_count() for row in self.kept)

    def has(self, tensor: int) -> bool:
        """Does a node of a tensor stand in the region, outside of this place?"""
        return any(row >> tensor & 1 for row in self.kept)


@dataclass
class Machine:
    """A problem with the fan-outs between levels that are used; they and no others bound regions (:mod:`nest_check`
    counts a fan-out without factors for nothing).
    """

    problem: LayerProblem
    regions: tuple[tuple[int, ...], ...]
    places: list[list[Place]] = field(default_factory=list)
    number: dict[Place, int] = field(default_factory=dict)
    _moves: dict[Place, tuple[tuple[int, int, Place], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tops: Parents = tuple(int(pin) for pin in self.problem.pinned)  # type: ignore[assignment]
        starts = {tops}
        for r in range(len(self.regions)):
            found = [Place(r, (0,) * len(self.regions[r]), parents) for parents in sorted(starts)]
            seen = set(found)
            for place in found:
                for _, _, after in self.moves(place):
                    if after not in seen:
                        seen.add(after)
                        found.append(after)
            found.sort(key=lambda place: place.nodes)
            self.places.append(found)
            self.number.update({place: n for n, place in enumerate(found)})
            starts = {place.parents for place in found if self.complete(place)}

    def moves(self, place: Place) -> tuple[tuple[int, int, Place], ...]:
        """(tensor, level, place inside) of the nodes that may stand right inside of a place."""
        if place not in self._moves:
            self._moves[place] = tuple(self._next(place))
        return self._moves[place]

    def _next(self, place: Place) -> Iterator[tuple[int, int, Place]]:
        for index, level in enumerate(self.regions[place.region]):
            for tensor in range(3):
                if level <= place.parents[tensor] or level == 0:
                    continue
                row = place.kept[index] | 1 << tensor
                if any(row & ~bits(option) == 0 for option in self.problem.levels[level].keep_options):
                    kept = (*place.kept[:index], row, *place.kept[index + 1 :])
                    parents = tuple(level if t == tensor else p for t, p in enumerate(place.parents))
                    yield tensor, level, Place(place.region, kept, parents)  # type: ignore[arg-type]

    def complete(self, place: Place) -> bool:
        """May the region end here?"""
        levels = zip(self.regions[place.region], place.kept, strict=True)
        return all(
            any(row == bits(option) for option in self.problem.levels[level].keep_options)
            for level, row in levels
            if level
        )

    def start(self, region: int, parents: Parents) -> int:
        """Number of the place at the roof of a region."""
        return self.number[Place(region, (0,) * len(self.regions[region]), parents)]

    def region_of(self, level: int) -> int:
        """The region of a level."""
        return next(r for r, levels in enumerate(self.regions) if level in levels)

    def keeps(self, level: int, tensor: int) -> bool:
        """May a level keep a tensor?"""
        return level > 0 and any(option[tensor] for option in self.problem.levels[level].keep_options)

    def deeper(self, region: int, tensor: int) -> bool:
        """May a region further in have a node of a tensor?"""
        return any(self.keeps(level, tensor) for levels in self.regions[region + 1 :] for level in levels)


def bits(option: tuple[bool, bool, bool]) -> int:
    """A choice of kept tensors as bits."""
    return sum(1 << t for t, keep in enumerate(option) if keep)


def machines(problem: LayerProblem) -> Iterator[Machine]:
    """The machine with every set of used fan-outs between levels."""
    last = len(problem.levels) - 1
    inner = [n for n in range(last) if math.prod(problem.levels[n].fanout) > 1]
    for size in range(len(inner), -1, -1):
        for used in itertools.combinations(inner, size):
            cuts = [*(n + 1 for n in used), last + 1]
            starts = [0, *cuts[:-1]]
            yield Machine(problem, tuple(tuple(range(a, b)) for a, b in zip(starts, cuts, strict=True)))
