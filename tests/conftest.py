"""Set-up of the test run: slow tests on request, kernels compiled once.

It holds wherever the tests run, in a checkout or in a copy of this folder beside an installed wheel.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

NUMBA_CACHE = "NUMBA_CACHE_DIR"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, leave slow tests out unless ``-m`` says otherwise, share compiled kernels."""
    config.addinivalue_line("markers", "slow: a long check, run by `-m slow`")
    if not config.option.markexpr:
        config.option.markexpr = "not slow"
    if hasattr(config, "workerinput"):
        return
    if NUMBA_CACHE not in os.environ and hasattr(config, "cache"):
        os.environ[NUMBA_CACHE] = str(config.cache.mkdir("kernels") / _kernel_digest())
    if getattr(config.option, "numprocesses", None) and not config.option.collectonly:
        _compile_kernels()


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder that a command of a kind wrote (:mod:`folder_cases`)."""
    from folder_cases import maker  # noqa: PLC0415

    return maker(tmp_path_factory.mktemp("folders"))


def _kernel_digest() -> str:
    """A name for the sources of the kernels: the compiler's cache misses changes in a file that a kernel calls."""
    spec = importlib.util.find_spec("formulations.kernels")
    assert spec is not None and spec.origin is not None
    sources = sorted(Path(spec.origin).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _compile_kernels() -> None:
    """Compile before parallel workers start, so that none compiles again and none writes into a shared cache."""
    from formulations import lattice  # noqa: PLC0415
    from optimizer.architecture_yaml import load_architecture  # noqa: PLC0415
    from optimizer.lowering import lower  # noqa: PLC0415
    from optimizer.workload import conv  # noqa: PLC0415

    hardware = next(load_architecture("edge_small").points())
    layer = conv("layer", {"K": 2, "C": 2, "P": 4, "R": 3})
    for objective in lattice.KINDS:
        lattice.solve(lower(layer, hardware), objective)
