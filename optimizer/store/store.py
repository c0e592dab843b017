"""The cache of layer results and outcomes of tasks, keyed by content and version of the model."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.problem import UNLIMITED, LayerProblem
from optimizer.problem.space import DEFAULT_ENGINE, named_in_data
from optimizer.problem.versions import MODEL_VERSION
from optimizer.store.database import STORE_FILE, connect, faults, note

OPTIMUM, BOUND, START = LAYER_KINDS = "optimum", "bound", "start"
TIME_LIMIT, LABEL, PROBLEM = "time_limit_s", "label", "problem"
"""Entries of payloads that are not kept as they are: see :func:`task_content`."""

# An optimum replaces any entry, a bound replaces a lower bound or a start, a start replaces a start.
LARGEST = 2**63 - 1
"""Bounds above are stored as this one, a bound too."""
NOTE_OPTIMUM = note("layers")
NOTE_BOUND = note("layers", "layers.kind = 'start' OR layers.kind = 'bound' AND layers.bound < excluded.bound")
NOTE_START = note("layers", "layers.kind = 'start'")
NOTE_OUTCOME = note("tasks")


def content_key(
    problem: LayerProblem, objective: str, latency_cap: int, weight: int = 0, engine: str = DEFAULT_ENGINE
) -> str:
    """Hash of everything a layer result depends on."""
    return _hash([MODEL_VERSION, objective, latency_cap, weight, asdict(problem), *named_in_data(engine).values()])


def task_content(payload: dict[str, Any]) -> dict[str, Any]:
    """The part of a payload that the outcome of a task depends on: all but its time limit and label.

    An object under ``problem``, which may be long and which many tasks share, is kept as its hash.
    """
    content = {name: value for name, value in payload.items() if name not in (TIME_LIMIT, LABEL)}
    if isinstance(content.get(PROBLEM), dict):
        content[PROBLEM] = f"sha256:{_hash(content[PROBLEM])}"
    return content


def task_key(kind: str, payload: dict[str, Any], version: str | None = None) -> str:
    """Hash of a task's :func:`task_content`, kind and version of the model (this one by default)."""
    return _hash([MODEL_VERSION if version is None else version, kind, task_content(payload)])


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def layer_label(dims: Iterable[tuple[str, int]], objective: str) -> str:
    """Label of a layer result in lists: the dims of its problem, in order, and the objective."""
    return f"{' '.join(f'{dim}={extent}' for dim, extent in dims if extent > 1)}, {objective}"


class Store:
    """Layer results and outcomes of tasks; without a folder they live in memory only.

    A layer entry is the optimum of a problem, or a lower bound, or a *start*: a mapping from another store, said to be
    the optimum there. Threads may share a store, and any number of processes may use the same folder. Damaged entries
    are ignored. An entry is in the file when the call that stores it returns: a process that is killed loses nothing (a
    power cut may take the last moments).

    Parameters
    ----------
    folder : Path, optional
        Created if needed.

    Raises
    ------
    SpecError
        Here and in all methods, if the file cannot be used.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._path = Path(STORE_FILE) if folder is None else folder / STORE_FILE
        self._database = connect(folder)

    @contextlib.contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """The database, for this thread alone; its faults become a ``SpecError``."""
        with self._lock, faults(self._path):
            yield self._database

    def optimum(self, key: str) -> tuple[bool, Nest | None]:
        """(known, solution): the optimum noted under a key; None as solution means that no mapping exists."""
        return self._solution(key, OPTIMUM)

    def start(self, key: str) -> Nest | None:
        """The start noted under a key: optimal according to another store; no proof may rest on it."""
        return self._solution(key, START)[1]

    def _solution(self, key: str, kind: str) -> tuple[bool, Nest | None]:
        row = self._row("SELECT entry FROM sound_layers WHERE key = ?1 AND kind = ?2", key, kind)
        try:
            return (False, None) if row is None else (True, solution_of(json.loads(row[0])))
        except (ValueError, TypeError, KeyError, RecursionError):
            return False, None

    def bound(self, key: str) -> int:
        """The lower bound noted under a key (0 if there is none)."""
        row = self._row("SELECT bound FROM sound_layers WHERE key = ? AND kind = 'bound'", key)
        return 0 if row is None else int(row[0])

    def note_optimum(self, key: str, solution: Nest | None, label: str = "") -> None:
        """Store an optimum."""
        entry = json.dumps(None if solution is None else entry_of(solution))
        with self.database() as database:
            database.execute(NOTE_OPTIMUM, (key, MODEL_VERSION, OPTIMUM, int(time.time()), label, None, entry))

    def note_bound(self, key: str, bound: int, label: str = "") -> None:
        """Store a bound, unless a better entry exists; a single statement, so that processes do not overwrite each
        other's entries.
        """
        with self.database() as database:
            row = (key, MODEL_VERSION, BOUND, int(time.time()), label, min(bound, LARGEST), None)
            database.execute(NOTE_BOUND, row)

    def outcome(self, key: str) -> dict[str, Any] | None:
        """The outcome of the task with this :func:`task_key`; None if it is not known."""
        row = self._row("SELECT outcome FROM sound_tasks WHERE key = ?", key)
        found: dict[str, Any] | None = None if row is None else json.loads(row[0])
        return found

    def note_outcome(self, kind: str, payload: dict[str, Any], outcome: dict[str, Any]) -> None:
        """Store the outcome of a task."""
        key, label = task_key(kind, payload), str(payload.get(LABEL, ""))
        content = json.dumps(task_content(payload), sort_keys=True)
        row = key, MODEL_VERSION, kind, int(time.time()), label, content, json.dumps(outcome, allow_nan=False)
        with self.database() as database:
            database.execute(NOTE_OUTCOME, row)

    def _row(self, query: str, *values: str) -> tuple[Any, ...] | None:
        with self.database() as database:
            row: tuple[Any, ...] | None = database.execute(query, values).fetchone()
        return row

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def solution_of(value: dict[str, Any] | None) -> Nest | None:
    """The solution that an optimum's entry holds; None where no mapping exists.

    Raises
    ------
    KeyError, TypeError
        If it holds none.
    """
    if value is None:
        return None

    def whole(number: object, limit: int = 2**63) -> int:
        if type(number) is not int or abs(number) >= limit:
            raise TypeError(f"not a whole number below {limit}: {number}")
        return number

    items = tuple(_item([whole(number) for number in entry]) for entry in value["items"])
    return Nest(items, whole(value["energy"], UNLIMITED), whole(value["latency"], UNLIMITED))


def entry_of(solution: Nest) -> dict[str, Any]:
    """A nest as plain data: every item as numbers, the first of which is its kind."""
    items = [[_KINDS.index(type(item)), *_numbers(item)] for item in solution.items]
    return {"items": items, "energy": solution.energy, "latency": solution.latency}


_KINDS = (NodeItem, LoopItem, FanOutItem)


def _numbers(item: Item) -> list[int]:
    if isinstance(item, NodeItem):
        return [item.tensor, item.level]
    return [item.dim, item.trips] if isinstance(item, LoopItem) else [item.level, *item.factors]


def _item(numbers: list[int]) -> Item:
    kind, first, *rest = numbers
    if kind == _KINDS.index(FanOutItem):
        return FanOutItem(first, tuple(rest))
    (second,) = rest
    if kind == _KINDS.index(LoopItem):
        return LoopItem(first, second)
    if kind == _KINDS.index(NodeItem):
        return NodeItem(first, second)
    raise ValueError(f"no kind of item: {kind}")
