"""What bodies have in common: format, status, objective, problem, versions.

The fields of these records come first in a body; ``ORDER`` says where their keys stand in its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimizer.files.records import Json
from optimizer.problem.status import Status, Termination

FIRST = ("format", "status", "termination")
LAST = ("versions", "seed", "wall_s", "problem", "problem_hash")


@dataclass(frozen=True, kw_only=True)
class StatedObjective:
    """What was minimized, or maximized, with the value found and the bound proved, in `unit`; ``gap`` is their distance
    relative to the value. The unit is None where values are ratios or products of several units.
    """

    name: str
    unit: str | None
    value: float | None
    bound: float | None
    gap: float | None


@dataclass(frozen=True, kw_only=True)
class Objective(StatedObjective):
    """An objective with a unit: of one network, ``gap`` is (value - bound) / value."""

    unit: str


@dataclass(frozen=True, kw_only=True)
class Body:
    """Contents of the main file of a result."""

    format: str


@dataclass(frozen=True, kw_only=True)
class Head(Body):
    """What every result states that is about a network, or about several: its status, and the problem that it answers.
    ``wall_s`` is in seconds.
    """

    status: Status
    objective: StatedObjective | None
    versions: Mapping[str, str]
    problem: Json
    problem_hash: str
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class Searched(Head):
    """A head that says why the search ended, and the seed of the solver."""

    termination: Termination
    seed: int


@dataclass(frozen=True, kw_only=True)
class Warned:
    """Part of a body: warnings about the inputs."""

    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """Part of a body: what parts of Tilewright disagree about, if they do; then nothing is proved."""

    disagreements: tuple[str, ...] | None = None
