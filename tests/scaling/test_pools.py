"""Tasks in this process and in others: the same outcomes, whatever dies on the way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import SpecError
from optimizer.scaling.opening import open_pool
from optimizer.scaling.pool import SerialPool, limited
from optimizer.scaling.process_pool import ProcessPool
from optimizer.scaling.tasks import run_tasks
from optimizer.store.store import Store, task_key
from tests.support import scaling_cases
from tests.support.scaling_cases import die_first, end_early, fail, hang, map_layer, slow_square, square, take_memory

LAYERS = [{"dims": {"K": 4, "C": c, "P": 4, "R": 3}} for c in (2, 3, 4)]


class Counting:
    """A serial pool that knows what it ran; Ctrl-C before the task of this number."""

    def __init__(self, stop: int = 10**9) -> None:
        self.ran, self._stop = [], stop

    def run(self, work, payloads, cache_dir, done) -> None:
        for number, payload in enumerate(payloads):
            if len(self.ran) == self._stop:
                raise KeyboardInterrupt
            self.ran.append(payload)
            done(number, work(payload, cache_dir))


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_tasks_that_the_store_knows_are_not_run_again(first, second) -> None:
    with pytest.MonkeyPatch.context() as patch:
        store = Store()
        patch.setattr("optimizer.scaling.tasks.Store", lambda _folder: store)
        patch.setattr(store, "close", lambda: None)
        for numbers, fresh in ((first, set(first)), (second, set(second) - set(first))):
            pool, told = Counting(), {}
            payloads = [{"number": number} for number in numbers]
            outcomes = run_tasks("test", square, payloads, pool=pool, cache_dir=None, done=told.__setitem__)
            assert outcomes == [square(payload, None) for payload in payloads] == [told[n] for n in range(len(numbers))]
            assert sorted(payload["number"] for payload in pool.ran) == sorted(fresh)


def test_an_interrupted_list_goes_on_where_it_was(tmp_path) -> None:
    payloads, told = [{"number": number, "label": f"n{number}"} for number in range(6)], {}
    with pytest.raises(KeyboardInterrupt):
        run_tasks("test", square, payloads, pool=Counting(4), cache_dir=tmp_path, done=told.__setitem__)
    assert sorted(told) == [0, 1, 2, 3]
    pool = Counting()
    assert run_tasks("test", square, payloads, pool=pool, cache_dir=tmp_path)[5]["square"] == 25
    assert [payload["number"] for payload in pool.ran] == [4, 5]


def test_work_that_was_given_up_is_handed_out_but_not_kept(tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_tasks("test", end_early, [{"n": 0}, {"n": 1}], pool=SerialPool(), cache_dir=tmp_path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert Store(tmp_path).outcome(task_key("test", {"n": 0})) is None


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        ({}, True),
        ({"complete": True}, True),
        ({"status": "INFEASIBLE"}, True),
        ({"status": "OPTIMAL"}, True),
        ({"complete": False}, False),
        ({"status": "FEASIBLE"}, False),
        ({"status": "UNKNOWN"}, False),
    ],
)
def test_which_outcomes_are_kept(tmp_path, outcome, kept) -> None:
    def work(payload, cache_dir):
        return outcome

    assert run_tasks("test", work, [{}], pool=SerialPool(), cache_dir=tmp_path) == [outcome]
    assert Store(tmp_path).outcome(task_key("test", {})) == (outcome if kept else None)


def test_fresh_outcomes_are_what_the_store_gives_back() -> None:
    def work(payload, cache_dir):
        return {"pair": (1, 2), 3: None}

    assert run_tasks("test", work, [{}], pool=SerialPool(), cache_dir=None) == [{"pair": [1, 2], "3": None}]


@pytest.mark.parametrize(
    ("own", "given", "both"), [(None, None, None), (3, None, 3), (None, 2, 2), (3, 2, 2), (1, 2, 1)]
)
def test_time_limits_of_tasks(own, given, both) -> None:
    payload = {"number": 2} | ({} if own is None else {"time_limit_s": own})
    assert limited(payload, given).get("time_limit_s") == both
    assert run_tasks("test", square, [payload], pool=SerialPool(given), cache_dir=None)[0]["limit"] == both


def test_processes_give_what_one_process_gives(tmp_path) -> None:
    """The second list of tasks finds the processes as the first left them; nothing of them is left in the end."""
    some = [{"number": n} for n in range(3)]
    serial = run_tasks("test", square, some, pool=SerialPool(500), cache_dir=tmp_path / "serial")
    with open_pool(2, task_time_limit_s=500) as pool:
        assert run_tasks("test", square, some, pool=pool, cache_dir=tmp_path / "parallel") == serial
        squares = run_tasks("test", square, [{"number": n} for n in range(30)], pool=pool, cache_dir=None)
    assert squares == [{"square": n * n, "limit": 500} for n in range(30)]
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_processes_map_layers_as_one_process_does(tmp_path) -> None:
    serial = run_tasks("map", map_layer, LAYERS, pool=SerialPool(), cache_dir=tmp_path / "serial")
    assert {outcome["status"] for outcome in serial} == {"OPTIMAL"}
    with open_pool(2, task_time_limit_s=500) as pool:
        assert run_tasks("map", map_layer, LAYERS, pool=pool, cache_dir=tmp_path / "parallel") == serial
        squares = run_tasks("test", square, [{"number": n} for n in range(30)], pool=pool, cache_dir=None)
    assert squares == [{"square": n * n, "limit": 500} for n in range(30)]
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_task_whose_process_dies_is_run_again(tmp_path) -> None:
    payloads = [{"number": n, "deaths": 2 if n == 1 else 0, "folder": str(tmp_path)} for n in range(5)]
    with ProcessPool(2) as pool:
        outcomes = run_tasks("test", die_first, payloads, pool=pool, cache_dir=tmp_path)
    assert outcomes == [{"square": n * n} for n in range(5)]
    assert len(list(tmp_path.glob("1-*"))) == 3


def test_a_task_whose_process_always_dies_is_named(tmp_path) -> None:
    payloads = [{"number": n, "deaths": 9 * n, "folder": str(tmp_path), "label": f"case {n}"} for n in (0, 1)]
    with ProcessPool(2) as pool, pytest.raises(SpecError, match=r"task 2 \(case 1\) ended its process 3 times"):
        run_tasks("test", die_first, payloads, pool=pool, cache_dir=tmp_path)
    assert len(list(tmp_path.glob("1-*"))) == 3
    assert Store(tmp_path).outcome(task_key("test", payloads[0])) == {"square": 0}


def test_errors_of_tasks_come_through(tmp_path) -> None:
    with ProcessPool(2) as pool, pytest.raises(SpecError, match="no such network") as caught:
        run_tasks("test", fail, [{"number": 1}], pool=pool, cache_dir=tmp_path)
    assert caught.value.field == "network" and caught.value.remedy == "name another"
    assert not multiprocessing.active_children()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_memory_of_a_process_is_limited() -> None:
    payloads = [{"bytes": 10**6}, {"bytes": 10**9}]
    with open_pool(1, memory_limit_mb=600) as pool, pytest.raises(SpecError, match="task 2 needs more") as caught:
        run_tasks("test", take_memory, payloads, pool=pool, cache_dir=None)
    assert caught.value.field == "--memory-limit" and caught.value.value == 600


def _wait_for(condition, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


def test_ctrl_c_ends_the_processes_at_once(tmp_path) -> None:
    def interrupt() -> None:
        _wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with ProcessPool(2) as pool, pytest.raises(KeyboardInterrupt):
        run_tasks("test", hang, [{"folder": str(tmp_path), "n": n} for n in (0, 1)], pool=pool, cache_dir=None)
    thread.join()
    assert not multiprocessing.active_children()
    assert not any(_runs(int(path.name)) for path in tmp_path.iterdir())


PARENT = """
import sys
from pathlib import Path
from tests.support import scaling_cases
from optimizer.scaling.process_pool import ProcessPool
from optimizer.scaling.tasks import run_tasks
if __name__ == "__main__":
    folder, payloads = Path(sys.argv[2]), [{"number": n, "folder": sys.argv[2]} for n in range(int(sys.argv[3]))]
    with ProcessPool(2) as pool:
        run_tasks("test", getattr(scaling_cases, sys.argv[1]), payloads, pool=pool, cache_dir=folder / "store")
"""


def _kill_parent(tmp_path: Path, work: str, tasks: int, ready) -> bool:
    """Kill -9 a process with a pool of two once it is ready: was it, at all?"""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    places = [str(Path(scaling_cases.__file__).parents[2]), *sys.path]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, str(script), work, str(tmp_path), str(tasks)]
    with subprocess.Popen(command, env=surroundings, stderr=subprocess.DEVNULL) as parent:
        found = _wait_for(ready) and parent.poll() is None
        parent.kill()
    return found


def _runs(process: int) -> bool:
    """Does a process run? One that has ended but was not waited for does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_processes_end_when_their_parent_is_killed(tmp_path) -> None:
    def workers() -> list[int]:
        return [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]

    assert _kill_parent(tmp_path, "hang", 2, lambda: len(workers()) == 2)
    assert _wait_for(lambda: not any(_runs(worker) for worker in workers()))


@pytest.mark.slow
def test_a_list_of_tasks_that_is_killed_goes_on_where_it_was(tmp_path) -> None:
    payloads = [{"number": number, "folder": str(tmp_path)} for number in range(60)]

    def known() -> list[int]:
        store = Store(tmp_path / "store")
        found = [p["number"] for p in payloads if store.outcome(task_key("test", p)) is not None]
        store.close()
        return found

    assert _kill_parent(tmp_path, "slow_square", len(payloads), lambda: len(known()) > 5)
    done, pool = known(), Counting()
    assert 5 < len(done) < len(payloads)
    outcomes = run_tasks("test", slow_square, payloads, pool=pool, cache_dir=tmp_path / "store")
    assert outcomes == [{"square": number * number} for number in range(len(payloads))]
    assert sorted(done + [payload["number"] for payload in pool.ran]) == list(range(len(payloads)))


def test_which_pool_is_opened(monkeypatch) -> None:
    with open_pool() as pool:
        assert isinstance(pool, SerialPool)
    with pytest.raises(SpecError, match="limit their memory themselves"), open_pool(scheduler="x", memory_limit_mb=9):
        pass
    monkeypatch.setattr(sys, "platform", "plan9")
    with pytest.raises(SpecError, match="cannot be limited"), open_pool(memory_limit_mb=9):
        pass
