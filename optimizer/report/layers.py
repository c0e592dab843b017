"""One layer of a result: its runs, its traffic, its loop nest, its distance from the limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.errors import SpecError
from optimizer.mapping.reader import nest_text
from optimizer.problem.problem import network_of
from optimizer.report.units import dims_text, energy_text, energy_unit, number_text, percent_text, ratio_text
from optimizer.workload.layer import Layer

Data = dict[str, Any]
ROLES = ("W", "I", "O")


def distinct_layers(data: Data) -> list[Data]:
    """The layers, of equal ones only the first."""
    seen: set[str] = set()
    found = []
    for entry in data.get("layers") or []:
        if entry["name"] not in seen:
            found.append(entry)
        seen |= {entry["name"], *(entry.get("shared_with") or [])}
    return found


def runs(data: Data, entry: Data) -> int:
    """How often a layer and its equals run."""
    multiplicities = {other["name"]: other.get("multiplicity") or 1 for other in data["layers"]}
    equals = [name for name in entry.get("shared_with") or [] if name != entry["name"]]
    own = entry.get("multiplicity") or 1
    return int(own + sum(multiplicities.get(name, own) for name in equals))


def find_layer(data: Data, name: str) -> Data:
    """The entry of a layer, also if only an equal layer has one.

    Raises
    ------
    SpecError
        If there is no such layer.
    """
    entries: list[Data] = data.get("layers") or []
    for entry in entries:
        if entry["name"] == name:
            return entry
    for entry in entries:
        if name in (entry.get("shared_with") or []):
            return entry
    raise SpecError(
        "the result has no such layer",
        field="--layer",
        value=name,
        allowed=", ".join(entry["name"] for entry in entries) or "none: the result holds no design",
        remedy="take one of these names",
    )


def dram_words(data: Data, entry: Data) -> int | None:
    """Words that a layer reads and writes at the outermost level, all runs of it alike."""
    levels = (data.get("hardware") or {}).get("levels") or []
    outer = (entry.get("accesses") or {}).get(levels[0]["name"]) if levels else None
    if outer is None:
        return None
    return sum(int(a["reads"] + a["updates"]) * int(a.get("instances", 1)) for a in outer.values())


def layer_heading(data: Data, entry: Data) -> Text:
    """Name, equal layers, dims and padding of a layer."""
    text = Text(entry["name"], style="bold")
    equals = [name for name in entry.get("shared_with") or [] if name != entry["name"]]
    if equals:
        text.append(f" (also {', '.join(equals)})", style="dim")
    text.append(f"  {entry['type']} {dims_text(entry.get('dims'))}".rstrip(), style="default")
    if entry.get("sparsity"):
        text.append(f" in blocks, {entry['sparsity']}", style="default")
    if entry.get("padded"):
        text.append(f" padded to {dims_text(entry['padded'])}", style="default")
    return text


def layer_nest(data: Data, name: str) -> str:
    """The loop nest of a layer as text; of a vector layer, what it streams.

    Raises
    ------
    SpecError
        If there is no such layer, or the result does not hold its network.
    """
    entry = find_layer(data, name)
    if entry.get("group") is not None:
        return f"in group {entry['group'] + 1}: see the group's nest"
    if entry.get("mapping") is None:
        words = entry.get("dram_words")
        traffic = f", {number_text(words)} DRAM words" if isinstance(words, (int, float)) else ""
        return f"vector layer: {number_text(entry.get('operations'))} operations{traffic}"
    return nest_text(_layer(data, entry["name"]), entry["mapping"])


def _layer(data: Data, name: str) -> Layer:
    """The layer itself, from the problem that the result carries."""
    problem = data.get("problem") or {}
    network = network_of(problem) if isinstance(problem.get("network"), dict) else None
    layer = network.graph.nodes[name]["layer"] if network is not None and name in network.graph else None
    if not isinstance(layer, Layer):
        raise SpecError(
            "the result does not hold this layer's problem",
            field="problem.network",
            value=name,
            allowed="the network that was solved",
            remedy="solve again into this folder",
        )
    return layer


def layer_report(data: Data, name: str) -> Group:
    """Everything about one layer: totals, limits, loop nest, accesses."""
    entry = find_layer(data, name)
    parts: list[RenderableType] = [layer_heading(data, entry), Text(), limits_table(data, entry)]
    parts += [Text(), Text(layer_nest(data, name))]
    if entry.get("accesses"):
        parts += [Text(), access_table(entry["accesses"])]
    return Group(*parts)


def limits_table(data: Data, entry: Data) -> Table:
    """Energy, cycles and off-chip traffic of one run beside their lower bounds."""
    bounds, unit = entry.get("lower_bounds") or {}, energy_unit(data)
    ports = bounds.get("bandwidth_cycles") or {}
    table = Table("", "this mapping", "limit", "ratio", header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    energy, cycles, words = entry.get("energy_pj"), entry.get("latency_cycles"), dram_words(data, entry)
    rows: list[tuple[str, float | None, float | None, Callable[[float | None], str]]] = [
        ("energy", energy, bounds.get("energy_pj"), lambda value: energy_text(value, unit)),
        ("cycles (compute)", cycles, bounds.get("compute_cycles"), number_text),
        *((f"cycles ({port})", cycles, least, number_text) for port, least in ports.items()),
        ("DRAM words (data movement)", words, bounds.get("dram_words_bound"), number_text),
    ]
    for role, least in (bounds.get("compulsory_dram_words") or {}).items():
        rows.append((f"DRAM words of {role} (compulsory)", _outer_words(data, entry, role), least, number_text))
    for name, value, bound, text in rows:
        if value is not None or bound is not None:
            table.add_row(name, text(value), text(bound), ratio_text(value, bound))
    if entry.get("mapping") is not None:
        table.add_row("utilization", percent_text(entry.get("utilization")), "", "")
    return table


def _outer_words(data: Data, entry: Data, role: str) -> int | None:
    only = {level: {role: roles[role]} for level, roles in (entry.get("accesses") or {}).items() if role in roles}
    return dram_words(data, {**entry, "accesses": only})


def access_table(accesses: dict[str, dict[str, dict[str, int]]]) -> Table:
    """Words per used instance, level by level and tensor by tensor."""
    columns = ("reads", "fills", "updates", "tile_words", "instances")
    table = Table("level", "tensor", *(name.replace("_", " ") for name in columns), header_style="bold")
    for column in table.columns[2:]:
        column.justify = "right"
    for level, kept in accesses.items():
        for role in ROLES:
            if role in kept:
                table.add_row(Text(level), role, *(number_text(kept[role].get(name)) for name in columns))
    return table
