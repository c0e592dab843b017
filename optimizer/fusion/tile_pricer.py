"""Prices of one layer's run on one tile, with some operands held on chip: the single-layer program, cached."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeVar

from formulations.engines import Engine, PathEngine
from formulations.nest import Nest
from formulations.nest_check import nest_bits
from formulations.problem import UNLIMITED, LayerProblem
from formulations.stop import Stop
from optimizer.architecture.hardware import Hardware
from optimizer.fusion.plan import PricedRun
from optimizer.mapping.cost import Accounting
from optimizer.pricing.lowering import lower
from optimizer.pricing.pinned_rules import repeatable_rules
from optimizer.pricing.price import Price
from optimizer.pricing.settled import settled
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.store.recall import Question, recalled
from optimizer.store.store import Store, layer_label
from optimizer.workload.layer import ROLES, Layer

T = TypeVar("T")


@dataclass(frozen=True)
class _Step:
    """The optimum where the room of level 1 is in ``low .. high`` bits (None: nothing fits)."""

    low: int
    high: int
    price: Price | None


class Runs:
    """Prices runs of layers; equal problems are solved once.

    Parameters
    ----------
    accounting : {"timeloop", "looptree"}
    store : Store
    workers : int
        Threads of :meth:`side_by_side`.
    engine : Engine, optional
        The search, which may share tables with others.
    """

    def __init__(self, accounting: Accounting, store: Store, workers: int = 1, engine: Engine | None = None) -> None:
        self.accounting, self._store, self._workers = accounting, store, workers
        self.stop = Stop()
        self._lock, self._locks = Lock(), dict[object, Lock]()
        self._engine = engine or PathEngine()
        self._steps: dict[object, list[_Step]] = {}
        self._bounds: dict[object, list[tuple[int, int]]] = {}

    def price(
        self,
        layer: Layer,
        hardware: Hardware,
        aim: Aim,
        extents: Dict[str, int],
        pinned: frozenset[str],
        room_bits: int,
        cutoff: int = INFEASIBLE_COST,
        *,
        resumes: bool = False,
    ) -> Price | None:
        """Optimum of a run, or a lower bound once it is proved that none is below `cutoff`.

        Parameters
        ----------
        layer : Layer
        hardware : Hardware
        aim : Aim
        extents : mapping
            Extents of the dims that the tile (or slice) cuts.
        pinned : frozenset of str
            Roles of the operands that level 1 holds before, during and after the run.
        room_bits : int
            Bits of level 1 left for tiles of other operands; ignored if level 1 holds everything that it may keep.
        cutoff : int
            Mappings of this value or above are not searched.
        resumes : bool
            The output holds partial sums from before.

        Returns
        -------
        Price or None
            None if nothing fits.
        """
        if pinned | hardware.levels[1].must_bypass == frozenset(ROLES):
            room_bits = 0
        run = layer.with_extents(extents)
        problem = lower(run, hardware, accounting=self.accounting, pinned=pinned, room_bits=room_bits, resumes=resumes)
        with self._lock_of(problem):
            return self._price(run, problem, aim, room_bits, cutoff)

    def settled(self, layer: Layer, hardware: Hardware, run: PricedRun, stop: Stop) -> PricedRun:
        """A run with the mapping that depends on nothing but its problem (:mod:`optimizer.pricing.settled`)."""
        part = layer.with_extents(dict(run.shape.extents))
        problem = lower(
            part,
            hardware,
            accounting=self.accounting,
            pinned=run.pinned,
            room_bits=run.room_bits,
            resumes=run.shape.resumes,
        )
        label = layer_label(part.dims, "settled")
        return replace(run, price=settled(self._store, self._engine, problem, run.price, label, stop))

    def side_by_side(self, work: Callable[[T], object], items: Iterable[T]) -> None:
        """Apply a function to every item in parallel; its outcome must not depend on the other items."""
        with ThreadPoolExecutor(self._workers) as pool:
            list(pool.map(work, items))

    def _lock_of(self, problem: LayerProblem) -> Lock:
        """Held while a layer of this shape is searched: its tables are shared."""
        with self._lock:
            return self._locks.setdefault(problem.shape, Lock())

    def _price(self, run: Layer, problem: LayerProblem, aim: Aim, room_bits: int, cutoff: int) -> Price | None:
        unlimited = replace(problem.levels[1], capacity_bits=None)
        key = replace(problem, levels=(problem.levels[0], unlimited, *problem.levels[2:])), aim
        steps = self._steps.setdefault(key, [])
        for step in steps:
            if step.low <= room_bits <= step.high:
                return step.price
        known = max((value for room, value in self._bounds.get(key, ()) if room >= room_bits), default=0)
        if known >= cutoff:
            return Price(known)
        price, low = self._solve(run, problem, aim, cutoff), 0
        if price is not None and not price.found:
            self._bounds.setdefault(key, []).append((room_bits, price.value))
            return price
        if price is not None and price.solution is not None:
            low = nest_bits(problem, price.solution, 1)
        steps.append(_Step(low, room_bits, price))
        return price

    def _solve(self, run: Layer, problem: LayerProblem, aim: Aim, cutoff: int) -> Price | None:
        """The optimum of a problem; a lower bound if it is not below `cutoff`; None if nothing fits."""
        goal = "weighted" if aim.weight else aim.objective
        question = Question(problem, goal, aim.weight, engine=self._engine.name)
        label = layer_label(run.dims, goal)
        found = recalled(self._store, question, cutoff, lambda limit: self._search(problem, goal, aim, limit), label)
        if isinstance(found, int):
            return Price(found)
        if found is None:
            return None
        return Price(question.value(found), found.energy, question.cycles(found), found)

    def _search(self, problem: LayerProblem, goal: str, aim: Aim, cutoff: int) -> Nest | None:
        """The search."""
        cap, start = UNLIMITED, None
        if cutoff < INFEASIBLE_COST and goal == "latency":
            cap = min(cutoff * problem.latency_unit, UNLIMITED) - 1
        elif cutoff < INFEASIBLE_COST:
            start = cutoff, 0
        return self._engine.solve(problem, goal, latency_cap=cap, cutoff=start, weight=aim.weight, stop=self.stop)

    def best_pinned(self, layer: Layer, hardware: Hardware, aim: Aim, extents: Dict[str, int]) -> int | None:
        """Value of a run with all operands pinned that level 1 may keep, and level 1 moving any number of bits a cycle.

        A smaller run repeated over the rest is a mapping of it, and what level 1 serves costs no more than what is
        streamed from outside of it (see :mod:`optimizer.fusion.lower_bounds`). Of the layer's rules only those are
        asked that this mapping keeps as well (:func:`bounding`). None if nothing fits.
        """
        buffer = hardware.levels[1]
        if aim.objective == "latency" or aim.weight or any(level.leak_energy for level in hardware.levels):
            free = replace(buffer, read_bits_per_cycle=None, write_bits_per_cycle=None, shared_bits_per_cycle=None)
            hardware = replace(hardware, levels=(hardware.levels[0], free, *hardware.levels[2:]))
        pinned = frozenset(ROLES) - buffer.must_bypass
        price = self.price(bounding(layer, hardware), hardware, aim, extents, pinned, 0)
        return None if price is None else price.value


def bounding(layer: Layer, hardware: Hardware) -> Layer:
    """The layer under those of its rules that bounds may ask for (:func:`repeatable_rules`)."""
    return replace(layer, rules=repeatable_rules(layer.rules, [level.name for level in hardware.levels[:2]]))
