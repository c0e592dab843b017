"""Compiled kernels of the shortest path: steps of labels, dominance, bounds and the tables of bounds.

Compiled code is cached on disk (:mod:`formulations.kernel_folder`). Light optimization halves the time to compile and
costs no speed here. Functions that only kernels call have no entry for Python, and those called once stand in their
callers: each compiled apart costs up to a second.
"""

from __future__ import annotations

import os
from pathlib import Path

from formulations.kernel_folder import kernel_folder

os.environ.setdefault("NUMBA_OPT", "1")

from numba.core import config

_HOME = Path(__file__).parents[1]
_SOURCES = ("kernels/*.py", "labels.py", "statuses.py", "tables.py")

config.CACHE_DIR = kernel_folder("kernels", (path for name in _SOURCES for path in _HOME.glob(name)))
