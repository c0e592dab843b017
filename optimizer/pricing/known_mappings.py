"""Mappings of a layer found on other hardware, priced on new hardware: designs without a search.

What a mapping does to the memories does not depend on their sizes, energies and ports. So its cost on other hardware is
a sum of products. The counts are those of the cost model (:func:`optimizer.mapping.cost.evaluate`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from formulations.nest import FanOutItem, Nest
from formulations.nest_check import nest_bits
from formulations.problem import INFINITE, LayerProblem
from formulations.spread import spreads
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting, evaluate, port_cycles, used_instances
from optimizer.pricing.lowering import lift
from optimizer.workload.layer import Layer

Fanouts = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Work:
    """A mapping, whatever the hardware.

    Accesses (steps first, then reads, fills, updates of every level), bits held per inner level, bits that the ports of
    an instance read and write per level, cycles of the multipliers, instances in use.
    """

    solution: Nest
    counts: tuple[int, ...]
    held: tuple[int, ...]
    moved: tuple[tuple[int, int], ...]
    compute: int
    instances: tuple[int, ...]


class KnownMappings:
    """Mappings of a layer with given extents.

    Parameters
    ----------
    layer : Layer
    accounting : {"timeloop", "looptree"}
    extents : mapping of str to int
        Padded.
    """

    def __init__(self, layer: Layer, accounting: Accounting, extents: dict[str, int]) -> None:
        self._layer, self._accounting, self._extents = layer, accounting, extents
        self._known: dict[Nest, _Work] = {}
        self._counts: NDArray[np.float64] | None = None
        self._held: NDArray[np.int64] | None = None
        self._spread: dict[Fanouts, list[bool]] = {}

    def note(self, problem: LayerProblem, hardware: Hardware, solution: Nest) -> None:
        """Remember a mapping that was found on some hardware."""
        if solution in self._known:
            return
        mapping = lift(self._layer, problem, solution, extents=self._extents)
        cost = evaluate(self._layer, hardware, mapping, accounting=self._accounting)
        levels = range(len(hardware.levels))
        counts, moved = [cost.macs], []
        for number in levels:
            kept = [access for (at, _), access in cost.counts.items() if at == number]
            width = hardware.levels[number].access_bits
            for name in ("read_bits", "fill_bits", "update_bits"):
                counts.append(sum(-(-getattr(one, name) // width) * one.instances for one in kept))
            written = sum(one.fill_bits + one.update_bits for one in kept)
            moved.append((sum(one.read_bits for one in kept), written))
        self._known[solution] = _Work(
            solution,
            tuple(counts),
            tuple(nest_bits(problem, solution, number) for number in levels[1:]),
            tuple(moved),
            cost.compute_cycles,
            tuple(used_instances(mapping, number) for number in levels),
        )
        self._counts = self._held = None

    def best(
        self, lowered: Callable[[], LayerProblem], hardware: Hardware, objective: str
    ) -> tuple[int, int, Nest] | None:
        """Energy, cycles and solution of the best known mapping that fits; None if none does.

        The objective is ``energy`` or ``latency``; ties go to the other one. The problem is lowered only for new
        fan-outs.
        """
        works = list(self._known.values())
        if not works:
            return None
        fitting = np.flatnonzero(self._fitting(lowered, hardware, works))
        if not len(fitting):
            return None
        leaks = any(level.leak_energy for level in hardware.levels)
        if objective == "energy" and not leaks:
            fitting = self._cheapest(fitting, hardware)
        prices = ((*self._price(works[int(n)], hardware), works[int(n)].solution) for n in fitting)
        return min(prices, key=lambda it: it[:2] if objective == "energy" else (it[1], it[0]))

    def _cheapest(self, fitting: NDArray[np.int64], hardware: Hardware) -> NDArray[np.int64]:
        """Those of about the least energy, in floating point: one of them is least."""
        assert self._counts is not None
        rough = self._counts[fitting] @ np.array(_energies(hardware), dtype=float)
        found: NDArray[np.int64] = fitting[rough <= rough.min() * (1 + 1e-9)]
        return found

    def _fitting(
        self, lowered: Callable[[], LayerProblem], hardware: Hardware, works: list[_Work]
    ) -> NDArray[np.bool_]:
        """Which mappings fit into the memories and the fan-outs?"""
        if self._counts is None or self._held is None:
            self._counts = np.array([work.counts for work in works], dtype=float)
            self._held = np.array([[min(bits, INFINITE + 1) for bits in work.held] for work in works], dtype=np.int64)
        sizes = [level.usable_bits for level in hardware.levels[1:]]
        most = np.array([INFINITE + 1 if size is None else min(size, INFINITE) for size in sizes], dtype=np.int64)
        spread = self._spread.setdefault(tuple(hardware.fanout(n) for n in range(len(hardware.levels))), [])
        if len(spread) < len(works):
            problem = lowered()
            spread += [_spreads(problem, work.solution) for work in works[len(spread) :]]
        found: NDArray[np.bool_] = (self._held <= most).all(axis=1) & np.array(spread)
        return found

    def _price(self, work: _Work, hardware: Hardware) -> tuple[int, int]:
        """Energy and whole cycles."""
        pairs = zip(hardware.levels, work.moved, strict=True)
        busy = [port_cycles(level, *moved, self._accounting) for level, moved in pairs]
        cycles = math.ceil(max([Fraction(work.compute), *busy]))
        energy = sum(n * e for n, e in zip(work.counts, _energies(hardware), strict=True))
        leaks = sum(level.leak_energy * used for level, used in zip(hardware.levels, work.instances, strict=True))
        return energy + leaks * cycles, cycles


def _energies(hardware: Hardware) -> list[int]:
    """Energies of the counts of a mapping; they may leave 64 bits."""
    own = [e for level in hardware.levels for e in (level.read_energy, level.fill_energy, level.update_energy)]
    return [hardware.mac_energy, *own]


def _spreads(problem: LayerProblem, solution: Nest) -> bool:
    """Do the spatial factors fit the fan-outs, and use as many multipliers as the rules ask?"""
    spatial = [(item.level, item.factors) for item in solution.items if isinstance(item, FanOutItem)]
    used = math.prod(math.prod(factors) for _, factors in spatial)
    return used >= problem.rules.least_used and all(spreads(problem, number, factors) for number, factors in spatial)
