"""Check that bounds of boxes follow from their layer bounds, for one network or several on the same hardware."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from optimizer.checker.box_layer_bounds import LayerBounds
from optimizer.checker.claims.solve import Claim, ClaimedBox
from optimizer.checker.optimistic_corner import box_faults

Join = Callable[[Sequence[Fraction]], Fraction]
"""One value from those of all networks; it rises with each of them."""


class Bounds:
    """Checks boxes one by one, and collects the bounds that do not follow from layer bounds alone.

    Parameters
    ----------
    claims : sequence of Claim
        One per network; their entries have the layer bounds of that network.
    whole : Claim
        Value, design and boxes of the certificate; its entries have the joint bounds.
    join : callable
        The aggregate.
    """

    def __init__(self, claims: Sequence[Claim], whole: Claim, join: Join) -> None:
        self._networks = [LayerBounds(claim) for claim in claims]
        self._whole, self._join = whole, join
        self._solved = {tuple(n for n, _ in entry.box): entry for entry in whole.entries if entry.by == "solved"}
        self.raised: list[tuple[int, ClaimedBox]] = []
        """(network, solved point): its bound rests on more than layer bounds."""
        self.excluded: list[int] = []
        """Numbers of single points of which no layer bound shows that they are infeasible."""

    def faults(self, number: int) -> Iterator[str]:
        """Faults of one box."""
        entry, value = self._whole.entries[number], self._whole.value
        own = [network.claim.entries[number] for network in self._networks]
        for network, part in zip(self._networks, own, strict=True):
            yield from network.faults(part)
        single = all(low == high for low, high in entry.box)
        if entry.by == "solved" and not single:
            yield "a box of several points cannot be solved"
        yield from self._bound_faults(entry, own)
        if entry.by in ("bound", "solved") and (value is None or (entry.by == "bound" and entry.bound < value)):
            yield f"closed by {entry.by}, but its bound {entry.bound} does not reach the objective {value}"
        sound = entry.by == "open" or (entry.by == "solved" and value is not None and entry.bound <= value)
        if entry.box == self._whole.design and not sound:
            yield f"the design's own point is closed by {entry.by} with the bound {entry.bound}"
        if entry.by == "infeasible" and not self._hopeless(own):
            if single and any(network.claim.target.capped for network in self._networks):
                self.excluded.append(number)
            else:
                yield "closed as infeasible, but its floors keep all caps"

    def _hopeless(self, own: list[ClaimedBox]) -> bool:
        return any(network.hopeless(part) for network, part in zip(self._networks, own, strict=True))

    def _bound_faults(self, entry: ClaimedBox, own: list[ClaimedBox]) -> Iterator[str]:
        """A joint bound is the aggregate of the networks' bounds, and these follow from their layer bounds."""
        given = [network.value(part) for network, part in zip(self._networks, own, strict=True)]
        if entry.by == "solved":
            yield from self._solved_faults(entry, own, given)
            return
        if entry.leader is not None:
            yield from self._leader_faults(entry, entry.leader)
            return
        if entry.bound != self._join(given) and not entry.says_nothing:
            yield f"the bound is {entry.bound}, the floors give {self._join(given)}"
        if entry.bounds and list(entry.bounds) != given:
            yield f"the bounds of the networks are {_text(entry.bounds)}, the floors give {_text(given)}"

    def _leader_faults(self, entry: ClaimedBox, index: tuple[int, ...]) -> Iterator[str]:
        """The bound may be that of a solved point whose hardware is at least as good as every point of the box."""
        leader = self._solved.get(index)
        if leader is None or entry.by != "bound":
            yield f"closed by {entry.by}, said to be bounded by {index}, which is no solved point"
            return
        better = self._whole.points.points[index]
        for fault, _ in box_faults(self._whole, better, entry.box, areas=self._whole.points.is_listed):
            yield f"{index} should bound it, but: {fault}"
        stated = (entry.bound, entry.bounds or leader.bounds)
        if stated != (leader.bound, leader.bounds):
            yield f"the bound is {entry.bound}, that of {index} is {leader.bound}"

    def _solved_faults(self, entry: ClaimedBox, own: list[ClaimedBox], given: list[Fraction]) -> Iterator[str]:
        """Where cycles are traded for energy, a solved point's bound may be above what its layer bounds give."""
        if len(entry.bounds) != len(own):
            yield f"{len(entry.bounds)} bounds of {len(own)} networks"
            return
        for number, (network, part, bound) in enumerate(zip(self._networks, own, entry.bounds, strict=True)):
            target = network.claim.target
            if bound > given[number] and (target.objective == "edp" or target.capped):
                self.raised.append((number, part))
            elif bound != given[number]:
                yield f"the bound is {bound}, the floors give {given[number]}"
        if entry.bound != self._join(entry.bounds):
            yield f"the bound is {entry.bound}, those of the networks make {self._join(entry.bounds)}"


def _text(values: Sequence[Fraction]) -> str:
    return ", ".join(map(str, values))
