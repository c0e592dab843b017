"""Boxes of an exploration: their bounds, and why they are closed or not worth a search."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from optimizer.architecture.boxes import Box, PointSet
from optimizer.architecture.fabric import Caps, exceeded
from optimizer.architecture.hardware import Hardware
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.search.box_evaluation import Ahead, OpenBox
from optimizer.search.exploration import Closed
from optimizer.search.incumbents import Best, Incumbents
from optimizer.search.known_designs import KnownDesigns
from optimizer.search.network_bounds import NetworkBounds

SPLITS = 2
"""Splits after which a box is searched even if that cannot close it: its parts need bounds of their own."""


class Boxes:
    """Opens and judges boxes.

    Parameters
    ----------
    networks : sequence of NetworkBounds
    points : PointSet
    aggregate : Aggregate
    incumbents : Incumbents
    area_cap_um2 : int or None
    limits : Caps
        Budgets of a device's resources; empty without a device.
    """

    def __init__(
        self,
        networks: Sequence[NetworkBounds],
        points: PointSet,
        aggregate: Aggregate,
        incumbents: Incumbents,
        area_cap_um2: int | None,
        limits: Caps,
    ) -> None:
        self.networks, self.points, self.aggregate, self.incumbents = networks, points, aggregate, incumbents
        self.area_cap, self._limits = area_cap_um2, limits
        self._numbers = itertools.count()
        self.designs = KnownDesigns(networks, points, aggregate, self.allows)

    def allows(self, hardware: Hardware) -> bool:
        """Does a hardware point keep the budgets of the chip?"""
        return self.excess(hardware) is None

    def opened(
        self, box: Box, around: OpenBox | None = None, behind: tuple[Box, ...] = (), ahead: Ahead | None = None
    ) -> OpenBox:
        """An open box with the bounds of an enclosing one; zeros if it has no optimistic corner."""
        energy = latency = [[0] * len(network.pricers) for network in self.networks]
        if not self.points.has_optimistic_corner(box):
            return OpenBox(Fraction(0), ((), ()), next(self._numbers), box, energy, latency)
        if around is not None:
            energy, latency = around.energy, around.latency
        corner = self.points.corner(box)
        known = zip(self.networks, energy, latency, strict=True)
        per_network = [network.corner_bounds(corner, energies, latencies) for network, energies, latencies in known]
        bounds = tuple(corner_bounds.bound for corner_bounds in per_network)
        bound = self.aggregate.value(bounds)
        rest = tuple(it.least_latency for it in per_network), tuple(it.least_energy for it in per_network)
        if around is not None and around.searched is not None:
            rest = max((bound, rest), around.searched)[1] if around.searched[0] == bound else rest
        return OpenBox(
            bound,
            rest,
            next(self._numbers),
            box,
            [corner_bounds.energy for corner_bounds in per_network],
            [corner_bounds.latency for corner_bounds in per_network],
            bounds,
            all(corner_bounds.fits for corner_bounds in per_network),
            around is None or around.fresh,
            around is not None and around.even,
            around is not None and around.tight and around.box == box,
            0 if around is None else around.splits + (around.box != box),
            behind,
            around.ahead if ahead is None and around is not None else ahead,
            None if around is None else around.searched,
        )

    def inform(self, open_box: OpenBox) -> None:
        """Raise the layer bounds of a box to what searches of other boxes proved (:class:`KnownOptima`).

        Where other designs than the best one are sought, its own search says more of the parts of a box.
        """
        if not open_box.bounds or not isinstance(self.incumbents, Best):
            return
        corner = self.points.corner(open_box.box)
        for network, energy, latency in zip(self.networks, open_box.energy, open_box.latency, strict=True):
            objective, own = ("latency", latency) if network.seeks_latency_alone else ("energy", energy)
            own[:] = [
                max(old, pricer.floor(corner, objective)) for old, pricer in zip(own, network.pricers, strict=True)
            ]
        raised = self.opened(open_box.box, open_box)
        open_box.bound, open_box.bounds, open_box.fit = raised.bound, raised.bounds, raised.fit
        open_box.rest = raised.rest

    def known_reason(self, open_box: OpenBox) -> str | None:
        """Why a box is closed without an evaluation: its least area or use of a resource, a cap out of reach, its
        bound.
        """
        reason = self.excess(self.points.corner(open_box.box)) or (None if open_box.fit else "infeasible")
        if reason is None and (self.incumbents.closes(open_box.box, open_box.bound) or self._is_outranked(open_box)):
            return "bound"
        return reason

    def _is_outranked(self, open_box: OpenBox) -> bool:
        """Does every design of a box come after the best one, by objective, cycles, energy, and place in the menus?"""
        best = next(iter(self.incumbents.designs), None)
        if not isinstance(self.incumbents, Best) or best is None or not open_box.bounds:
            return False
        first = tuple((low, low) for low, _ in open_box.box)
        return (open_box.bound, *open_box.rest, first) > best.rank

    def is_vain(self, open_box: OpenBox) -> bool:
        """Do known mappings show that a search cannot close a box? Then it is searched only every few splits."""
        limit = self.incumbents.limit(open_box.box)
        if not isinstance(self.incumbents, Best) or limit is None or open_box.fresh or open_box.splits >= SPLITS:
            return False
        corner = self.points.corner(open_box.box)
        cycles = [
            n.corner_bounds(corner, e, c).least_latency
            for n, e, c in zip(self.networks, open_box.energy, open_box.latency, strict=True)
        ]
        most = self.designs.corner_value(corner, cycles)
        return most is not None and most <= limit

    def closed(self, open_box: OpenBox, by: str, proved: Ahead | OpenBox) -> Closed:
        """An entry of the certificate."""
        corner = self.points.corner(open_box.box)
        return Closed(
            open_box.box,
            by,
            self.points.count(open_box.box),
            corner.area_um2,
            proved.bound,
            tuple(
                min(lower_bound, INFEASIBLE_COST) for layer_bounds in open_box.energy for lower_bound in layer_bounds
            ),
            tuple(lower_bound for layer_bounds in open_box.latency for lower_bound in layer_bounds),
            corner.resources,
            proved.bounds,
            proved.box if proved.box != open_box.box else None,
        )

    def excess(self, hardware: Hardware) -> str | None:
        """The first budget of the chip that a hardware point exceeds: ``area``, or a resource of the device."""
        if self.area_cap is not None and hardware.area_um2 > self.area_cap:
            return "area"
        return exceeded(hardware.resources, self._limits)
