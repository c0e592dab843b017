"""Prices of one layer's run on one tile, with some operands held on chip: the single-layer program, cached."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace

from formulations.kernels.layout import INFINITE, pack_layer
from formulations.kernels.memo import Memo
from formulations.lattice import solve
from formulations.node_tiles import bits_held
from formulations.problem import Problem
from formulations.stop import Stop
from optimizer.cost import Accounting
from optimizer.hardware import Hardware
from optimizer.lowering import lower
from optimizer.pricing import Price
from optimizer.store import Store, content_key
from optimizer.workload import Layer


@dataclass(frozen=True)
class Aim:
    """What a run minimizes: energy plus `weight` energy units per cycle, or latency."""

    objective: str = "energy"
    weight: int = 0

    def value(self, energy: int, latency: int) -> int:
        """The objective."""
        return latency if self.objective == "latency" else energy + self.weight * latency


@dataclass(frozen=True)
class _Step:
    """The optimum where the room of level 1 is in ``low .. high`` bits (None: nothing fits)."""

    low: int
    high: int
    price: Price | None


class Runs:
    """Prices runs of layers; equal problems are solved once."""

    def __init__(self, accounting: Accounting, store: Store) -> None:
        self.accounting, self._store = accounting, store
        self.stop = Stop()
        self._memos: dict[object, Memo] = {}
        self._steps: dict[object, list[_Step]] = {}

    def price(
        self, layer: Layer, hardware: Hardware, aim: Aim, extents: Dict[str, int], pinned: frozenset[str],
        room_bits: int,
    ) -> Price | None:  # fmt: skip
        """Optimum of a run.

        Parameters
        ----------
        layer : Layer
        hardware : Hardware
        aim : Aim
        extents : mapping
            Extents of the dims that the tile cuts.
        pinned : frozenset of str
            Roles of the operands that level 1 holds before, during and after the run.
        room_bits : int
            What is left of level 1 for tiles of other operands.

        Returns
        -------
        Price or None
            None if nothing fits.
        """
        run = replace(layer, dims=tuple((dim, extents.get(dim, extent)) for dim, extent in layer.dims))
        problem = lower(run, hardware, accounting=self.accounting, pinned=pinned, room_bits=room_bits)
        unlimited = replace(problem.levels[1], capacity_bits=None)
        key = replace(problem, levels=(problem.levels[0], unlimited, *problem.levels[2:])), aim
        steps = self._steps.setdefault(key, [])
        for step in steps:
            if step.low <= room_bits <= step.high:
                return step.price
        price, low = self._solve(problem, aim), 0
        if price is not None and price.solution is not None:
            low = bits_held(problem, price.solution, 1)
        steps.append(_Step(low, room_bits, price))
        return price

    def _solve(self, problem: Problem, aim: Aim) -> Price | None:
        goal = "weighted" if aim.weight else aim.objective
        key = content_key(problem, goal, INFINITE, aim.weight)
        known, solution = self._store.optimum(key)
        if not known:
            shape = problem.extents, problem.irrelevant_to, problem.input_axes, problem.bits
            memo = self._memos.get(shape)
            if memo is None:
                memo = self._memos[shape] = Memo(pack_layer(problem))
            solution = solve(problem, goal, memo=memo, weight=aim.weight, stop=self.stop).solution
            self._store.note_optimum(key, solution)
        if solution is None:
            return None
        cycles = -(-solution.latency // problem.latency_unit)
        return Price(aim.value(solution.energy, cycles), solution.energy, cycles, solution)
