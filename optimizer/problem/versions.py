"""Versions that a result depends on."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

MODEL_VERSION = "8"
"""Changes whenever a cost rule or the space changes, so that stale results are never served
(``tests/pricing/test_model_version.py`` says when)."""


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    return {"python": platform.python_version()} | {
        name: _version(name) for name in ("tilewright", "ortools", "numpy", "numba")
    }


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
