"""What a store holds, as tables."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group as Parts
from rich.table import Table
from rich.text import Text

from formulations.nest import LoopItem, NodeItem
from optimizer.files.quantities import size_text
from optimizer.problem.versions import MODEL_VERSION
from optimizer.report.tables import plain_table
from optimizer.results.units import NOTHING
from optimizer.store.contents import SHORT, StoreEntry, StoreGroup
from optimizer.store.store import BOUND, START, solution_of

TENSORS = "WIO"


def date_text(seconds: int) -> str:
    """A time in this place's zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def groups_table(title: str, groups: Sequence[StoreGroup]) -> Table:
    """Counts and sizes by kind and version of the model."""
    table = plain_table(title, "kind", "model", "entries", "JSON", "oldest", "newest", left=2)
    for group in groups:
        version = group.version if group.version == MODEL_VERSION else f"{group.version} (stale)"
        table.add_row(
            group.kind,
            version,
            f"{group.entries:,}",
            size_text(8 * group.size_bytes),
            date_text(group.oldest),
            date_text(group.newest),
        )
    return table


def entries_table(entries: Sequence[StoreEntry], more: int) -> Parts:
    """One row per entry, and how many more there are."""
    table = plain_table("Entries, newest first", "key", "kind", "label", "model", "JSON", "created", left=4)
    for entry in entries:
        label = Text(entry.label or NOTHING)
        size = size_text(8 * entry.size_bytes)
        table.add_row(entry.key[:SHORT], entry.kind, label, entry.version, size, date_text(entry.created))
    return Parts(table, Text(f"and {more:,} more: --all shows them", style="dim")) if more else Parts(table)


def entry_report(line: dict[str, Any]) -> Parts:
    """One entry in full."""
    head = plain_table("Entry", "field", "value", left=2)
    for name in ("key", "kind", "label", "version"):
        head.add_row(name, Text(line[name] or NOTHING))
    head.add_row("created", date_text(line["created"]))
    if line["table"] == "tasks":
        texts = [Text(f"{name}: {json.dumps(line[name], indent=1)}") for name in ("payload", "outcome")]
        return Parts(head, *texts)
    if line["kind"] == BOUND:
        head.add_row("bound", f"{line['bound']:,}")
        return Parts(head)
    solution = line["entry"]
    if solution is None:
        head.add_row("optimum", "no mapping fits")
        return Parts(head)
    if line["kind"] == START:
        head.add_row("start", "others say that this is the optimum; nothing rests on it")
    head.add_row("energy", f"{solution['energy']:,} units")
    head.add_row("latency", f"{solution['latency']:,} units")
    return Parts(head, *map(Text, _nest_lines(solution)))


def _nest_lines(solution: dict[str, Any]) -> Iterator[str]:
    """The loop nest, outermost first; dims are numbers in the order of those in the label."""
    try:
        nest = solution_of(solution)
    except (KeyError, TypeError, ValueError):
        nest = None
    if nest is None:
        yield "the mapping is in the form of another version"
        return
    yield "loop nest, outermost first; d0, d1, ... are the dims of the label, in their order"
    for item in nest.items:
        if isinstance(item, NodeItem):
            yield f"keep {TENSORS[item.tensor]} at level {item.level}"
        elif isinstance(item, LoopItem):
            yield f"for d{item.dim} in {item.trips}"
        else:
            factors = (f"d{dim} by {factor}" for dim, factor in enumerate(item.factors) if factor > 1)
            yield f"fan-out of level {item.level}: {', '.join(factors) or 'not used'}"
