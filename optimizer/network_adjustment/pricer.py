"""The best widths of a network on hardware points, proved.

The program of :mod:`formulations.networks.widths` uses lower bounds for layers that are not priced. Its relaxation is
solved and the layers that it uses are priced, until all of them are priced: its value is then a tight bound. A literal
whose toll exceeds the gap between the incumbent and this bound is in no better design, so it is left out. The smaller
program is solved, the layers of its solution are priced, and so on, until all layers of a solution are priced. No other
widths cost less: widths in the program cost at least their bounds, and widths left out cost at least the bound plus a
toll.

Each answer, once priced, is a design, so a search that is stopped has one, and the bound proved by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from formulations.cp_sat import SolverStatus
from formulations.networks.width_bound import WidthRelaxation
from formulations.networks.widths import Values, WidthProgram
from formulations.stop import Stop, StoppedError
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting
from optimizer.network_adjustment.costs import WidthCosts
from optimizer.network_adjustment.space import WidthSpace
from optimizer.pricing.price import Price, StoppedSearch
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.problem.space import DEFAULT_ENGINE
from optimizer.store.store import Store

FIRST_TOLL = 12
"""The first program has the literals whose toll is at most the bound over two to this power; later ones four times
that, until nothing better can be left out."""


@dataclass(frozen=True)
class WidthPrice(Price):
    """Cost of the network on a hardware point, and its widths, one per class (none: only a bound)."""

    widths: Values = field(default=(), kw_only=True)

    @property
    def found(self) -> bool:
        """Is it the price of a design, not only a bound?"""
        return bool(self.widths)


@dataclass
class PricingEffort:
    """Effort of the search: programs solved, layers priced exactly, different layers in all the tables."""

    rounds: int = 0
    priced: int = 0
    layers: int = 0


Watch = Callable[[Hardware, Aim, int | None, int, PricingEffort], None]
"""Called after every round with the point, the aim, the best value found and the bound proved."""


class WidthPricer:
    """Prices the network with the optimal widths for a hardware point and an aim.

    It takes the place of the layers in the branch and bound over hardware points
    (:mod:`optimizer.search.branch_and_bound`).
    """

    count = 1

    def __init__(
        self,
        space: WidthSpace,
        accounting: Accounting,
        store: Store,
        *,
        workers: int = 1,
        seed: int = 0,
        watch: Watch | None = None,
        engine: str = DEFAULT_ENGINE,
    ) -> None:
        self.space, self.stop, self.effort = space, Stop(), PricingEffort()
        self.stopped_search: StoppedSearch | None = None
        self.workers, self.seed = workers, seed
        self._accounting, self._store, self._watch, self._engine = accounting, store, watch, engine
        self._proved: dict[tuple[Hardware, Aim], WidthPrice | None] = {}
        self._cycles: dict[Hardware, dict[object, int]] = {}

    @property
    def macs(self) -> int:
        """Least multiply-accumulates of an adjusted network."""
        return self.space.least_macs

    def latency_bound(self, hardware: Hardware) -> int:
        """Lower bound on the network's cycles: the least work allowed, on all multipliers."""
        return -(-self.macs // hardware.macs_per_cycle)

    def energy_bound(self, hardware: Hardware) -> int:
        """0: there is no bound without a search."""
        return 0

    def floor(self, hardware: Hardware, objective: str) -> int:
        """0: nothing is kept of other hardware."""
        return 0

    def price(
        self,
        hardware: Hardware,
        objective: str = "energy",
        *,
        weight: int = 0,
        cap: int = INFEASIBLE_COST,
        cutoff: int = INFEASIBLE_COST,
    ) -> WidthPrice | None:
        """The best widths, or a lower bound once it is proved that none are below `cutoff`; None if none fit.

        Raises
        ------
        ValueError
            If latency is capped: energies under a cap are not sums of optima.
        """
        if cap < INFEASIBLE_COST:
            raise ValueError("no cap on the latency of networks that are adjusted")
        aim = Aim(objective, weight)
        if (hardware, aim) not in self._proved:
            found = self._search(hardware, aim, cutoff)
            if found is not None and not found.found:
                return found
            self._proved[hardware, aim] = found
        return self._proved[hardware, aim]

    def _search(self, hardware: Hardware, aim: Aim, cutoff: int) -> WidthPrice | None:
        cycles = self._cycles.setdefault(hardware, {})
        costs = WidthCosts(
            self.space,
            hardware,
            aim,
            self._accounting,
            self._store,
            self.stop,
            self.workers,
            cycles,
            self._engine,
        )
        search = _Search(self, costs, hardware, aim)
        try:
            return search.run(cutoff)
        except StoppedError:
            self.stopped_search = StoppedSearch(hardware, aim.objective, aim.weight, search.best, search.bound)
            raise

    def note(self, search: _Search) -> None:
        """Count a round, and tell of it."""
        self.effort.rounds += 1
        self.effort.layers = search.costs.shapes
        if self._watch is not None:
            value = None if search.best is None else search.best.value
            self._watch(search.hardware, search.aim, value, search.bound, self.effort)


class _Search:
    """One search: a hardware point and an aim."""

    def __init__(self, pricer: WidthPricer, costs: WidthCosts, hardware: Hardware, aim: Aim) -> None:
        self._pricer, self.costs, self.hardware, self.aim = pricer, costs, hardware, aim
        self._program = WidthProgram(pricer.space.problem)
        self._relaxation = WidthRelaxation(self._program)
        self.best: WidthPrice | None = None
        self.bound = 0
        self._entries: dict[int, list[tuple[int, int]]] = {}
        for table, literals in enumerate(self._program.read):
            for n, literal in enumerate(literals):
                self._entries.setdefault(literal, []).append((table, n))
        self._forbidden: set[int] = set()

    def run(self, cutoff: int) -> WidthPrice | None:
        """The best design, a bound of at least `cutoff`, or None if there is no design."""
        toll = 0
        start = self._pricer.space.start
        self._price(enumerate(start))
        if start and self.costs.fits:
            self._keep(start, self._pricer.space.start_widths)
        while True:
            base, rows = self.costs.base, self.costs.rows()
            relaxed = self._relaxation.bound(rows)
            least = base + relaxed.bound
            self.bound = max(self.bound, least)
            self._pricer.note(self)
            if self.best is not None and self.best.value <= self.bound:
                return self.best
            if self.bound >= cutoff:
                return WidthPrice(self.bound)
            if self._price([entry for column in relaxed.used for entry in self._entries.get(column, ())]):
                if not self.costs.fits:
                    return None
                continue
            span = max(relaxed.tolls, default=0) if self.best is None else self.best.value - least
            toll = min(max(toll, least >> FIRST_TOLL), span)
            allowed = [column for column in relaxed.within(toll) if column not in self._forbidden]
            answer = self._program.least(
                rows, allowed, self._pricer.stop, workers=self._pricer.workers, seed=self._pricer.seed
            )
            self._pricer.stop.check()
            if answer.status is SolverStatus.INFEASIBLE:
                if toll >= span:
                    return self.best
                toll = 4 * toll + 1
                continue
            self.bound = max(self.bound, min(base + answer.bound, least + toll + 1))
            priced = self._price(enumerate(answer.entries))
            self._keep(answer.entries, answer.widths)
            if not priced:
                toll = 4 * toll + 1

    def _price(self, entries: Iterable[tuple[int, int]]) -> bool:
        """Price the layers of entries, and forbid entries that do not fit; false if all were priced already."""
        numbers = self.costs.unpriced(entries)
        self.costs.price(numbers)
        self._pricer.effort.priced += len(numbers)
        unfit = {self._program.read[table][n] for table, n in self.costs.unfit()} - self._forbidden
        self._relaxation.forbid(unfit)
        self._forbidden |= unfit
        return bool(numbers)

    def _keep(self, entries: Values, widths: Values) -> None:
        """Keep a design whose layers are priced, if they fit and it is the best so far."""
        if not self._forbidden.isdisjoint(row[n] for row, n in zip(self._program.read, entries, strict=True)):
            return
        energy, latency = self.costs.totals(entries)
        found = WidthPrice(self.aim.value(energy, latency), energy, latency, widths=self._pricer.space.widths(widths))
        if self.best is None or found.value < self.best.value:
            self.best = found
