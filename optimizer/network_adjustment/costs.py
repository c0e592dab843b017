"""Costs of the layers of all adjusted networks on one hardware point: lower bounds at first, exact prices on demand."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from formulations.engines import engine_of
from formulations.stop import Stop
from optimizer.architecture.hardware import Hardware
from optimizer.fusion.lower_bounds import RunBounds
from optimizer.fusion.tile_pricer import Runs
from optimizer.mapping.cost import Accounting
from optimizer.mapping.lower_bounds import layer_limits
from optimizer.mapping.vector_cost import vector_cost
from optimizer.network_adjustment.space import Piece, WidthSpace
from optimizer.pricing.layer_pricer import Pricer
from optimizer.pricing.price import Price
from optimizer.problem.goal import Aim
from optimizer.problem.space import DEFAULT_ENGINE
from optimizer.store.store import Store
from optimizer.workload.layer import Layer, VectorLayer

EVERY = "path"
"""The search behind bounds on every nest."""
Entry = tuple[int, list[tuple[int, int]]]
"""Cost of vector layers; then (number of a shape, runs) of the others."""


class WidthCosts:
    """Costs of all entries of a space on one hardware point under one aim.

    A multiply-accumulate layer costs at least its layer bound: for energy, the cost of every step at the innermost
    level and every word outside (:class:`RunBounds` over the nests of the `engine`), or the limits of
    :mod:`optimizer.mapping.lower_bounds`; of cycles the best use of the array and compulsory traffic. Once priced it
    costs its proved optimum. `cycles` holds layer bounds of cycles that are known for the point, by shape; new ones are
    added.
    """

    def __init__(
        self,
        space: WidthSpace,
        hardware: Hardware,
        aim: Aim,
        accounting: Accounting,
        store: Store,
        stop: Stop,
        workers: int,
        cycles: dict[object, int],
        engine: str,
    ) -> None:
        self._space, self._hardware, self._aim = space, hardware, aim
        self._accounting, self._store, self._stop, self._workers = accounting, store, stop, workers
        self._cycles, self._engine = cycles, engine
        self._runs = Runs(accounting, store, engine=engine_of(engine if engine == DEFAULT_ENGINE else EVERY))
        self._number: dict[object, int] = {}
        self._layers: list[Layer] = []
        self._prices: dict[int, Price | None] = {}
        self._fixed = self._written(space.fixed)
        self._tables = [[self._written(pieces) for pieces in rows] for rows in space.pieces]
        self._layer_bounds = [self._lower_bound(layer) for layer in self._layers]

    @property
    def shapes(self) -> int:
        """How many different layers there are."""
        return len(self._layers)

    @property
    def priced(self) -> int:
        """How many of them are priced."""
        return len(self._prices)

    def rows(self) -> list[list[int]]:
        """Cost of every table entry under the current prices and bounds; an entry that does not fit costs its bound."""
        known = [self._known(number) for number in range(len(self._layers))]
        return [[self._sum(entry, known) for entry in rows] for rows in self._tables]

    def unpriced(self, entries: Iterable[tuple[int, int]]) -> list[int]:
        """Layers that only have a bound, among given entries (table, entry) and the layers that no width changes."""
        wanted = [self._fixed, *(self._tables[table][n] for table, n in entries)]
        numbers = dict.fromkeys(number for _, runs in wanted for number, _ in runs)
        return [number for number in numbers if number not in self._prices]

    def price(self, numbers: Iterable[int]) -> None:
        """Price these layers."""

        def ask(number: int) -> Price | None:
            self._stop.check()
            engine = engine_of(self._engine)
            pricer = Pricer(self._layers[number], 1, self._accounting, {}, self._store, engine)
            pricer.stop = self._stop
            return pricer.price(self._hardware, self._aim.objective, weight=self._aim.weight)

        wanted = list(numbers)
        with ThreadPoolExecutor(self._workers) as pool:
            self._prices.update(zip(wanted, pool.map(ask, wanted), strict=True))

    def unfit(self) -> list[tuple[int, int]]:
        """Entries, as (table, entry), with a layer that was priced and fits by no mapping."""
        bad = {number for number, price in self._prices.items() if price is None}
        return (
            [
                (table, n)
                for table, rows in enumerate(self._tables)
                for n, (_, runs) in enumerate(rows)
                if any(number in bad for number, _ in runs)
            ]
            if bad
            else []
        )

    @property
    def fits(self) -> bool:
        """Do the layers that no width changes fit, as far as they are priced?"""
        return all(self._prices.get(number, True) is not None for number, _ in self._fixed[1])

    @property
    def base(self) -> int:
        """Cost of everything that no width changes, under the current prices and bounds."""
        return self._sum(self._fixed, {number: self._known(number) for number, _ in self._fixed[1]})

    def totals(self, chosen: Iterable[int]) -> tuple[int, int]:
        """Energy units and cycles of the network of the entries chosen, whose layers are all priced."""
        energy = latency = 0
        for pieces in (self._space.fixed, *(rows[n] for rows, n in zip(self._space.pieces, chosen, strict=True))):
            for piece in pieces:
                one = self._one(piece)
                energy += piece.runs * one[0] if piece.energy else 0
                latency += piece.runs * one[1] if piece.latency else 0
        return energy, latency

    def _one(self, piece: Piece) -> tuple[int, int]:
        """Energy units and cycles of one run."""
        if isinstance(piece.layer, VectorLayer):
            cost = vector_cost(piece.layer, self._hardware, self._accounting)
            return cost.energy, cost.latency_cycles
        price = self._prices[self._number[piece.layer.shape_key()]]
        assert price is not None
        return price.energy, price.latency

    def _written(self, pieces: list[Piece]) -> Entry:
        vectors, runs = 0, []
        for piece in pieces:
            if isinstance(piece.layer, VectorLayer):
                energy, cycles = self._one(piece)
                vectors += piece.runs * self._aim.value(energy * piece.energy, cycles * piece.latency)
                continue
            number = self._number.setdefault(piece.layer.shape_key(), len(self._layers))
            if number == len(self._layers):
                self._layers.append(piece.layer)
            runs.append((number, piece.runs))
        return vectors, runs

    def _lower_bound(self, layer: Layer) -> int:
        self._stop.check()
        cycles = 0
        if self._aim.objective == "latency" or self._aim.weight:
            key = layer.shape_key()
            if key not in self._cycles:
                pricer = Pricer(layer, 1, self._accounting, {}, self._store)
                self._cycles[key] = pricer.latency_bound(self._hardware)
            cycles = self._cycles[key]
        if self._aim.objective == "latency":
            return cycles
        free = replace(layer, rules=())  # the bound is one of runs with tensors pinned, which need not keep rules
        served = RunBounds(self._runs, self._hardware, Aim()).of(free, {}, frozenset())
        return max(served, layer_limits(layer, self._hardware).energy) + self._aim.weight * cycles

    def _known(self, number: int) -> int:
        price = self._prices.get(number)
        return self._layer_bounds[number] if price is None else price.value

    @staticmethod
    def _sum(entry: Entry, known: list[int] | dict[int, int]) -> int:
        vectors, runs = entry
        return vectors + sum(times * known[number] for number, times in runs)
