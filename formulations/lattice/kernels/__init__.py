"""Compiled integer kernels of the divisor-lattice search.

Compiled code is cached on disk. The compiler's cache looks at one source file only and would miss a change in
a file that it calls, so the folder is named after the contents of all of them: ``NUMBA_CACHE_DIR`` if set, else
the user's cache folder. Light optimization halves the time to compile and costs no speed here.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

os.environ.setdefault("NUMBA_OPT", "1")

from numba.core import config


def _cache_folder() -> str:
    """Folder for the compiled code of exactly these sources."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = os.environ.get("NUMBA_CACHE_DIR") or Path(home) / "tilewright"
    return str(Path(base) / f"kernels-{digest}")


config.CACHE_DIR = _cache_folder()
