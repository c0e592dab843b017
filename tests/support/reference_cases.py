"""Cases of the folder named by ``TILEWRIGHT_REFERENCE`` as pytest parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from optimizer.interop import reference_cases
from optimizer.interop.reference_cases import VARIABLE, CountCase, FusedCase, OptimumCase

__all__ = ["CountCase", "FusedCase", "OptimumCase", "count_cases", "fused_cases", "optimum_cases"]


def count_cases() -> list[Any]:
    """All count cases; one skipped parameter if there is no reference folder."""
    return _parameters(reference_cases.count_cases)


def optimum_cases() -> list[Any]:
    """All single-layer optima; one skipped parameter if there is no reference folder."""
    return _parameters(reference_cases.optimum_cases)


def fused_cases() -> list[Any]:
    """All optima of networks whose layers may be fused; one skipped parameter if there is no reference folder."""
    return _parameters(reference_cases.fused_cases)


def _parameters(read: Callable[[Path], Sequence[CountCase | OptimumCase | FusedCase]]) -> list[Any]:
    if not os.environ.get(VARIABLE):
        reason = f"set {VARIABLE} to the folder of reference cases to run them"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="no-reference-folder")]
    return [pytest.param(case, id=case.name) for case in read(Path(os.environ[VARIABLE]))]
