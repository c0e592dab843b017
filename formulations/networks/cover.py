"""Which groups cover a network at the least cost: an exact cover by groups that can run one after the other.

The solver is loaded when there are groups to choose from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx


@dataclass(frozen=True)
class Candidate:
    """A group of layers (numbers) and what it costs, or a bound on that."""

    members: tuple[int, ...]
    value: int


class NoCoverError(ValueError):
    """The candidates do not cover all layers."""


class Cover:
    """Exact cover of layers by groups.

    Variables: ``chosen[g]`` Boolean per candidate g.

    1. ``sum_{g contains n} chosen[g] == 1`` for every layer n.
    2. The chosen groups can run one after the other: for every cycle of groups, each of which reads from the one
       before, ``sum_{g in cycle} chosen[g] <= |cycle| - 1``. (Groups are convex, but two convex groups may read from
       each other.) Cycles are found in answers and forbidden one by one.
    3. Minimize ``sum_g value[g] chosen[g]``.

    Parameters
    ----------
    layers : int
        Number of layers.
    edges : iterable of (int, int)
        Who reads from whom.
    """

    def __init__(self, layers: int, edges: Iterable[tuple[int, int]]) -> None:
        self._layers, self._edges = layers, tuple(edges)
        self._cycles: set[tuple[tuple[int, ...], ...]] = set()

    def best(self, candidates: Sequence[Candidate]) -> list[int]:
        """Numbers of the candidates of a cheapest cover.

        Raises
        ------
        NoCoverError
            If no cover exists.
        """
        while True:
            chosen = self._solve(candidates)
            cycle = self._cycle([candidates[n].members for n in chosen])
            if cycle is None:
                return chosen
            self._cycles.add(cycle)

    def _solve(self, candidates: Sequence[Candidate]) -> list[int]:
        from ortools.sat.python import cp_model  # noqa: PLC0415

        model = cp_model.CpModel()
        chosen = [model.new_bool_var("chosen") for _ in candidates]
        containing: list[list[cp_model.IntVar]] = [[] for _ in range(self._layers)]
        literal = {}
        for candidate, variable in zip(candidates, chosen, strict=True):
            literal[candidate.members] = variable
            for n in candidate.members:
                containing[n].append(variable)
        for variables in containing:
            model.add_exactly_one(variables)  # (1)
        for cycle in self._cycles:
            if all(members in literal for members in cycle):
                model.add_bool_or([literal[members].negated() for members in cycle])  # (2)
        model.minimize(sum(c.value * x for c, x in zip(candidates, chosen, strict=True)))  # (3)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        status = solver.solve(model)
        if status == cp_model.INFEASIBLE:
            raise NoCoverError("the candidates do not cover all layers")
        if status != cp_model.OPTIMAL:
            raise ValueError(f"the covers cannot be compared: {solver.status_name(status)}")
        return [n for n, variable in enumerate(chosen) if solver.boolean_value(variable)]

    def _cycle(self, groups: Sequence[tuple[int, ...]]) -> tuple[tuple[int, ...], ...] | None:
        """Groups that read from each other in a ring, if any."""
        owner = {n: g for g, members in enumerate(groups) for n in members}
        graph = nx.DiGraph((owner[a], owner[b]) for a, b in self._edges if owner[a] != owner[b])
        try:
            ring = nx.find_cycle(graph)
        except nx.NetworkXNoCycle:
            return None
        return tuple(sorted(groups[g] for g, _ in ring))
