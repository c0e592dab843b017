"""Annealing over nests. Compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from tests.adversary.counting import indexed, legal, value
from tests.adversary.task import (
    ALONG_X,
    ALONG_Y,
    BLOCK,
    BOUND,
    KEEPS,
    KIND,
    LEVEL,
    NODE,
    TIME,
    WHAT,
    Ints,
    Task,
    primes,
)

HOT, WARM, COLD = 0.5, 0.03, 1e-4
"""Temperatures, of the logarithm of the objective: of a start from nothing, from a known nest, and the last one."""


def trivial(task: Task, seed: int) -> Ints:
    """All loops in the outermost block, in any order; inner levels keep what they must keep."""
    order = np.random.default_rng(seed)
    loops = [[0, TIME, d, p, 0] for d, extent in enumerate(task.extents.tolist()) for p in primes(extent)]
    order.shuffle(loops)
    kept = [
        [level, NODE, t, 1, level]
        for level, row in enumerate(task.levels.tolist())
        for t in range(3)
        if row[KEEPS] >> t & 1
    ]
    return np.array(loops + kept, np.int64).reshape(-1, 5)


@njit(cache=True)
def without(rows: Ints, place: int) -> Ints:
    """The nest without a row."""
    return np.concatenate((rows[:place], rows[place + 1 :]))


@njit(cache=True)
def with_row(rows: Ints, place: int, row: Ints) -> Ints:
    """The nest with one more row."""
    return np.concatenate((rows[:place], row.reshape(1, -1), rows[place:]))


@njit(cache=True)
def part(rows: Ints, block: int, spatial: bool) -> tuple[int, int]:
    """Where the temporal or the spatial part of a block begins and ends."""
    begin = 0
    while begin < len(rows) and rows[begin, BLOCK] < block:
        begin += 1
    middle = begin
    while (
        middle < len(rows)
        and rows[middle, BLOCK] == block
        and (rows[middle, KIND] == TIME or rows[middle, KIND] == NODE)
    ):
        middle += 1
    end = middle
    while end < len(rows) and rows[end, BLOCK] == block:
        end += 1
    return (middle, end) if spatial else (begin, middle)


@njit(cache=True)
def random_loop(rows: Ints) -> int:
    """A random loop's place, or -1."""
    loops = np.count_nonzero(rows[:, KIND] != NODE)
    if loops == 0:
        return -1
    left = np.random.randint(loops)
    for place in range(len(rows)):
        if rows[place, KIND] != NODE:
            if left == 0:
                return place
            left -= 1
    return -1


@njit(cache=True)
def move_loop(task: Task, rows: Ints) -> Ints:
    """A loop goes anywhere."""
    place = random_loop(rows)
    if place < 0:
        return rows
    row, rows = rows[place].copy(), without(rows, place)
    block = np.random.randint(len(task.levels))
    spatial = task.fans[block].max() > 1 and np.random.random() < 0.5
    begin, end = part(rows, block, spatial)
    row[BLOCK], row[KIND] = block, TIME
    if spatial:
        along_x = task.fans[block, 1] == 1 or (task.fans[block, 0] > 1 and np.random.random() < 0.5)
        row[KIND] = ALONG_X if along_x else ALONG_Y
    return with_row(rows, np.random.randint(begin, end + 1), row)


@njit(cache=True)
def swap_loops(rows: Ints) -> Ints:
    """Two loops trade places."""
    one, other = random_loop(rows), random_loop(rows)
    if one < 0:
        return rows
    for column in (WHAT, BOUND):
        rows[one, column], rows[other, column] = rows[other, column], rows[one, column]
    return rows


@njit(cache=True)
def reorder(task: Task, rows: Ints) -> Ints:
    """A loop or node moves within its block."""
    begin, end = part(rows, np.random.randint(len(task.levels)), False)
    if end - begin < 2:
        return rows
    place = np.random.randint(begin, end)
    row = rows[place].copy()
    return with_row(without(rows, place), np.random.randint(begin, end), row)


@njit(cache=True)
def change_node(task: Task, rows: Ints, toggles: bool) -> Ints:
    """A node comes, goes, or moves to the block of another level."""
    if len(task.levels) < 2:
        return rows
    level, tensor = np.random.randint(1, len(task.levels)), np.random.randint(3)
    row = np.array([level, NODE, tensor, 1, level])
    for place in range(len(rows)):
        if rows[place, KIND] == NODE and rows[place, LEVEL] == level and rows[place, WHAT] == tensor:
            rows = without(rows, place)
            if toggles:
                return rows
            row[BLOCK] = np.random.randint(level + 1)
            break
    begin, end = part(rows, row[BLOCK], False)
    if row[BLOCK] < level and np.random.random() < 0.5:  # right above the loops that it may pass
        place = end
        while place > begin and rows[place - 1, KIND] == TIME and not indexed(task, tensor, rows[place - 1, WHAT]):
            place -= 1
        return with_row(rows, place, row)
    return with_row(rows, np.random.randint(begin, end + 1), row)


@njit(cache=True)
def mutate(task: Task, rows: Ints) -> Ints:
    """Another nest, maybe not a legal one."""
    rows = rows.copy()
    kind = np.random.random()
    if kind < 0.4:
        return move_loop(task, rows)
    if kind < 0.55:
        return swap_loops(rows)
    if kind < 0.65:
        return move_loop(task, move_loop(task, rows))
    if kind < 0.8:
        return reorder(task, rows)
    return change_node(task, rows, kind < 0.9)


@njit(cache=True)
def seed_mutations(seed: int) -> None:
    """Let the next mutations be the same in every run."""
    np.random.seed(seed)


@njit(cache=True)
def anneal(task: Task, start: Ints, steps: int, hot: float, seed: int) -> tuple[float, Ints]:
    """The best nest met, and its value."""
    np.random.seed(seed)
    now = best = start
    current = least = value(task, start)
    for step in range(steps):
        heat = hot * (COLD / hot) ** (step / steps)
        other = mutate(task, now)
        if np.random.random() < 0.25:
            other = mutate(task, other)
        if not legal(task, other):
            continue
        found = value(task, other)
        if found <= current or np.random.random() < (current / found) ** (1 / heat):
            now, current = other, found
            if found < least:
                best, least = other, found
    return least, best


def search(task: Task, *, steps: int = 20000, restarts: int = 3, seed: int = 0) -> tuple[float, Ints]:
    """Annealing from nothing, with restarts: the best nest, and its value (infinite if none was met)."""
    found = [anneal(task, trivial(task, seed + n), steps, HOT, seed + n) for n in range(restarts)]
    return min(found, key=lambda pair: pair[0])


def improve(task: Task, known: Ints, *, steps: int = 20000, seed: int = 0) -> tuple[float, Ints]:
    """Annealing around a known nest."""
    return anneal(task, known, steps, WARM, seed)
