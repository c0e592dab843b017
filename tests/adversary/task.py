"""A layer on a hardware point as arrays, and nests as rows, for the compiled annealer."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.architecture.hardware import Hardware, Level
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer

Ints = NDArray[np.int64]

TIME, ALONG_X, ALONG_Y, NODE = range(4)
"""Kinds of rows: a temporal loop, a loop along an axis of the fan-out, the node of a tensor."""

BLOCK, KIND, WHAT, BOUND, LEVEL = range(5)
"""Columns of a nest: the block that the row stands in, its kind, dim or tensor, trips, and the level of a node.

Rows are in the order of the nest; in a block spatial loops come last. Nodes of level 0 are left out."""

CAPACITY, ACCESS, READ, FILL, UPDATE, LEAK, KEEPS, BYPASSES = range(8)
"""Columns of a level; KEEPS and BYPASSES have bit t for tensor t."""

OBJECTIVES = ("energy", "latency", "edp")
MOST_ROWS = 96


class Task(NamedTuple):
    """What the cost of a nest depends on.

    ``coefficients[t, a, d]``: along axis a of tensor t the index is the sum of coefficient * dim. ``ports[l, k]``: bits
    per cycle as a fraction, 0 where unlimited; reads, writes, both. ``drain_reads``: accounting ``looptree``.
    """

    extents: Ints
    coefficients: Ints
    bits: Ints
    step_bits: Ints
    levels: Ints
    ports: Ints
    fans: Ints
    unroll: Ints
    step_cycles: int
    step_energy: int
    drain_reads: int
    objective: int


def task_of(
    layer: Layer, hardware: Hardware, accounting: str, objective: str, extents: Dict[str, int] | None = None
) -> Task:
    """The arrays; `extents` are padded ones."""
    dims = [dim for dim, _ in layer.dims]
    sizes = layer.extents | dict(extents or {})
    coefficients = np.zeros((3, max(len(o.axes) for o in layer.operands), len(dims)), np.int64)
    for t, operand in enumerate(layer.operands):
        for a, axis in enumerate(operand.axes):
            assert len(axis.terms) <= 2, "an axis is a dim or a window"
            for dim, coefficient in axis.terms:
                coefficients[t, a, dims.index(dim)] = coefficient
    count = len(hardware.levels)
    return Task(
        np.array([sizes[dim] for dim in dims]),
        coefficients,
        np.array([o.bits for o in layer.operands]),
        np.array([o.step_bits for o in layer.operands]),
        np.array([_level(level, n) for n, level in enumerate(hardware.levels)]),
        np.array([_ports(level) for level in hardware.levels]),
        np.array([hardware.fanout(n) for n in range(count)]),
        np.array(
            [
                [[may is None or d in may for d in dims] for may in (lv.spatial_x, lv.spatial_y)]
                for lv in hardware.levels
            ],
            np.int64,
        ),
        hardware.step_cycles(layer.block),
        layer.macs_per_step * hardware.mac_energy,
        int(accounting == "looptree"),
        OBJECTIVES.index(objective),
    )


def _level(level: Level, number: int) -> list[int]:
    capacity = level.usable_bits if number and level.usable_bits is not None else -1
    masks = [sum(1 << ROLES.index(role) for role in roles) for roles in (level.must_keep, level.must_bypass)]
    return [
        capacity,
        level.access_bits,
        level.read_energy,
        level.fill_energy,
        level.update_energy,
        level.leak_energy,
        *(masks if number else (0, 0)),
    ]


def _ports(level: Level) -> list[tuple[int, int]]:
    ports = (level.read_bits_per_cycle, level.write_bits_per_cycle, level.shared_bits_per_cycle)
    return [(0, 1) if port is None else (port.numerator, port.denominator) for port in ports]


def primes(number: int) -> list[int]:
    """Prime factors with multiplicity, least first."""
    found, factor = [], 2
    while number > 1:
        while number % factor == 0:
            found.append(factor)
            number //= factor
        factor += 1 if factor * factor <= number else max(1, number - factor)
    return found


def mapping_of(layer: Layer, rows: Ints) -> Mapping:
    """The mapping of a nest; neighbouring loops over a dim become one, of the inner one's level."""
    dims = [dim for dim, _ in layer.dims]
    items: list[Item] = [Node(role, 0) for role in ROLES]
    for block, kind, what, bound, level in rows.tolist():
        if kind == NODE:
            items.append(Node(ROLES[what], level))
            continue
        loop, last = Loop(dims[what], bound, block, (None, "X", "Y")[kind]), items[-1]
        if (
            isinstance(last, Loop)
            and (last.dim, last.axis) == (loop.dim, loop.axis)
            and (kind == TIME or last.level == block)
        ):
            loop = replace(items.pop(), bound=last.bound * bound, level=block)
        items.append(loop)
    return Mapping(tuple(items))


def rows_of(layer: Layer, mapping: Mapping) -> Ints:
    """The nest of a mapping, every loop split into its primes."""
    dims = [dim for dim, _ in layer.dims]
    items = [item for item in mapping.items if isinstance(item, Node) or item.bound > 1]
    rows: list[list[Any]] = []
    for place, item in enumerate(items):
        if isinstance(item, Loop):
            kind = {None: TIME, "X": ALONG_X, "Y": ALONG_Y}[item.axis]
            rows += [[item.level, kind, dims.index(item.dim), prime, 0] for prime in primes(item.bound)]
        elif item.level:
            block = min([item.level, *(other.level for other in items[place + 1 :])])
            rows.append([block, NODE, ROLES.index(item.role), 1, item.level])
    return np.array(rows, np.int64).reshape(-1, 5)
