"""Memory of the whole program: a search that needs more stops with what it has; the limit is given back."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import optimizer
from formulations.engines import CutShortError, Effort, Engine, Sought
from formulations.nest import Nest
from formulations.problem import LayerProblem
from formulations.stop import Stop
from optimizer.cli.main import main
from optimizer.cli.process_memory import default_limit_mb, limit_memory, limits_restored, ran_out
from optimizer.workload.reader import parse_network
from tests.support.tiny_problem import NETWORK, TINY

resource = pytest.importorskip("resource")
CHIP = """
name: deep
technology: generic45
clock_mhz: 500
array: {x: [4, 8], y: 4}
levels:
  - {name: DRAM, component: dram, bandwidth: {shared: 16 GB/s}}
  - {name: L2, component: sram, size: [128 KiB, 256 KiB], bandwidth: {read: 32 words/cycle, write: 32 words/cycle}}
  - {name: L1, component: sram, size: 16 KiB}
  - {name: RF, component: regfile, size: 64 words}
"""
LAYER = "layers: [{name: c, type: conv, dims: {N: 1, K: 64, C: 64, P: 56, Q: 56, R: 3, S: 3}}]\n"


class Hungry(Engine):
    """Runs out of memory in the first searches."""

    name = "path"

    def __init__(self, fails: int) -> None:
        super().__init__()
        self.left, self.shed_times = fails, 0

    def search(self, problem: LayerProblem, sought: Sought, stop: Stop | None) -> Nest | None:
        if self.left:
            self.left -= 1
            raise MemoryError
        return None

    def shed(self) -> None:
        self.shed_times += 1


def test_tables_are_shed_before_a_search_is_given_up() -> None:
    stop, once = Stop(), Hungry(1)
    assert once.solve(None, stop=stop) is None and once.shed_times == 1 and not stop.requested  # type: ignore[arg-type]
    with pytest.raises(CutShortError) as caught:
        Hungry(2).solve(None, stop=stop)  # type: ignore[arg-type]
    assert stop.ran_out and stop.requested and caught.value.bound == 0 and caught.value.nest is None
    assert isinstance(once.efforts[0], Effort)


def test_a_solve_without_memory_keeps_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from formulations.engines import PathEngine  # noqa: PLC0415

    def search(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(PathEngine, "search", search)
    monkeypatch.setattr(PathEngine, "first", lambda *_: None)
    result = optimizer.solve(parse_network(NETWORK), TINY, workers=1)
    assert (result.status, result.termination) == ("UNKNOWN", "memory limit")
    assert optimizer.verify(result).ok


def test_the_limit_is_given_back() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with limits_restored():
        limit_memory(10**6)
        if sys.platform == "linux" and before[1] == resource.RLIM_INFINITY:
            assert resource.getrlimit(resource.RLIMIT_DATA)[0] == 10**12
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert default_limit_mb() is None or default_limit_mb() > 100  # type: ignore[operator]


NO_ROOM = [
    MemoryError(),
    ImportError("libortools.so.9: cannot map zero-fill pages"),
    RuntimeError("can't start new thread"),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
]


@pytest.mark.parametrize("error", NO_ROOM, ids=lambda error: type(error).__name__)
def test_no_room_for_a_library_or_a_thread_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    assert ran_out(error) and not ran_out(RuntimeError("other")) and not ran_out(OSError(errno.ENOENT, "none"))
    monkeypatch.setattr("optimizer.cli.listing.networks.callback", fail)
    done = CliRunner().invoke(main, ["networks"])
    assert done.exit_code == 3 and "a larger --memory-limit" in done.output


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit counts all private memory on Linux only")
def test_a_search_stops_at_its_limit(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(CHIP, encoding="utf-8")
    (tmp_path / "net.yaml").write_text(LAYER, encoding="utf-8")
    words = ["solve", "net.yaml", "-a", "chip.yaml", "--no-cache", "--quiet", "--out", "out", "--memory-limit", "420"]
    program = [sys.executable, "-c", "from optimizer.cli import main; main()", *words]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False, env=dict(os.environ))
    found = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert (found["status"], found["termination"]) == ("FEASIBLE", "memory limit"), done.stderr
    assert optimizer.verify(optimizer.load_result(tmp_path / "out")).ok
