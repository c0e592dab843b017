"""Prices of one layer on hardware points: optimum or bound, padded variants, tables and results shared."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from functools import partial

from formulations.engines import CutShortError, Engine, PathEngine
from formulations.faults import FaultError
from formulations.nest import Nest
from formulations.problem import LayerProblem
from formulations.spread import fewest_cycles
from formulations.stop import Stop
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting
from optimizer.mapping.lower_bounds import least_energy
from optimizer.pricing.known_mappings import KnownMappings
from optimizer.pricing.known_optima import KnownOptima
from optimizer.pricing.lowering import lower
from optimizer.pricing.price import Price, StoppedSearch
from optimizer.pricing.settled import settled
from optimizer.problem.disagreement import disagreement
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.store.recall import Question, recalled
from optimizer.store.store import Store, layer_label
from optimizer.workload.layer import Layer


@dataclass
class _Known:
    """Cached mappings of one problem, found under other objectives."""

    solutions: list[Nest] = field(default_factory=list)

    def note(self, solution: Nest) -> None:
        """Remember an optimum."""
        self.solutions.append(solution)

    def best(self, weight: int, unit: int) -> Nest | None:
        """The best cached mapping under a weight, ties broken by latency; a cycle is `unit` latency units."""
        return min(self.solutions, key=lambda s: (s.energy + weight * -(-s.latency // unit), s.latency), default=None)


class Pricer:
    """Prices one layer; equal layers share one pricer. Its `stop` ends a running search.

    Parameters
    ----------
    layer : Layer
    count : int
        How many times the network runs it.
    accounting : {"timeloop", "looptree"}
    padding : mapping
        Per dim the larger extents it may be padded to.
    store : Store
    engine : Engine, optional
        The search, which may share tables with others.
    """

    def __init__(
        self,
        layer: Layer,
        count: int,
        accounting: Accounting,
        padding: Dict[str, tuple[int, ...]],
        store: Store,
        engine: Engine | None = None,
    ) -> None:
        self.layer, self.count, self._accounting, self._store = layer, count, accounting, store
        self.variants = list(_padded(layer, padding))
        self.stop = Stop()
        self.stopped_search: StoppedSearch | None = None
        self.engine = engine or PathEngine()
        self._known: dict[LayerProblem, _Known] = {}
        self._mappings: dict[tuple[tuple[str, int], ...], KnownMappings] = {}
        self._optima: dict[tuple[tuple[str, int], ...], KnownOptima] = {}

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return self.layer.macs

    def lower(self, hardware: Hardware, extents: tuple[tuple[str, int], ...]) -> LayerProblem:
        """The integer problem of one padded variant; fan-outs whose axes take the same dims lie on their long side."""
        problem = lower(self.layer, hardware, accounting=self._accounting, extents=dict(extents))
        levels = [
            replace(level, fanout=_sorted(level.fanout)) if level.spatial_x == level.spatial_y else level
            for level in problem.levels
        ]
        return replace(problem, levels=tuple(levels))

    def latency_bound(self, hardware: Hardware) -> int:
        """Lower bound on the cycles of any mapping (:func:`fewest_cycles`)."""
        return min(fewest_cycles(self.lower(hardware, extents)) for extents in self.variants)

    def energy_bound(self, hardware: Hardware) -> int:
        """Lower bound on the energy units of any mapping: multiply-accumulates and compulsory accesses."""
        return least_energy(self.layer, hardware)

    def price(
        self,
        hardware: Hardware,
        objective: str = "energy",
        *,
        weight: int = 0,
        cap: int = INFEASIBLE_COST,
        cutoff: int = INFEASIBLE_COST,
    ) -> Price | None:
        """Optimum over all padded variants, or a lower bound once it is proved that none is below `cutoff`.

        Parameters
        ----------
        hardware : Hardware
        objective : {"energy", "latency"}
        weight : int
            With objective energy: energy units charged per cycle on top.
        cap : int
            Most cycles allowed.
        cutoff : int
            Mappings of this value or above are not searched.

        Returns
        -------
        Price or None
            None if no mapping fits at all.
        """
        best: Price | None = None
        for extents in self.variants:
            limit = cutoff if best is None else min(cutoff, best.value)
            found = self._variant(hardware, extents, objective, weight, cap, limit)
            if found is not None and (best is None or _rank(found) < _rank(best)):
                best = found
        return best

    def begin(self, hardware: Hardware, objective: str) -> None:
        """Remember a first mapping, if the engine finds one at once and the store has no optimum.

        The exact searches start from its value.
        """
        for extents in self.variants:
            problem = self.lower(hardware, extents)
            known, _ = self._store.optimum(Question(problem, objective, engine=self.engine.name).key)
            found = None if known else self.engine.first(problem, objective, self.stop)
            if found is not None:
                self._others(extents).note(problem, hardware, found)

    def known(self, hardware: Hardware, objective: str) -> Price | None:
        """The best design of the mappings found on other hardware; None if none fits. Nothing is searched."""
        options = []
        for extents, mappings in self._mappings.items():
            found = mappings.best(partial(self.lower, hardware, extents), hardware, objective)
            if found is not None:
                energy, cycles, solution = found
                options.append(Price(energy if objective == "energy" else cycles, energy, cycles, solution, extents))
        return min(options, key=lambda price: price.value, default=None)

    def settled(self, hardware: Hardware, price: Price, stop: Stop) -> Price:
        """The price of an optimum with the mapping that depends on nothing but the problem (:mod:`settled`)."""
        problem = self.lower(hardware, price.extents)
        return settled(self._store, self.engine, problem, price, layer_label(price.extents, "settled"), stop)

    def floor(self, hardware: Hardware, objective: str) -> int:
        """A lower bound from the searches on other hardware; 0 if they show nothing."""
        known = [self._optima.get(extents) for extents in self.variants]
        if any(optima is None for optima in known):
            return 0
        pairs = zip(known, self.variants, strict=True)
        return min(
            optima.floor(self.lower(hardware, extents), (objective, 0))
            for optima, extents in pairs
            if optima is not None
        )

    def _others(self, extents: tuple[tuple[str, int], ...]) -> KnownMappings:
        if extents not in self._mappings:
            self._mappings[extents] = KnownMappings(self.layer, self._accounting, dict(extents))
        return self._mappings[extents]

    def _variant(
        self,
        hardware: Hardware,
        extents: tuple[tuple[str, int], ...],
        objective: str,
        weight: int,
        cap: int,
        cutoff: int,
    ) -> Price | None:
        problem = self.lower(hardware, extents)
        mappings = self._known.setdefault(problem, _Known())
        latency_cap = min(cap * problem.latency_unit, INFEASIBLE_COST)
        goal = "weighted" if objective == "energy" and weight else objective
        question = Question(problem, goal, weight, latency_cap, self.engine.name)
        others, rival = self._others(extents), None
        if goal == "energy":
            rival = others.best(lambda: problem, hardware, "energy")
        if cap >= INFEASIBLE_COST:
            optima = self._optima.setdefault(extents, KnownOptima())
            same = None if hardware.choices else optima.same(problem, (goal, weight))
            if same is not None:
                return self._price(question, same, extents)
            if optima.floor(problem, (goal, weight)) >= cutoff:
                return Price(cutoff)
        try:
            found = recalled(
                self._store,
                question,
                cutoff,
                lambda limit: self._search(problem, goal, weight, latency_cap, limit, mappings, rival),
                layer_label(extents, goal),
            )
        except CutShortError as stopped:
            price = None if stopped.nest is None else self._price(question, stopped.nest, extents)
            whole = len(self.variants) == 1 and cap >= INFEASIBLE_COST  # else it bounds a part of the mappings only
            bound = stopped.bound if whole else 0
            self.stopped_search = StoppedSearch(hardware, objective, weight, price, bound)
            raise
        except FaultError as fault:
            raise disagreement(f"layer {self.layer.name}: {fault}") from fault
        if cap >= INFEASIBLE_COST and found is not None:
            known = found if isinstance(found, int) else question.value(found)
            optima.note(problem, (goal, weight), known, None if isinstance(found, int) else found)
        if isinstance(found, int):
            return Price(found)
        if found is None:
            return None
        others.note(problem, hardware, found)
        if cap >= INFEASIBLE_COST:
            mappings.note(found)
        return self._price(question, found, extents)

    @staticmethod
    def _price(question: Question, found: Nest, extents: tuple[tuple[str, int], ...]) -> Price:
        return Price(question.value(found), found.energy, question.cycles(found), found, extents)

    def _search(
        self,
        problem: LayerProblem,
        goal: str,
        weight: int,
        latency_cap: int,
        cutoff: int,
        mappings: _Known,
        rival: tuple[int, int, Nest] | None,
    ) -> Nest | None:
        """The optimum if it is below `cutoff`; the search starts from the best cached mapping.

        Warm start: a mapping found on other hardware (`rival`: its energy and cycles here) is an upper bound if it
        fits. Of nests of equal energy and cycles it may change which one is found.

        Raises
        ------
        InternalDisagreementError
            If the search finds no mapping as good as one that fits.
        """
        unit, limit, start = problem.latency_unit, None, None
        known = (INFEASIBLE_COST, INFEASIBLE_COST)
        if goal == "energy" and latency_cap >= INFEASIBLE_COST and rival is not None:
            known = rival[0], rival[1] * unit + 1
        if goal == "weighted" and latency_cap >= INFEASIBLE_COST:
            start = mappings.best(weight, unit)
        if cutoff < INFEASIBLE_COST and goal == "latency":
            latency_cap = min(latency_cap, cutoff * unit - 1)
        elif cutoff < INFEASIBLE_COST:
            limit = (cutoff, 0)
        if start is not None and (limit is None or start.energy + weight * -(-start.latency // unit) < cutoff):
            limit = start.energy, start.latency
        else:
            start = None
        if known[0] < min(cutoff, INFEASIBLE_COST):
            limit = known
        found = (
            self.engine.solve(
                problem,
                goal,
                latency_cap=latency_cap,
                cutoff=limit,
                weight=weight,
                stop=self.stop,
            )
            or start
        )
        if found is None and known[0] < min(cutoff, INFEASIBLE_COST):
            raise disagreement(
                f"layer {self.layer.name} has a mapping of energy {known[0]}, latency {known[1] - 1}; the search finds "
                "none as good"
            )
        return found


def _rank(price: Price) -> tuple[int, bool]:
    return price.value, not price.found


def _sorted(fanout: tuple[int, int]) -> tuple[int, int]:
    return (fanout[1], fanout[0]) if fanout[0] < fanout[1] else fanout


def _padded(layer: Layer, padding: Dict[str, tuple[int, ...]]) -> Iterator[tuple[tuple[str, int], ...]]:
    """Every combination of padded extents, the unpadded one first."""
    options = [[extent, *sorted(e for e in set(padding.get(dim, ())) if e > extent)] for dim, extent in layer.dims]
    names = [dim for dim, _ in layer.dims]
    for chosen in sorted(itertools.product(*options), key=math.prod):
        yield tuple(zip(names, chosen, strict=True))
