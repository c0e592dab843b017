"""The same architecture under more constraints on its sizes and mappings, or under fewer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.constraints import Constraint, check_rows, file_schema
from optimizer.architecture.menu_grid import MenuGrid
from optimizer.architecture.reader import constraint_reader, parse_architecture
from optimizer.files.arguments import check_arguments
from optimizer.files.schema_check import check_schema
from optimizer.files.yaml_fields import read_yaml
from optimizer.workload.mapping_constraints import MappingConstraint, read_mapping_constraints


def with_constraints(
    architecture: Architecture, constraints: str | Path | Sequence[str | Mapping[str, Any]]
) -> Architecture:
    """An architecture whose points and mappings also keep these constraints, beside its own.

    Parameters
    ----------
    architecture : Architecture
    constraints : str, Path or sequence
        A YAML file with the keys ``constraints`` (on sizes) and ``mapping``, one of them or both; or a list of what
        such a file holds: relations such as ``"array.x == array.y"``, tables ``{"allowed": [{"array.x": 8, "GLB.size":
        "64 KiB"}]}``, and rules for mappings such as ``{"stationary": "W", "level": "RF"}``.

    Returns
    -------
    Architecture
        With the same budgets and accounting.

    Raises
    ------
    SpecError
        On a file that cannot be read, on text that is no relation of the architecture's sizes, on values of tables
        that no menu has, on rules that make no sense, and on a constraint that the architecture already states.
    """
    check_arguments(architecture=(architecture, Architecture), constraints=(constraints, str | Path | Sequence))
    file = str(constraints) if isinstance(constraints, str | Path) else None
    data = read_yaml(constraints) if isinstance(constraints, str | Path) else _sorted(constraints)
    check_schema(data, file_schema(), file=file)
    assert isinstance(data, dict)
    sizes, rules = data.get("constraints", []), data.get("mapping", [])
    more = constraint_reader(architecture).read(sizes, file, known=architecture.constraints)
    check_rows(more, MenuGrid(architecture).samples)
    taken = [one.title for one in (*architecture.constraints, *architecture.mapping, *more)]
    added = read_mapping_constraints(rules, [level.name for level in architecture.levels], file, taken)
    own = _source(architecture)
    restated = _restated(architecture, [*own.get("constraints", ()), *sizes], [*own.get("mapping", ()), *rules])
    return replace(restated, mapping=(*architecture.mapping, *added))  # which know their files


def without_constraints(architecture: Architecture, titles: Collection[str]) -> Architecture:
    """The same architecture without the constraints of these titles."""
    own = _source(architecture)

    def kept(key: str, known: Sequence[Constraint | MappingConstraint]) -> list[Any]:
        pairs = zip(own.get(key, ()), known, strict=True)
        return [raw for raw, constraint in pairs if constraint.title not in titles]

    sizes, rules = kept("constraints", architecture.constraints), kept("mapping", architecture.mapping)
    return _restated(architecture, sizes, rules)


def _sorted(constraints: Sequence[str | Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Constraints as a file states them; rules for mappings are mappings without a table."""
    rules = [one for one in constraints if isinstance(one, Mapping) and "allowed" not in one]
    sizes = [one for one in constraints if one not in rules]
    return {key: some for key, some in (("constraints", sizes), ("mapping", rules)) if some or not constraints}


def _source(architecture: Architecture) -> dict[str, Any]:
    """The architecture as it is written."""
    return architecture.known_source("--constraints", "build it with the sizes you want")


def _restated(architecture: Architecture, sizes: list[Any], rules: list[Any]) -> Architecture:
    """Read again with these constraints."""
    keys = ("constraints", "mapping")
    source = {key: value for key, value in (architecture.source or {}).items() if key not in keys}
    source |= {key: some for key, some in zip(keys, (sizes, rules), strict=True) if some}
    parsed = parse_architecture(source, file=architecture.file)
    return replace(parsed, budgets=architecture.budgets, accounting=architecture.accounting)
