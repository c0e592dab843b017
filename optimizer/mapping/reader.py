"""Mappings as plain lists and YAML, and as readable loop nests.

A mapping file holds the loop nest, outermost item first::

    - {keep: W, level: DRAM}
    - {keep: I, level: DRAM}
    - {keep: O, level: DRAM}
    - {for: K, bound: 4, level: DRAM}
    - {keep: W, level: GLB}
    - {spatial: K, bound: 16, axis: X, level: GLB}

or, where all tensors of a level are cut at one place, the levels in the order of the hardware::

    levels:
      - {level: DRAM, keep: [W, I, O], temporal: [[K, 4]]}
      - {level: GLB, keep: [W], spatial: [[K, 16, X]]}

A loop belongs to the innermost level whose block it stands in; a spatial loop to the level above its fan-out.
Bounds of a dim multiply to its extent, or to more (padding).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.files.yaml_fields import Fields, read_yaml
from optimizer.mapping.legality import PlacedItem, check_mapping
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer

AXES = ("X", "Y")
_FORMS = "{keep: W, level: GLB}, {for: K, bound: 4, level: GLB}, {spatial: K, bound: 16, axis: X, level: GLB}"


def to_items(mapping: Mapping, hardware: Hardware) -> list[dict[str, Any]]:
    """The nest as a plain list of dicts, outermost first; :func:`from_items` reads it back."""
    items: list[dict[str, Any]] = []
    for item in mapping.items:
        level = hardware.levels[item.level].name
        if isinstance(item, Node):
            items.append({"keep": item.role, "level": level})
        elif item.axis is None:
            items.append({"for": item.dim, "bound": item.bound, "level": level})
        else:
            items.append({"spatial": item.dim, "bound": item.bound, "axis": item.axis, "level": level})
    return items


def from_items(items: object, layer: Layer, hardware: Hardware, *, file: str | None = None) -> Mapping:
    """The mapping that a parsed file describes, checked against layer and hardware.

    Parameters
    ----------
    items : object
        A list of items, ``{mapping: [items]}`` or ``{levels: [...]}``; see the module's docstring.
    layer : Layer
    hardware : Hardware
    file : str, optional
        Where it was read from, for messages.

    Raises
    ------
    SpecError
        On the first item, limit or rule that is not kept; with file, field, value, what is allowed, remedy.
    """
    reader = _Reader(layer, hardware, file)
    if isinstance(items, dict) and "levels" in items:
        placed = list(reader.levels(items))
    else:
        placed = list(reader.items(items))
    check_mapping(placed, layer, hardware, file=file)
    return Mapping(tuple(entry.item for entry in placed))


def nest_from_items(items: object, layer: Layer, hardware: Hardware) -> Mapping:
    """The nest that a plain list of items describes, whether or not it is a mapping of the layer.

    Raises
    ------
    SpecError
        On an item that makes no sense.
    """
    return Mapping(tuple(entry.item for entry in _Reader(layer, hardware, None).items(items)))


def load_mapping(path: str | Path, layer: Layer, hardware: Hardware) -> Mapping:
    """Read a mapping file; errors as in :func:`from_items`."""
    return from_items(read_yaml(path), layer, hardware, file=str(path))


def padding_warnings(mapping: Mapping, layer: Layer) -> list[str]:
    """A line per dim whose bounds multiply to more than the layer has: the rest is padding."""
    covered, extents = mapping.extents(layer.extents), layer.extents
    return [
        f"the bounds of {dim} multiply to {covered[dim]}, the layer has {extent}: "
        f"{1 - extent / covered[dim]:.1%} of the work along {dim} is padding"
        for dim, extent in extents.items()
        if covered[dim] > extent
    ]


class _Reader:
    """Turns plain data into items, each with the field it came from."""

    def __init__(self, layer: Layer, hardware: Hardware, file: str | None) -> None:
        self.layer, self.file = layer, file
        self.names = [level.name for level in hardware.levels]

    def items(self, data: object) -> Iterator[PlacedItem]:
        """The flat form."""
        prefix = ""
        if isinstance(data, dict):
            top = Fields(data, self.file, "")
            top.only(("mapping", "levels"))
            data, prefix = top.require("mapping", "a list of items"), "mapping"
        if not isinstance(data, list):
            raise SpecError(
                "expected a loop nest",
                file=self.file,
                field=prefix or None,
                value=data,
                allowed=f"a list of {_FORMS}, or the key levels",
                remedy="write one item per line",
            )
        for number, entry in enumerate(data):
            yield self._item(Fields(entry, self.file, f"{prefix}[{number}]"))

    def _item(self, fields: Fields) -> PlacedItem:
        kind = next((key for key in ("keep", "for", "spatial") if key in fields), None)
        if kind is None:
            raise SpecError(
                "an item is a node, a loop or a spatial loop",
                file=self.file,
                field=fields.path,
                allowed=_FORMS,
                remedy="add one of the keys keep, for, spatial",
            )
        level = self._level(fields)
        if kind == "keep":
            fields.only(("keep", "level"))
            return PlacedItem(Node(self._role(fields.get("keep"), fields.at("keep")), level), fields.at("keep"))
        fields.only((kind, "bound", "level", *(("axis",) if kind == "spatial" else ())))
        axis = self._axis(fields.require("axis", "X or Y"), fields.at("axis")) if kind == "spatial" else None
        dim, bound = self._dim(fields.get(kind), fields.at(kind)), fields.integer("bound")
        return PlacedItem(Loop(dim, bound, level, axis), fields.at("bound"))

    def levels(self, data: object) -> Iterator[PlacedItem]:
        """The even form."""
        top = Fields(data, self.file, "")
        top.only(("levels",))
        for number, entry in enumerate(top.items("levels", "a list of levels")):
            fields = Fields(entry, self.file, f"levels[{number}]")
            fields.only(("level", "keep", "temporal", "spatial"))
            level = self._level(fields)
            for place, role in enumerate(_list(fields, "keep", "roles such as [W, I]")):
                field = f"{fields.at('keep')}[{place}]"
                yield PlacedItem(Node(self._role(role, field), level), field)
            for kind, length in (("temporal", 2), ("spatial", 3)):
                for place, loop in enumerate(_list(fields, kind, "loops such as [[K, 4]] or [[K, 16, X]]")):
                    yield self._short_loop(loop, length, level, f"{fields.at(kind)}[{place}]")

    def _short_loop(self, loop: object, length: int, level: int, field: str) -> PlacedItem:
        form = "[dim, bound]" if length == 2 else "[dim, bound, axis]"
        if not isinstance(loop, list) or len(loop) != length:
            raise SpecError(
                "not a loop",
                file=self.file,
                field=field,
                value=loop,
                allowed=form,
                remedy=f"write {form}, e.g. {'[K, 4]' if length == 2 else '[K, 16, X]'}",
            )
        bound = Fields({"bound": loop[1]}, self.file, field).integer("bound")
        axis = None if length == 2 else self._axis(loop[2], field)
        return PlacedItem(Loop(self._dim(loop[0], field), bound, level, axis), field)

    def _level(self, fields: Fields) -> int:
        value = fields.require("level", ", ".join(self.names))
        return self.names.index(self._known(value, self.names, fields.at("level"), "the hardware has no such level"))

    def _dim(self, value: object, field: str) -> str:
        return self._known(value, list(self.layer.extents), field, "the layer has no such dim")

    def _role(self, value: object, field: str) -> str:
        return self._known(value, list(ROLES), field, "unknown tensor")

    def _axis(self, value: object, field: str) -> str:
        return self._known(value, list(AXES), field, "unknown axis")

    def _known(self, value: object, known: list[str], field: str, problem: str) -> str:
        if not isinstance(value, str) or value not in known:
            raise SpecError(
                problem,
                file=self.file,
                field=field,
                value=value,
                allowed=", ".join(known),
                remedy="use one of these names, in this spelling",
            )
        return value


def _list(fields: Fields, key: str, allowed: str) -> list[object]:
    return fields.items(key, allowed) if key in fields else []


def format_nest(layer: Layer, hardware: Hardware, mapping: Mapping) -> str:
    """The loop nest as text: nodes with their tiles, temporal loops (``for``), spatial loops (``par``)."""
    return nest_text(layer, to_items(mapping, hardware))


def nest_text(layer: Layer, items: list[dict[str, Any]]) -> str:
    """:func:`format_nest` of a nest in plain form, as it stands in a result.

    Raises
    ------
    SpecError
        If one of its items is none.
    """
    for number, item in enumerate(items):
        if not _is_item(layer, item):
            raise SpecError(
                "the result is damaged: not an item of a loop nest",
                field=f"{layer.name}.mapping[{number}]",
                value=item,
                allowed="a node {keep, level}, or a loop {for or spatial and axis, bound, level}",
                remedy="check the folder with `tilewright verify`, or make the result again",
            )
    below = dict.fromkeys(layer.extents, 1)
    tiles: list[dict[str, int]] = []
    for item in reversed(items):
        tiles.append(dict(below))
        dim = item.get("for", item.get("spatial"))
        if dim is not None:
            below[dim] *= item["bound"]
    lines, depth = [], 0
    for item, tile in zip(items, reversed(tiles), strict=True):
        indent = "  " * depth
        if "keep" in item:
            lines.append(f"{indent}keep {item['keep']} in {item['level']} {_tile_text(layer, item['keep'], tile)}")
            continue
        depth += 1
        if "for" in item:
            lines.append(f"{indent}for {item['for'].lower()} in {item['bound']}")
        else:
            lines.append(f"{indent}par {item['spatial'].lower()} in {item['bound']} ({item['axis']})")
    return "\n".join([*lines, "  " * depth + "mac"])


def _is_item(layer: Layer, item: dict[str, Any]) -> bool:
    """Is it a node or a loop over a dim of the layer?"""
    if "keep" in item:
        return item["keep"] in ROLES and isinstance(item.get("level"), str)
    dim, bound = item.get("for", item.get("spatial")), item.get("bound")
    placed = "for" in item or isinstance(item.get("axis"), str)
    return isinstance(dim, str) and dim in layer.extents and type(bound) is int and bound > 0 and placed


def _tile_text(layer: Layer, role: str, tile: dict[str, int]) -> str:
    operand = layer.operand(role)
    words = operand.footprint(tile)
    extents = " ".join(f"{dim}={tile[dim]}" for dim, _ in layer.dims if dim in operand.dims and tile[dim] > 1)
    count = f"{words} {'word' if words == 1 else 'words'}"
    return f"[{extents}: {count}]" if extents else f"[{count}]"
