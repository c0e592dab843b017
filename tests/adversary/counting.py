"""What a nest costs, counted from the definition of the model, and whether it is one. Compiled.

A node holds its tile while the loops below it run. Every iteration of the temporal loops above brings a whole tile,
except that of the loop right above, which brings what it has not brought before. From there up to the next node of the
tensor each fan-out serves every distinct tile once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tests.adversary.task import (
    ACCESS,
    ALONG_X,
    BLOCK,
    BOUND,
    BYPASSES,
    CAPACITY,
    FILL,
    KEEPS,
    KIND,
    LEAK,
    LEVEL,
    NODE,
    READ,
    TIME,
    UPDATE,
    WHAT,
    Ints,
    Task,
)


@njit(cache=True)
def over(a, b):
    """a / b, rounded up."""
    return -(-a // b)


@njit(cache=True)
def indexed(task: Task, tensor: int, dim: int) -> bool:
    """Does a dim index a tensor?"""
    for axis in range(task.coefficients.shape[1]):
        if task.coefficients[tensor, axis, dim]:
            return True
    return False


@njit(cache=True)
def width(task: Task, tensor: int, axis: int, tile: Ints) -> int:
    """Words of a tile along an axis, gaps included."""
    total = 1
    for dim in range(len(tile)):
        total += task.coefficients[tensor, axis, dim] * (tile[dim] - 1)
    return total


@njit(cache=True)
def words(task: Task, tensor: int, tile: Ints) -> int:
    """Words of a tile."""
    total = 1
    for axis in range(task.coefficients.shape[1]):
        total *= width(task, tensor, axis, tile)
    return total


@njit(cache=True)
def extents_inside(task: Task, rows: Ints) -> Ints:
    """Per place the extents of all loops from there on."""
    inside = np.ones((len(rows) + 1, len(task.extents)), np.int64)
    for place in range(len(rows) - 1, -1, -1):
        inside[place] = inside[place + 1]
        if rows[place, KIND] != NODE:
            inside[place, rows[place, WHAT]] *= rows[place, BOUND]
    return inside


@njit(cache=True)
def tile_of(rows: Ints, inside: Ints, place: int) -> Ints:
    """The tile of a node in one instance of its level: fan-outs of outer levels give each instance its own place."""
    tile = inside[place].copy()
    for n in range(place, len(rows)):
        if rows[n, BLOCK] >= rows[place, LEVEL]:
            break
        if rows[n, KIND] != NODE and rows[n, KIND] != TIME:
            tile[rows[n, WHAT]] //= rows[n, BOUND]
    return tile


@njit(cache=True)
def brought(task: Task, rows: Ints, inside: Ints, place: int, tile: Ints) -> int:
    """Words that come into a node in all iterations of the loops above it."""
    tensor = rows[place, WHAT]
    held = words(task, tensor, tile)
    rounds, nearest = 1, -1
    for n in range(place):
        if rows[n, KIND] == TIME:
            rounds *= rows[n, BOUND]
            nearest = n
    if nearest < 0:
        return held
    dim = rows[nearest, WHAT]
    for axis in range(task.coefficients.shape[1]):
        coefficient = task.coefficients[tensor, axis, dim]
        if coefficient:
            trips, first = 1, nearest
            while first >= 0 and rows[first, KIND] == TIME and rows[first, WHAT] == dim:
                trips *= rows[first, BOUND]
                first -= 1
            wide = width(task, tensor, axis, tile)
            fresh = held // wide * min(wide, coefficient * inside[nearest + 1, dim])
            return rounds // trips * (held + (trips - 1) * fresh)
    return rounds * held


@njit(cache=True)
def spread(task: Task, rows: Ints, inside: Ints) -> tuple[Ints, Ints]:
    """Spatial factors per level and dim, and the extents inside of each fan-out."""
    levels = len(task.levels)
    factors = np.ones((levels, len(task.extents)), np.int64)
    below = np.ones((levels, len(task.extents)), np.int64)
    place = len(rows)
    for level in range(levels - 1, -1, -1):
        while place and rows[place - 1, BLOCK] > level:
            place -= 1
        below[level] = inside[place]
        n = place
        while n and rows[n - 1, BLOCK] == level and rows[n - 1, KIND] != TIME and rows[n - 1, KIND] != NODE:
            n -= 1
            factors[level, rows[n, WHAT]] *= rows[n, BOUND]
    return factors, below


@njit(cache=True)
def distinct(task: Task, tensor: int, factors: Ints, below: Ints) -> int:
    """Distinct tiles among the children of a fan-out: children that start at the same word hold the same."""
    total = 1
    for axis in range(task.coefficients.shape[1]):
        step, count = 0, 1
        for dim in range(len(factors)):
            coefficient = task.coefficients[tensor, axis, dim]
            if coefficient and factors[dim] > 1:
                other = coefficient * below[dim]
                repeated = 0 if step == 0 else twice(step, count, other, factors[dim])
                step, count = other, count * factors[dim] - repeated
        total *= count
    return total


@njit(cache=True)
def twice(step: int, count: int, other: int, times: int) -> int:
    """How many of the sums i step + j other, i < count, j < times, have been there before.

    (i, j) starts where (i - k, j + k step / other) does, for the least k that makes that whole.
    """
    for k in range(1, count):
        if k * step % other == 0:
            return (count - k) * max(0, times - k * step // other)
    return 0


@njit(cache=True)
def cost(task: Task, rows: Ints) -> tuple[bool, float, float]:
    """Do the tiles fit, and energy and whole cycles if they do."""
    levels = len(task.levels)
    inside = extents_inside(task, rows)
    factors, below = spread(task, rows, inside)
    used = np.ones(levels + 1, np.int64)
    iterations = 1
    for n in range(len(rows)):
        if rows[n, KIND] == TIME:
            iterations *= rows[n, BOUND]
    for level in range(levels):
        used[level + 1] = used[level] * factors[level].prod()
    held = np.zeros(levels, np.int64)
    bits = np.zeros((levels, 2), np.int64)  # read, written
    energy = 0.0
    for tensor in range(3):
        chain, traffic, count = np.zeros(levels + 1, np.int64), np.zeros(levels + 1, np.int64), 1
        for n in range(len(rows)):
            if rows[n, KIND] == NODE and rows[n, WHAT] == tensor:
                tile, level = tile_of(rows, inside, n), rows[n, LEVEL]
                held[level] += words(task, tensor, tile) * task.bits[tensor]
                if 0 <= task.levels[level, CAPACITY] < held[level]:
                    return False, 0.0, 0.0
                chain[count], traffic[count] = level, brought(task, rows, inside, n, tile)
                count += 1
        traffic[count], chain[count] = iterations, levels
        for k in range(count):
            level, word = chain[k], task.bits[tensor]
            served = task.step_bits[tensor] if k + 1 == count else word
            down = traffic[k + 1]
            for n in range(level, chain[k + 1]):
                down *= distinct(task, tensor, factors[n], below[n])
            read, filled, updated = down * served, traffic[k] * word, 0
            if tensor == 2:
                apart = 1
                for n in range(level):
                    for dim in range(len(task.extents)):
                        apart *= factors[n, dim] if indexed(task, 2, dim) else 1
                fresh = words(task, 2, task.extents) // apart
                updated, read, filled = down * served, read - fresh * min(served, word), filled - fresh * word
                read += task.drain_reads * traffic[k] * word
            if k == 0:
                filled = 0
            bits[level, 0] += read
            bits[level, 1] += filled + updated
            row = task.levels[level]
            energy += float(used[level]) * (
                float(over(read, row[ACCESS])) * row[READ]
                + float(over(filled, row[ACCESS])) * row[FILL]
                + float(over(updated, row[ACCESS])) * row[UPDATE]
            )
    cycles = iterations * task.step_cycles
    for level in range(levels):
        for port in range(3):
            passed = bits[level].sum() if port == 2 else bits[level, port]
            rate, per = task.ports[level, port]
            if rate:
                cycles = max(cycles, over(passed * per, rate))
    energy += float(task.extents.prod()) * task.step_energy
    for level in range(levels):
        energy += float(task.levels[level, LEAK]) * used[level] * cycles
    return True, energy, float(cycles)


@njit(cache=True)
def value(task: Task, rows: Ints) -> float:
    """The objective, infinite where the tiles do not fit."""
    fits, energy, cycles = cost(task, rows)
    if not fits:
        return np.inf
    if task.objective == 0:
        return energy
    return cycles if task.objective == 1 else energy * cycles


@njit(cache=True)
def legal(task: Task, rows: Ints) -> bool:
    """Fan-outs and what may run along them, order and choice of nodes, loops that a node may stand above."""
    levels = len(task.levels)
    taken = np.ones((levels, 2), np.int64)
    kept = np.zeros(levels, np.int64)
    deepest = np.zeros(3, np.int64)
    for n in range(len(rows)):
        block, kind, what, level = rows[n, BLOCK], rows[n, KIND], rows[n, WHAT], rows[n, LEVEL]
        if kind == NODE:
            if level <= deepest[what] or level < block or task.levels[level, BYPASSES] >> what & 1:
                return False
            deepest[what] = level
            kept[level] |= 1 << what
            end = n
            for m in range(n + 1, len(rows)):
                fans = rows[m, KIND] != NODE and rows[m, KIND] != TIME and rows[m, BOUND] > 1
                if rows[m, BLOCK] < level and fans:
                    end = m
            for m in range(n + 1, end + 1):
                if rows[m, KIND] == TIME and indexed(task, what, rows[m, WHAT]):
                    return False
        elif kind != TIME:
            axis = kind - ALONG_X
            taken[block, axis] *= rows[n, BOUND]
            if not task.unroll[block, axis, what] or taken[block, axis] > task.fans[block, axis]:
                return False
    for level in range(1, levels):
        if kept[level] & task.levels[level, KEEPS] != task.levels[level, KEEPS]:
            return False
    return True
