"""Compiled kernels of the checker's own search.

They keep their compiled code in a folder of their own (:mod:`formulations.kernel_folder`). Light optimization shortens
the compilation; little time is spent in the kernels.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from formulations.kernel_folder import kernel_folder

os.environ.setdefault("NUMBA_OPT", "1")

from numba import njit
from numba.core import config

HERE = Path(__file__).parent
FOLDER = kernel_folder("checker-kernels", [*HERE.glob("*.py"), HERE.parent / "columns.py", HERE.parent / "packed.py"])


def kernel(function: Any) -> Any:
    """Compile a function when it is called first, or load its compiled code; it is called from Python."""
    before = config.CACHE_DIR
    config.CACHE_DIR = FOLDER
    try:
        made = njit(cache=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
    return made


def part(function: Any) -> Any:
    """A function that kernels call; it is compiled with them."""
    made = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return made
