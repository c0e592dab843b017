"""Clash-free access patterns of one junction: start rows per sweep and memory, optional memory dither.

The left layer lies in z memories of D rows, neuron n in memory ``n mod z`` at row ``n div z``. Edges are numbered by
their right neuron, ``edge div fi``; clock ``edge div z`` handles slot ``edge mod z``. A *sweep* is D clocks, sweep k
being the k-th of fo. In a sweep each slot reads one memory, from a start row on: at clock t of the sweep, row
``(start + t) mod D``. So all slots of a clock read different memories, and a sweep reads every neuron once; what is
left to choose is which slot reads which memory from where. Rows of one right neuron may be counted from any first
clock: that turns all of them by the same number.

Variables: ``use[k, j, m, s]`` Boolean, in sweep k slot j reads memory m from row s on; without dither m = j only. With
equal sweeps the variables of all sweeps are the same. ``seen[r, row]`` Boolean, right neuron r reads from that row.
``spread`` integer, rows.

1. one (m, s) for every (k, j)
2. one (j, s) for every (k, m)
3. for a right neuron r whose edges lie in two sweeps, and every left neuron: the sum of ``use`` over the edges of r
   that would read it is at most 1 (no connection twice; within a sweep 1 and 2 see to that)
4. if partial sums are written `latency` clocks after they are read: for memory m in sweeps k and k + 1, starts s and s'
   with ``turn = (s - s') mod D`` are excluded unless ``turn > latency``, or ``turn = 0`` and ``D > latency`` (a row is
   read again after turn clocks if it wraps, after D + turn if not; sweeps further apart are more than D clocks apart)
5. ``seen[r, row] <= sum of use`` over the edges of r that would read from the row
6. ``sum_row seen[r, row] >= spread`` for every right neuron

Maximize ``spread``, or ask for a given one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ortools.sat.python import cp_model

from formulations.cp_sat import STATUS, SolverStatus, exact_solver


@dataclass(frozen=True)
class Interleaving:
    """The pattern asked for: D = `depth` rows, z = `parallel` memories, fo = `sweeps`, fi = `fan_in`.

    `equal_sweeps`: all sweeps have the same starts and dither. `latency`: clocks from the reading of a partial sum to
    its writing, None to leave that open. `distinct`: no connection twice. `spread`: rows every right neuron must read
    from, None to maximize.
    """

    depth: int
    parallel: int
    sweeps: int
    fan_in: int
    equal_sweeps: bool = False
    dither: bool = False
    latency: int | None = None
    distinct: bool = True
    spread: int | None = None

    @property
    def most_spread(self) -> int:
        """No right neuron reads from more rows than there are, or than it has edges."""
        return min(self.depth, self.fan_in)

    @property
    def literals(self) -> int:
        """How many ``use`` there are."""
        sweeps = 1 if self.equal_sweeps else self.sweeps
        return sweeps * self.parallel * (self.parallel if self.dither else 1) * self.depth


@dataclass(frozen=True)
class Interleaved:
    """``starts[k][m]``, ``order[k][j]`` (the memory that slot j reads), the spread reached and a proved bound of it."""

    status: SolverStatus
    starts: tuple[tuple[int, ...], ...] | None
    order: tuple[tuple[int, ...], ...] | None
    spread: int | None
    bound: int


Edge = tuple[int, int, int]
"""Sweep, clock of the sweep counted from the first edge's, slot."""


class _Program:
    """The program; ``self.use[k][j]`` maps (memory, start) to a literal."""

    def __init__(self, asked: Interleaving) -> None:
        self._asked = asked
        self.model = cp_model.CpModel()
        sweeps = [self._sweep() for _ in range(1 if asked.equal_sweeps else asked.sweeps)]
        self.use = [sweeps[0 if asked.equal_sweeps else k] for k in range(asked.sweeps)]
        self.spread = self.model.new_int_var(asked.spread or 1, asked.most_spread, "spread")
        for edges in dict.fromkeys(self._right_neurons()):
            self._distinct(edges)
            self._spread(edges)
        if asked.latency is not None:
            self._fresh(asked.latency)

    def _sweep(self) -> list[dict[tuple[int, int], cp_model.IntVar]]:
        asked, model = self._asked, self.model
        memories, rows = range(asked.parallel), range(asked.depth)
        sweep = [
            {(m, start): model.new_bool_var("use") for m in (memories if asked.dither else (j,)) for start in rows}
            for j in memories
        ]
        for slot in sweep:
            model.add_exactly_one(slot.values())  # (1)
        for memory in memories if asked.dither else ():
            model.add_exactly_one(literal for slot in sweep for (m, _), literal in slot.items() if m == memory)  # (2)
        return sweep

    def _right_neurons(self) -> Iterator[tuple[Edge, ...]]:
        """Edges of every right neuron."""
        asked = self._asked
        edges = asked.depth * asked.parallel * asked.sweeps
        for first in range(0, edges, asked.fan_in):
            places = [divmod(edge, asked.parallel) for edge in range(first, first + asked.fan_in)]
            begin = places[0][0]
            yield tuple(
                (0 if asked.equal_sweeps else clock // asked.depth, (clock - begin) % asked.depth, slot)
                for clock, slot in places
            )

    def _readers(self, edges: tuple[Edge, ...]) -> Iterator[tuple[int, int, cp_model.IntVar]]:
        """(memory, row, literal) of everything that these edges may read."""
        for sweep, clock, slot in edges:
            for (memory, start), literal in self.use[sweep][slot].items():
                yield memory, (start + clock) % self._asked.depth, literal

    def _distinct(self, edges: tuple[Edge, ...]) -> None:
        if not self._asked.distinct:
            return
        if len({sweep for sweep, _, _ in edges}) == 1 and not self._asked.equal_sweeps:
            return
        readers = defaultdict(list)
        for memory, row, literal in self._readers(edges):
            readers[memory, row].append(literal)
        for literals in readers.values():
            if len(literals) > 1:
                self.model.add(sum(literals) <= 1)  # (3)

    def _fresh(self, latency: int) -> None:
        asked = self._asked
        for first, second in zip(self.use, self.use[1:], strict=False):
            for memory in range(asked.parallel):
                for start in range(asked.depth):
                    for after in range(asked.depth):
                        turn = (start - after) % asked.depth
                        if not (turn > latency or (turn == 0 and asked.depth > latency)):
                            both = [*_starting(first, memory, start), *_starting(second, memory, after)]
                            self.model.add(sum(both) <= 1)  # (4)

    def _spread(self, edges: tuple[Edge, ...]) -> None:
        readers = defaultdict(list)
        for _, row, literal in self._readers(edges):
            readers[row].append(literal)
        seen = []
        for literals in readers.values():
            seen.append(self.model.new_bool_var("seen"))
            self.model.add(seen[-1] <= sum(literals))  # (5)
        self.model.add(sum(seen) >= self.spread)  # (6)


def _starting(sweep: list[dict[tuple[int, int], cp_model.IntVar]], memory: int, start: int) -> list[cp_model.IntVar]:
    """Literals by which a sweep reads a memory from a row on."""
    return [slot[memory, start] for slot in sweep if (memory, start) in slot]


def solve_interleaving(
    asked: Interleaving, *, time_limit_s: float | None = None, workers: int = 1, seed: int = 0
) -> Interleaved:
    """A pattern of the most spread, or of the one asked for.

    Parameters
    ----------
    asked : Interleaving
    time_limit_s : float, optional
    workers, seed : int
        Threads and random seed of the solver; different seeds may give different patterns.

    Returns
    -------
    Interleaved
        OPTIMAL if the spread is proved to be the most, or the one asked for is met.
    """
    if (asked.spread or 1) > asked.most_spread:
        return Interleaved(SolverStatus.INFEASIBLE, None, None, None, asked.most_spread)
    program = _Program(asked)
    if asked.spread is None:
        program.model.maximize(program.spread)
    solver = exact_solver(workers, seed, time_limit_s)
    status = STATUS[solver.solve(program.model)]
    if status in (SolverStatus.INFEASIBLE, SolverStatus.UNKNOWN):
        return Interleaved(status, None, None, None, asked.most_spread)
    starts, order = [], []
    for sweep in program.use:
        chosen = [next(key for key, literal in slot.items() if solver.boolean_value(literal)) for slot in sweep]
        order.append(tuple(memory for memory, _ in chosen))
        starts.append(tuple(start for _, start in sorted(chosen)))
    reached = solver.value(program.spread)
    bound = math.ceil(solver.best_objective_bound) if asked.spread is None else asked.most_spread
    bound = reached if status is SolverStatus.OPTIMAL and asked.spread is None else bound
    status = status.settled(-reached, -bound) if asked.spread is None else status
    return Interleaved(status, tuple(starts), tuple(order), reached, bound)
