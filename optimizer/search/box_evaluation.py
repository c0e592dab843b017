"""Evaluation of one box of hardware points: lower bounds of every network on its optimistic corner, or the optimum of a
single point.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from fractions import Fraction

from optimizer.architecture.boxes import Box, PointSet, size
from optimizer.problem.aggregate import Aggregate
from optimizer.search.network_bounds import CornerBounds, NetworkBounds
from optimizer.search.point_solver import Pick

LayerBounds = list[list[int]]
"""Per network and pricer: energy units or cycles of one run; INFEASIBLE_COST where no mapping fits."""


@dataclass(frozen=True)
class Ahead:
    """A solved point (its box, and the bounds proved there) that is at least as good as all points of another box."""

    box: Box
    bound: Fraction
    bounds: tuple[Fraction, ...]


Remainder = tuple[tuple[int, ...], tuple[int, ...]]
"""Lower bounds on the cycles and energy units of the networks, of designs whose objective is a box's bound."""


@dataclass(order=True)
class OpenBox:
    """A box that is not closed yet, with lower bounds of its layers and the bound on the objective that they give.

    ``energy`` and ``latency`` come from an enclosing box; the cycles are raised to those of this box. ``bounds`` are
    the objectives of the networks, empty if the box has no optimistic corner. ``rest`` goes with the bound. ``fit`` is
    false if the layer bounds prove that there is no design. ``fresh`` is true until an enclosing box was searched,
    ``even`` once an enclosing box whose points have the same memories was searched, ``tight`` once this box itself was;
    ``splits`` is how often it was split since. ``searched`` is the objective, and what goes with it, that a search of
    an enclosing box found least. A point may dominate other boxes: those wait ``behind`` it until it is closed, and if
    it was solved, it is ``ahead`` of them.
    """

    bound: Fraction
    rest: Remainder = field(compare=False)
    order: int
    box: Box = field(compare=False)
    energy: LayerBounds = field(compare=False)
    latency: LayerBounds = field(compare=False)
    bounds: tuple[Fraction, ...] = field(compare=False, default=())
    fit: bool = field(compare=False, default=True)
    fresh: bool = field(compare=False, default=True)
    even: bool = field(compare=False, default=False)
    tight: bool = field(compare=False, default=False)
    splits: int = field(compare=False, default=0)
    behind: tuple[Box, ...] = field(compare=False, default=())
    ahead: Ahead | None = field(compare=False, default=None)
    searched: tuple[Fraction, Remainder] | None = field(compare=False, default=None)


@dataclass(frozen=True)
class BoxEvaluation:
    """Outcome of the evaluation of a box.

    ``by`` is why the box is closed (``bound``, ``infeasible``, ``solved``), or None if it has to be split, or solved if
    it is a single point. ``bounds`` are the objectives of the networks, ``picks`` the best design of a point if it may
    improve on the incumbent.
    """

    by: str | None
    bounds: tuple[Fraction, ...]
    energy: LayerBounds
    latency: LayerBounds
    picks: tuple[Pick, ...] | None = None
    least: tuple[Fraction, Remainder] | None = None


class BoxEvaluator:
    """Evaluates boxes that have an optimistic corner.

    Parameters
    ----------
    networks : sequence of NetworkBounds
        One per network.
    points : PointSet
    aggregate : Aggregate
    """

    def __init__(self, networks: Sequence[NetworkBounds], points: PointSet, aggregate: Aggregate) -> None:
        self.networks, self.points, self.aggregate = networks, points, aggregate

    def evaluate(self, open_box: OpenBox, limit: Fraction | None, pool: Executor | None = None) -> BoxEvaluation:
        """Bound a box, or solve a point whose bound is tight; designs above `limit` are ignored.

        Raises
        ------
        StoppedError
            If a search was stopped.
        """
        corner = self.points.corner(open_box.box)
        known = zip(self.networks, open_box.energy, open_box.latency, strict=True)
        per_network = [network.corner_bounds(corner, energy, latency, pool) for network, energy, latency in known]
        reason, bounds, picks = (
            self._tighten(per_network, limit),
            [corner_bounds.bound for corner_bounds in per_network],
            None,
        )
        if reason is None and open_box.tight and size(open_box.box) == 1:
            reason, picks = self._solve(per_network, bounds, limit)
        return BoxEvaluation(
            reason,
            tuple(bounds),
            [corner_bounds.energy for corner_bounds in per_network],
            [corner_bounds.latency for corner_bounds in per_network],
            picks,
            _least(per_network[0]) if len(per_network) == 1 else None,
        )

    def _tighten(self, per_network: Sequence[CornerBounds], limit: Fraction | None) -> str | None:
        """Raise the bounds of the networks one after the other; the reason why the box is closed, None if it is not."""
        if not all(corner_bounds.fits for corner_bounds in per_network):
            return "infeasible"
        for number, corner_bounds in enumerate(per_network):
            corner_bounds.tighten(self.aggregate.limit(number, [other.bound for other in per_network], limit))
            if not corner_bounds.fits:
                return "infeasible"
            if corner_bounds.pick is None:
                return "bound"
        return None

    def _solve(
        self, per_network: Sequence[CornerBounds], bounds: list[Fraction], limit: Fraction | None
    ) -> tuple[str, tuple[Pick, ...] | None]:
        """Solve a single point: why it is closed and its best design. Replaces `bounds` by the proved ones."""
        picks = []
        for number, corner_bounds in enumerate(per_network):
            pick, bounds[number] = corner_bounds.solve(self.aggregate.limit(number, bounds, limit))
            if pick is None:
                return "infeasible", None
            picks.append(pick)
            if number + 1 < len(per_network) and limit is not None and self.aggregate.value(bounds) > limit:
                return "solved", None
        return "solved", tuple(picks)


def _least(found: CornerBounds) -> tuple[Fraction, Remainder] | None:
    """The least objective of a corner, and the least cycles (or energy) of designs that have it.

    A search of a layer finds, of all mappings of least energy, one of fewest cycles (of fewest cycles, one of least
    energy). The least sum is reached only where every layer is at its least, so the sums of the others are least too.
    Every design of the box is one of the corner, with no more energy and cycles there: by objective, then cycles, then
    energy, it does not come before this one.
    """
    if found.pick is None or found.goal.objective == "edp" or (found.goal.objective == "latency" and found.goal.capped):
        return None
    energy, latency = found.pick.energy, found.pick.latency
    return found.goal.value(energy, latency), ((latency,), (energy,))
