"""SIGTERM and SIGHUP stop a search as Ctrl-C does: the best design so far is written with its bound."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimizer.cli.signals import stopping_like_ctrl_c

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def by_default() -> Iterator[None]:
    """The signals end a program, also where the tests themselves run under ``nohup``."""
    former = [signal.signal(number, signal.SIG_DFL) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, former, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_they_interrupt_and_are_given_back(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), stopping_like_ctrl_c():
        signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_DFL


def test_they_interrupt_where_ctrl_c_is_ignored() -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), stopping_like_ctrl_c():
            signal.raise_signal(SIGNALS[0])
    finally:
        signal.signal(signal.SIGINT, former)


def test_what_is_ignored_stays_ignored() -> None:
    """As after ``nohup``."""
    former = signal.signal(SIGNALS[-1], signal.SIG_IGN)
    try:
        with stopping_like_ctrl_c():
            signal.raise_signal(SIGNALS[-1])
        assert signal.getsignal(SIGNALS[-1]) is signal.SIG_IGN
    finally:
        signal.signal(SIGNALS[-1], former)


def test_other_threads_have_no_signals() -> None:
    seen: list[bool] = []

    def work() -> None:
        with stopping_like_ctrl_c():
            seen.append(signal.getsignal(SIGNALS[0]) is signal.SIG_DFL)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_search_is_stopped_with_what_it_has(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out"
    words = ["solve", "resnet18", "-a", "edge", "--out", str(out), "--no-cache"]
    program = [sys.executable, "-c", "from optimizer.cli import main; main()", *words]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        while "best" not in (line := running.stderr.readline()):
            assert line, "it ended by itself"
        began = time.monotonic()
        os.kill(running.pid, number)
        running.communicate(timeout=60)
    assert running.returncode == 0 and time.monotonic() - began < 60
    found = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert (found["status"], found["termination"]) == ("FEASIBLE", "interrupted")
