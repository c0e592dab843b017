"""Consequences of the layer bounds of a box for one network: a bound on the objective, and whether caps are broken."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from optimizer.architecture.boxes import Box
from optimizer.checker.claims.solve import Claim, ClaimedBox
from optimizer.checker.least_cycles import part_cycles
from optimizer.problem.goal import INFEASIBLE_COST


class LayerBounds:
    """Values recomputed from layer bounds, on the box's optimistic corner.

    Parameters
    ----------
    claim : Claim
        Of one network.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._fixed: dict[Box, tuple[int, int]] = {}
        self._spread: dict[Box, tuple[int, ...]] = {}

    def value(self, entry: ClaimedBox) -> Fraction:
        """The objective that the layer bounds give."""
        return self.claim.target.value(*self._spent(entry.box, entry.energy, entry.latency))

    def faults(self, entry: ClaimedBox) -> Iterator[str]:
        """Check layer bounds that the box determines: compute cycles, and none for costs that are not minimized."""
        target = self.claim.target
        if target.objective == "latency" and not target.capped:
            if any(entry.energy):
                yield "floors of an energy that was not asked for"
            return
        own = self._cycles(entry.box)
        if entry.latency != own and not entry.says_nothing:
            yield f"latency floors {list(entry.latency)}, the multipliers give {list(own)}"

    def hopeless(self, entry: ClaimedBox) -> bool:
        """True if the layer bounds show that a layer does not fit, or that a cap is broken."""
        if INFEASIBLE_COST in (*entry.energy, *entry.latency):
            return True
        return not self.claim.target.allows(*self._spent(entry.box, entry.energy, entry.latency))

    def _spent(self, box: Box, energy: tuple[int, ...], latency: tuple[int, ...]) -> tuple[int, int]:
        if box not in self._fixed:
            self._fixed[box] = self.claim.fixed(self.claim.points.corner(box))
        counts = [count for _, count in self.claim.parts]
        fixed = self._fixed[box]
        return (
            fixed[0] + sum(n * lower_bound for n, lower_bound in zip(counts, energy, strict=True)),
            fixed[1] + sum(n * lower_bound for n, lower_bound in zip(counts, latency, strict=True)),
        )

    def _cycles(self, box: Box) -> tuple[int, ...]:
        if box not in self._spread:
            corner = self.claim.points.corner(box)
            self._spread[box] = part_cycles(self.claim, corner)
        return self._spread[box]
