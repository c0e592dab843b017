"""Tables of bounds, built from the inside out and shared between problems that agree on the inside."""

from __future__ import annotations

import math

import numpy as np

from formulations.lattice.kernels.blocks import distinct_inputs
from formulations.lattice.kernels.fanout import fill_inside
from formulations.lattice.kernels.layout import (
    BLOCK,
    COUNTS,
    EXACT,
    FIRST,
    HAS_HALO,
    INSIDE,
    KEEP,
    LEAST_INPUT,
    LEVEL0,
    LOCAL,
    PASSED,
    RANKED,
    READER,
    RESIDENT,
    RESIDENT_FROM,
    SCALARS,
    SCALE,
    SHARED,
    VOLUME,
    WORD_FILL,
    WORD_READ,
    WORD_UPDATE,
    I,
    Int,
    O,
    new_work,
    pack_layer,
)
from formulations.lattice.kernels.tables import add_reads, count_held, fill_block, fill_refetches
from formulations.merging import merge
from formulations.problem import INFINITE, LayerProblem
from formulations.stop import Stop

Keep = tuple[tuple[bool, bool, bool], ...]
FRONT = 4
"""Pairs of planes from LOCAL on, where the innermost fan-out has more than one vector of factors."""
PAIRS = 1 << 23
"""Pairs of extents around and inside the innermost block for which it is worth while to know how the input stands."""


def spatial_limits(lists: list[Int], irrelevant_to: tuple[int, ...]) -> list[tuple[int, int]]:
    """Per level: largest product of the other fan-outs' factors, largest copies of outputs made above."""
    lacking = np.array(irrelevant_to)
    most = [int(rows.prod(axis=1).max()) for rows in lists]
    copies = [int(rows[:, lacking == O].prod(axis=1).max()) for rows in lists]
    return [(math.prod(most) // most[level], math.prod(copies[:level])) for level in range(len(lists))]


class Memo:
    """Everything about a layer that several hardware points share.

    A level's inside depends on the block inside of it, on the fan-out and (where the input has a halo) on the level
    that serves the input; its block on that, on the level itself, and on the levels that serve its children.
    """

    def __init__(self, problem: LayerProblem) -> None:
        self.layer = layer = pack_layer(merge(problem).problem)
        self.refetches = np.empty((4, len(layer.e)), np.int64)
        ones = np.ones(layer.e.shape[1], np.int64)
        fill_refetches(layer.c, layer.g, layer.e, layer.q, self.refetches, ones)
        layer.c[VOLUME, LEAST_INPUT] = distinct_inputs(layer.c, layer.e[-1], ones, ones)
        self._insides: dict[object, Int] = {}
        self._blocks: dict[object, Int] = {}
        self._held: dict[object, int] = {}

    def build(
        self,
        c: Int,
        s: Int,
        problem: LayerProblem,
        keep: Keep,
        names: list[bytes],
        limits: list[tuple[int, int]],
        max_cycles: int,
        stop: Stop,
    ) -> Int:
        """Bounds of every level but the outermost (level 1 without its block).

        `names` tell spatial lists apart; `limits` bound, per level, the product of the other fan-outs' factors
        and the copies of outputs that the fan-outs above make. Tables given up on request are not kept.
        """
        layer, levels = self.layer, len(problem.levels)
        single = len(names[-1]) == layer.e.itemsize * layer.e.shape[1]
        t = np.full((levels, LOCAL + 2 * (1 if single else FRONT), len(layer.e)), INFINITE, np.int64)
        c[SCALARS, EXACT] = -1
        hoisted = tuple(int(x) for x in c[SCALARS, RESIDENT : RESIDENT_FROM + 1])
        block: object = None
        for level in range(levels - 1, 0, -1):
            spread, copies = limits[level]
            fanout = (level, names[level], limits[level], max_cycles, problem.drain_reads, problem.resumes)
            key = (block, fanout, self._own(c, problem, level), level <= hoisted[1] and hoisted)
            if key not in self._insides:
                fill_inside(c, layer.g, layer.e, layer.q, s, t, self.refetches, level, copies, spread, max_cycles)
                stop.check()
                self._insides[key] = t[level, INSIDE].copy()
            t[level, INSIDE] = self._insides[key]
            add_reads(c, t, self.refetches, level)
            t[level, RANKED] = np.argsort(t[level, INSIDE], kind="stable")
            c[COUNTS, level] = int((t[level, INSIDE] < INFINITE).sum())
            if level > 1:
                served = tuple(_serves(c, level, tensor) for tensor in range(3))
                passed = tuple(c[LEVEL0 + level, PASSED : PASSED + 3])
                block = (key, problem.levels[level], keep[level], served, passed)
                self._block(c, t, problem, level, block, stop)
        return t

    @staticmethod
    def _own(c: Int, problem: LayerProblem, level: int) -> object:
        own = (*(spec.leak_energy for spec in problem.levels), int(c[SCALARS, SCALE]))
        if not c[SCALARS, HAS_HALO]:
            return own
        return *own, _serves(c, level, I)

    def _block(self, c: Int, t: Int, problem: LayerProblem, level: int, key: object, stop: Stop) -> None:
        layer, planes = self.layer, [BLOCK, FIRST, *range(LOCAL, t.shape[1])]
        exact = level == len(problem.levels) - 1 and c[SCALARS, HAS_HALO] and c[LEVEL0 + level, KEEP + I]
        w = new_work(len(problem.levels), layer.e.shape[1])
        if exact and c[COUNTS, level] > 1:
            if key not in self._held:
                self._held[key] = count_held(c, layer.g, layer.e, layer.q, t, self.refetches, w, level)
            exact = self._held[key] * int(c[COUNTS, level]) <= PAIRS
        most = -1
        if exact:
            c[SCALARS, EXACT] = level
            served = c[LEVEL0 + c[LEVEL0 + level - 1, READER + I], WORD_READ + I]
            most = max(1, int(c[LEVEL0 + level, WORD_FILL + I] + served)) if c[COUNTS, level] > 1 else 0
        key = (key, most)
        if key not in self._blocks:
            fill_block(c, layer.g, layer.e, layer.q, t, self.refetches, w, level, most)
            stop.check()
            self._blocks[key] = t[level, planes].copy()
        t[level, planes] = self._blocks[key]


def _serves(c: Int, level: int, tensor: int) -> tuple[int, ...]:
    """What it costs to serve a tensor to the children of a level."""
    reader = c[LEVEL0 + c[LEVEL0 + level, READER + tensor]]
    return int(reader[WORD_READ + tensor]), int(reader[WORD_UPDATE + tensor]), int(c[LEVEL0 + level, SHARED + tensor])
