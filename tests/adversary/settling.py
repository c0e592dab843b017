"""From any nest to one of the declared space that is much like it. Compiled.

The space is that of docs/theory/mapspace.md, *The declared space*: in the block of a level a loop stands right below
the node of the tensor that it is irrelevant to; one over a halo dim may stand right below the input's node instead; at
most one node is hoisted.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tests.adversary.counting import indexed
from tests.adversary.task import BLOCK, KIND, LEVEL, NODE, TIME, WHAT, Ints, Task


@njit(cache=True)
def irrelevant_to(task: Task, dim: int) -> int:
    """The tensor that a dim does not index, or -1."""
    for tensor in range(3):
        if not indexed(task, tensor, dim):
            return tensor
    return -1


@njit(cache=True)
def has_halo(task: Task, dim: int) -> bool:
    """Is a dim part of a window or a stride of the input?"""
    for axis in range(task.coefficients.shape[1]):
        row = task.coefficients[1, axis]
        if row[dim] and (row[dim] > 1 or np.count_nonzero(row * (task.extents > 1)) > 1):
            return True
    return False


@njit(cache=True)
def find_hoist(task: Task, rows: Ints) -> tuple[bool, int, int, int]:
    """(may it be, row, level, outer block) of the hoisted node; row -1 if there is none."""
    hoisted, outer = -1, 0
    for n in range(len(rows)):
        level = rows[n, LEVEL]
        if rows[n, KIND] != NODE or rows[n, BLOCK] >= level:
            continue
        for m in range(n + 1, len(rows)):
            if rows[m, BLOCK] < level and rows[m, KIND] == TIME:
                if hoisted >= 0:
                    return False, -1, 0, 0
                hoisted, outer = n, rows[m, BLOCK]
                break
    if hoisted < 0:
        return True, -1, 0, 0
    tensor, level = rows[hoisted, WHAT], rows[hoisted, LEVEL]
    if tensor == 1 and outer:
        return False, -1, 0, 0
    for n in range(len(rows)):
        if rows[n, KIND] == NODE and rows[n, WHAT] == tensor and outer < rows[n, LEVEL] < level:
            return False, -1, 0, 0
    return True, hoisted, level, outer


@njit(cache=True)
def gap_of(task: Task, dim: int, above: bool, order: Ints, count: int, level: int, hoist: Ints, between: Ints) -> int:
    """Below how many nodes of a block a loop may stand; `count` + 1: it closes the block; -1: it leaves the block.

    `above`: it stands above the input's node so far; `hoist`: tensor, level, outer block of the hoisted node;
    `between`: per tensor, is it kept at a level that the node passes?
    """
    lacking, halo = irrelevant_to(task, dim), has_halo(task, dim)
    tensor, inner, outer = hoist
    if lacking == tensor >= 0 and (level == outer or (outer < level < inner and tensor != 1)):
        return count + 1
    if outer < level < inner:
        return -1
    own, image = -1, -1
    for place in range(count):
        own = place + 1 if order[place] == lacking else own
        image = place + 1 if order[place] == 1 else image
    if level == inner:
        own = 0 if lacking == tensor else own
        image = 0 if tensor == 1 else image
    if halo and image >= 0:
        return own if own >= 0 and (own > image or above) else image
    if own >= 0:
        return own
    if level == inner and ((lacking >= 0 and between[lacking]) or (halo and between[1])):
        return 0
    return -1


@njit(cache=True)
def settle(task: Task, rows: Ints) -> tuple[bool, Ints]:
    """Is there such a nest, and which one."""
    levels = len(task.levels)
    possible, moved, inner, outer = find_hoist(task, rows)
    if not possible:
        return False, rows
    hoist = np.array([-1, -1, levels])
    if moved >= 0:
        hoist[:] = rows[moved, WHAT], inner, outer
    between = np.zeros(3, np.int64)
    orders, counts = np.zeros((levels, 3), np.int64), np.zeros(levels, np.int64)
    for n in range(len(rows)):
        if rows[n, KIND] == NODE:
            level, tensor = rows[n, LEVEL], rows[n, WHAT]
            between[tensor] |= outer < level < inner and moved >= 0
            if n != moved:
                orders[level, counts[level]] = tensor
                counts[level] += 1
    if moved >= 0 and outer:  # the tensor's own node there is the last
        for place in range(counts[outer] - 1):
            if orders[outer, place] == hoist[0]:
                orders[outer, place], orders[outer, place + 1] = orders[outer, place + 1], orders[outer, place]
    blocks, gaps = rows[:, BLOCK].copy(), np.zeros(len(rows), np.int64)
    image = np.full(levels, -1)
    for n in range(len(rows)):
        if rows[n, KIND] == NODE and rows[n, WHAT] == 1:
            image[rows[n, LEVEL]] = n
    for n in range(len(rows)):
        if rows[n, KIND] != TIME:
            continue
        level = blocks[n]
        while level:
            above = blocks[n] == level and n < image[level]
            gap = gap_of(task, rows[n, WHAT], above, orders[level], counts[level], level, hoist, between)
            if gap >= 0:
                gaps[n] = gap
                break
            level -= 1
        blocks[n] = level
        if level == 0:
            gaps[n] = 1 if outer == 0 and moved >= 0 and not indexed(task, hoist[0], rows[n, WHAT]) else 0
    return True, _rebuilt(rows, blocks, gaps, orders, counts, moved, outer)


@njit(cache=True)
def _rebuilt(rows: Ints, blocks: Ints, gaps: Ints, orders: Ints, counts: Ints, moved: int, outer: int) -> Ints:
    """The nest with every temporal loop in its gap; loops of a gap in the order in which they were."""
    result = np.empty_like(rows)
    size = 0
    for level in range(len(counts)):
        for gap in range(counts[level] + 2):
            if 0 < gap <= counts[level]:
                result[size] = level, NODE, orders[level, gap - 1], 1, level
                size += 1
            if moved >= 0 and level == outer and gap == counts[level] + 1:
                result[size] = rows[moved]
                result[size, BLOCK] = level
                size += 1
            for n in range(len(rows)):
                if rows[n, KIND] == TIME and blocks[n] == level and gaps[n] == gap:
                    result[size] = rows[n]
                    result[size, BLOCK] = level
                    size += 1
        for n in range(len(rows)):
            if rows[n, BLOCK] == level and rows[n, KIND] != TIME and rows[n, KIND] != NODE:
                result[size] = rows[n]
                size += 1
    return result
