"""Compiled kernels of the shortest path: dominance, bounds and the tables of bounds.

They share the folder of compiled code with those of the divisor lattice, which is named after the sources of both.
"""

from __future__ import annotations

import formulations.lattice.kernels  # noqa: F401 - sets the folder of compiled code
