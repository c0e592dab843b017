"""Compiled kernels of the shortest path: dominance, bounds and the tables of bounds.

Compiled code is cached on disk. The compiler's cache looks at one source file only and would miss a change in
a file that it calls, so the folder is named after the contents of all of them: ``NUMBA_CACHE_DIR`` if set, else
the user's cache folder. Where that cannot be written the code goes to a private folder that ends with the process.
Light optimization halves the time to compile and costs no speed here.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("NUMBA_OPT", "1")

from numba.core import config

_HOME = Path(__file__).parents[1]
_SOURCES = ("kernels/*.py", "labels.py", "statuses.py")


def _cache_folder() -> str:
    """Folder for the compiled code of exactly these sources."""
    sources = sorted(path for name in _SOURCES for path in _HOME.glob(name))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = os.environ.get("NUMBA_CACHE_DIR") or Path(home) / "tilewright"
    folder = Path(base) / f"kernels-{digest}"
    return str(folder) if _is_writable(folder) else _private_folder()


def _is_writable(folder: Path) -> bool:
    """Is there such a folder, or can it be made, and may we write there?"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _private_folder() -> str:
    """A folder of this process."""
    folder = tempfile.mkdtemp(prefix="tilewright-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


config.CACHE_DIR = _cache_folder()
