"""From the plain data of a problem back to a session, so that any process can work on it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.architecture_yaml import parse_architecture
from optimizer.budgets import Budgets
from optimizer.fusion.options import parse_fusion
from optimizer.session import Padding, Session, decode_exact, prepare
from optimizer.workload_yaml import parse_network


def restore(problem: dict[str, Any], cache_dir: Path | None = None, workers: int = 1) -> Session:
    """The session of a :attr:`Session.problem`.

    Parameters
    ----------
    problem : dict
        As it stands in a result.
    cache_dir : Path, optional
        Folder of the layer store.
    workers : int
        Threads that price groups of layers.
    """
    budgets = Budgets(**{name: Fraction(limit) for name, limit in problem["budgets"].items()})
    architecture = parse_architecture(decode_exact(problem["architecture"]))
    padding: Padding = problem["padding"]
    if not isinstance(padding, str):
        padding = {dim: tuple(extents) for dim, extents in padding.items()}
    return prepare(
        parse_network(problem["network_yaml"]),
        replace(architecture, budgets=budgets, accounting=problem["accounting"]),
        objective=problem["objective"], padding=padding, cache_dir=cache_dir,
        fusion=parse_fusion(problem["fusion"]) if "fusion" in problem else None, workers=workers,
    )  # fmt: skip
