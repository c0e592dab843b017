"""Searches given up from another thread."""

from __future__ import annotations

import threading

import pytest

from formulations.kernels.memo import Memo
from formulations.lattice import solve
from formulations.stop import Stop, StoppedError
from optimizer.architecture_yaml import load_architecture
from optimizer.lowering import lower
from optimizer.workload import conv

LAYER = conv("layer", {"K": 64, "C": 32, "P": 28, "Q": 28, "R": 3, "S": 3})
PROBLEM = lower(LAYER, next(iter(load_architecture("edge").points())))


def test_a_request_before_the_start_ends_the_search() -> None:
    stop = Stop()
    stop.request()
    with pytest.raises(StoppedError):
        solve(PROBLEM, stop=stop)


def test_a_search_given_up_leaves_no_wrong_tables() -> None:
    memo = Memo(PROBLEM)
    for delay_s in (0.001, 0.01, 0.03, 0.1):
        stop = Stop()
        alarm = threading.Timer(delay_s, stop.request)
        alarm.start()
        try:
            solve(PROBLEM, memo=memo, stop=stop)
        except StoppedError:
            continue
        finally:
            alarm.join()
    assert solve(PROBLEM, memo=memo).solution == solve(PROBLEM).solution
