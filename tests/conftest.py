"""Set-up of the test run: slow tests on request, kernels compiled once, the user's home left alone.

It holds wherever the tests run, in a checkout or in a copy of this folder beside an installed wheel.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import math
import os
import shutil
import signal
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support import profiles
from tests.support.user_home import GUARD, leave_home, watch_home

NUMBA_CACHE = "NUMBA_CACHE_DIR"
HOME = pytest.StashKey[Path]()
TALLY = "tally: "

profiles.register()


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option that writes the expected output of commands again."""
    parser.addoption("--update-golden", action="store_true", help="write the files of tests/cli/golden again")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, leave slow tests out unless ``-m`` says otherwise, share compiled kernels."""
    config.addinivalue_line("markers", "slow: a long check, run by `-m slow`")
    config.addinivalue_line("markers", "system: the program as a user runs it, in processes of its own")
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs behind without it
    if not config.option.markexpr:
        config.option.markexpr = "not slow"
    if hasattr(config, "workerinput"):
        config.stash[GUARD] = watch_home(config.rootpath)
        return
    config.stash[HOME] = leave_home()
    if NUMBA_CACHE not in os.environ and hasattr(config, "cache"):
        os.environ[NUMBA_CACHE] = str(config.cache.mkdir("kernels") / _kernel_digest())
    if getattr(config.option, "numprocesses", None) and not config.option.collectonly:
        _compile_kernels()
    config.stash[GUARD] = watch_home(config.rootpath)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Random tests draw no more examples after the time of their profile."""
    made, limit = getattr(getattr(item, "obj", None), "hypothesis", None), profiles.seconds()
    if made is None or math.isinf(limit):
        yield
        return
    body = made.inner_test
    made.inner_test = profiles.timed(body, limit)
    try:
        yield
    finally:
        made.inner_test = body


def pytest_collection_finish(session: pytest.Session) -> None:
    """Garbage is sought rarely, and not in what is loaded by now, which stays. Tests share answers about layers.

    Guarded processes are copies of this one.
    """
    if not session.config.option.collectonly and "formulations.cp_sat" in sys.modules:
        from tests.support.shared_answers import share  # noqa: PLC0415

        share()
    if "optimizer.onnx_import" in sys.modules:
        from tests.support import forking  # noqa: PLC0415

        forking.allow()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 25, 100)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the home of the test run."""
    if HOME in config.stash:
        shutil.rmtree(config.stash[HOME], ignore_errors=True)


@pytest.fixture(autouse=True)
def own_cache(request: pytest.FixtureRequest) -> Iterator[None]:
    """An empty cache folder for each test, which fails if it looks into the user's folders."""
    guard = request.config.stash[GUARD]
    guard.seen.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(Path.home() / "caches" / uuid.uuid4().hex))
        yield
    assert not guard.seen, f"the test looked into the user's home: {guard.seen}"


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str], Path]:
    """The folder that a command of a kind wrote (:mod:`tests.support.folder_cases`), the same one in all workers."""
    from tests.support.folder_cases import maker  # noqa: PLC0415

    base = tmp_path_factory.getbasetemp()
    return maker((base if worker_id == "master" else base.parent) / "folders")


def _kernel_digest(*, times: bool = False) -> str:
    """A name for the sources of the kernels: the compiler's cache misses changes in a file that a kernel calls.

    With `times` also for when the files were written, for where they lie and for the compiler: it compiles again if any
    of that is another one.
    """
    spec = importlib.util.find_spec("formulations")
    assert spec is not None and spec.origin is not None
    home = Path(spec.origin).parent
    checker = home.parent / "optimizer" / "checker" / "again" / "nest_graph"
    folders = (home / "shortest_path", checker, Path(__file__).parent / "adversary")
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    found = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    if times:
        stated = [f"{path} {path.stat().st_mtime_ns}" for path in sources]
        found.update("\n".join([*stated, sys.version, version("numba"), version("numpy")]).encode())
    return found.hexdigest()[:16]


def _compile_kernels() -> None:
    """Compile before parallel workers start, so that none compiles again and none writes into a shared cache.

    A file in the cache says that these very sources were compiled there.
    """
    done = (
        Path(os.environ[NUMBA_CACHE]) / f"compiled-{_kernel_digest(times=True)}" if NUMBA_CACHE in os.environ else None
    )
    if done is not None and done.exists():
        return
    from optimizer.architecture.reader import load_architecture  # noqa: PLC0415
    from optimizer.checker.again.nest_graph.compiled import compiled  # noqa: PLC0415
    from optimizer.pricing.compiling import load_kernels  # noqa: PLC0415
    from optimizer.workload.layer import conv  # noqa: PLC0415
    from tests.adversary.annealing import search  # noqa: PLC0415
    from tests.adversary.task import task_of  # noqa: PLC0415

    hardware = next(load_architecture("edge_small").points())
    load_kernels(hardware)
    compiled()
    layer = conv("layer", {"K": 2, "C": 2, "P": 4, "R": 3})
    search(task_of(layer, hardware, "timeloop", "energy"), steps=1)
    if done is not None:
        done.touch()


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Callable[[str, dict[str, float]], None]:
    """Counts of a check that belong in the report of the run: equal names are summed up."""
    return lambda check, counts: record_property(TALLY + check, counts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts of all tests."""
    sums: dict[str, Counter[str]] = {}
    everything = [report for reports in terminalreporter.stats.values() for report in reports]
    calls = [report for report in everything if isinstance(report, pytest.TestReport) and report.when == "call"]
    for report in calls:
        for name, counts in report.user_properties:
            if name.startswith(TALLY):
                sums.setdefault(name.removeprefix(TALLY), Counter()).update(counts)
    for name, counts in sums.items():
        terminalreporter.write_line(f"{name}: " + ", ".join(f"{what} {count}" for what, count in counts.items()))
