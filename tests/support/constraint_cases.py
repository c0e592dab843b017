"""A tiny chip with menus and constraints on its sizes, and the optimum of its points by enumeration."""

from __future__ import annotations

import copy
from fractions import Fraction
from functools import cache
from typing import Any

import optimizer
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import at
from optimizer.files.exact_yaml import load_exact
from optimizer.workload.reader import parse_network
from tests.support.tiny_problem import ARCHITECTURE, NETWORK

DATA: dict[str, Any] = load_exact(ARCHITECTURE.replace("y: 2", "y: [2, 4]"))  # type: ignore[assignment]
PAIR = parse_network(NETWORK)
FC = parse_network("{name: fc, type: matmul, dims: {M: 4, N: 10, K: 11}}")
RELATIONS = (
    "array.x == array.y",
    "array.x < array.y",
    "GLB.size >= 64 * RF.size * array.x",
    "GLB.size + RF.size * array.x * array.y <= 1.3 KiB",
    "array.x * array.y <= 8",
    "RF.size * array.x >= 128 words",
)
TABLES: tuple[dict[str, Any], ...] = (
    {"allowed": [{"array.x": 2, "GLB.size": "4 KiB"}, {"array.x": 4, "GLB.size": "1 KiB"}]},
    {"name": "built", "allowed": [{"array.y": 4, "RF.size": "16 words"}, {"array.y": 2, "RF.size": "32 words"}]},
)
Stated = str | dict[str, Any]


def chip(*constraints: Stated, **budgets: str) -> Architecture:
    limits = optimizer.Budgets(**{name: Fraction(limit) for name, limit in budgets.items()})
    return parse_architecture(copy.deepcopy(DATA) | {"constraints": list(constraints)}).with_budgets(limits)


@cache
def value(choices: tuple[tuple[str, Any], ...], objective: str) -> Fraction:
    """The optimum on a point of the menus."""
    found = optimizer.solve(PAIR, at(chip(), dict(choices)), objective=objective).certificate.value
    assert found is not None
    return found


def values(objective: str) -> dict[tuple[tuple[str, Any], ...], Fraction]:
    """The optimum on every point of the menus."""
    return {point.choices: value(point.choices, objective) for point in chip().points()}


def best(architecture: Architecture, objective: str) -> Fraction | None:
    """The optimum by enumeration of the points."""
    area = architecture.budgets.area_um2
    inside = [point for point in architecture.points() if area is None or point.area_um2 <= area]
    return min((value(point.choices, objective) for point in inside), default=None)
