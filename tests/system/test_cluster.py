"""Tasks on Dask workers: the same outcomes as in this process, also when a worker is killed on the way."""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec

import pytest

from optimizer.errors import SpecError
from optimizer.scaling import dask_pool
from optimizer.scaling.opening import open_pool
from optimizer.scaling.pool import SerialPool
from optimizer.scaling.tasks import run_tasks
from optimizer.store.store import Store, task_key
from tests.support.choices import slow_unless
from tests.support.clusters import cluster
from tests.support.scaling_cases import die_first, fail, map_layer, square

if not find_spec("distributed"):
    pytest.skip("there is no distributed", allow_module_level=True)


@pytest.fixture(scope="module", params=slow_unless([False], [False, True]), ids=["threads", "processes"])
def scheduler(request, tmp_path_factory):
    """The address of a scheduler with two workers, in this process or in others, which find the works of the tests."""
    yield from cluster_of(tmp_path_factory, processes=request.param)


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """The address of one whose workers are processes and may die."""
    yield from cluster_of(tmp_path_factory, processes=True)


def cluster_of(tmp_path_factory, *, processes: bool):
    few = {"distributed.scheduler.allowed-failures": 1}
    with cluster(tmp_path_factory.mktemp("scratch"), few, n_workers=2, processes=processes) as address:
        yield address


def test_a_cluster_gives_what_one_process_gives(tmp_path, scheduler) -> None:
    payloads = [{"dims": {"K": 4, "C": c, "P": 4, "R": 3}} for c in (2, 2, 3)]
    serial = run_tasks("map", map_layer, payloads, pool=SerialPool(), cache_dir=tmp_path / "serial")
    with open_pool(scheduler=scheduler, task_time_limit_s=500) as pool:
        assert run_tasks("map", map_layer, payloads, pool=pool, cache_dir=tmp_path / "cluster") == serial
        told = {}
        pool.run(square, [{"number": number % 3} for number in range(6)], None, told.__setitem__)
    assert told == {number: {"square": (number % 3) ** 2, "limit": 500} for number in range(6)}
    assert Store(tmp_path / "cluster").outcome(task_key("map", payloads[1])) == serial[1]


@pytest.mark.slow
def test_a_task_whose_worker_dies_is_run_again(tmp_path, processes) -> None:
    payloads = [{"number": n, "deaths": int(n == 1), "folder": str(tmp_path)} for n in range(5)]
    with open_pool(scheduler=processes) as pool:
        outcomes = run_tasks("test", die_first, payloads, pool=pool, cache_dir=tmp_path)
    assert outcomes == [{"square": n * n} for n in range(5)]
    assert len(list(tmp_path.glob("1-*"))) == 2


@pytest.mark.slow
def test_a_task_whose_worker_always_dies_is_named(tmp_path, processes) -> None:
    """Others that were with its workers are not blamed for it, and their outcomes are kept."""
    payloads = [{"number": n, "deaths": 99 * (n == 2), "folder": str(tmp_path), "label": f"case {n}"} for n in range(8)]
    with (
        open_pool(scheduler=processes) as pool,
        pytest.raises(SpecError, match=r"task 3 \(case 2\) ended its workers"),
    ):
        run_tasks("test", die_first, payloads, pool=pool, cache_dir=tmp_path)
    assert Store(tmp_path).outcome(task_key("test", payloads[0])) == {"square": 0}


def test_errors_of_tasks_come_through(scheduler) -> None:
    with open_pool(scheduler=scheduler) as pool, pytest.raises(SpecError, match="no such network"):
        run_tasks("test", fail, [{"number": 1}], pool=pool, cache_dir=None)


def test_a_task_of_another_version_is_refused() -> None:
    with pytest.raises(SpecError, match="another version") as caught:
        dask_pool.run_on_worker(square, {"number": 77}, None, "another")
    assert caught.value.allowed == "another"


@pytest.mark.slow
def test_a_worker_of_another_version_refuses(processes, monkeypatch) -> None:
    monkeypatch.setattr(dask_pool, "MODEL_VERSION", "another")
    with open_pool(scheduler=processes) as pool, pytest.raises(SpecError, match="another version") as caught:
        run_tasks("test", square, [{"number": 77}], pool=pool, cache_dir=None)
    assert caught.value.allowed == "another" and "install the version of the client" in str(caught.value)


def test_an_interruption_goes_on_to_the_caller(scheduler) -> None:
    def interrupt(number, outcome) -> None:
        raise KeyboardInterrupt

    with open_pool(scheduler=scheduler) as pool, pytest.raises(KeyboardInterrupt):
        pool.run(square, [{"number": number} for number in range(10)], None, interrupt)


@pytest.mark.slow
def test_ctrl_c_goes_on_to_the_caller(processes) -> None:
    def interrupt(number, outcome) -> None:
        signal.raise_signal(signal.SIGINT)

    with open_pool(scheduler=processes) as pool, pytest.raises(KeyboardInterrupt):
        pool.run(square, [{"number": number} for number in range(100, 110)], None, interrupt)


def test_workers_keep_layer_results_where_they_may(tmp_path, scheduler) -> None:
    (tmp_path / "file").write_text("")
    usable, unusable = tmp_path / "new" / "folder", tmp_path / "file" / "folder"
    import distributed  # noqa: PLC0415

    with distributed.Client(scheduler, set_as_default=False) as client:
        assert client.submit(dask_pool.worker_cache, usable, pure=False).result() == usable
        scratch = client.submit(dask_pool.worker_cache, unusable, pure=False).result()
    assert scratch.name == "tilewright" and "scratch" in str(scratch)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "tcp://"])
def test_no_scheduler_at_the_address(monkeypatch, address) -> None:
    monkeypatch.setattr(dask_pool, "CONNECT_S", 0.2)
    with pytest.raises(SpecError, match="cannot reach the scheduler") as caught, open_pool(scheduler=address):
        pass
    assert caught.value.field == "--scheduler" and "dask scheduler" in str(caught.value)


def test_without_dask(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SpecError, match="not installed") as caught, open_pool(scheduler="tcp://127.0.0.1:1"):
        pass
    assert "tilewright[cluster]" in str(caught.value)
