"""Searches given up from another thread."""

from __future__ import annotations

import threading

import pytest

import optimizer
from formulations.engines import PathEngine
from formulations.stop import Stop, StoppedError
from optimizer.architecture.reader import load_architecture
from optimizer.pricing.layer_pricer import Pricer
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import conv, matmul
from tests.support.choices import slow_if

LAYER = conv("layer", {"K": 64, "C": 32, "P": 28, "Q": 28, "R": 3, "S": 3})
PROBLEM = lower(LAYER, next(iter(load_architecture("edge").points())))


def test_a_request_before_the_start_ends_the_search() -> None:
    stop = Stop()
    stop.request()
    with pytest.raises(StoppedError):
        PathEngine().solve(PROBLEM, stop=stop)


def test_a_search_given_up_leaves_no_wrong_tables() -> None:
    engine = PathEngine()
    for delay_s in (0.001, 0.01, 0.03, 0.1):
        stop = Stop()
        alarm = threading.Timer(delay_s, stop.request)
        alarm.start()
        try:
            engine.solve(PROBLEM, stop=stop)
        except StoppedError:
            continue
        finally:
            alarm.join()
    assert engine.solve(PROBLEM) == PathEngine().solve(PROBLEM)


@pytest.mark.slow
@pytest.mark.parametrize("objective", slow_if(["latency", "edp"], ["energy", "latency", "edp"]))
def test_a_solve_given_up_at_its_first_search_has_a_design(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """First mappings of all layers make one before any exact search."""
    pair = optimizer.Network("pair")
    for layer in (
        conv("conv", {"K": 8, "C": 4, "P": 6, "Q": 6, "R": 3, "S": 3}),
        matmul("fc", {"M": 8, "N": 12, "K": 16}),
    ):
        pair.add(layer)
    asked = pair, load_architecture("edge_small")

    def give_up(*_: object, **__: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(Pricer, "price", give_up)
        cut = optimizer.solve(*asked, objective=objective)
    best = optimizer.solve(*asked, objective=objective)
    assert best.status == "OPTIMAL" and cut.status == (
        "OPTIMAL" if cut.certificate.bound == cut.certificate.value else "FEASIBLE"
    )
    values = [result.certificate.value for result in (best, cut)]
    assert values[0] is not None and values[1] is not None and cut.certificate.bound <= values[0] <= values[1]
    assert optimizer.verify(cut).ok


def alarms() -> list[threading.Timer]:
    return [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_time_runs_out_inside_of_after_only() -> None:
    stop, before = Stop(), set(alarms())
    with stop.after(None):
        assert set(alarms()) == before
    with stop.after(3600):
        (alarm,) = set(alarms()) - before
        assert alarm.daemon
    alarm.join(60)  # it ends at once, an hour early, because it was cancelled
    assert not alarm.is_alive() and not stop.requested
    with stop.after(-1.0):
        for alarm in set(alarms()) - before:
            alarm.join(60)
    assert stop.requested
