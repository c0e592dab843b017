"""One layer on fixed hardware: the best of all loop nests."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from formulations.problem import LayerProblem
from formulations.shortest_path import labels as k
from formulations.shortest_path.goal import Goal
from formulations.shortest_path.potentials import Guide, guide_of
from formulations.shortest_path.search import Search
from formulations.shortest_path.tables import Lattice, Machine, lattice_of, machine_of, regions_of


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
    cycles: int

    def value(self, kind, weight):
        return Goal(kind, weight).value(self.energy, self.cycles)


WIDTH, BATCH = 64, 1024


def solve(problem, objective="energy", weight=0, cap=None, upper=None, log=False, greedy=200):
    t, m = lattice_of(problem), machine_of(problem)
    guide = guide_of(problem, t, m)
    best = math.inf if upper is None else float(upper)
    first = run(problem, t, m, guide, Goal(objective, weight, cap, best), True, log)
    if objective == "latency":
        fast = first and run(problem, t, m, guide, Goal(objective, cap=first.cycles - 1), False, log)
        cycles = (fast or first).cycles if first else -1
        return first and solve(problem, "energy", cap=cycles, log=log)
    if first is not None:
        best = float(first.value(objective, weight))
    found = run(problem, t, m, guide, Goal(objective, weight, cap, best), False, log)
    return found or first


def run(problem, t: Lattice, m: Machine, guide: Guide, goal: Goal, first: bool, log=False, greed=1.1, patience=40):
    search = Search(problem, t, m, guide, goal)
    if first:
        search.greed = 1.0
        search.beam(WIDTH)
    else:
        search.greed = greed
        n = 0
        while search.step(BATCH if n > patience else WIDTH, "bounds" if n > patience else "guesses"):
            n += 1
    if log:
        print("first" if first else "exact", "labels", search.frontier.count, "popped", search.popped, "relaxed", search.relaxed, "best", goal.best, flush=True)
    if search.best is None:
        return None
    number, vector, energy, cycles = search.best
    steps = tuple(_steps(problem, t, m, search.frontier.rows, number, vector))
    return Found(energy, steps, search.frontier.count, search.popped, cycles)


def _steps(problem, t, m, table, number, vector):
    """Items outermost first, nodes at their breaks."""
    chain, n = [], number
    while n >= 0:
        chain.append(n)
        n = int(table[k.FROM, n])
    chain.reverse()
    items = [Step("node", T, int(m.tops[T])) for T in range(3)]
    regions = regions_of(problem)
    for n in chain[1:]:
        move, what, value = (int(table[c, n]) for c in (k.MOVE, k.WHAT, k.VALUE))
        if move == k.LOOP:
            items.append(Step("loop", what, value))
        elif move == k.NODE:
            items.append(Step("node", what, value))
        elif move == k.CROSS:
            items.append(Step("fan", regions[what].fan, tuple(int(v) for v in m.vectors[:, value])))
    x = t.extents[:, int(table[k.X, chain[-1]])]
    factors = m.vectors[:, vector]
    for d in range(len(x)):
        if x[d] // factors[d] > 1:
            items.append(Step("loop", d, int(x[d] // factors[d])))
    items.append(Step("fan", regions[-1].fan, tuple(int(v) for v in factors)))
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
