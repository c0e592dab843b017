"""Legality of a mapping on a hardware point, checked item by item, with the field that each item was read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.mapping.rule_check import breaches
from optimizer.workload.layer import ROLES, Layer


@dataclass(frozen=True)
class PlacedItem:
    """An item of a nest and the field it was read from."""

    item: Item
    field: str


def check_mapping(placed: Sequence[PlacedItem], layer: Layer, hardware: Hardware, *, file: str | None = None) -> None:
    """Raise the first breach of order, keep and bypass rules, extents, fan-outs, capacities and the layer's rules.

    Raises
    ------
    SpecError
        With the field of the item at fault.
    """
    checks = _Checks(placed, layer, hardware, file)
    checks.outermost()
    checks.order()
    checks.nodes()
    checks.keepers()
    checks.keep_rules()
    checks.extents()
    checks.unrolling()
    checks.capacities()
    checks.rules()


@dataclass(frozen=True)
class _Checks:
    placed: Sequence[PlacedItem]
    layer: Layer
    hardware: Hardware
    file: str | None

    @property
    def mapping(self) -> Mapping:
        return Mapping(tuple(entry.item for entry in self.placed))

    def error(self, problem: str, field: str | None, value: object, allowed: str, remedy: str) -> SpecError:
        return SpecError(problem, file=self.file, field=field, value=value, allowed=allowed, remedy=remedy)

    def name(self, level: int) -> str:
        return self.hardware.levels[level].name

    def order(self) -> None:
        """Loops stand inside of the fan-outs of outer levels and outside of those of their own level and deeper ones.

        Between two fan-outs there is no order of levels. Nodes are left to :meth:`nodes`.
        """
        reached, fanned = 0, -1
        names = ", ".join(level.name for level in self.hardware.levels)
        for entry in self.placed:
            loop = entry.item
            if not isinstance(loop, Loop) or loop.bound == 1:
                continue
            if loop.axis is not None and loop.level < max(reached, fanned):
                raise self.error(
                    f"a spatial loop of {self.name(loop.level)} stands inside of a loop of "
                    f"{self.name(max(reached, fanned))}",
                    entry.field,
                    self.name(loop.level),
                    f"fan-outs in the order {names}, each outside of the loops of deeper levels",
                    "move the spatial loop outwards",
                )
            if loop.axis is None and loop.level <= fanned:
                raise self._inside_of_fan_out(entry, loop.level, fanned)
            reached = max(reached, loop.level)
            fanned = fanned if loop.axis is None else loop.level

    def _inside_of_fan_out(self, entry: PlacedItem, level: int, fanned: int) -> SpecError:
        return self.error(
            f"an item of {self.name(level)} stands inside of the fan-out below {self.name(fanned)}",
            entry.field,
            self.name(level),
            "nodes and temporal loops of a level outside of its spatial loops",
            "move it above the spatial loops, or into a deeper level",
        )

    def nodes(self) -> None:
        """A node stands outside of the fan-out of its level and of deeper ones.

        Where it also stands outside of the fan-out of an outer level, it keeps its tile while the temporal loops
        between the two run.
        """
        fans = [(n, e.item.level) for n, e in enumerate(self.placed) if _is_fan_out(e.item)]
        for place, entry in enumerate(self.placed):
            node = entry.item
            if not isinstance(node, Node):
                continue
            outside = [level for n, level in fans if n < place and level >= node.level]
            if outside:
                raise self._inside_of_fan_out(entry, node.level, outside[0])
            passed = [n for n, level in fans if n > place and level < node.level]
            if passed:
                self._stays(place, node, passed[-1])

    def _stays(self, place: int, node: Node, last: int) -> None:
        """No temporal loop from a node to the fan-out at `last` moves its tile."""
        dims = self.layer.operand(node.role).dims
        for other in self.placed[place + 1 : last]:
            loop = other.item
            if isinstance(loop, Loop) and loop.axis is None and loop.bound > 1 and loop.dim in dims:
                raise self.error(
                    f"the loop over {loop.dim} moves the tile of {node.role} at {self.name(node.level)}, which "
                    f"stands outside of the fan-out below {self.name(self.placed[last].item.level)}",
                    self.placed[place].field,
                    loop.dim,
                    f"loops over dims that do not index {node.role} between a node and the fan-outs of outer levels",
                    f"move the node into {self.name(node.level)}",
                )

    def outermost(self) -> None:
        """The outermost level keeps every tensor, outside of all loops and other nodes."""
        preceded = False
        for entry in self.placed:
            item = entry.item
            if isinstance(item, Loop) or item.level > 0:
                preceded = preceded or isinstance(item, Node) or item.bound > 1
            elif preceded:
                raise self.error(
                    f"another item stands outside of {item.role} at {self.name(0)}",
                    entry.field,
                    item.role,
                    f"all nodes of {self.name(0)} first",
                    "move the node to the top",
                )
        for role in ROLES:
            if 0 not in self.mapping.keepers(role):
                raise self.error(
                    f"{role} is not kept at {self.name(0)}",
                    None,
                    list(self.mapping.keepers(role)),
                    f"the outermost level {self.name(0)} keeps W, I and O",
                    f"add {{keep: {role}, level: {self.name(0)}}} at the top",
                )

    def keepers(self) -> None:
        """No tensor is kept twice at a level, nor at an inner level before an outer one."""
        seen: set[Item] = set()
        deepest: dict[str, int] = {}
        for entry in self.placed:
            if isinstance(entry.item, Node):
                role, level = entry.item.role, entry.item.level
                if level < deepest.get(role, -1):
                    raise self.error(
                        f"{role} at {self.name(level)} stands inside of {role} at {self.name(deepest[role])}",
                        entry.field,
                        role,
                        "the nodes of a tensor from outer to inner levels",
                        "swap the two nodes",
                    )
                deepest[role] = level
            if isinstance(entry.item, Node) and entry.item in seen:
                raise self.error(
                    f"{entry.item.role} is kept twice at {self.name(entry.item.level)}",
                    entry.field,
                    entry.item.role,
                    "one node per tensor and level",
                    "remove one of the two",
                )
            seen.add(entry.item)

    def keep_rules(self) -> None:
        """Tensors that a level must keep or must bypass."""
        for number, level in enumerate(self.hardware.levels):
            for role in sorted(level.must_keep):
                if number not in self.mapping.keepers(role):
                    raise self.error(
                        f"{level.name} must keep {role}",
                        None,
                        role,
                        f"must_keep: {sorted(level.must_keep)}",
                        f"add {{keep: {role}, level: {level.name}}}",
                    )
        for entry in self.placed:
            if isinstance(entry.item, Node):
                banned = self.hardware.levels[entry.item.level].must_bypass
                if entry.item.role in banned:
                    raise self.error(
                        f"{entry.item.role} must bypass {self.name(entry.item.level)}",
                        entry.field,
                        entry.item.role,
                        f"tensors other than {', '.join(sorted(banned))}",
                        "remove the node",
                    )

    def extents(self) -> None:
        """Bounds of every dim cover its extent."""
        made = self.mapping.extents(self.layer.extents)
        for dim, extent in self.layer.dims:
            if made[dim] < extent:
                fields = [e.field for e in self.placed if isinstance(e.item, Loop) and e.item.dim == dim]
                raise self.error(
                    f"the loops over {dim} make {made[dim]} trips, the layer needs {extent}",
                    fields[-1] if fields else None,
                    made[dim],
                    f"bounds whose product is >= {extent}",
                    f"enlarge a bound of {dim}, or add a loop over it",
                )

    def unrolling(self) -> None:
        """Spatial loops fit the fan-out of their level, and may run along their axis."""
        used: dict[tuple[int, str], int] = {}
        for entry in self.placed:
            item = entry.item
            if not isinstance(item, Loop) or item.axis is None or item.bound == 1:
                continue
            level = self.hardware.levels[item.level]
            allowed = level.spatial_x if item.axis == "X" else level.spatial_y
            if allowed is not None and item.dim not in allowed:
                raise self.error(
                    f"{item.dim} may not be unrolled along {item.axis} below {level.name}",
                    entry.field,
                    item.dim,
                    ", ".join(allowed) or "no dim",
                    "unroll another dim, or make the loop temporal",
                )
            width = self.hardware.fanout(item.level)["XY".index(item.axis)]
            used[item.level, item.axis] = total = used.get((item.level, item.axis), 1) * item.bound
            if total > width:
                raise self.error(
                    f"the spatial loops along {item.axis} below {level.name} take {total} children, there are {width}",
                    entry.field,
                    item.bound,
                    f"a product of at most {width}",
                    "make a bound smaller, or the loop temporal",
                )

    def capacities(self) -> None:
        """The tiles of every level fit its usable capacity."""
        for number, level in enumerate(self.hardware.levels):
            tiles = self.tile_words(number)
            bits = sum(words * self.layer.operand(role).bits for role, words in tiles.items())
            if level.usable_bits is not None and bits > level.usable_bits:
                field = next(
                    e.field for e in reversed(self.placed) if isinstance(e.item, Node) and e.item.level == number
                )
                parts = ", ".join(f"{role} {words} words" for role, words in tiles.items())
                buffered = f" ({level.size_bits} / {level.buffering})" if level.buffering > 1 else ""
                raise self.error(
                    f"the tiles at {level.name} take {bits} bits ({parts})",
                    field,
                    bits,
                    f"at most {level.usable_bits} bits{buffered} per instance",
                    f"move loops outwards past the nodes of {level.name}, or bypass a tensor",
                )

    def rules(self) -> None:
        """The layer's own rules, as the architecture states them."""
        for breach in breaches(self.layer, self.hardware, self.mapping):
            raise self.error(
                f"the mapping of {self.layer.name} breaks the constraint {breach.rule.title}",
                "mapping",
                breach.found,
                breach.allowed,
                "change the mapping, or leave the constraint out",
            )

    def tile_words(self, number: int) -> dict[str, int]:
        """Words of every tile kept at a level."""
        mapping = self.mapping
        return {
            item.role: self.layer.operand(item.role).footprint(mapping.tile_below(place, self.layer.extents))
            for place, item in enumerate(mapping.items)
            if isinstance(item, Node) and item.level == number
        }


def _is_fan_out(item: Item) -> bool:
    """Is an item a spatial loop of more than one trip?"""
    return isinstance(item, Loop) and item.axis is not None and item.bound > 1
