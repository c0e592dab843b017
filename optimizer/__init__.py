"""Tilewright: provably optimal DNN accelerators.

The interface is loaded on first use: ``optimizer.solve``, ``optimizer.map_layer``, ``optimizer.Result``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXPORTS = {
    "solve": "optimizer.api",
    "map_layer": "optimizer.api",
    "evaluate": "optimizer.mapping.cost",
    "evaluate_groups": "optimizer.given_groups.evaluate",
    "load": "optimizer.networks.load",
    "load_architecture": "optimizer.architecture.reader",
    "Result": "optimizer.results.result",
    "Progress": "optimizer.problem.progress",
    "Budgets": "optimizer.architecture.budgets",
    "on_device": "optimizer.architecture.retarget",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'optimizer' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
