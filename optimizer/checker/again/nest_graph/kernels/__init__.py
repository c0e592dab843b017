"""Compiled kernels of the checker's own search.

They keep their compiled code in a folder of their own, which is named after the sources of all kernels: the compiler's
cache looks at one file only. Light optimization shortens the compilation; little time is spent in the kernels.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_OPT", "1")

from numba import njit
from numba.core import config

HERE = Path(__file__).parent


def _folder() -> str:
    """Folder for the compiled code of exactly these sources; one of this process where that cannot be written."""
    sources = [*sorted(HERE.glob("*.py")), HERE.parent / "columns.py", HERE.parent / "packed.py"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(home) / "tilewright") / f"checker-kernels-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = folder / "missing"
    if not os.access(folder, os.W_OK):
        folder = Path(tempfile.mkdtemp(prefix="tilewright-kernels-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(folder)


FOLDER = _folder()


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
