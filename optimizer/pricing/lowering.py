"""Lowering (layer, hardware) to an integer :class:`LayerProblem`, and lifting a solution back to a :class:`Mapping`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping as Dict
from dataclasses import replace
from fractions import Fraction

from formulations.nest import LoopItem, Nest, NodeItem
from formulations.problem import INFINITE, AxisSpec, LayerProblem, PortSpec, ProblemLevel
from formulations.spread import split_axes
from optimizer.architecture.hardware import Hardware, Level
from optimizer.errors import SpecError
from optimizer.mapping.cost import Accounting
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.pricing.pinned_rules import broken_by_pins, rules_of_nest
from optimizer.pricing.rules import lower_rules
from optimizer.workload.layer import ROLES, Layer
from optimizer.workload.mapping_rules import MappingRule


def kept_dims(layer: Layer, extents: Dict[str, int]) -> tuple[str, ...]:
    """Dims that the integer problem sees: those of extent above 1 (or the first, if there is none)."""
    return tuple(dim for dim, _ in layer.dims if extents[dim] > 1) or (layer.dims[0][0],)


def latency_unit(layer: Layer, hardware: Hardware, accounting: Accounting) -> int:
    """Latency units per cycle: 1 where cycles are rounded, else the least that makes every port's time whole."""
    if accounting == "timeloop":
        return 1
    return math.lcm(*(units_of(level, grain(layer)) for level in hardware.levels))


def grain(layer: Layer) -> int:
    """Largest number of bits that divides every transfer of a layer."""
    return math.gcd(*(bits for operand in layer.operands for bits in (operand.bits, operand.step_bits)))


def units_of(level: Level, bits: int) -> int:
    """Units per cycle in which the time of any multiple of `bits` at the ports of a level is whole."""
    bandwidths = (level.read_bits_per_cycle, level.write_bits_per_cycle, level.shared_bits_per_cycle)
    return math.lcm(*(b.numerator // math.gcd(b.numerator, bits) for b in bandwidths if b is not None))


def level_spec(
    level: Level, number: int, dims: tuple[str, ...], unit: int, pinned: frozenset[str] = frozenset()
) -> ProblemLevel:
    """A level in integers but for its fan-out; a capacity beyond all integers of the search is the largest of them."""
    return ProblemLevel(
        None if level.usable_bits is None else min(level.usable_bits, INFINITE),
        level.access_bits,
        level.read_energy,
        level.fill_energy,
        level.update_energy,
        level.leak_energy,
        _ports(level, unit),
        _keep_options(level, number, pinned),
        (1, 1),
        _allowed(dims, level.spatial_x),
        _allowed(dims, level.spatial_y),
    )


def _keep_options(level: Level, number: int, pinned: frozenset[str]) -> tuple[tuple[bool, bool, bool], ...]:
    if number == 0:
        return ((True, True, True),)
    absent = level.must_bypass | pinned if number == 1 else level.must_bypass
    choices = [(False,) if role in absent else (True,) if role in level.must_keep else (True, False) for role in ROLES]
    return tuple((w, i, o) for w, i, o in itertools.product(*choices))


def _ports(level: Level, unit: int) -> tuple[PortSpec, PortSpec, PortSpec]:
    def port(bandwidth: Fraction | None) -> PortSpec:
        return PortSpec() if bandwidth is None else PortSpec(*(unit / bandwidth).as_integer_ratio())

    return (
        port(level.read_bits_per_cycle),
        port(level.write_bits_per_cycle),
        port(level.shared_bits_per_cycle),
    )


def _allowed(dims: tuple[str, ...], allowed: tuple[str, ...] | None) -> tuple[bool, ...]:
    return tuple(allowed is None or dim in allowed for dim in dims)


def lower(
    layer: Layer,
    hardware: Hardware,
    *,
    accounting: Accounting = "timeloop",
    extents: Dict[str, int] | None = None,
    pinned: frozenset[str] = frozenset(),
    room_bits: int | None = None,
    resumes: bool = False,
) -> LayerProblem:
    """The integer problem of a layer on a hardware point.

    Parameters
    ----------
    layer : Layer
    hardware : Hardware
    accounting : {"timeloop", "looptree"}
    extents : mapping, optional
        Padded extents; each at least the layer's own.
    pinned : frozenset of str
        Roles that level 1 holds as a whole, outside of all loops.
    room_bits : int, optional
        Bits of level 1 that tiles may fill, where something else is held there too (pinned operands, for one).
    resumes : bool
        The output holds partial sums from before.

    Raises
    ------
    SpecError
        If a padded extent is smaller than the layer's.
    ValueError
        If operands are pinned where level 1 is not a single buffer that may keep them, or against a rule of the layer,
        or the multipliers do not take the layer's blocks.
    """
    sizes = dict(layer.extents) | dict(extents or {})
    for dim, extent in layer.dims:
        if sizes[dim] < extent:
            raise SpecError(
                "padding cannot shrink a dim",
                field=f"{layer.name}.{dim}",
                value=sizes[dim],
                allowed=f">= {extent}",
            )
    dims = kept_dims(layer, sizes)
    number = {dim: n for n, dim in enumerate(dims)}
    relevant = [operand.dims for operand in layer.operands]
    lacking = [next((t for t in range(3) if dim not in relevant[t]), -1) for dim in dims]
    axes = tuple(
        AxisSpec(tuple((number[dim], c) for dim, c in axis.terms if dim in number)) for axis in layer.operand("I").axes
    )
    unit = latency_unit(layer, hardware, accounting)
    levels = tuple(
        replace(level_spec(level, n, dims, unit, pinned), fanout=hardware.fanout(n))
        for n, level in enumerate(hardware.levels)
    )
    w, i, o = layer.operands
    if pinned and (len(levels) < 2 or levels[0].fanout != (1, 1) or hardware.levels[1].must_bypass & pinned):
        raise ValueError(f"level 1 cannot hold {sorted(pinned)} as a whole")
    if room_bits is not None:
        levels = (levels[0], replace(levels[1], capacity_bits=min(room_bits, INFINITE)), *levels[2:])
    levels, rules = lower_rules(_asked(layer, hardware, sizes, pinned), hardware, dims, levels)
    return LayerProblem(
        tuple(sizes[dim] for dim in dims),
        tuple(lacking),
        tuple(a for a in axes if a.terms),
        (w.bits, i.bits, o.bits),
        (w.step_bits, i.step_bits, o.step_bits),
        hardware.step_cycles(layer.block),
        levels,
        layer.macs_per_step * hardware.mac_energy,
        accounting == "looptree",
        unit,
        tuple(role in pinned for role in ROLES),  # type: ignore[arg-type]
        resumes,
        rules,
    )


def _asked(layer: Layer, hardware: Hardware, sizes: Dict[str, int], pinned: frozenset[str]) -> tuple[MappingRule, ...]:
    """The rules that are asked of a nest; with pinned operands those that they do not answer."""
    if not pinned or not layer.rules:
        return layer.rules
    buffer = hardware.levels[1].name
    broken = broken_by_pins(layer, sizes, buffer, pinned)
    if broken is not None:
        raise ValueError(f"level 1 cannot hold {sorted(pinned)} as a whole under the rule {broken.title}")
    return rules_of_nest(layer, buffer, pinned)


def lift(layer: Layer, problem: LayerProblem, nest: Nest, *, extents: Dict[str, int] | None = None) -> Mapping:
    """The loop nest in terms of the layer; `extents` are the padded extents that the problem was lowered with.

    A loop is of the innermost level that a node or a fan-out above it leads into, but of none further inside than those
    of the nodes and fan-outs below it: nodes that stand above these are hoisted.
    """
    dims = kept_dims(layer, dict(layer.extents) | dict(extents or {}))
    items: list[Item] = []
    reached = 0
    for place, item in enumerate(nest.items):
        below = [other.level for other in nest.items[place:] if not isinstance(other, LoopItem)]
        if isinstance(item, NodeItem):
            items.append(Node(ROLES[item.tensor], item.level))
            reached = max(reached, item.level)
        elif isinstance(item, LoopItem):
            items.append(Loop(dims[item.dim], item.trips, min([reached, *below])))
        else:
            items += _spatial(problem, dims, item.level, item.factors)
            reached = max(reached, item.level + 1)
    return Mapping(tuple(items))


def _spatial(problem: LayerProblem, dims: tuple[str, ...], level: int, vector: tuple[int, ...]) -> list[Item]:
    x, y = split_axes(problem, level, vector)
    return [
        Loop(dims[d], factor, level, axis)
        for axis, shares in (("X", x), ("Y", y))
        for d, factor in enumerate(shares)
        if factor > 1
    ]
