"""Walk a loop nest on a hardware point and count every access, cycle and unit of energy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, get_args

from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.golden.legality import limits, structural
from optimizer.golden.reuse import Reuse, fetched_words
from optimizer.golden.tiles import distinct_children, places, visited_words
from optimizer.mapping.mapping import Mapping
from optimizer.workload.layer import Layer, Operand

Accounting = Literal["timeloop", "looptree"]
"""Convention: in ``looptree`` a drained output tile is read from the child, and cycles are not rounded."""


@dataclass(frozen=True)
class Counts:
    """Words moved at one node, per used instance; the multipliers take a word, or a part of it, in every step.

    Parameters
    ----------
    reads, fills, updates : int
        Words read (by children, multipliers and drains), written from the parent, and written from below.
    tile_words : int
        Words of the kept tile.
    instances : int
        Used instances of the level.
    traffic : int
        Words exchanged with the parent in one direction: fetched tiles of an input, drained tiles of the
        output. For the outermost level, the tile itself.
    first_visits : int
        Different words of the operand that the instance ever holds.
    read_bits, fill_bits, update_bits : int
        The same in bits.
    """

    reads: int
    fills: int
    updates: int
    tile_words: int
    instances: int
    traffic: int
    first_visits: int
    read_bits: int
    fill_bits: int
    update_bits: int


@dataclass(frozen=True)
class Walk:
    """Everything that a walk counts. With `sound` false nothing was counted and all numbers are 0.

    Parameters
    ----------
    violations : tuple of str
        Rules that the mapping breaks, as sentences; empty for a legal mapping.
    sound : bool
        Whether the nest has a meaning (known dims, nodes in hierarchical order ...).
    counts : dict of (level index, role) to Counts
        One entry per node, per used instance.
    macs : int
        Multiply-accumulates over the padded extents.
    compute_cycles : int
        Trips of all temporal loops, each as long as a multiplier works on it.
    port_cycles : dict of (level index, port) to Fraction
        Cycles that each limited port (``read``, ``write``, ``shared``) of an instance is busy.
    level_cycles : tuple of Fraction
        Per level the maximum of its ports and the compute cycles.
    latency_cycles : Fraction
        Cycles of the layer: the slowest level.
    energy : int
        Energy in the hardware's energy unit, leakage over every started cycle included.
    """

    violations: tuple[str, ...]
    sound: bool = True
    counts: dict[tuple[int, str], Counts] = field(default_factory=dict)
    macs: int = 0
    compute_cycles: int = 0
    port_cycles: dict[tuple[int, str], Fraction] = field(default_factory=dict)
    level_cycles: tuple[Fraction, ...] = ()
    latency_cycles: Fraction = Fraction(0)
    energy: int = 0


def walk(
    layer: Layer,
    hardware: Hardware,
    mapping: Mapping,
    *,
    accounting: Accounting,
    reuse: Reuse,
    pinned: frozenset[str] = frozenset(),
    room_bits: int | None = None,
    resumes: bool = False,
) -> Walk:
    """Count one run of a layer by executing its loop nest.

    Parameters
    ----------
    layer : Layer
        The layer; its multiplicity is left to the caller.
    hardware : Hardware
        The hardware point.
    mapping : Mapping
        Loops and nodes; each operand may be cut at its own places and bypass levels.
    accounting : {"timeloop", "looptree"}
        Convention for drains, ports and rounding.
    reuse : {"exact", "innermost"}
        Rule for words that stay in an instance while its tile moves.
    pinned : frozenset of str
        Operands that level 1 holds from before to after the run; the outermost level has no part in them.
    room_bits : int, optional
        Capacity of level 1 available to the tiles of other operands; by default all usable capacity.
    resumes : bool
        The output holds partial sums from before: every visit of a word needs its old value.

    Raises
    ------
    SpecError
        If `accounting` or `reuse` is not a known name. Breaches by the mapping are returned, not raised.
    """
    _known("accounting", accounting, get_args(Accounting))
    _known("reuse", reuse, get_args(Reuse))
    breaches = [*structural(layer, hardware, mapping, pinned), *_unsupported(layer, hardware)]
    if breaches:
        return Walk(tuple(breaches), sound=False)
    trips = math.prod(loop.bound for loop in mapping.loops if loop.axis is None)
    compute_cycles = trips * step_cycles(layer, hardware)
    counts: dict[tuple[int, str], Counts] = {}
    for operand in layer.operands:
        for level, node_counts in _operand_counts(
            layer, mapping, operand, trips, drains_read=accounting == "looptree", reuse=reuse, resumes=resumes
        ):
            counts[level, operand.role] = node_counts
    ports = _port_cycles(hardware, counts, rounded=accounting == "timeloop")
    level_cycles = tuple(
        max([Fraction(compute_cycles), *(cycles for (at, _), cycles in ports.items() if at == index)])
        for index in range(len(hardware.levels))
    )
    latency = max(level_cycles)
    macs = math.prod(loop.bound for loop in mapping.loops) * (1 if layer.block is None else layer.block.kept)
    return Walk(
        violations=tuple(limits(layer, hardware, mapping, pinned, room_bits)),
        counts=counts,
        macs=macs,
        compute_cycles=compute_cycles,
        port_cycles=ports,
        level_cycles=level_cycles,
        latency_cycles=latency,
        energy=macs * hardware.mac_energy + _access_energy(hardware, counts) + _leakage(hardware, mapping, latency),
    )


def _known(field_name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SpecError("unknown name", field=field_name, value=value, allowed=", ".join(allowed))


def _unsupported(layer: Layer, hardware: Hardware) -> Iterator[str]:
    if layer.block is not None and not hardware.supports(layer.block):
        yield f"the multipliers do not take {layer.block.ratio} blocks along {layer.block.dim}"


def step_cycles(layer: Layer, hardware: Hardware) -> int:
    """Cycles of a step: one per multiply-accumulate; where multipliers only idle, one per element of the block."""
    if layer.block is None:
        return 1
    skips = hardware.sparsity is not None and hardware.sparsity.mode == "skip"
    return layer.block.kept if skips else layer.block.size


def _used_instances(mapping: Mapping, level: int) -> int:
    return math.prod(loop.bound for loop in mapping.loops if loop.axis is not None and loop.level < level)


def _elements(layer: Layer, operand: Operand) -> tuple[int, int]:
    """How many elements a word of an operand holds, and bits of each (of a sparse one its index included)."""
    block = layer.block
    if block is None or block.dim not in operand.dims:
        return 1, operand.bits
    held = block.kept if operand.role == block.role else block.size
    return held, operand.bits // held


def step_bits(layer: Layer, operand: Operand) -> int:
    """Bits of an operand that a step takes: one element per multiply-accumulate."""
    return _elements(layer, operand)[1] * (1 if layer.block is None else layer.block.kept)


def _operand_counts(
    layer: Layer, mapping: Mapping, operand: Operand, trips: int, *, drains_read: bool, reuse: Reuse, resumes: bool
) -> Iterator[tuple[int, Counts]]:
    """Counts of every node of one operand, outermost first.

    Every word served from below is added to what was there before; the first visit of a fresh output needs no old
    value: neither a read for the sum, nor a fill from the parent. The multipliers take one element for each of the
    multiply-accumulates of a step; of a fresh word, the first step finds no elements to read.
    """
    nodes = places(mapping, operand, [dim for dim, _ in layer.dims])
    held, element = _elements(layer, operand)
    taken = 1 if layer.block is None else layer.block.kept
    for node, child in zip(nodes, [*nodes[1:], None], strict=True):
        inner = child.level if child else len(mapping.items)
        served = fetched_words(child, reuse) if child else trips
        served *= distinct_children(mapping, operand, node.level, inner)
        traffic = fetched_words(node, reuse)
        outermost = node is nodes[0]
        fills, updates, fresh, drains = 0 if outermost else traffic, 0, 0, 0
        if operand.role == "O":
            updates, fresh = served, 0 if resumes else visited_words(node)
            fills -= 0 if outermost else fresh
            drains = traffic if drains_read and not outermost else 0
        width, unread = (held, held) if child else (taken, min(taken, held))
        elements = (served * width - fresh * unread + drains * held, fills * held, updates * width)
        yield (
            node.level,
            Counts(
                reads=served - fresh + drains,
                fills=fills,
                updates=updates,
                tile_words=math.prod(node.tile),
                instances=_used_instances(mapping, node.level),
                traffic=traffic,
                first_visits=visited_words(node),
                read_bits=elements[0] * element,
                fill_bits=elements[1] * element,
                update_bits=elements[2] * element,
            ),
        )


def _port_cycles(
    hardware: Hardware, counts: dict[tuple[int, str], Counts], *, rounded: bool
) -> dict[tuple[int, str], Fraction]:
    cycles = {}
    for index, level in enumerate(hardware.levels):
        here = [count for (at, _), count in counts.items() if at == index]
        read = sum(count.read_bits for count in here)
        written = sum(count.fill_bits + count.update_bits for count in here)
        for port, moved, limit in (
            ("read", read, level.read_bits_per_cycle),
            ("write", written, level.write_bits_per_cycle),
            ("shared", read + written, level.shared_bits_per_cycle),
        ):
            if limit is not None:
                busy = moved / limit
                cycles[index, port] = Fraction(math.ceil(busy)) if rounded else busy
    return cycles


def _access_energy(hardware: Hardware, counts: dict[tuple[int, str], Counts]) -> int:
    energy = 0
    for (index, _), count in counts.items():
        level = hardware.levels[index]
        for bits, each in (
            (count.read_bits, level.read_energy),
            (count.fill_bits, level.fill_energy),
            (count.update_bits, level.update_energy),
        ):
            energy += -(-bits // level.access_bits) * each * count.instances
    return energy


def _leakage(hardware: Hardware, mapping: Mapping, cycles: Fraction) -> int:
    """Leakage of all used instances in every started cycle, whether or not the level keeps anything."""
    per_cycle = sum(level.leak_energy * _used_instances(mapping, index) for index, level in enumerate(hardware.levels))
    return per_cycle * math.ceil(cycles)
