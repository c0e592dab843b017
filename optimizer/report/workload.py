"""A network as a table, as CSV and as a graph in the DOT language."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from fractions import Fraction

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.report.tables import plain_table
from optimizer.results.units import number_text
from optimizer.workload.edges import border_words
from optimizer.workload.facts import LayerFacts, columns, facts_of, total
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

NAME_LENGTH = 48
"""Characters of a name in the table; the middle of longer ones is left out."""
_BYTES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_RISKY = ("=", "+", "-", "@")


def workload_report(network: Network) -> RenderableType:
    """Totals, what was folded or left out, and all layers."""
    rows = facts_of(network)
    whole = total(rows)
    lines = [
        f"{network.name}: {len(rows)} layers, {len(network.mac_layers())} of them with multiply-accumulates",
        f"multiply-accumulates  {number_text(whole.macs)}",
        f"vector operations     {number_text(whole.operations)}",
        f"parameters            {number_text(whole.parameters)}",
        f"tensors, each once    {bytes_text(whole.bytes_in)} in, {bytes_text(whole.bytes_out)} out",
        f"intensity             {float(whole.macs_per_byte):.2f} multiply-accumulates per byte",
    ]
    border = border_words(network)
    if border:
        lines.append(f"border                {number_text(border)} words of padding are counted as if they were data")
    if network.absorbed:
        folded = ", ".join(f"{count} {kind}" for kind, count in sorted(network.absorbed.items()))
        lines.append(f"operators in no layer of their own  {folded}")
    warnings = [Text(f"warning: {line}", style="yellow") for line in network.warnings]
    return Group(*map(Text, lines), *warnings, Text(), _table(rows))


def _table(rows: Sequence[LayerFacts]) -> Table:
    numbers = ("runs", "MACs", "operations", "parameters", "in", "out", "MACs/byte")
    table = plain_table("Layers", "layer", "type", "dims", "W/I/O bits", *numbers, left=4)
    for row in rows:
        table.add_row(
            Text(short(row.name)),
            Text(row.type),
            Text(row.dims),
            Text(row.bits or "-"),
            number_text(row.runs),
            number_text(row.macs) if row.dims else "-",
            "-" if row.dims else number_text(row.operations),
            number_text(row.parameters),
            bytes_text(row.bytes_in),
            bytes_text(row.bytes_out),
            f"{float(row.macs_per_byte):.2f}" if row.dims else "-",
        )
    return table


def workload_csv(network: Network) -> str:
    """One line per layer. Texts that a spreadsheet would take for a formula begin with an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns())
    for row in facts_of(network):
        values = [getattr(row, name) for name in columns()]
        writer.writerow([_cell(value) for value in values])
    return file.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else repr(float(value))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_RISKY) else text


def workload_dot(network: Network) -> str:
    """The layers and their tensors as a directed graph."""
    lines = [f"digraph {_quoted(network.name)} {{", "  node [shape=box];"]
    for layer in network.layers():
        work = f"{layer.asked_macs:,} MACs" if isinstance(layer, Layer) else f"{layer.operations:,} operations"
        label = _quoted("\n".join([short(layer.name), layer.kind, work]))
        lines.append(f"  {_quoted(layer.name)} [label={label}];")
    for producer, consumer, tensor in network.graph.edges(data="tensor"):
        lines.append(f"  {_quoted(producer)} -> {_quoted(consumer)} [label={_quoted(short(tensor))}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def short(name: str) -> str:
    """A name that fits into a table: its beginning and its end."""
    if len(name) <= NAME_LENGTH:
        return name
    half = (NAME_LENGTH - 3) // 2
    return f"{name[:half]}...{name[-half:]}"


def bytes_text(count: Fraction) -> str:
    """Bytes with a binary prefix, e.g. ``1.5 MiB``."""
    for size, unit in _BYTES:
        if count >= size:
            return f"{float(count / size):,.2f} {unit}"
    return f"{number_text(float(count))} B"
