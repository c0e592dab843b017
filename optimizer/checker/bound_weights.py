"""Weights of the layer bounds of a certificate: the share of the proved bound that rests on each of them.

Every box that holds points within the budgets and rests on layer bounds has an equal share. A box bounded by a solved
point passes its share to that point. The share of a box is divided among its layers in proportion to runs x layer
bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.checker.claims.solve import Claim, ClaimedBox
from optimizer.checker.statements import Statement

LAYER_BOUNDS, POINTS = "floors", "bounds of single points"
BOXES = "bounds of boxes"
"""Of a fused network."""
LINES = "values of lines"
"""Of a front."""
EXCLUDED = "points without a design"
"""Of a co-design."""


@dataclass(frozen=True)
class LayerBound:
    """A layer bound of the certificate: its share of the bound, a box that states it, and whether it belongs to the
    design's point.
    """

    statement: Statement
    share: Fraction
    box: object
    own: bool

    def __add__(self, other: LayerBound) -> LayerBound:
        return LayerBound(self.statement, self.share + other.share, self.box, self.own or other.own)


class Bearing:
    """Shares of the boxes of one network in its bound.

    Parameters
    ----------
    claim : Claim
    derived : collection of int
        Numbers of boxes with a bound that rests on more than their layer bounds.
    """

    def __init__(self, claim: Claim, derived: Collection[int] = ()) -> None:
        self.claim, self._derived = claim, derived
        solved = {tuple(low for low, _ in e.box): n for n, e in enumerate(claim.entries) if e.by == "solved"}
        self._latency = claim.target.objective == "latency" and not claim.target.capped
        carrying = [n for n, entry in enumerate(claim.entries) if not entry.over_budget and self._carries(n, entry)]
        self.parts = dict.fromkeys(carrying, Fraction(0))
        for number in carrying:
            leader = claim.entries[number].leader
            bearer = number if leader is None else solved[leader]
            self.parts[bearer] += Fraction(1, len(carrying))

    def _carries(self, number: int, entry: ClaimedBox) -> bool:
        """True if the box has layer bounds to prove. (Boxes closed by a cap on their least cycles are recomputed
        elsewhere.)
        """
        return number in self._derived or entry.leader is not None or any(self._stated(entry))

    def _stated(self, entry: ClaimedBox) -> tuple[int, ...]:
        return entry.latency if self._latency else entry.energy

    def of(self, numbers: Collection[int]) -> Fraction:
        """The total share of these boxes."""
        return sum((self.parts.get(number, Fraction(0)) for number in numbers), Fraction(0))

    def owns(self, entry: ClaimedBox) -> bool:
        """True if a box holds the design's point."""
        design = self.claim.design
        if design is None or entry.over_budget:
            return False
        return all(low <= n <= high for (low, high), (n, _) in zip(entry.box, design, strict=True))

    def layer_bounds(self) -> list[LayerBound]:
        """All nonzero layer bounds of boxes within the budgets, without duplicates."""
        found: dict[object, LayerBound] = {}
        for number, entry in enumerate(self.claim.entries):
            if not entry.over_budget:
                for lower_bound in self._layer_bounds(number, entry):
                    key = lower_bound.statement.key
                    found[key] = found[key] + lower_bound if key in found else lower_bound
        return list(found.values())

    def _layer_bounds(self, number: int, entry: ClaimedBox) -> Iterator[LayerBound]:
        stated = self._stated(entry)
        total = sum(group.count * n for group, n in zip(self.claim.groups, stated, strict=True))
        part = Fraction(0) if number in self._derived else self.parts.get(number, Fraction(0))
        corner, own = self.claim.points.corner(entry.box), self.owns(entry)
        for group, n in zip(self.claim.groups, stated, strict=True):
            if n:
                statement = Statement(group, corner, n, None if self._latency else 0)
                yield LayerBound(statement, part * Fraction(group.count * n, total), entry.box, own)
