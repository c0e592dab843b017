"""Read technology files: schema check, source check, exact numbers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.architecture.technology import (
    Component,
    ConstantComponent,
    MacUnit,
    PublishedPoint,
    TableComponent,
    Technology,
)
from optimizer.architecture.technology_schema import technology_schema
from optimizer.errors import SpecError
from optimizer.files.presets import read_spec
from optimizer.files.quantities import size_units, split_quantity
from optimizer.files.schema_check import check_schema


def load_technology(spec: str | Path, *, beside: str | None = None) -> Technology:
    """A technology by preset name or from a YAML file.

    Parameters
    ----------
    spec : str or Path
        Name (``generic45``) or path of a file.
    beside : str, optional
        File whose folder relative paths start from.

    Raises
    ------
    SpecError
    """
    data, file = read_spec("technologies", spec, beside=beside)
    return parse_technology(data, file=file)


def parse_technology(data: Any, *, file: str | None = None) -> Technology:
    """A technology from parsed YAML (decimals as ``Fraction``).

    Raises
    ------
    SpecError
        With file, field, value, allowed values and a remedy.
    """
    check_schema(data, technology_schema(), file=file)
    check_sources(data, data["sources"], file)
    macs = tuple(
        MacUnit(mac["type"], mac["bits"], Fraction(mac["energy"]), Fraction(mac.get("area_um2", 0)))
        for mac in data["mac"]
    )
    precisions = [(mac.kind, mac.bits) for mac in macs]
    for index, precision in enumerate(precisions):
        if precision in precisions[:index]:
            raise SpecError(
                "this precision is given twice",
                file=file,
                field=f"mac[{index}]",
                value=data["mac"][index]["bits"],
                allowed="every type and width once",
                remedy="remove one of the two",
            )
    return Technology(
        name=data["name"],
        description=data.get("description", ""),
        node_nm=Fraction(data["node_nm"]),
        energy_unit=data["energy_unit"],
        units_per_energy=data["units_per_energy"],
        clock_mhz=Fraction(data["clock_mhz"]),
        macs=macs,
        components=tuple(_component(name, raw, file) for name, raw in data["components"].items()),
        pe_overhead_um2=Fraction(data["pe_overhead"]["area_um2"]),
        vector_energy=Fraction(data["vector"]["energy"]),
        vector_lane_um2=Fraction(data["vector"]["lane_um2"]),
        sources=tuple(data["sources"].items()),
        source=data,
    )


def _component(name: str, raw: dict[str, Any], file: str | None) -> Component:
    if raw["kind"] == "constant":
        return ConstantComponent(
            name,
            raw["word_bits"],
            Fraction(raw["read"]),
            Fraction(raw["write"]),
            Fraction(raw.get("area_fixed_um2", 0)),
            Fraction(raw.get("area_um2_per_bit", 0)),
        )
    units = size_units(raw["word_bits"])
    rows: list[tuple[int, PublishedPoint]] = []
    for index, row in enumerate(raw["rows"]):
        field = f"components.{name}.rows[{index}].size"
        amount, unit = split_quantity(row["size"], units, file=file, field=field)
        size = amount * units[unit]
        if size.denominator != 1 or (rows and size <= rows[-1][0]):
            raise SpecError(
                "sizes of a table must be whole bits and increase strictly",
                file=file,
                field=field,
                value=row["size"],
                allowed=f"more than {rows[-1][0]} bits" if rows else "whole bits",
                remedy="sort the rows by size",
            )
        numbers = (Fraction(row.get(key, 0)) for key in ("read", "write", "area_um2", "leakage_uw"))
        rows.append((int(size), PublishedPoint(*numbers)))
    return TableComponent(name, raw["word_bits"], tuple(rows))


def check_sources(data: object, sources: dict[str, str], file: str | None, path: str = "") -> None:
    """Every ``source`` anywhere in the file must be cited under ``sources``."""
    if isinstance(data, list):
        for index, entry in enumerate(data):
            check_sources(entry, sources, file, f"{path}[{index}]")
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        field = f"{path}.{key}" if path else str(key)
        if key == "source":
            for name in value if isinstance(value, list) else [value]:
                if name not in sources:
                    raise SpecError(
                        "this source is not cited",
                        file=file,
                        field=field,
                        value=name,
                        allowed=", ".join(sources),
                        remedy=f"add `{name}:` with its citation under `sources`",
                    )
        else:
            check_sources(value, sources, file, field)
