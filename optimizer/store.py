"""Layer results on disk, keyed by content: a later solve of the same layer problem starts where this one ended."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from formulations.problem import Hoist, LayerSolution, LevelTiling, Problem

MODEL_VERSION = "5"
"""Changes whenever a cost rule or the space changes, so that stale results are never served."""


def content_key(problem: Problem, objective: str, latency_cap: int, weight: int = 0) -> str:
    """Hash of everything a layer result depends on."""
    text = json.dumps([MODEL_VERSION, objective, latency_cap, weight, asdict(problem)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """Solutions and bounds of layer problems; without a folder they live in memory only.

    An entry is either the optimum of a problem, or a value that no mapping goes below.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = threading.Lock()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        target = ":memory:" if folder is None else str(folder / "layers.sqlite")
        self._database = sqlite3.connect(target, check_same_thread=False, timeout=60)
        with self._database:
            self._database.execute("CREATE TABLE IF NOT EXISTS layers (key TEXT PRIMARY KEY, entry TEXT NOT NULL)")

    def optimum(self, key: str) -> tuple[bool, LayerSolution | None]:
        """(known, solution): the optimum noted under a key; None as solution means that no mapping exists."""
        entry = self._entry(key)
        if entry is None or "value" not in entry:
            return False, None
        value = entry["value"]
        return True, None if value is None else _solution(value)

    def bound(self, key: str) -> int:
        """A value that the objective of no mapping goes below (0 if nothing is known)."""
        entry = self._entry(key)
        return 0 if entry is None else int(entry.get("bound", 0))

    def note_optimum(self, key: str, solution: LayerSolution | None) -> None:
        """Remember an optimum."""
        self._write(key, {"value": None if solution is None else asdict(solution)})

    def note_bound(self, key: str, bound: int) -> None:
        """Remember a bound, unless more is known."""
        known, _ = self.optimum(key)
        if not known and bound > self.bound(key):
            self._write(key, {"bound": bound})

    def _entry(self, key: str) -> dict[str, Any] | None:
        with self._lock:
            row = self._database.execute("SELECT entry FROM layers WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def _write(self, key: str, entry: dict[str, object]) -> None:
        with self._lock, self._database:
            self._database.execute("REPLACE INTO layers VALUES (?, ?)", (key, json.dumps(entry)))

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _solution(value: dict[str, Any]) -> LayerSolution:
    def level(entry: dict[str, Any]) -> LevelTiling:
        names = ("order", "top", "bottom", "input_tile", "spatial")
        order, top, bottom, tile, spatial = (tuple(entry[name]) for name in names)
        return LevelTiling(order, top, bottom, tile, spatial, entry["window"])

    levels = tuple(level(entry) for entry in value["levels"])
    hoist = None if value["hoist"] is None else Hoist(**value["hoist"])
    return LayerSolution(levels, value["energy"], value["latency"], hoist)
