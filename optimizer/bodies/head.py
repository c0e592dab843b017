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
class Rated:
    """Part of a body: what is proved."""

    status: Status


@dataclass(frozen=True, kw_only=True)
class Versioned:
    """Part of a body: the packages that computed it, with their versions."""

    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Head(Body, Rated, Versioned):
    """What every result states that is about a network, or about several: its objective, if anything was chosen, and
    the problem that it answers. ``wall_s`` is in seconds.
    """

    objective: StatedObjective | None
    problem: Json
    problem_hash: str
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class Searched(Head):
    """A head that says what the search minimized, why it ended, and the seed of the solver."""

    objective: StatedObjective
    termination: Termination
    seed: int


@dataclass(frozen=True, kw_only=True)
class Warned(Head):
    """A head with warnings about the inputs."""

    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reconciled(Searched):
    """A head that says what parts of Tilewright disagree about, if they do; then nothing is proved."""

    disagreements: tuple[str, ...] | None = None
