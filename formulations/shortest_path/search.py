"""One layer on fixed hardware: the least energy over all loop nests, and a nest that has it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from formulations.problem import LayerProblem
from formulations.shortest_path import astar, labels as k, potentials
from formulations.shortest_path.tables import LEAKS, Lattice, Machine, lattice_of, machine_of, regions_of


@dataclass(frozen=True)
class Step:
    """An item of a nest: a node (tensor, level), a loop (dim, trips) or a fan-out (level, factors)."""

    kind: str
    what: int
    value: object


@dataclass(frozen=True)
class Found:
    energy: int
    steps: tuple[Step, ...]
    labels: int
    popped: int
    root: float
    cycles: int

    def value(self, kind: int, weight: int) -> float:
        """The objective."""
        return {astar.ENERGY: self.energy, astar.EDP: self.energy * self.cycles}.get(kind, self.energy + weight * self.cycles)


def guide_of(problem: LayerProblem, t: Lattice, m: Machine) -> k.Guide:
    """Tables of all regions."""
    from formulations.shortest_path.tables import REGIONS, axis_vectors, spots_of
    regions, size, levels = int(m.flags[REGIONS]), len(t.outs), len(m.levels) + 1
    shared = potentials.most_shared(t, m)
    prices = potentials.prices_of(t, m, shared)
    inner = np.full((regions + 1, size + 1, potentials.STATUSES), np.inf)
    parts, rows_of, bypasses = [], [], [np.empty((size, 0))]
    numbers = np.full((regions + 1, potentials.STATUSES * levels**3), -1, np.int64)
    columns = 0
    for r in range(regions - 1, -1, -1):
        rows, count = potentials.rows_of(m, r)
        table = np.empty((count, size))
        inside = numbers[r + 1].copy()
        inside[inside >= 0] -= columns - bypasses[-1].shape[1]
        potentials.fill_region(t, m, r, inner[r + 1], bypasses[-1], inside, shared, prices, rows, table)
        if r:
            x, y = axis_vectors(problem, regions_of(problem)[r - 1].fan)
            potentials.behind(t, rows, table, spots_of(problem, x), spots_of(problem, y), inner[r])
            then, parents = _bypasses(problem, m, r, rows)
            out = np.empty((len(then), size))
            if len(then):
                potentials.bypassing(t, m, r - 1, then, parents, shared, table[rows[then]], out)
            for n, (statuses, levels_of) in enumerate(zip(then, parents, strict=True)):
                code = 0
                for level in levels_of:
                    code = code * levels + int(level) + 1
                numbers[r, statuses * levels**3 + code] = columns + n
            bypasses.append(np.ascontiguousarray(out.T))
            columns += len(then)
        parts.append(table)
        rows_of.append(rows)
    parts.reverse()
    rows_of.reverse()
    total = 0
    for part, rows in zip(parts, rows_of, strict=True):
        rows[rows >= 0] += total
        total += len(part)
    begin = np.concatenate(([0], np.cumsum([len(p) for p in rows_of])))[:-1].astype(np.int64)
    return k.Guide(
        np.ascontiguousarray(np.concatenate(parts).T),
        np.concatenate(rows_of),
        begin,
        inner,
        np.ascontiguousarray(np.concatenate(bypasses, axis=1)),
        numbers.reshape(-1),
        shared,
        prices,
    )


def _bypasses(problem, m, region, rows):
    """Statuses behind a region's fan-out with tensors that have no node there, and the levels of their parents."""
    then, parents = [], []
    known = [
        [n for n in range(len(m.levels)) if m.levels[n, 6] < region and (n == m.tops[T] or (n > 0 and m.may_keep[n, T]))]
        + ([-1] if region > 1 else [])
        for T in range(3)
    ]
    for statuses in range(potentials.STATUSES):
        if rows[statuses] < 0:
            continue
        of = [statuses >> (4 - 2 * T) & 3 for T in range(3)]
        if potentials.NONE not in of:
            continue
        for choice in itertools.product(*(known[T] if of[T] == potentials.NONE else [-1] for T in range(3))):
            if max(choice) >= 0:
                then.append(statuses)
                parents.append(choice)
    return np.array(then, np.int64), np.array(parents, np.int64).reshape(-1, 3)


def goal_of(m: Machine, kind: int, weight: float = 0, cap: int = -1, best: float = math.inf) -> astar.Goal:
    """The goal of a search."""
    regions = len(m.first) - 1
    widest = np.ones(regions + 1, np.int64)
    for r in range(regions - 1, -1, -1):
        widest[r] = widest[r + 1] * int(m.vectors[m.first[r] : m.first[r + 1]].prod(axis=1).max())
    timed = kind != astar.ENERGY or cap >= 0 or bool(m.flags[LEAKS])
    return astar.Goal(kind, float(weight), cap, timed, widest, np.array([best]))


def solve(problem: LayerProblem, objective="energy", weight=0, cap=-1, upper=None, log=False, width=64):
    t, m = lattice_of(problem), machine_of(problem)
    guide = guide_of(problem, t, m)
    kind = ("energy", "latency", "edp", "weighted").index(objective)
    best = math.inf if upper is None else float(upper)
    first = _run(problem, t, m, guide, goal_of(m, kind, weight, cap, best), log, width)
    if kind == astar.LATENCY:
        fast = first and _run(problem, t, m, guide, goal_of(m, kind, cap=first.cycles - 1), log, 0)
        cycles = (fast or first).cycles if first else -1
        return first and solve(problem, "energy", cap=cycles, log=log)
    if first is not None:
        best = first.value(kind, weight)
    found = _run(problem, t, m, guide, goal_of(m, kind, weight, cap, best), log, 0)
    return found or first


def _run(problem, t, m, guide, goal, log, width):
    levels, size = len(problem.levels), len(t.outs)
    constant = problem.steps * problem.step_energy
    regions = len(m.first) - 1
    count = 1 << 12 if not width else 64 * (width + len(m.vectors)) + 64 * t.divisors.size * width
    table = np.zeros((count, k.USED + 3 * levels), np.int64)
    after = np.full(count, -1, np.int64)
    heads = np.full(regions * levels**3 * size, -1, np.int64)
    keys, entries = np.empty(4 * count), np.empty(4 * count, np.int64)
    state = np.zeros(astar.STATE_SIZE, np.int64)
    state[astar.BEST] = -1
    row = np.zeros(k.USED + 3 * levels, np.int64)
    high, low = divmod(constant, k.BASE)
    row[k.HI], row[k.LO] = high, low
    row[k.X], row[k.RHO], row[k.SLIDE], row[k.TRIPS] = size - 1, 1, -1, 1
    row[k.LAST : k.LAST + 3], row[k.KIDS : k.KIDS + 3], row[k.APART : k.APART + 3] = m.tops, 1, 1
    row[k.COPIES], row[k.INSTANCES], row[k.FROM] = 1, 1, -1
    k.leak(m, row)
    charges = np.empty((3, 4))
    root = k.ahead(t, m, row, guide, charges, np.inf) + constant
    astar.enter(t, m, guide, goal, table, after, heads, keys, entries, state, row, -1, k.START, 0, 0, charges)
    if width:
        astar.beam(t, m, guide, goal, table, after, heads, keys, entries, state, width)
        if log:
            print("beam", state, goal.best[0])
    while not width:
        left = astar.search(t, m, guide, goal, table, after, heads, keys, entries, state, 1 << 14)
        if log:
            print("labels", state[astar.COUNT], "heap", state[astar.HEAPED], "popped", state[astar.POPPED], "relaxed", state[astar.RELAXED], "bound", left, "best", goal.best[0])
        if state[astar.FULL]:
            state[astar.FULL] = 0
            table = np.concatenate((table, np.zeros_like(table)))
            after = np.concatenate((after, np.full_like(after, -1)))
            keys, entries = np.concatenate((keys, np.empty_like(keys))), np.concatenate((entries, np.zeros_like(entries)))
            continue
        if left == np.inf:
            break
    if state[astar.BEST] < 0:
        return None
    energy = int(state[astar.BEST_HI]) * k.BASE + int(state[astar.BEST_LO])
    steps = tuple(_steps(problem, t, m, table, state))
    return Found(energy, steps, int(state[astar.COUNT]), int(state[astar.POPPED]), root, int(state[astar.BEST_CYCLES]))


def _steps(problem, t, m, table, state):
    """Items outermost first, nodes at their breaks."""
    chain, n = [], int(state[astar.BEST])
    while n >= 0:
        chain.append(n)
        n = int(table[n, k.FROM])
    chain.reverse()
    items = []
    for T in range(3):
        items.append(Step("node", T, int(m.tops[T])))
    from formulations.shortest_path.tables import regions_of
    regions = regions_of(problem)
    for n in chain[1:]:
        row = table[n]
        move, what, value = int(row[k.MOVE]), int(row[k.WHAT]), int(row[k.VALUE])
        if move in (k.LOOP, k.SLID):
            items.append(Step("loop", what, value))
        elif move == k.NODE:
            items.append(Step("node", what, value))
        elif move == k.CROSS:
            items.append(Step("fan", regions[what].fan, tuple(int(v) for v in m.vectors[value])))
    x = t.extents[int(table[chain[-1], k.X])]
    vector = m.vectors[int(state[astar.BEST_VECTOR])]
    for d in range(len(x)):
        if x[d] // vector[d] > 1:
            items.append(Step("loop", d, int(x[d] // vector[d])))
    items.append(Step("fan", regions[-1].fan, tuple(int(v) for v in vector)))
    return _raised(problem, items)


def _raised(problem, items):
    """Every node at its break: above the loops and fan-outs outside of it that do not move it."""
    out = []
    for item in items:
        if item.kind != "node":
            out.append(item)
            continue
        at = len(out)
        best = at
        while at > 0:
            other = out[at - 1]
            if other.kind == "node" and other.what == item.what:
                break
            if other.kind == "loop" and problem.irrelevant_to[other.what] != item.what:
                break
            if other.kind == "loop":
                best = at - 1
            at -= 1
        out.insert(best, item)
    return out


def to_mapping(problem, found, dims):
    from formulations.layer.spread import split_axes
    from optimizer.mapping.mapping import Loop, Mapping, Node
    out = []
    floor = 0
    steps = found.steps
    for n, s in enumerate(steps):
        if s.kind == "node":
            out.append(Node("WIO"[s.what], s.value))
            if not any(q.kind == "fan" and q.what < s.value for q in steps[n + 1 :]):
                floor = max(floor, s.value)
        elif s.kind == "loop":
            out.append(Loop(dims[s.what], s.value, floor))
        else:
            x, y = split_axes(problem, s.what, s.value)
            for axis, shares in (("X", x), ("Y", y)):
                out += [Loop(dims[d], f, s.what, axis) for d, f in enumerate(shares) if f > 1]
            floor = max(floor, s.what + 1)
    return Mapping(tuple(out))
