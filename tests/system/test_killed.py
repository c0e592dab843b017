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
from tests.support.profiles import nightly

KILLS = 10 if nightly() else 4
COMMANDS = {
    "study": ["study", "alexnet", "--architecture", "edge_small", "--vary", "area-mm2=1:8"],
    "codesign": ["codesign", "alexnet", "bert_base", "--architecture", "edge_small"],
}
ANSWER = ("status", "value", "bound", "hardware", "layers", "energy_pj", "latency_cycles", "area_um2")
"""What is compared, loop nests included; the boxes of a proof may differ."""


def start(command: list[str], cache: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command in a process group of its own."""
    code = "import sys; from optimizer.cli.main import main; sys.argv[0] = 'tilewright'; main()"
    arguments = ["--cache", str(cache), "--out", str(out), "--workers", "2", "--processes", "--quiet"]
    return subprocess.Popen(
        [sys.executable, "-c", code, *command, *arguments], start_new_session=True, stdout=subprocess.DEVNULL
    )


def answer(data: Any) -> list[Any]:
    """Names and values of an answer, wherever they stand."""
    if isinstance(data, list):
        return [one for value in data for one in answer(value)]
    if not isinstance(data, dict):
        return []
    return [[key, value] if key in ANSWER else answer(value) for key, value in data.items()]


def files(folder: Path) -> dict[str, Any]:
    """The answers in all finished results."""
    return {
        str(path.relative_to(folder)): answer(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(folder.rglob("*.json"))
    }


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
    assert files(tmp_path / "clean") and files(tmp_path / "out") == files(tmp_path / "clean")
