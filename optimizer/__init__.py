"""Tilewright: provably optimal DNN accelerators.

The interface is loaded on first use: ``optimizer.solve``, ``optimizer.map_layer``, ``optimizer.Result``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXPORTS = {
    "solve": "optimizer.api",
    "map_layer": "optimizer.api",
    "evaluate": "optimizer.cost",
    "evaluate_groups": "optimizer.given_design",
    "load": "optimizer.networks.load",
    "load_architecture": "optimizer.architecture_yaml",
    "Result": "optimizer.result",
    "Progress": "optimizer.result",
    "Budgets": "optimizer.budgets",
    "on_device": "optimizer.on_device",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'optimizer' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
