"""Guarded processes of the tests are copies, although the thread that speaks with pytest-xdist runs beside them.

That thread waits for messages and holds no lock meanwhile. A new interpreter for each model would take a second.
"""

from __future__ import annotations

import os

from optimizer.onnx_import import guarded

REAL = guarded.may_fork
"""What holds outside of the tests."""


def allow() -> None:
    """Let guarded processes be copies of this one."""
    guarded.may_fork = lambda: hasattr(os, "fork")
