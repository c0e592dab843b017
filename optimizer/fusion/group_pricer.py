"""The optimal plan of a group on a hardware point: every cut and choice is priced or pruned by a lower bound."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from optimizer.architecture.hardware import Hardware, Level
from optimizer.fusion.groups import FusionGroup, groups
from optimizer.fusion.lower_bounds import RunBounds
from optimizer.fusion.moves import Charge
from optimizer.fusion.plan import Extents, Frame, Plan, PricedRun, RunChoice, RunShape
from optimizer.fusion.tile_pricer import Runs, bounding
from optimizer.fusion.tilings import Along, Cut, GroupTiling, cuts
from optimizer.pricing.pinned_rules import broken_by_pins
from optimizer.problem.fusion_options import HALO, Fusion
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.workload.layer import ROLES, Layer
from optimizer.workload.network import Network
from optimizer.workload.views import TILE_AXES


@dataclass(frozen=True)
class Offer:
    """Lower bound on all plans of a group on a hardware point; if a plan was found, its value."""

    bound: int
    plan: Plan | None = None


@dataclass(frozen=True)
class _Option:
    """One cut and choice with its bound."""

    bound: int
    frame: Frame
    choice: RunChoice
    rooms: tuple[int, ...]
    charges: tuple[Charge, ...]
    layer_bounds: tuple[int, ...]
    """Per multiply-accumulate layer of the group, a lower bound on all its runs."""
    exact: bool = False
    """Are these the tightest bounds there are?"""


class GroupPricer:
    """Prices one group on hardware points.

    Parameters
    ----------
    group : Group
    runs : Runs
    halo : tuple of str
        Policies that may be used.
    axes : tuple of str
        Tile axes that may be cut.
    """

    def __init__(
        self, group: FusionGroup, runs: Runs, halo: tuple[str, ...] = HALO, axes: tuple[str, ...] = TILE_AXES
    ) -> None:
        self.group, self._runs, self._halo, self._axes = group, runs, halo, axes
        self._along = Along(group)
        self._layer_bounds: tuple[tuple[Hardware, Aim], RunBounds] | None = None

    @cached_property
    def _frames(self) -> list[Frame]:
        return [Frame(GroupTiling(self._along, cut)) for cut in cuts(self.group, self._halo, self._axes)]

    @cached_property
    def _whole(self) -> Frame:
        """The group in one tile."""
        return Frame(GroupTiling(self._along, Cut((1, 1, 1))))

    @cached_property
    def _least(self) -> dict[str, tuple[int, int, int]]:
        """Positions of every tensor, along each axis, that any cut computes or fetches."""
        along = [self._along.least(axis) for axis in range(3)]
        return {name: (along[0][name], along[1][name], along[2][name]) for name in along[0]}

    def bound(self, hardware: Hardware, aim: Aim) -> int:
        """Lower bound on all plans, over all cuts (INFEASIBLE_COST: none fits).

        A tensor from outside is streamed by each of its readers, or fetched once for all of them, without positions
        that only padding covers.
        """
        layer_bounds, frame = self._runs_bounds(hardware, aim), self._whole
        value = Fraction(0)
        streamed = dict.fromkeys(self.group.outside, Fraction(0))
        held = {name: layer_bounds.fetch(self._bits(name)) for name in self.group.outside}
        for layer in (layer for layer in frame.layers if 0 not in self._least[layer.name]):
            sizes = zip(layer.tile_dims, self._least[layer.name], strict=True)
            extents = layer.extents | {dim: size for dim, size in sizes if dim is not None}
            value += layer_bounds.work(layer, extents)
            pinned = frame.pinned(layer, RunChoice())
            for role in ROLES:
                source = frame.sources[layer.name].get(role, "")
                if source in held:
                    streamed[source] += layer_bounds.operand(layer, role, extents, pinned=False)
                    held[source] += layer_bounds.operand(layer, role, extents, pinned=True)
                else:
                    value += layer_bounds.operand(layer, role, extents, pinned=role in pinned)
        value += sum((min(streamed[name], held[name]) for name in held), Fraction(0))
        return min(INFEASIBLE_COST, math.floor(value))

    def _bits(self, name: str) -> int:
        """Bits of a tensor that every cut fetches."""
        tensor = self._whole.tiling.tensors[name]
        return tensor.words * tensor.bits * math.prod(self._least[name])

    def tight_bound(self, hardware: Hardware, aim: Aim, cutoff: int) -> int:
        """The least bound of all cuts and choices (INFEASIBLE_COST: none fits), or `cutoff` if that is less."""
        options = self._options(hardware, aim)
        return min((option.bound for option in options if option.bound < cutoff), default=cutoff)

    def best(self, hardware: Hardware, aim: Aim, cutoff: int = INFEASIBLE_COST) -> Offer:
        """The best plan, or a lower bound once it is proved that none is below `cutoff`."""
        best: Plan | None = None
        limit = cutoff
        numbers = itertools.count()
        queue = [(option.bound, next(numbers), option) for option in self._options(hardware, aim)]
        heapq.heapify(queue)
        while queue and queue[0][0] < limit:
            _, number, option = heapq.heappop(queue)
            if not option.exact:
                option = self._refined(option, hardware, aim, limit)
                heapq.heappush(queue, (option.bound, number, option))
                continue
            plan = self._price(option, hardware, aim, limit)
            if plan is not None:
                best, limit = plan, aim.value(plan.energy, plan.latency)
        return Offer(limit, best)

    def has_plan(self, hardware: Hardware) -> bool:
        """Is there any plan?"""
        options = self._options(hardware, Aim())
        return any(self._price(option, hardware, Aim(), INFEASIBLE_COST) is not None for option in options)

    def plan(self, frame: Frame, choice: RunChoice, hardware: Hardware, aim: Aim) -> Plan | None:
        """The plan of one given cut and choice: only the loop nests are searched. None if it does not fit."""
        rooms = self._rooms(frame, choice, hardware)
        if rooms is None:
            return None
        found: list[PricedRun] = []
        for layer in frame.layers:
            runs = self._price_layer(frame, choice, rooms, layer, hardware, aim, INFEASIBLE_COST)
            if runs is None:
                return None
            found += runs
        return _plan(frame, choice, found, frame.charges(hardware, self._runs.accounting, choice))

    def _runs_bounds(self, hardware: Hardware, aim: Aim) -> RunBounds:
        """Bounds on runs; those of the last hardware point and aim are cached."""
        if self._layer_bounds is None or self._layer_bounds[0] != (hardware, aim):
            self._layer_bounds = (hardware, aim), RunBounds(self._runs, hardware, aim)
        return self._layer_bounds[1]

    def _options(self, hardware: Hardware, aim: Aim) -> Iterator[_Option]:
        for frame in self._frames:
            for choice in frame.choices():
                option = self._option(frame, choice, hardware, aim)
                if option is not None:
                    yield option

    def _option(self, frame: Frame, choice: RunChoice, hardware: Hardware, aim: Aim) -> _Option | None:
        """A cut and choice with its bound; None if the buffer is too small."""
        rooms = self._rooms(frame, choice, hardware)
        if rooms is None:
            return None
        charges = frame.charges(hardware, self._runs.accounting, choice)
        bound = sum(aim.value(charge.energy, charge.latency) for charge in charges)
        run_bounds = self._runs_bounds(hardware, aim)
        layer_bounds = tuple(_lower_bound(frame, layer, choice, run_bounds) for layer in frame.layers)
        return _Option(bound + sum(layer_bounds), frame, choice, rooms, charges, layer_bounds)

    def _refined(self, option: _Option, hardware: Hardware, aim: Aim, limit: int) -> _Option:
        """The option with tighter bounds on its runs; stops tightening when they reach the limit."""
        known, frame = self._runs_bounds(hardware, aim), option.frame
        layers = list({layer.shape_key(): layer for layer in frame.layers}.values())
        for most in (0, 1, None):
            exact = {layer.name: [shape.extents for shape in _by_work(frame, layer)[:most]] for layer in frame.layers}
            known.prepare([(layer, dict(extents)) for layer in layers for extents in exact[layer.name]])
            layer_bounds = tuple(
                _lower_bound(frame, layer, option.choice, known, exact[layer.name]) for layer in frame.layers
            )
            bound = option.bound - sum(option.layer_bounds) + sum(layer_bounds)
            if bound >= limit:
                break
        return replace(option, bound=bound, layer_bounds=layer_bounds, exact=True)

    def _rooms(self, frame: Frame, choice: RunChoice, hardware: Hardware) -> tuple[int, ...] | None:
        """Bits of the buffer left for tiles while each member runs; None if it is too small, or may not hold all."""
        buffer = hardware.levels[1]
        if any(_may_not_hold(buffer, frame, choice, layer) for layer in frame.layers):
            return None
        usable, taken = buffer.usable_bits, frame.reserved_bits(choice)
        if usable is not None and max(taken) > usable:
            return None
        return tuple(INFEASIBLE_COST if usable is None else usable - bits for bits in taken)

    def _fine_enough(self, option: _Option, hardware: Hardware, aim: Aim, limit: int) -> bool:
        """May strips or slices be below the limit? Only if the coarse runs they divide are (:meth:`Frame.coarse`)."""
        frame, choice, value = option.frame, option.choice, option.bound
        for layer, lower_bound in zip(frame.layers, option.layer_bounds, strict=True):
            if limit >= INFEASIBLE_COST or frame.shapes(layer, choice) == frame.coarse(layer):
                continue
            pinned, room = frame.pinned(layer, choice), option.rooms[self.group.position[layer.name]]
            share, coarse = frame.resumed_share(layer, choice), 0
            for shape in frame.coarse(layer):
                price = self._runs.price(bounding(layer, hardware), hardware, aim, dict(shape.extents), pinned, room)
                if price is None:
                    return False
                coarse += shape.count * price.value
            fresh = _fresh(frame.shapes(layer, choice), share)
            bounds = self._runs_bounds(hardware, aim)
            first = sum(shape.count * bounds.of(layer, dict(shape.extents), pinned) for shape in fresh)
            value += max(lower_bound, first + math.ceil(share * coarse)) - lower_bound
        return value < limit

    def _price(self, option: _Option, hardware: Hardware, aim: Aim, limit: int) -> Plan | None:
        """The plan of an option, or None if it is not below `limit` or does not fit."""
        frame, value = option.frame, option.bound
        if not self._fine_enough(option, hardware, aim, limit):
            return None
        found: list[PricedRun] = []
        for layer, lower_bound in zip(frame.layers, option.layer_bounds, strict=True):
            left = INFEASIBLE_COST if limit >= INFEASIBLE_COST else limit - value + lower_bound
            runs = self._price_layer(frame, option.choice, option.rooms, layer, hardware, aim, left)
            if runs is None:
                return None
            found += runs
            value += sum(run.shape.count * run.price.value for run in runs) - lower_bound
        plan = _plan(frame, option.choice, found, option.charges)
        return plan if aim.value(plan.energy, plan.latency) < limit else None

    def _price_layer(
        self,
        frame: Frame,
        choice: RunChoice,
        rooms: tuple[int, ...],
        layer: Layer,
        hardware: Hardware,
        aim: Aim,
        limit: int,
    ) -> list[PricedRun] | None:
        """The best runs of one layer; None if their sum is not below `limit`, or they do not fit."""
        layer_bounds, shapes = self._runs_bounds(hardware, aim), frame.shapes(layer, choice)
        pinned, room = frame.pinned(layer, choice), rooms[self.group.position[layer.name]]
        least = [shape.count * layer_bounds.of(layer, dict(shape.extents), pinned) for shape in shapes]
        value, found = sum(least), []
        for shape, lower_bound in zip(shapes, least, strict=True):
            cutoff = INFEASIBLE_COST if limit >= INFEASIBLE_COST else -((value - lower_bound - limit) // shape.count)
            price = self._runs.price(
                layer, hardware, aim, dict(shape.extents), pinned, room, cutoff, resumes=shape.resumes
            )
            if price is None or not price.found:
                return None
            found.append(PricedRun(shape, pinned, room, price))
            value += shape.count * price.value - lower_bound
            if value >= limit:
                return None
        return found


def _may_not_hold(buffer: Level, frame: Frame, choice: RunChoice, layer: Layer) -> bool:
    """Must the buffer, or a rule of a layer on some of its runs, do without an operand that the choice pins there?"""
    pinned = frame.pinned(layer, choice)
    if pinned & buffer.must_bypass:
        return True
    return any(
        broken_by_pins(layer, layer.extents | dict(shape.extents), buffer.name, pinned) is not None
        for shape in (frame.shapes(layer, choice) if layer.rules and pinned else ())
    )


def _by_work(frame: Frame, layer: Layer) -> list[RunShape]:
    """Coarse runs of a layer, in descending order of their total work."""
    return sorted(frame.coarse(layer), key=lambda x: -x.count * math.prod((layer.extents | dict(x.extents)).values()))


def _lower_bound(
    frame: Frame, layer: Layer, choice: RunChoice, layer_bounds: RunBounds, exact: Collection[Extents] = ()
) -> int:
    """Lower bound on all runs of a layer: the larger of the sum over its runs and that over its coarse runs.

    With all operands in the buffer, strips and slices run one after the other are a mapping of the coarse run
    (:meth:`Frame.coarse`), or a part of it (:meth:`Frame.resumed_share`); words from outside are charged on top. Coarse
    runs in `exact` have the tightest bounds.
    """
    shapes, coarse, pinned = frame.shapes(layer, choice), frame.coarse(layer), frame.pinned(layer, choice)
    each = [shape.count * layer_bounds.of(layer, dict(shape.extents), pinned) for shape in shapes]
    more = [shape.count * layer_bounds.more(layer, dict(shape.extents), pinned) for shape in shapes]
    whole = [layer_bounds.whole(layer, dict(x.extents), pinned, exact=x.extents in exact) for x in coarse]
    if shapes == coarse:
        return sum(
            least if base is None else max(least, math.floor(shape.count * base + extra))
            for shape, least, extra, base in zip(shapes, each, more, whole, strict=True)
        )
    found = [shape.count * base for shape, base in zip(coarse, whole, strict=True) if base is not None]
    if len(found) < len(coarse):
        return sum(each)
    share = frame.resumed_share(layer, choice)
    fresh = _fresh(shapes, share)
    parts = [least if shape in fresh else extra for shape, least, extra in zip(shapes, each, more, strict=True)]
    return max(sum(each), math.floor(share * sum(found, Fraction(0)) + sum(parts, Fraction(0))))


def _fresh(shapes: Collection[RunShape], share: Fraction) -> list[RunShape]:
    """Runs that resume no sums, where others do."""
    return [] if share == 1 else [shape for shape in shapes if not shape.resumes]


def _plan(frame: Frame, choice: RunChoice, runs: list[PricedRun], charges: tuple[Charge, ...]) -> Plan:
    """A plan with its totals."""
    energy = sum(run.price.energy * run.shape.count for run in runs) + sum(charge.energy for charge in charges)
    latency = sum(run.price.latency * run.shape.count for run in runs) + sum(charge.latency for charge in charges)
    return Plan(frame.group.members, frame.tiling.cut, choice, energy, latency, tuple(runs), charges)


def group_pricers(network: Network, fusion: Fusion, runs: Runs) -> list[GroupPricer]:
    """A pricer of every group that a network may have."""
    return [GroupPricer(group, runs, fusion.halo, fusion.axes) for group in groups(network, fusion.max_group)]
