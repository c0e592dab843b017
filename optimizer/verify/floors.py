"""What the floors of a box give for one network: its objective, and whether any design may keep its caps."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from optimizer.points import Box, PointSet
from optimizer.pricing import NEVER
from optimizer.verify.claim import Claim, Entry
from optimizer.verify.least_cycles import part_cycles


class Floors:
    """Values recomputed from floors, on the box's ideal hardware or (inherited) on its parent's.

    Parameters
    ----------
    claim : Claim
        Of one network.
    inherited : mapping of Box to Box or None
        As :func:`parents` gives it.
    """

    def __init__(self, claim: Claim, inherited: dict[Box, Box | None]) -> None:
        self.claim, self.inherited = claim, inherited
        self._fixed: dict[Box, tuple[int, int]] = {}
        self._spread: dict[Box, tuple[int, ...]] = {}

    def values(self, entry: Entry) -> list[Fraction]:
        """The objective that the floors give: on the box, and on its parent, with its own least cycles too."""
        parent = self.inherited.get(entry.box)
        found = [self._objective(entry.box, entry.energy, entry.latency)]
        if parent is not None:
            found.append(self._objective(parent, entry.energy, entry.latency))
            found.append(self._objective(parent, entry.energy, self._cycles(parent)))
        return found

    def faults(self, entry: Entry) -> Iterator[str]:
        """Floors that the box's own numbers show: compute cycles, and none for what is not minimized."""
        target, parent = self.claim.target, self.inherited.get(entry.box)
        if target.objective == "latency" and not target.capped:
            if any(entry.energy):
                yield "floors of an energy that was not asked for"
            return
        own = self._cycles(entry.box)
        allowed = {own, tuple(0 for _ in own) if parent is None else self._cycles(parent)}
        if entry.latency not in allowed or any(a > b for a, b in zip(entry.latency, own, strict=True)):
            yield f"latency floors {list(entry.latency)}, the multipliers give {list(own)}"

    def hopeless(self, entry: Entry) -> bool:
        """Do the floors show that a layer does not fit, or that a cap is broken?"""
        if NEVER in (*entry.energy, *entry.latency):
            return True
        return not self.claim.target.allows(*self._spent(entry.box, entry.energy, entry.latency))

    def _objective(self, box: Box, energy: tuple[int, ...], latency: tuple[int, ...]) -> Fraction:
        return self.claim.target.value(*self._spent(box, energy, latency))

    def _spent(self, box: Box, energy: tuple[int, ...], latency: tuple[int, ...]) -> tuple[int, int]:
        if box not in self._fixed:
            self._fixed[box] = self.claim.fixed(self.claim.points.corner(box))
        counts = [count for _, count in self.claim.parts]
        fixed = self._fixed[box]
        return (
            fixed[0] + sum(n * floor for n, floor in zip(counts, energy, strict=True)),
            fixed[1] + sum(n * floor for n, floor in zip(counts, latency, strict=True)),
        )

    def _cycles(self, box: Box) -> tuple[int, ...]:
        if box not in self._spread:
            corner = self.claim.points.corner(box)
            self._spread[box] = part_cycles(self.claim, corner)
        return self._spread[box]


def parents(points: PointSet, boxes: set[Box]) -> dict[Box, Box | None]:
    """The box that each box was split from, where splitting leads to it; None for the whole."""
    found: dict[Box, Box | None] = {}
    stack: list[tuple[Box, Box | None]] = [(points.whole, None)]
    while stack:
        box, parent = stack.pop()
        if box in boxes:
            found[box] = parent
        elif any(low < high for low, high in box):
            stack += [(half, box) for half in points.split(box)]
    return found
