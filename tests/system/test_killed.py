"""Studies and co-designs killed at random moments: nothing is lost, nothing corrupt, the answer is the same."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from optimizer.store.database import STORE_FILE

KILLS = 20
COMMANDS = {
    "study": ["study", "alexnet", "--architecture", "edge_small", "--vary", "area-mm2=1:8", "--objective", "edp"],
    "codesign": ["codesign", "alexnet", "bert_base", "--architecture", "edge_small", "--objective", "edp"],
}
TIMES = ("wall_s", "search")


def start(command: list[str], cache: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command in a process group of its own."""
    code = "import sys; from optimizer.cli.main import main; sys.argv[0] = 'tilewright'; main()"
    arguments = ["--cache", str(cache), "--out", str(out), "--workers", "2", "--processes", "--quiet"]
    return subprocess.Popen(
        [sys.executable, "-c", code, *command, *arguments], start_new_session=True, stdout=subprocess.DEVNULL
    )


def timeless(data: Any) -> Any:
    """Without what depends on the clock."""
    if isinstance(data, dict):
        return {key: timeless(value) for key, value in data.items() if key not in TIMES}
    return [timeless(value) for value in data] if isinstance(data, list) else data


def files(folder: Path) -> dict[str, Any]:
    """All finished files of a result."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".part"):
            text = path.read_text(encoding="utf-8")
            found[str(path.relative_to(folder))] = timeless(json.loads(text)) if path.suffix == ".json" else text
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", list(COMMANDS))
def test_killed_again_and_again(name: str, tmp_path: Path) -> None:
    command = COMMANDS[name]
    began = time.monotonic()
    assert start(command, tmp_path / "clean_cache", tmp_path / "clean").wait() == 0
    longest = time.monotonic() - began
    draw = random.Random(20261122)
    killed = 0
    for _ in range(KILLS):
        process = start(command, tmp_path / "cache", tmp_path / "out")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0.3, 0.6 * longest))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
        store = tmp_path / "cache" / STORE_FILE
        if store.exists():
            with contextlib.closing(sqlite3.connect(store)) as database:
                assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert killed >= 2, "the command must be killed while it runs"
    assert start(command, tmp_path / "cache", tmp_path / "out").wait() == 0
    assert files(tmp_path / "out") == files(tmp_path / "clean")
