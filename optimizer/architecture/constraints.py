"""Constraints on the sizes of the hardware: relations between them, and tables of the combinations that are allowed.

In an architecture, or in a file of its own with the same key::

    constraints:
      - array.x == array.y
      - GLB.size + RF.size * array.x * array.y <= 256 KiB
      - {name: tape-outs, allowed: [{array.x: 8, GLB.size: 64 KiB}, {array.x: 16, GLB.size: 128 KiB}]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from optimizer.architecture.fabric import RESOURCES
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.menus import MenuPlace, integer_menu, quantity_menu
from optimizer.architecture.relations import Intervals, Relation, parse_relation
from optimizer.architecture.sizes import BITS, RATE, Size, Unit
from optimizer.files.quantities import bandwidth_units, size_units
from optimizer.files.schema_parts import Schema, mapping, text
from optimizer.workload.mapping_schema import mapping_schema

Row = tuple[Fraction | int, ...]
RESERVED = ("area_mm2", "dram_gbps", "dram_gib", "power_w", "latency_ms", "energy_mj", *RESOURCES)
"""Names that results give to other limits."""


@dataclass(frozen=True)
class Combinations:
    """A table: points must take one of its rows.

    Parameters
    ----------
    title : str
        By which results name it.
    sizes : tuple of Size
        The columns.
    rows : tuple of tuple of int or Fraction
        Values in the base units of the sizes.
    stated : tuple of mapping of str to object
        The rows as they are written.
    places : tuple of MenuPlace
        Where each row stands.
    """

    title: str
    sizes: tuple[Size, ...]
    rows: tuple[Row, ...]
    stated: tuple[Mapping[str, object], ...] = field(repr=False, compare=False)
    places: tuple[MenuPlace, ...] = field(repr=False, compare=False)

    def holds(self, point: Hardware) -> bool:
        """Does a hardware point take one of the rows?"""
        return tuple(size.of(point) for size in self.sizes) in self.rows

    def decided(self, sizes: Intervals) -> bool | None:
        """Do all points whose sizes lie in these intervals take a row, or none (False)? None where that stays open."""
        sides = [sizes(size) for size in self.sizes]
        if not any(all(low <= n <= high for n, (low, high) in zip(row, sides, strict=True)) for row in self.rows):
            return False
        return True if all(low == high for low, high in sides) else None

    def kept(self, sizes: Callable[[Size], Any]) -> Any:
        """Which points take a row: elementwise, for arrays of the values of every size."""
        columns = [sizes(size) for size in self.sizes]
        kept: Any = False
        for row in self.rows:
            taken: Any = True
            for values, wanted in zip(columns, row, strict=True):
                taken = taken & (values == wanted)
            kept = kept | taken
        return kept


Constraint = Relation | Combinations


def constraints_schema() -> Schema:
    """JSON Schema of a list of constraints."""
    row = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
        "description": "a mapping of sizes to values, e.g. {array.x: 8, GLB.size: 64 KiB}",
        "$comment": "write sizes as in the menus",
    }
    rows = {
        "type": "array",
        "minItems": 1,
        "items": row,
        "description": "combinations of sizes, each with the same sizes",
        "$comment": "list at least one combination",
    }
    table = mapping({"name": text("a name"), "allowed": rows}, required=["allowed"])
    relation = text("a relation such as GLB.size >= 4 * RF.size * array.x")
    return {
        "type": "array",
        "items": {"if": {"type": "object"}, "then": table, "else": relation},
        "description": "relations between sizes, and tables of allowed combinations, that points must keep",
        "$comment": "write e.g. [array.x == array.y]",
    }


def file_schema() -> Schema:
    """JSON Schema of a file of constraints on sizes, on mappings, or on both."""
    lists = mapping({"constraints": constraints_schema(), "mapping": mapping_schema()})
    return {**lists, "minProperties": 1}


@dataclass(frozen=True)
class ConstraintReader:
    """Reads the constraints of one architecture.

    Parameters
    ----------
    sizes : mapping of str to Size
    word_bits : int
        Bits of a word in relations.
    clock_mhz : Fraction
    """

    sizes: Mapping[str, Size]
    word_bits: int
    clock_mhz: Fraction

    def read(self, raw: Sequence[Any], file: str | None, known: Sequence[Constraint] = ()) -> tuple[Constraint, ...]:
        """The constraints of a list that has passed the schema.

        Parameters
        ----------
        raw : sequence
        file : str or None
            Where it was read from, for messages.
        known : sequence of Constraint
            Those that hold already.

        Raises
        ------
        SpecError
            On text that is no relation, names that are no sizes, values that are none, rows of different sizes, and
            a constraint that is stated twice.
        """
        found: dict[str, Constraint] = {}
        taken = {constraint.title for constraint in known}
        for number, entry in enumerate(raw):
            place = MenuPlace(file, f"constraints[{number}]", "")
            constraint = self._table(entry, place) if isinstance(entry, dict) else self._relation(entry, place)
            if constraint.title in taken | set(found):
                raise place.error("the constraint is stated twice", constraint.title, "different ones", "remove one")
            if constraint.title in RESERVED:
                raise place.error("the name is that of a limit", constraint.title, "other names", "rename the table")
            found[constraint.title] = constraint
        return tuple(found.values())

    def _relation(self, text: str, place: MenuPlace) -> Relation:
        literals: dict[Unit, Mapping[str, Fraction]] = {
            BITS: size_units(self.word_bits),
            RATE: bandwidth_units(self.word_bits, self.clock_mhz),
        }
        return parse_relation(text, place, self.sizes, literals)

    def _table(self, raw: Mapping[str, Any], place: MenuPlace) -> Combinations:
        paths = tuple(raw["allowed"][0])
        places = [MenuPlace(place.file, f"{place.field}.allowed[{n}]", "") for n in range(len(raw["allowed"]))]
        for row, where in zip(raw["allowed"], places, strict=True):
            if set(row) != set(paths):
                raise where.error(
                    "the combinations do not state the same sizes", list(row), ", ".join(paths), "state all of these"
                )
            unknown = next((path for path in row if path not in self.sizes), None)
            if unknown is not None:
                names = ", ".join(self.sizes)
                raise where.error(f"the hardware has no size {unknown}", unknown, names, "use one of these names")
        sizes = tuple(self.sizes[path] for path in paths)
        rows = tuple(
            tuple(_value(row[size.path], size, where) for size in sizes)
            for row, where in zip(raw["allowed"], places, strict=True)
        )
        title = raw.get("name", f"allowed {', '.join(paths)}")
        return Combinations(title, sizes, rows, tuple(raw["allowed"]), tuple(places))


def _value(raw: object, size: Size, where: MenuPlace) -> Fraction | int:
    """A value of a table, in the base unit of its size."""
    place = MenuPlace(where.file, f"{where.field}.{size.path}", size.path)
    if not size.units:
        return integer_menu(raw, place).values[0]
    return quantity_menu(raw, place, dict(size.units), whole=size.unit == BITS).values[0]


def check_rows(constraints: Sequence[Constraint], points: Iterable[Hardware]) -> None:
    """Refuse a value of a table that no hardware point has.

    Parameters
    ----------
    constraints : sequence of Constraint
    points : iterable of Hardware
        Points that show every entry of every menu, whether or not they keep the constraints.

    Raises
    ------
    SpecError
        With its place, and the entries of the menu.
    """
    tables = [table for table in constraints if isinstance(table, Combinations)]
    points = list(points) if tables else []
    for table in tables:
        for column, size in enumerate(table.sizes):
            known = {size.of(point): dict(point.choices).get(size.path, size.of(point)) for point in points}
            for row, stated, place in zip(table.rows, table.stated, table.places, strict=True):
                if row[column] not in known:
                    raise MenuPlace(place.file, f"{place.field}.{size.path}", size.path).error(
                        "the hardware has no such size",
                        stated[size.path],
                        ", ".join(str(label) for label in known.values()),
                        "take an entry of the menu",
                    )
