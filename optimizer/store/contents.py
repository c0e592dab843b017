"""Contents of a store: listing, look-up and removal of entries, and their export and import as lines of JSON.

A line is an object with ``table`` (layers or tasks), ``key``, ``version`` (of the model), ``kind``, ``created``
(seconds since 1970) and ``label``; a layer's has ``bound`` and ``entry`` (the solution; null where no mapping
exists), a task's ``payload`` and ``outcome``. The first line says what the file is.

No proof may rest on another store, so only its optima are imported, as starts: mappings whose value is the first cutoff
of a search. Bounds, and outcomes of tasks, could only be proved by computing them again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from optimizer.errors import SpecError
from optimizer.files.json_text import parse_json
from optimizer.problem.versions import MODEL_VERSION
from optimizer.store.database import CONTENT, sound
from optimizer.store.store import BOUND, LAYER_KINDS, NOTE_START, OPTIMUM, START, Store, solution_of

HEADER, FORMAT = "tilewright_store", 1
SHORT = 12
"""Digits of a key that lists show."""

SECONDS_PER_DAY = 86400
AT_ONCE = 500
"""Entries read in one step, so that an export never holds a store for long."""

_COLUMNS = "key, version, kind, created, label"
_SIZES = {"layers": "length(coalesce(entry, ''))", "tasks": "length(payload) + length(outcome)"}
_TASKS, _LAYERS = (f"SELECT {_COLUMNS}, {_SIZES[table]} AS bytes FROM sound_{table}" for table in ("tasks", "layers"))
_ALL = f"{_LAYERS} UNION ALL {_TASKS}"


@dataclass(frozen=True)
class StoreEntry:
    """An entry as listed; `created` in seconds since 1970, `size_bytes` of its JSON."""

    key: str
    version: str
    kind: str
    created: int
    label: str
    size_bytes: int


@dataclass(frozen=True)
class StoreGroup:
    """All entries of a kind and a version of the model; times in seconds since 1970."""

    kind: str
    version: str
    entries: int
    size_bytes: int
    oldest: int
    newest: int


@dataclass(frozen=True)
class Selection:
    """Entries that meet all conditions that are set.

    Parameters
    ----------
    kind : str, optional
        ``optimum``, ``bound``, or a kind of task.
    stale : bool
        Of another version of the model, which is never served.
    older_than_days : Fraction, optional
    """

    kind: str | None = None
    stale: bool = False
    older_than_days: Fraction | None = None

    def condition(self) -> tuple[str, list[object]]:
        """An SQL condition with its values."""
        parts: list[str] = ["1"]
        values: list[object] = []
        if self.kind is not None:
            parts.append("kind = ?")
            values.append(self.kind)
        if self.stale:
            parts.append("version <> ?")
            values.append(MODEL_VERSION)
        if self.older_than_days is not None:
            parts.append("created < ?")
            values.append(int(time.time() - self.older_than_days * SECONDS_PER_DAY))
        return " AND ".join(parts), values


def groups(store: Store) -> list[StoreGroup]:
    """Counts and sizes by kind and version of the model, layer results first."""
    query = (
        f"SELECT kind, version, count(*), sum(bytes), min(created), max(created) FROM ({_ALL}) GROUP BY kind, version"
        f" ORDER BY kind NOT IN {LAYER_KINDS}, kind DESC, version"
    )
    with store.database() as database:
        return [StoreGroup(*row) for row in database.execute(query)]


def entries(
    store: Store, selection: Selection, *, tasks_only: bool = False, most: int | None = None
) -> list[StoreEntry]:
    """The entries of a selection, newest first; of all or of tasks only, all or `most` of them."""
    condition, values = selection.condition()
    query = f"SELECT {_COLUMNS}, bytes FROM ({_TASKS if tasks_only else _ALL}) WHERE {condition}"
    with store.database() as database:
        rows = database.execute(
            f"{query} ORDER BY created DESC, kind, label, key LIMIT ?", [*values, -1 if most is None else most]
        )
        return [StoreEntry(*row) for row in rows]


def check_kind(store: Store, kind: str | None) -> None:
    """Refuse a kind of which the store has no entry.

    Raises
    ------
    SpecError
    """
    kinds = sorted({group.kind for group in groups(store)})
    if kind is not None and kind not in kinds:
        raise SpecError(
            "the store has nothing of this kind",
            field="--kind",
            value=kind,
            allowed=", ".join(kinds) or "nothing yet",
            remedy="name one of these, or leave it out",
        )


def find(store: Store, prefix: str) -> dict[str, Any]:
    """The only entry whose key begins so, in the form of a line.

    Raises
    ------
    SpecError
        If there is none or several.
    """
    if not prefix or set(prefix) - set("0123456789abcdef"):
        raise SpecError(
            "not the beginning of a key",
            field="KEY",
            value=prefix,
            allowed="hexadecimal digits, lower case",
            remedy="copy one from `tilewright store list`",
        )
    begins = "substr(key, 1, ?) = ?"
    found = [line for table in CONTENT for line in _some_lines(store, table, begins, [len(prefix), prefix])]
    if len(found) == 1:
        return found[0]
    some = ", ".join(line["key"][: max(SHORT, len(prefix) + 2)] for line in found[:3])
    raise SpecError(
        "several entries have a key that begins so" if found else "no entry has a key that begins so",
        field="KEY",
        value=prefix,
        allowed=f"a longer beginning, e.g. {some}" if found else "the beginning of one key",
        remedy="give more digits" if found else "copy one from `tilewright store list --all`",
    )


def prune(store: Store, selection: Selection, *, dry_run: bool = False) -> tuple[int, int]:
    """Remove a selection and all damaged entries, and free their disk space; other processes may read and write.

    Returns
    -------
    (int, int)
        Entries, and bytes of their JSON.
    """
    condition, values = selection.condition()
    count = size = 0
    with store.database() as database:
        database.execute("BEGIN IMMEDIATE")
        with database:
            for table, length in _SIZES.items():
                chosen = f"FROM {table} WHERE {condition} OR NOT {sound(table)}"
                query = f"SELECT count(*), coalesce(sum({length}), 0) {chosen}"
                found, long = database.execute(query, values).fetchone()
                count, size = count + found, size + long
                if not dry_run:
                    database.execute(f"DELETE {chosen}", values)
        if count and not dry_run:
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return count, size


def export_lines(store: Store, selection: Selection) -> Iterator[str]:
    """A selection as lines of JSON, in the order of the keys."""
    yield json.dumps({HEADER: FORMAT})
    condition, values = selection.condition()
    for table in CONTENT:
        last = ""
        while some := _some_lines(store, table, f"key > ? AND {condition}", [last, *values]):
            yield from map(json.dumps, some)
            last = some[-1]["key"]


def _some_lines(store: Store, table: str, condition: str, values: list[object]) -> list[dict[str, Any]]:
    """The first entries of a table that meet a condition."""
    names = CONTENT[table]
    query = f"SELECT {', '.join(names)} FROM sound_{table} WHERE {condition} ORDER BY key LIMIT {AT_ONCE}"
    with store.database() as database:
        lines = [{"table": table, **dict(zip(names, row, strict=True))} for row in database.execute(query, values)]
    for line in lines:
        line.update(
            {name: json.loads(line[name]) for name in ("entry", "payload", "outcome") if line.get(name) is not None}
        )
    return lines


def import_lines(store: Store, lines: Sequence[str], file: str) -> tuple[int, int]:
    """Import the optima of another store, as starts.

    Returns
    -------
    (int, int)
        Numbers of usable entries, and of others.

    Raises
    ------
    SpecError
        On a line that is no entry; nothing is imported then.
    """
    rows = []
    for number, text in enumerate(lines or [""], start=1):
        try:
            line = parse_json(text, f"{file}: line {number}")
            if number > 1:
                rows.append(_start(line))
            elif line[HEADER] != FORMAT:
                raise ValueError(f"format {line[HEADER]}")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise SpecError(
                f"not a line of a store: {type(error).__name__} {error}",
                file=file,
                field=f"line {number}",
                value=text.strip(),
                allowed="what `tilewright store export` writes",
                remedy="export again with this version of Tilewright",
            ) from None
    starts = [row for row in rows if row is not None]
    with store.database() as database:
        database.execute("BEGIN IMMEDIATE")
        with database:
            database.executemany(NOTE_START, starts)
    return len(starts), len(rows) - len(starts)


def _start(line: dict[str, Any]) -> tuple[object, ...] | None:
    """A line as the row of a start; None if it is an entry of another kind, or of another version of the model.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is no entry.
    """
    if line["table"] not in CONTENT:
        raise ValueError(f"table {line['table']}")
    key, version, kind, created, label = (line[name] for name in _COLUMNS.split(", "))
    texts = key, version, kind, label
    if not all(isinstance(text, str) for text in texts) or type(created) is not int or abs(created) >= 2**63:
        raise TypeError("key, version, kind and label are texts, created is a whole number")
    if line["table"] != "layers" or kind == BOUND:
        return None
    if kind not in (OPTIMUM, START):
        raise ValueError(f"kind {kind}")
    if solution_of(line["entry"]) is None or version != MODEL_VERSION:
        return None
    return key, version, START, created, label, None, json.dumps(line["entry"])
