"""The version of the model changes with what layers cost and what is optimal, so that no store serves what was true."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from formulations.lattice import solve
from optimizer import load_architecture
from optimizer.cost import evaluate
from optimizer.lowering import lift, lower
from optimizer.store import MODEL_VERSION
from optimizer.vector_cost import vector_cost
from optimizer.workload import VectorLayer, conv
from optimizer.workload_yaml import load_network

REFERENCE = ("6", "none")
"""Version of the model, and hash of the values that it gives here."""

LAYERS = """\
name: reference
layers:
  - {name: window, type: conv, dims: {K: 6, C: 4, P: 8, Q: 6, R: 3, S: 3}}
  - {name: strided, type: conv, dims: {K: 4, C: 3, P: 4, Q: 6}, stride: 2}
"""
