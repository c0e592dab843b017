"""Pools run tasks: functions of plain data, which any process may run, and run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

Payload = dict[str, Any]
"""What a task is about: JSON values only."""

Outcome = dict[str, Any]
"""What came of it: JSON values only."""

Work = Callable[[Payload, Path | None], Outcome]
"""A function at the top of a module; the path is the folder of the store."""


class Pool(Protocol):
    """Runs tasks somewhere."""

    def run(
        self, work: Work, payloads: Sequence[Payload], cache_dir: Path | None, done: Callable[[int, Outcome], None]
    ) -> None:  # fmt: skip
        """Run all; `done` is called in this process with the number and outcome of each as it ends, in any order."""


class SerialPool:
    """One after the other, in this process."""

    def run(
        self, work: Work, payloads: Sequence[Payload], cache_dir: Path | None, done: Callable[[int, Outcome], None]
    ) -> None:  # fmt: skip
        """Run all, in order."""
        for number, payload in enumerate(payloads):
            done(number, work(payload, cache_dir))
