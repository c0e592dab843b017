"""The master programs: one option per layer under caps, and the proof that joins all hardware boxes.

The solver is loaded when one of them is solved: answers without a program do not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from formulations.rows import bounded


@dataclass(frozen=True)
class Option:
    """One Pareto-optimal (energy units, cycles) of a layer."""

    energy: int
    latency: int


def choose(
    options: Sequence[Sequence[Option]], counts: Sequence[int], *, latency_cap: int, seed: int = 0
) -> list[int] | None:
    """Cheapest choice of one option per layer within a latency cap.

    Variables: ``pick[n, k]`` Boolean, layer n runs with option k.

    1. ``sum_k pick[n, k] == 1`` for every layer n
    2. ``sum_n count[n] * sum_k latency[n, k] * pick[n, k] <= latency_cap`` (cycles)

    Minimize ``sum_n count[n] * sum_k energy[n, k] * pick[n, k]`` (energy units). Every layer's least energy and latency
    are taken off its options: the numbers of the program are as small as may be.

    Returns
    -------
    list of int or None
        The option of every layer; None if there is no choice within the cap.

    Raises
    ------
    OverflowError
        If sums could leave the integers of the solver.
    """
    from ortools.sat.python import cp_model  # noqa: PLC0415

    model = cp_model.CpModel()
    pick = [[model.new_bool_var(f"pick_{n}_{k}") for k in range(len(row))] for n, row in enumerate(options)]
    for row in pick:
        model.add_exactly_one(row)  # (1)
    pairs = []
    for literals, choices, count in zip(pick, options, counts, strict=True):
        energy, latency = min(o.energy for o in choices), min(o.latency for o in choices)
        latency_cap -= count * latency
        extra = ((count * (o.energy - energy), count * (o.latency - latency)) for o in choices)
        pairs += [(literal, *more) for literal, more in zip(literals, extra, strict=True)]
    if latency_cap < 0:
        return None
    bounded(sum(energy for _, energy, _ in pairs))
    slowest = bounded(sum(latency for _, _, latency in pairs))
    model.add(sum(latency * literal for literal, _, latency in pairs) <= min(latency_cap, slowest))  # (2)
    model.minimize(sum(energy * literal for literal, energy, _ in pairs))
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = 1
    if solver.solve(model) != cp_model.OPTIMAL:
        return None
    return [next(k for k, literal in enumerate(row) if solver.boolean_value(literal)) for row in pick]


@dataclass(frozen=True)
class BoxBound:
    """A box of hardware points: its least area, a bound on its objective, its value where one was found, and its least
    use of every resource of a device."""

    area: int
    bound: int
    value: int | None
    resources: tuple[int, ...] = ()


def settle(
    entries: Sequence[BoxBound], *, area_cap: int | None, limits: Sequence[int | None] = (), seed: int = 0
) -> int | None:
    """The proved optimum over all boxes.

    Variables: ``box[h]`` Boolean, the design lies in box h; ``cost`` integer, the rank of its objective among the
    bounds (0 for the least one). Ranks keep the numbers of the program small, however large the objectives are.

    1. ``sum_h box[h] == 1``
    2. ``box[h] => cost >= rank(bound[h])``; where a value was found the bound is that value
    3. ``not box[h]`` where the least area of the box exceeds the cap (um2), or its least use of a resource its limit

    Minimize ``cost``. The optimum is a proved bound; it is attained when it equals the value of some box.

    Returns
    -------
    int or None
        The least cost, or None if no box may hold the design.
    """
    from ortools.sat.python import cp_model  # noqa: PLC0415

    model = cp_model.CpModel()
    allowed = [e for e in entries if (area_cap is None or e.area <= area_cap) and _within(e, limits)]  # (3)
    if not allowed:
        return None
    bounds = [e.bound if e.value is None else e.value for e in allowed]
    ranked = sorted(set(bounds))
    rank = {value: place for place, value in enumerate(ranked)}
    box = [model.new_bool_var(f"box_{h}") for h in range(len(allowed))]
    cost = model.new_int_var(0, len(ranked) - 1, "cost")
    model.add_exactly_one(box)  # (1)
    for literal, value in zip(box, bounds, strict=True):
        model.add(cost >= rank[value]).only_enforce_if(literal)  # (2)
    model.minimize(cost)
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = 1
    if solver.solve(model) != cp_model.OPTIMAL:
        return None
    least: int = ranked[solver.value(cost)]
    return least


def _within(entry: BoxBound, limits: Sequence[int | None]) -> bool:
    pairs = zip(entry.resources, limits, strict=True)
    return all(limit is None or use <= limit for use, limit in pairs)
