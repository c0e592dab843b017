"""The same architecture under more constraints on its sizes, or under fewer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.constraints import check_rows, file_schema
from optimizer.architecture.menu_grid import MenuGrid
from optimizer.architecture.reader import constraint_reader, parse_architecture
from optimizer.files.arguments import check_arguments
from optimizer.files.schema_check import check_schema
from optimizer.files.yaml_fields import read_yaml


def with_constraints(
    architecture: Architecture, constraints: str | Path | Sequence[str | Mapping[str, Any]]
) -> Architecture:
    """An architecture whose points also keep these constraints, beside its own.

    Parameters
    ----------
    architecture : Architecture
    constraints : str, Path or sequence
        A YAML file with the key ``constraints``, or the list that such a file holds: relations such as
        ``"array.x == array.y"``, and tables ``{"allowed": [{"array.x": 8, "GLB.size": "64 KiB"}]}``.

    Returns
    -------
    Architecture
        With the same budgets and accounting.

    Raises
    ------
    SpecError
        On a file that cannot be read, on text that is no relation of the architecture's sizes, on values of tables
        that no menu has, and on a constraint that the architecture already states.
    """
    check_arguments(architecture=(architecture, Architecture), constraints=(constraints, str | Path | Sequence))
    own = _stated(architecture)
    file = str(constraints) if isinstance(constraints, str | Path) else None
    data = read_yaml(constraints) if isinstance(constraints, str | Path) else {"constraints": list(constraints)}
    check_schema(data, file_schema(), file=file)
    assert isinstance(data, dict)
    more = constraint_reader(architecture).read(data["constraints"], file, known=architecture.constraints)
    check_rows(more, MenuGrid(architecture).samples)
    return _restated(architecture, [*own, *data["constraints"]])


def without_constraints(architecture: Architecture, titles: Collection[str]) -> Architecture:
    """The same architecture without the constraints of these titles."""
    pairs = zip(_stated(architecture), architecture.constraints, strict=True)
    return _restated(architecture, [raw for raw, constraint in pairs if constraint.title not in titles])


def _stated(architecture: Architecture) -> list[Any]:
    """Its constraints as they are written."""
    source = architecture.known_source("--constraints", "build it with the sizes you want")
    return list(source.get("constraints", ()))


def _restated(architecture: Architecture, constraints: list[Any]) -> Architecture:
    """Read again with these constraints."""
    source = {key: value for key, value in (architecture.source or {}).items() if key != "constraints"}
    source |= {"constraints": constraints} if constraints else {}
    parsed = parse_architecture(source, file=architecture.file)
    return replace(parsed, budgets=architecture.budgets, accounting=architecture.accounting)
