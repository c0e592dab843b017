r"""Fronts in (energy, latency), with places of the hardware: the designs kept, and the gaps that are open.

A design t is *covered* by a known one k within a tolerance h if the place of k is within that of t and

.. math:: E_k \le (1 + h) E_t, \qquad L_k \le (1 + h) L_t.

Energies and latencies are integers, so t is uncovered exactly if, for every k, :math:`E_t < \lceil E_k / (1+h) \rceil`
or :math:`L_t < \lceil L_k / (1+h) \rceil`. For one place the uncovered region is a union of quadrants, one between each
two neighbours of the (scaled) front; their corners are the *gaps*: t is uncovered exactly if it is at most some gap in
both numbers. With h = 0 covered means: matched or beaten.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.architecture.boxes import Box
from optimizer.studies.metrics import Place
from optimizer.studies.steps import within

Cost = tuple[int, int]
"""Energy units and cycles."""

Gap = tuple[int, int]
"""Cycles and energy units: the largest that are uncovered together."""

Line = tuple[int, int]
"""(weight, value): energy + weight x latency >= value."""


@dataclass(frozen=True)
class Spot:
    """A design of a front: its energy and latency, the place of its hardware, and the box of that single point."""

    energy: int
    latency: int
    place: Place
    box: Box

    @property
    def cost(self) -> Cost:
        """Energy units and cycles."""
        return self.energy, self.latency

    def beats(self, other: Spot) -> bool:
        """Is it as good in everything? Of equal ones the first in the menus is."""
        good = self.energy <= other.energy and self.latency <= other.latency and within(self.place, other.place)
        same = (self.cost, self.place) == (other.cost, other.place)
        return good and (not same or self.box <= other.box)


class Frontier:
    """The designs found that no other one beats.

    Parameters
    ----------
    most_energy, most_latency : int
        Caps: designs that exceed them are ignored.
    """

    def __init__(self, most_energy: int, most_latency: int) -> None:
        self._caps = most_energy, most_latency
        self._kept: list[Spot] = []
        self._gaps: dict[tuple[Place, Fraction], list[Gap]] = {}

    @property
    def most_latency(self) -> int:
        """The cap on latency."""
        return self._caps[1]

    @property
    def spots(self) -> list[Spot]:
        """The designs, fastest first."""
        return sorted(self._kept, key=lambda spot: (spot.latency, spot.energy, spot.place, spot.box))

    def offer(self, costs: Iterable[Cost], place: Place, box: Box) -> None:
        """Add the designs of a point that are within the caps and beaten by none."""
        for energy, latency in costs:
            spot = Spot(energy, latency, place, box)
            inside = energy <= self._caps[0] and latency <= self._caps[1]
            if inside and not any(known.beats(spot) for known in self._kept):
                self._kept = [known for known in self._kept if not spot.beats(known)] + [spot]
                self._gaps.clear()

    def gaps(self, place: Place, tolerance: Fraction = Fraction(0)) -> list[Gap]:
        """What is uncovered at a place, by rising latency and falling energy."""
        key = place, tolerance
        if key not in self._gaps:
            costs = [spot.cost for spot in self._kept if within(spot.place, place)]
            self._gaps[key] = gaps_of(costs, self._caps, tolerance)
        return self._gaps[key]

    def thinned(self, tolerance: Fraction) -> list[Spot]:
        """Few designs that cover all others within a tolerance; fastest first."""
        if not tolerance:
            return self.spots
        chosen: list[Spot] = []
        for spot in sorted(self._kept, key=lambda known: (known.energy, known.latency)):
            if not any(covers(known, spot, tolerance) for known in chosen):
                chosen.append(spot)
        return sorted(chosen, key=lambda spot: (spot.latency, spot.energy))


def covers(known: Spot, spot: Spot, tolerance: Fraction) -> bool:
    """Is a design covered by another one within a tolerance?"""
    factor = 1 + tolerance
    near = known.energy <= factor * spot.energy and known.latency <= factor * spot.latency
    return near and within(known.place, spot.place)


def gaps_of(costs: Iterable[Cost], caps: Cost, tolerance: Fraction = Fraction(0)) -> list[Gap]:
    """The gaps of a set of designs, for all places alike."""
    factor = 1 + tolerance
    scaled = sorted((-(-latency // factor), -(-energy // factor)) for energy, latency in costs)
    gaps, energy = [], caps[0]
    for latency, below in scaled:
        if below - 1 < energy:
            gaps.append((int(latency) - 1, energy))
            energy = int(below) - 1
    return [*gaps, (caps[1], energy)]


def open_gap(gaps: Sequence[Gap], lines: Sequence[Line], least_latency: int) -> Gap | None:
    """A gap that designs above all lines, and not faster than the least latency, may reach; None if there is none.

    The one in the middle of those that are open.
    """
    found = [
        gap
        for gap in gaps
        if gap[0] >= least_latency and all(gap[1] + weight * gap[0] >= value for weight, value in lines)
    ]
    return found[len(found) // 2] if found else None


def reaches(gaps: Sequence[Gap], energy: int, latency: int) -> bool:
    """May a design with at least this energy and latency be uncovered?"""
    first = bisect_left(gaps, (latency, -1))
    return first < len(gaps) and gaps[first][1] >= energy
