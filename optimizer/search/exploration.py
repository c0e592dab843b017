"""State and outcome of an exploration: the designs kept, the closed boxes, the bound that they prove."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction

from optimizer.architecture.boxes import Box
from optimizer.architecture.fabric import Vector
from optimizer.architecture.hardware import Hardware
from optimizer.problem.goal import Goal
from optimizer.problem.status import Termination
from optimizer.search.incumbents import Incumbent, Incumbents
from optimizer.search.point_solver import Pick

BOUNDING = ("bound", "open", "solved")
"""Reasons of closed boxes whose bounds count."""


@dataclass(frozen=True)
class Closed:
    """A closed box: why, its least area, the bound on its objective, and the bounds per layer it rests on.

    ``points`` is how many hardware points it holds. ``by`` is ``area`` or a resource of the device (the least of the
    box exceeds it), ``bound``, ``solved``, ``infeasible`` (some layer or cap cannot be met) or ``open`` (time ran out;
    the bound still holds).
    ``energy_bounds`` and ``latency_bounds`` are per pricer, network by network, energy units and cycles of one run on
    the box's optimistic corner. ``resources`` is the least use of every resource, empty without a device. ``bounds``
    are the objectives of the single networks; empty if none was bounded. ``ahead`` is the box of a solved point at
    least as good as all points of this one, if the bounds were proved there.
    """

    box: Box
    by: str
    points: int
    area_um2: int
    bound: Fraction
    energy_bounds: tuple[int, ...] = ()
    latency_bounds: tuple[int, ...] = ()
    resources: Vector = ()
    bounds: tuple[Fraction, ...] = ()
    ahead: Box | None = None


@dataclass
class Exploration:
    """State and outcome: the designs kept, the proved bound, and the closed boxes.

    ``ended`` says why it ended. It is not ``complete`` after its deadline or Ctrl-C, nor if evaluations were stopped.
    If parts of Tilewright disagreed (``disagreements``), no proof counts.
    """

    goal: Goal
    total: int
    incumbents: Incumbents
    started: float = field(default_factory=time.perf_counter)
    closed: list[Closed] = field(default_factory=list)
    bound: Fraction = Fraction(0)
    complete: bool = False
    ended: Termination = Termination.INTERRUPTED
    disagreements: tuple[str, ...] = ()

    @property
    def found(self) -> Incumbent | None:
        """The best design."""
        return next(iter(self.incumbents.designs), None)

    @property
    def best(self) -> Pick | None:
        """Cost of the (first) network in the best design."""
        return None if self.found is None else self.found.picks[0]

    @property
    def best_point(self) -> Hardware | None:
        """Hardware of the best design."""
        return None if self.found is None else self.found.point

    @property
    def best_box(self) -> Box | None:
        """The box that holds just the hardware of the best design."""
        return None if self.found is None else self.found.box

    @property
    def value(self) -> Fraction | None:
        """Objective of the best design."""
        return None if self.found is None else self.found.value

    @property
    def proved(self) -> bool:
        """Is the best design proved optimal, whether all boxes are closed or not?"""
        return self.value is not None and self.bound >= self.value

    def settle(self) -> None:
        """The bound that the closed boxes and the best design prove."""
        bounds = [entry.bound for entry in self.closed if entry.by in BOUNDING]
        self.bound = min(bounds + ([] if self.value is None else [self.value]), default=Fraction(0))

    def points(self, by: str) -> int:
        """Points in boxes closed for one reason."""
        return sum(entry.points for entry in self.closed if entry.by == by)
