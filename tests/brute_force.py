"""Optima by exhaustion, priced by the cost model: all loop nests (no block lemma), or all blocks (with halo)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from block_space import divisors, solutions
from layer_cases import Case

from formulations.problem import Problem
from optimizer.cost import LayerCost, evaluate
from optimizer.hardware import Hardware
from optimizer.lowering import lift, lower
from optimizer.mapping import Item, Loop, Mapping, Node
from optimizer.workload import ROLES, Layer

Rest = tuple[tuple[str, int], ...]
Price = tuple[int, int]


def keep_sets(hardware: Hardware) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Operands kept per level."""
    options = []
    for level in hardware.levels[1:]:
        free = [r for r in ROLES if r not in level.must_keep | level.must_bypass]
        fixed = [r for r in ROLES if r in level.must_keep]
        options.append([(*fixed, *more) for n in range(len(free) + 1) for more in itertools.combinations(free, n)])
    for chosen in itertools.product(*options):
        yield (ROLES, *chosen)


def fan_outs(hardware: Hardware, level: int, rest: Rest) -> Iterator[tuple[list[Item], Rest]]:
    """Every choice of spatial loops below a level, and the extents left inside."""
    spec = hardware.levels[level]
    width = hardware.fanout(level)
    x_lists = [divisors(e) if spec.spatial_x is None or d in spec.spatial_x else [1] for d, e in rest]
    for x in itertools.product(*x_lists):
        if math.prod(x) > width[0]:
            continue
        left = [(d, e // f) for (d, e), f in zip(rest, x, strict=True)]
        y_lists = [divisors(e) if spec.spatial_y is None or d in spec.spatial_y else [1] for d, e in left]
        for y in itertools.product(*y_lists):
            if math.prod(y) > width[1]:
                continue
            loops: list[Item] = [Loop(d, f, level, "X") for (d, _), f in zip(rest, x, strict=True) if f > 1]
            loops += [Loop(d, f, level, "Y") for (d, _), f in zip(rest, y, strict=True) if f > 1]
            yield loops, tuple((d, e // f) for (d, e), f in zip(left, y, strict=True))


def nests(
    hardware: Hardware, keep: tuple[tuple[str, ...], ...], level: int, waiting: tuple[str, ...], rest: Rest,
    items: list[Item],
) -> Iterator[Mapping]:  # fmt: skip
    """All total orders of loops and nodes from the current position inwards; `waiting` nodes of `level` come first."""
    if level == len(hardware.levels):
        if all(e == 1 for _, e in rest):
            yield Mapping(tuple(items))
        return
    for role in waiting:
        others = tuple(r for r in waiting if r != role)
        yield from nests(hardware, keep, level, others, rest, [*items, Node(role, level)])
    previous = items[-1] if items and isinstance(items[-1], Loop) and items[-1].axis is None else None
    for position, (dim, extent) in enumerate(rest):
        if previous is not None and isinstance(previous, Loop) and previous.dim == dim:
            continue
        for bound in divisors(extent)[1:]:
            inner = (*rest[:position], (dim, extent // bound), *rest[position + 1 :])
            yield from nests(hardware, keep, level, waiting, inner, [*items, Loop(dim, bound, level)])
    if not waiting:
        for loops, inner in fan_outs(hardware, level, rest):
            following = keep[level + 1] if level + 1 < len(hardware.levels) else ()
            yield from nests(hardware, keep, level + 1, following, inner, [*items, *loops])


def all_nests(layer: Layer, hardware: Hardware) -> Iterator[Mapping]:
    """Every mapping of a layer: DRAM's nodes, then loops and nodes in any order."""
    rest = tuple((d, e) for d, e in layer.dims if e > 1)
    outermost: list[Item] = [Node(role, 0) for role in ROLES]
    for keep in keep_sets(hardware):
        yield from nests(hardware, keep, 0, (), rest, outermost)


def fits(layer: Layer, hardware: Hardware, cost: LayerCost) -> bool:
    """Do the tiles of every level fit it?"""
    for number, level in enumerate(hardware.levels):
        kept = [o for o in layer.operands if (number, o.role) in cost.counts]
        held = sum(cost.counts[number, o.role].tile_words * o.bits for o in kept)
        if level.usable_bits is not None and held > level.usable_bits:
            return False
    return True


def price(problem: Problem, cost: LayerCost) -> Price:
    """(energy, latency) in the problem's units."""
    latency = cost.latency_cycles * problem.latency_unit
    assert latency.denominator == 1
    return cost.energy, latency.numerator


def front(prices: Iterator[Price]) -> dict[str, Price | None]:
    """Lexicographic optimum of every objective."""
    found = set(prices)
    keys = {
        "energy": lambda p: (p[0], p[1]), "latency": lambda p: (p[1], p[0]), "edp": lambda p: (p[0] * p[1], p[0]),
    }  # fmt: skip
    return {name: min(found, key=key, default=None) for name, key in keys.items()}


def optimum_of_nests(case: Case) -> dict[str, Price | None]:
    """Best (energy, latency) over all loop nests."""
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    costs = (
        evaluate(case.layer, case.hardware, nest, accounting=case.accounting)
        for nest in all_nests(case.layer, case.hardware)
    )
    return front(price(problem, cost) for cost in costs if fits(case.layer, case.hardware, cost))


def optimum_of_blocks(case: Case, limit: int) -> dict[str, Price | None] | None:
    """Best (energy, latency) over the declared space; None if it holds more than `limit` mappings."""
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    every = list(itertools.islice(solutions(problem), limit + 1))
    if len(every) > limit:
        return None
    return front(
        price(problem, evaluate(case.layer, case.hardware, lift(case.layer, problem, s), accounting=case.accounting))
        for s in every
    )
