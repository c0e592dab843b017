"""Tests that wait have an end."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.time_limit import within


def test_waiting_for_a_lock_ends() -> None:
    started = time.perf_counter()
    with pytest.raises(TimeoutError, match=r"within 0\.1 s"), within(0.1):
        threading.Event().wait(60)
    assert time.perf_counter() - started < 30


def test_nothing_comes_after_the_block() -> None:
    with within(0.1):
        pass
    time.sleep(0.2)
