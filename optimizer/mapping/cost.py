"""Closed-form cost of a mapping: accesses, energy and latency of one layer on one hardware point.

Two accountings are offered (the conventions of Timeloop's exact mode and of AccelForge):

``timeloop``
    A node's fills are the new words of its tile over all temporal iterations outside of it; the parent reads
    ``fills x distinct child tiles`` (multicast is free, diagonals included); first visits of partial sums are
    elided; draining an output tile updates the parent and reads nothing in the child; cycles of a port are
    rounded up.
``looptree``
    The same, but a drain reads the child, and cycles are not rounded.

and two rules for the reuse between consecutive input tiles (`reuse`):

``exact``
    Timeloop's: the overlap with the previous tile is not fetched again if the tile moves by the same vector as
    in the last move, or if it is the first move after a refetch.
``innermost``
    The product of all loops above the node, but for the loop right above it, which brings only the new words
    where it moves the tile; any other loop fetches the whole tile. This never counts fewer words than
    ``exact``; it is the rule of the declared space of every proof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from optimizer.architecture.hardware import Hardware, Level
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer, Operand

Accounting = Literal["timeloop", "looptree"]
Reuse = Literal["exact", "innermost"]


@dataclass(frozen=True)
class Access:
    """Accesses of one used instance of a level for one tensor, the words of its tile, and the number of used instances.

    Reads, fills and updates are in words, those of the multipliers in steps; ``read_bits``, ``fill_bits`` and
    ``update_bits`` are the same in bits (of a layer in N:M blocks a step may take a part of a word).
    """

    reads: int
    fills: int
    updates: int
    tile_words: int
    instances: int
    read_bits: int
    fill_bits: int
    update_bits: int


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer under one mapping.

    ``energy`` is in the hardware's energy units; latencies are in cycles; ``level_cycles`` has one entry per
    level (the busiest port); ``utilization`` is busy multiplier-cycles over all multiplier-cycles.
    """

    counts: dict[tuple[int, str], Access]
    energy: int
    latency_cycles: Fraction
    compute_cycles: int
    level_cycles: tuple[Fraction, ...]
    macs: int
    utilization: Fraction


def tile_traffic(operand: Operand, mapping: Mapping, index: int, dims: tuple[str, ...], reuse: Reuse) -> int:
    """Words that one instance fetches into (or drains from) the node at position `index` of the nest.

    Every temporal loop outside of the node moves the tile by one fixed vector when it advances, since all loops
    inside of it start over. Under ``exact`` a null move is free, and the innermost mover and any loop with the
    same vector bring only the new words; every other move brings the whole tile. Under ``innermost`` only the
    loop right above the node can bring less than the whole tile, and it must move the tile.
    """
    tile = mapping.tile_below(index, dims)
    widths = [axis.extent(tile) for axis in operand.axes]
    whole = total = math.prod(widths)
    below = _extents_inside(mapping, index, dims)
    span = [0] * len(widths)  # how far the loops inside have carried the tile along every axis
    first: list[int] | None = None
    advances = math.prod(i.bound for i in mapping.items[:index] if isinstance(i, Loop) and i.axis is None)
    for item in reversed(mapping.items[:index]):
        if not isinstance(item, Loop):
            continue
        if item.axis is None and item.bound > 1:
            axis, step = _axis_of(operand, item.dim, below[item.dim])
            move = [-s for s in span]
            if axis >= 0:
                move[axis] += step
                span[axis] += step * (item.bound - 1)
            advances //= item.bound
            if any(move) or reuse == "innermost":
                known = any(move) and (first is None or (reuse == "exact" and move == first))
                total += advances * (item.bound - 1) * (_new_words(widths, move) if known else whole)
                first = move if first is None else first
        below[item.dim] *= item.bound
    return total


def _new_words(widths: list[int], move: list[int]) -> int:
    kept = math.prod(max(0, width - abs(m)) for width, m in zip(widths, move, strict=True))
    return math.prod(widths) - kept


def _axis_of(operand: Operand, dim: str, extent_below: int) -> tuple[int, int]:
    for number, axis in enumerate(operand.axes):
        for name, coefficient in axis.terms:
            if name == dim:
                return number, coefficient * extent_below
    return -1, 0


def _extents_inside(mapping: Mapping, index: int, dims: tuple[str, ...]) -> dict[str, int]:
    """Extents of all loops after position `index`."""
    inside = [item for item in mapping.items[index + 1 :] if isinstance(item, Loop)]
    return {dim: math.prod(loop.bound for loop in inside if loop.dim == dim) for dim in dims}


def distinct_children(operand: Operand, mapping: Mapping, outer: int, inner: int, dims: tuple[str, ...]) -> int:
    """Distinct tiles among the children that an instance of level `outer` has at level `inner`.

    Every fan-out multicasts by itself: where a level in between bypasses the tensor, the factors multiply.
    """
    starts: dict[tuple[int, int], set[int]] = {}
    below = dict.fromkeys(dims, 1)
    for item in reversed(mapping.items):
        if not isinstance(item, Loop):
            continue
        if item.axis is not None and outer <= item.level < inner:
            axis, step = _axis_of(operand, item.dim, below[item.dim])
            if axis >= 0:
                known = starts.get((item.level, axis), {0})
                starts[item.level, axis] = {s + step * i for s in known for i in range(item.bound)}
        below[item.dim] *= item.bound
    return math.prod(len(s) for s in starts.values())


def operand_accesses(
    layer: Layer, mapping: Mapping, operand: Operand, accounting: Accounting, reuse: Reuse, *, resumes: bool = False
) -> dict[int, Access]:
    """Accesses per level that keeps `operand`, per used instance.

    An output that `resumes` holds partial sums from before.
    """
    dims = tuple(layer.extents)
    nodes = [i for i, item in enumerate(mapping.items) if isinstance(item, Node) and item.role == operand.role]
    whole = operand.footprint(mapping.extents(dims))
    iterations = math.prod(loop.bound for loop in mapping.loops if loop.axis is None)
    traffic = [tile_traffic(operand, mapping, i, dims, reuse) for i in nodes] + [iterations]
    accesses = {}
    levels = [mapping.items[i].level for i in nodes]
    for number, (index, level) in enumerate(zip(nodes, levels, strict=True)):
        last = number + 1 == len(nodes)
        child = len(mapping.items) if last else levels[number + 1]
        served = operand.step_bits if last else operand.bits
        down = traffic[number + 1] * distinct_children(operand, mapping, level, child, dims)
        reads, fills, updates, read_bits = down, traffic[number] if number else 0, 0, down * served
        if operand.role == "O":
            first_visits = 0 if resumes else whole // used_instances(mapping, level, operand.dims)
            updates, reads, read_bits = down, down - first_visits, read_bits - first_visits * min(served, operand.bits)
            if number:
                drains = traffic[number] if accounting == "looptree" else 0
                fills, reads, read_bits = fills - first_visits, reads + drains, read_bits + drains * operand.bits
        tile_words = operand.footprint(mapping.tile_below(index, dims))
        accesses[level] = Access(
            reads,
            fills,
            updates,
            tile_words,
            used_instances(mapping, level),
            read_bits,
            fills * operand.bits,
            updates * served,
        )
    return accesses


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def access_energy(level: Level, access: Access) -> int:
    """Energy units of one tensor's accesses at one level, over all used instances."""
    per_instance = sum(
        _ceil_div(bits, level.access_bits) * energy
        for bits, energy in (
            (access.read_bits, level.read_energy),
            (access.fill_bits, level.fill_energy),
            (access.update_bits, level.update_energy),
        )
    )
    return per_instance * access.instances


def port_cycles(level: Level, read_bits: int, write_bits: int, accounting: Accounting) -> Fraction:
    """Cycles that the busiest port of one instance needs."""
    ports = (
        (read_bits, level.read_bits_per_cycle),
        (write_bits, level.write_bits_per_cycle),
        (read_bits + write_bits, level.shared_bits_per_cycle),
    )
    cycles = [Fraction(bits) / bandwidth for bits, bandwidth in ports if bandwidth is not None]
    if accounting == "timeloop":
        cycles = [Fraction(math.ceil(c)) for c in cycles]
    return max(cycles, default=Fraction(0))


def evaluate(
    layer: Layer,
    hardware: Hardware,
    mapping: Mapping,
    *,
    accounting: Accounting = "timeloop",
    reuse: Reuse = "innermost",
    resumes: bool = False,
) -> LayerCost:
    """Cost of running `layer` once on `hardware` with `mapping`; the multipliers must take its blocks.

    The multiply-accumulates counted are those of the mapping, padding included. Leakage is charged per used
    instance and (whole) cycle. With `resumes` the output holds partial sums from before.

    Returns
    -------
    LayerCost
    """
    counts: dict[tuple[int, str], Access] = {}
    for operand in layer.operands:
        accesses = operand_accesses(layer, mapping, operand, accounting, reuse, resumes=resumes)
        counts.update({(level, operand.role): access for level, access in accesses.items()})
    level_cycles = []
    for number, level in enumerate(hardware.levels):
        kept = [counts[number, role] for role in ROLES if (number, role) in counts]
        read_bits = sum(access.read_bits for access in kept)
        write_bits = sum(access.fill_bits + access.update_bits for access in kept)
        level_cycles.append(port_cycles(level, read_bits, write_bits, accounting))
    compute = math.prod(loop.bound for loop in mapping.loops if loop.axis is None) * hardware.step_cycles(layer.block)
    latency = max([Fraction(compute), *level_cycles])
    macs = math.prod(loop.bound for loop in mapping.loops) * layer.macs_per_step
    energy = macs * hardware.mac_energy
    energy += sum(access_energy(hardware.levels[lv], access) for (lv, _), access in counts.items())
    for number, level in enumerate(hardware.levels):
        energy += level.leak_energy * used_instances(mapping, number) * math.ceil(latency)
    return LayerCost(
        counts,
        energy,
        latency,
        compute,
        tuple(level_cycles),
        macs,
        Fraction(layer.macs) / (hardware.macs_per_cycle * latency),
    )


def used_instances(mapping: Mapping, level: int, dims: frozenset[str] | None = None) -> int:
    """Instances of `level` that a mapping uses: the product of the spatial loops owned by outer levels.

    With `dims`, only loops over these: the instances that hold different parts of a tensor with these dims.
    """
    return math.prod(
        loop.bound
        for loop in mapping.loops
        if loop.axis is not None and loop.level < level and (dims is None or loop.dim in dims)
    )
