"""Progress while the search kernels are compiled, and where the compiled code goes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from formulations.engines import PathEngine
from optimizer.api import solve
from optimizer.architecture.reader import load_architecture
from optimizer.networks.load import load
from optimizer.pricing import compiling
from optimizer.search import prepared_problem

CODE = "from formulations.shortest_path import kernels; print(kernels.config.CACHE_DIR)"


@pytest.mark.parametrize(("engine", "cached"), [("path", False), ("both", False), ("path", True)])
def test_progress_moves_and_counts(monkeypatch: pytest.MonkeyPatch, engine: str, *, cached: bool) -> None:
    doing = "loading the search kernels" if cached else "compiling the search kernels (once)"

    class Kernel:
        signatures: tuple[object, ...] = ()
        stats = SimpleNamespace(cache_misses={} if cached else {1: 1})

    found, told = [Kernel(), Kernel(), Kernel()], []
    monkeypatch.setattr(compiling, "_kernels", lambda: found)
    monkeypatch.setattr(compiling, "PAUSE_S", 0.01)

    def compiled(*_: object) -> None:
        for kernel in found:
            time.sleep(0.05)
            kernel.signatures = (1,)
        time.sleep(0.05)

    monkeypatch.setattr(PathEngine, "solve", compiled)
    point = next(load_architecture("edge_small").points())
    started = time.perf_counter()
    compiling.compile_kernels(engine, point, "timeloop", told.append, started)
    messages = [progress.message for progress in told]
    assert messages[0] == f"{doing}, 0 of 3"
    assert messages[-1] == f"{doing}, 3 of 3"
    times = [progress.elapsed_s for progress in told]
    assert times == sorted(set(times))
    told.clear()
    compiling.compile_kernels(engine, point, "timeloop", told.append, started)
    assert not told, "they are there"


def test_nobody_who_watches_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_kernels", lambda: pytest.fail("looked at"))
    point = next(load_architecture("edge_small").points())
    compiling.compile_kernels("path", point, "timeloop", None, 0.0)
    compiling.compile_kernels("cp-sat", point, "timeloop", print, 0.0)


def test_the_kernels_are_found() -> None:
    names = {kernel.py_func.__name__ for kernel in compiling._kernels()}
    assert {"reach", "price", "tabulate"} <= names and len(names) > 10


def test_functions_that_stand_in_their_callers_are_not_counted() -> None:
    names = {kernel.py_func.__name__ for kernel in compiling._kernels()}
    assert "expand" in names and names.isdisjoint({"_loops", "_nodes", "_starts"})


@pytest.mark.slow
def test_an_unwritable_home_gets_a_private_folder_that_goes(tmp_path: Path) -> None:
    """A file in the place of the cache folder: that holds for every user."""
    (tmp_path / "cache").write_text("")
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    folder = Path(done.stdout.strip())
    assert folder.parent == tmp_path and folder.name.startswith("tilewright-kernels-")
    assert not folder.exists()


@pytest.mark.slow
def test_a_folder_that_can_be_written_is_used(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parent == tmp_path


def test_ctrl_c_while_they_are_compiled_ends_the_task_with_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prepared_problem, "compile_kernels", interrupted)
    result = solve(load("alexnet"), load_architecture("edge_small"), progress=lambda _: None)
    assert result.status == "UNKNOWN" and result.objective is not None and result.objective.bound > 0
