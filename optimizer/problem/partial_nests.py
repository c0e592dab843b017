"""A partial nest in rules: what it fixes for one layer, and what no rule can say.

The levels cut a nest into blocks. Block j holds the temporal loops below the nodes of level j and above its fan-out, or
above the nodes of the level below where that fan-out is not in use. Blocks without a used fan-out between them are a
*region*: rules speak of all temporal loops of a region together. Where one block ends inside of a region is said by the
tiles of the tensors that the next level keeps.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.architecture.architecture import Architecture
from optimizer.errors import SpecError
from optimizer.problem.fan_outs import has_fan_out
from optimizer.workload.layer import ROLES, Layer
from optimizer.workload.mapping_rules import (
    FactorRule,
    KeepRule,
    MappingRule,
    Numbers,
    OrderRule,
    TileRule,
    UnrollRule,
)
from optimizer.workload.partial_nests import AXES, PartialLevel, PartialLoop, PartialNest

Trips = list[dict[str, int | None]]
"""Per level and dim; None: open."""


def rules_for(partial: PartialNest, layer: Layer, architecture: Architecture) -> list[MappingRule]:
    """The rules that a partial nest is for a layer; all have its title.

    Raises
    ------
    SpecError
        If it makes no sense for the layer, or is more than rules can say.
    """
    return list(_Nest.of(partial, layer, architecture).rules())


@dataclass(frozen=True)
class _Nest:
    partial: PartialNest
    layer: Layer
    architecture: Architecture
    entries: tuple[PartialLevel | None, ...]
    temporal: Trips
    spatial: Trips

    @classmethod
    def of(cls, partial: PartialNest, layer: Layer, architecture: Architecture) -> _Nest:
        """The loops of a layer; trips that follow from the extents are filled in."""
        by_name = {entry.level: entry for entry in partial.levels}
        entries = tuple(by_name.get(level.name) for level in architecture.levels)
        fans = [has_fan_out(architecture, number) for number in range(len(entries))]
        temporal = [_trips(None if one is None else one.temporal, layer) for one in entries]
        spatial = [
            _trips((None if one is None else one.spatial) if fan else (), layer)
            for one, fan in zip(entries, fans, strict=True)
        ]
        nest = cls(partial, layer, architecture, entries, temporal, spatial)
        for number, entry in enumerate(entries):
            if entry is not None:
                nest.check(entry, fan=fans[number], outermost=number == 0)
        for dim, extent in layer.dims:
            nest.fill(dim, extent)
        return nest

    def check(self, entry: PartialLevel, *, fan: bool, outermost: bool) -> None:
        """Refuse what makes no sense for one level."""
        loops = [("temporal", loop) for loop in entry.temporal or ()] + [
            ("spatial", loop) for loop in entry.spatial or ()
        ]
        for key, loop in loops:
            if loop.dim not in self.layer.extents and (loop.trips or 1) > 1:
                raise self.error(
                    entry, key, f"layer {self.layer.name} has no such dim", loop.dim, ", ".join(self.layer.extents)
                )
            if key == "spatial" and not fan and (loop.trips or 1) > 1:
                raise self.error(entry, key, f"there is no fan-out below {entry.level}", loop.dim, "no spatial loops")
        axes = [{loop.dim for loop in entry.spatial or () if loop.axis == axis} for axis in AXES]
        if axes[0] & axes[1]:
            raise self.error(
                entry,
                "spatial",
                "trips of one dim along both axes cannot be told apart",
                sorted(axes[0] & axes[1]),
                "every dim along one axis",
                "leave out `spatial`, and bound the product by a rule `spatial`",
            )
        if outermost and entry.keep is not None and set(entry.keep) != set(ROLES):
            raise self.error(entry, "keep", "the outermost level keeps everything", list(entry.keep), "[W, I, O]")

    def error(
        self, entry: PartialLevel, key: str, problem: str, value: object, allowed: str, remedy: str = "correct it"
    ) -> SpecError:
        """A SpecError at a key of a level."""
        return SpecError(
            f"{self.partial.title}: {problem}",
            file=self.partial.file,
            field=f"{entry.place}.{key}",
            value=value,
            allowed=allowed,
            remedy=remedy,
        )

    def fill(self, dim: str, extent: int) -> None:
        """What is left of an extent: if that is 1 all open trips are 1; a single open one takes it.

        Raises
        ------
        SpecError
            If the trips that are stated do not divide the extent.
        """
        cells = [trips for table in (self.temporal, self.spatial) for trips in table]
        known = math.prod(trips[dim] or 1 for trips in cells)
        unknown = [trips for trips in cells if trips[dim] is None]
        if extent % known or (not unknown and known != extent):
            entry = next(entry for entry in self.partial.levels if self._names(entry, dim))
            raise self.error(
                entry,
                "temporal" if self._names(entry, dim) == "temporal" else "spatial",
                f"the trips over {dim} multiply to {known}, {dim} of layer {self.layer.name} is {extent}",
                known,
                f"a product {'of' if not unknown else 'that divides'} {extent}",
                "change the trips, leave some open, or name the layers that it is for",
            )
        if unknown and (extent == known or len(unknown) == 1):
            for trips in unknown:
                trips[dim] = extent // known

    def _names(self, entry: PartialLevel, dim: str) -> str:
        """The key of an entry that has loops over a dim, or that leaves it without any."""
        for key, loops in (("temporal", entry.temporal), ("spatial", entry.spatial)):
            if loops is not None and any(loop.dim == dim for loop in loops):
                return key
        return "temporal" if entry.temporal is not None else ""

    def rules(self) -> Iterator[MappingRule]:
        """All rules."""
        for entry in self.partial.levels:
            yield from self._of_level(entry)
        for region in self._regions():
            if any(self._states(number) for number in region):
                yield from self._of_region(region)

    def _of_level(self, entry: PartialLevel) -> Iterator[MappingRule]:
        """What a level keeps and unrolls."""
        title, level, keep = self.partial.title, entry.level, entry.keep
        if keep is not None and level != self.architecture.levels[0].name:
            others = tuple(role for role in ROLES if role not in keep)
            yield from (KeepRule(title, level, some, kept) for some, kept in ((keep, True), (others, False)) if some)
        if entry.spatial is None:
            return
        for axis in AXES:
            dims = tuple(dict.fromkeys(loop.dim for loop in entry.spatial if loop.axis == axis))
            yield UnrollRule(title, level, axis, dims)
        for dim in dict.fromkeys(loop.dim for loop in entry.spatial):
            trips = _product(entry.spatial, dim)
            if trips is not None and dim in self.layer.extents:
                yield FactorRule(title, level, dim, spatial=True, numbers=Numbers(trips, trips))

    def _states(self, number: int) -> bool:
        """Does the nest say which temporal loops a block has?"""
        entry = self.entries[number]
        return entry is not None and entry.temporal is not None

    def _regions(self) -> Iterator[list[int]]:
        """Levels without a used fan-out between them, where loops are stated.

        Raises
        ------
        SpecError
            If that cannot be told.
        """
        region: list[int] = []
        unsure: list[int] = []
        for number in range(len(self.entries)):
            region.append(number)
            trips = list(self.spatial[number].values())
            used = any((n or 1) > 1 for n in trips)
            if not used and None in trips and number < len(self.entries) - 1:
                unsure.append(number)
            if used or number == len(self.entries) - 1:
                stated = [
                    entry for n in region if (entry := self.entries[n]) is not None and entry.temporal is not None
                ]
                if stated and unsure:
                    name = self.architecture.levels[unsure[0]].name
                    raise self.error(
                        stated[0],
                        "temporal",
                        f"it is open whether the fan-out below {name} is used, and so which loops stand around it",
                        stated[0].level,
                        f"the key spatial of {name} beside it",
                        f"state `spatial` of {name} (a loop with trips), or bound the loops by rules `temporal`",
                    )
                yield region
                region, unsure = [], []

    def _of_region(self, region: list[int]) -> Iterator[MappingRule]:
        level = self.architecture.levels[region[0]].name
        for dim, extent in self.layer.dims:
            total = _all([self.temporal[number][dim] for number in region])
            if total is not None:
                yield FactorRule(self.partial.title, level, dim, spatial=False, numbers=Numbers(total, total))
            if extent > 1:
                yield from self._tiles(region, dim, total)
        yield from self._orders(region, level)

    def _tiles(self, region: list[int], dim: str, total: int | None) -> Iterator[MappingRule]:
        """Where blocks begin inside of a region; an error if stated trips would not be held."""
        for number in region:
            entry, trips = self.entries[number], self.temporal[number][dim]
            if entry is None or entry.temporal is None or trips is None:
                continue
            begins = number == region[0] or self._tile(number, dim) is not None
            ends = number == region[-1] or self._tile(number + 1, dim) is not None
            outside = number > region[0] or self._outer(number, dim) is not None
            inside = number < region[-1] or self._inner(number, dim) is not None
            if not (begins and ends and (total is not None or (outside and inside))):
                raise self.error(
                    entry,
                    "temporal",
                    f"trips over {dim} ({trips}) cannot be held while other levels are open",
                    entry.level,
                    f"trips over {dim} of all levels inside of {entry.level}, or of all outside",
                    "state them too, or leave these open",
                )
        for number in region[1:]:
            if not (self._states(number) or self._states(number - 1)):
                continue
            tile, spec, entry = self._tile(number, dim), self.architecture.levels[number], self.entries[number]
            keep = ROLES if entry is None or entry.keep is None else entry.keep
            for role in ROLES if tile is not None else ():
                if role in keep and role not in spec.must_bypass and dim in self.layer.operand(role).dims:
                    assert tile is not None
                    yield TileRule(self.partial.title, spec.name, role, dim, Numbers(tile, tile))

    def _inner(self, number: int, dim: str) -> int | None:
        """Extent of a dim in the block of a level and everything inside."""
        return _all(
            [table[n][dim] for n in range(number, len(self.entries)) for table in (self.temporal, self.spatial)]
        )

    def _outer(self, number: int, dim: str) -> int | None:
        """Trips over a dim outside of the nodes of a level."""
        return _all([table[n][dim] for n in range(number) for table in (self.temporal, self.spatial)])

    def _tile(self, number: int, dim: str) -> int | None:
        """Extent of a dim in the tiles at the nodes of a level; None: open."""
        inner, outer = self._inner(number, dim), self._outer(number, dim)
        return self.layer.extents[dim] // outer if inner is None and outer is not None else inner

    def _orders(self, region: list[int], level: str) -> Iterator[MappingRule]:
        """The order of the loops of a region."""
        pairs: list[tuple[str, str]] = []
        for number in region:
            entry = self.entries[number]
            if entry is None or entry.temporal is None or not entry.ordered:
                continue
            dims = [dim for dim, _ in itertools.groupby(loop.dim for loop in self._loops(number))]
            for first, second in itertools.combinations(dims, 2):
                if first == second or not self._holds(region, number, number, first, second):
                    raise self.error(
                        entry,
                        "temporal",
                        f"the order of {first} and {second} around {level} cannot be held: other loops "
                        "over them may stand around it",
                        [[loop.dim, loop.trips] for loop in entry.temporal],
                        "an order of dims without loops in blocks beside it",
                        f"leave the order open: {entry.unordered}",
                    )
                pairs.append((first, second))
        for one, other in itertools.combinations([n for n in region if self._states(n)], 2):
            for first, second in itertools.product(self._dims(one), self._dims(other)):
                if first != second and self._holds(region, one, other, first, second):
                    pairs.append((first, second))
        dims = list(dict.fromkeys(dim for pair in pairs for dim in pair))
        chain = sorted(dims, key=lambda dim: -sum(first == dim for first, _ in set(pairs)))
        if pairs and set(itertools.combinations(chain, 2)) == set(pairs):
            yield OrderRule(self.partial.title, level, tuple(chain))
            return
        for pair in dict.fromkeys(pairs):
            yield OrderRule(self.partial.title, level, pair)

    def _loops(self, number: int) -> list[PartialLoop]:
        """Loops of a block that may have more than one trip."""
        entry = self.entries[number]
        loops = () if entry is None or entry.temporal is None else entry.temporal
        return [loop for loop in loops if self.temporal[number].get(loop.dim, 1) != 1 and loop.trips != 1]

    def _dims(self, number: int) -> list[str]:
        return list(dict.fromkeys(loop.dim for loop in self._loops(number)))

    def _holds(self, region: list[int], one: int, other: int, first: str, second: str) -> bool:
        """Is it the same that loops over a dim of one block stand outside of those over a dim of another (or the same)
        block, and that all of the region do?
        """
        outside = (self.temporal[n][second] for n in region if n < other)
        inside = (self.temporal[n][first] for n in region if n > one)
        return all(trips == 1 for trips in (*outside, *inside))


def _trips(loops: tuple[PartialLoop, ...] | None, layer: Layer) -> dict[str, int | None]:
    """Trips by dim; loops None: open."""
    return {dim: None if loops is None else _product(loops, dim) for dim, _ in layer.dims}


def _product(loops: tuple[PartialLoop, ...], dim: str) -> int | None:
    return _all([loop.trips for loop in loops if loop.dim == dim])


def _all(trips: list[int | None]) -> int | None:
    """The product; None if one is open."""
    known = [number for number in trips if number is not None]
    return math.prod(known) if len(known) == len(trips) else None
