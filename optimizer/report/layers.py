"""One layer of a result: its runs, its traffic, its loop nest, its distance from the limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.evaluation import EvaluationBody
from optimizer.bodies.layers import AccessCounts, LayerEntry
from optimizer.bodies.solve import SolveBody
from optimizer.errors import SpecError
from optimizer.mapping.reader import nest_text
from optimizer.problem.problem import network_of
from optimizer.results.units import dims_text, energy_text, energy_unit, number_text, percent_text, ratio_text
from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.network import Network

Body = SolveBody | EvaluationBody
Layers = Sequence[LayerEntry]
ROLES = ("W", "I", "O")
NAMED = 12
"""Names of equal layers in a heading."""


def layers_of(body: Body) -> tuple[LayerEntry, ...]:
    """The layers of the design; none without one."""
    return () if body.design is None else body.design.layers


def equal_layers(layers: Layers) -> dict[str, list[LayerEntry]]:
    """Equal layers by the name of the first of them; vector layers of equal figures count as equal."""
    found: dict[str, list[LayerEntry]] = {}
    first: dict[object, str] = {}
    for entry in layers:
        streamed = _streamed(entry)
        name = (entry.same_as or entry.name) if streamed is None else first.setdefault(streamed, entry.name)
        found.setdefault(name, []).append(entry)
    return found


def _streamed(entry: LayerEntry) -> tuple[object, ...] | None:
    """The figures of a vector layer that runs by itself; None for other layers."""
    if entry.dims or entry.group is not None:
        return None
    return (entry.kind, entry.multiplicity, entry.operations, entry.dram_words, entry.energy_pj, entry.latency_cycles)


def find_layer(layers: Layers, name: str) -> LayerEntry:
    """The entry of a layer.

    Raises
    ------
    SpecError
        If there is no such layer.
    """
    for entry in layers:
        if entry.name == name:
            return entry
    raise SpecError(
        "the result has no such layer",
        field="--layer",
        value=name,
        allowed=", ".join(entry.name for entry in layers) or "none: the result holds no design",
        remedy="take one of these names",
    )


def dram_words(counts: Mapping[str, AccessCounts] | None) -> int | None:
    """Words that are read and written at the outermost level, all runs of a layer alike."""
    return None if counts is None else sum((a.reads + a.updates) * a.instances for a in counts.values())


def layer_heading(entry: LayerEntry, equal: Sequence[LayerEntry] = ()) -> Text:
    """Name, other layers of the same shape, dims and padding of a layer."""
    text = Text(entry.name, style="bold")
    others = [other.name for other in equal if other.name != entry.name]
    if others:
        more = f" and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
        text.append(f" (also {', '.join(others[:NAMED])}{more})", style="dim")
    text.append(f"  {entry.kind} {dims_text(entry.dims)}".rstrip(), style="default")
    if entry.sparsity:
        text.append(f" in blocks, {entry.sparsity}", style="default")
    if entry.padded:
        text.append(f" padded to {dims_text(entry.padded)}", style="default")
    return text


def network_in(body: Body) -> Network:
    """The network of a result, from the problem that it carries. Reading it takes time: once per report is enough.

    Raises
    ------
    SpecError
        If the result does not hold it.
    """
    if not isinstance(body.problem.get("network"), dict):
        raise _without_problem(None)
    return network_of(body.problem)


def layer_nest(entry: LayerEntry, network: Network) -> str:
    """The loop nest of a layer of a network as text; of a vector layer, what it streams.

    Raises
    ------
    SpecError
        If the network has no such layer.
    """
    if entry.group is not None:
        return f"in group {entry.group + 1}: see the group's nest"
    if entry.mapping is None:
        traffic = "" if entry.dram_words is None else f", {number_text(entry.dram_words)} DRAM words"
        return f"vector layer: {number_text(entry.operations)} operations{traffic}"
    layer = layer_in(network, entry.name)
    if not isinstance(layer, Layer):
        raise _without_problem(entry.name)
    return nest_text(layer, list(entry.mapping))


def layer_in(network: Network, name: str) -> AnyLayer:
    """A layer of the network that a result carries.

    Raises
    ------
    SpecError
        If the network has no such layer.
    """
    if name not in network.graph:
        raise _without_problem(name)
    layer: AnyLayer = network.graph.nodes[name]["layer"]
    return layer


def _without_problem(layer: str | None) -> SpecError:
    return SpecError(
        "the result does not hold the network that was solved",
        field="problem.network",
        value=layer,
        allowed="the network with all layers of the design",
        remedy="solve again into this folder",
    )


def layer_report(body: Body, name: str) -> Group:
    """Everything about one layer: totals, limits, loop nest, accesses."""
    entry = find_layer(layers_of(body), name)
    outer = body.design.hardware.levels[0].name if body.design is not None else ""
    equal = equal_layers(layers_of(body)).get(entry.same_as or entry.name, [])
    parts: list[RenderableType] = [layer_heading(entry, equal), Text()]
    parts.append(limits_table(entry, outer, energy_unit(body.objective.unit)))
    parts += [Text(), Text(layer_nest(entry, network_in(body)))]
    if entry.accesses:
        parts += [Text(), access_table(entry.accesses)]
    return Group(*parts)


def limits_table(entry: LayerEntry, outer: str, unit: str) -> Table:
    """Energy, cycles and traffic at the outermost level of one run beside their lower bounds."""
    bounds, counts = entry.lower_bounds, entry.accesses.get(outer)
    table = Table("", "this mapping", "limit", "ratio", header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    energy, cycles = entry.energy_pj, entry.latency_cycles
    rows: list[tuple[str, float | None, float | None, Callable[[float | None], str]]] = [
        ("energy", energy, bounds.energy_pj, lambda value: energy_text(value, unit)),
        ("cycles (compute)", cycles, bounds.compute_cycles, number_text),
        *((f"cycles ({port})", cycles, least, number_text) for port, least in (bounds.bandwidth_cycles or {}).items()),
        ("DRAM words (data movement)", dram_words(counts), bounds.dram_words_bound, number_text),
    ]
    for role, least in (bounds.compulsory_dram_words or {}).items():
        own = None if counts is None or role not in counts else dram_words({role: counts[role]})
        rows.append((f"DRAM words of {role} (compulsory)", own, least, number_text))
    for name, value, bound, text in rows:
        if value is not None or bound is not None:
            table.add_row(name, text(value), text(bound), ratio_text(value, bound))
    if entry.mapping is not None:
        table.add_row("utilization", percent_text(entry.utilization), "", "")
    return table


def access_table(accesses: Mapping[str, Mapping[str, AccessCounts]]) -> Table:
    """Words per used instance, level by level and tensor by tensor."""
    columns = ("reads", "fills", "updates", "tile_words", "instances")
    table = Table("level", "tensor", *(name.replace("_", " ") for name in columns), header_style="bold")
    for column in table.columns[2:]:
        column.justify = "right"
    for level, kept in accesses.items():
        for role in ROLES:
            if role in kept:
                a = kept[role]
                counts = (a.reads, a.fills, a.updates, a.tile_words, a.instances)
                table.add_row(Text(level), role, *(number_text(count) for count in counts))
    return table
