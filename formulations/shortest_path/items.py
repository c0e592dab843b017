"""The loop nest of a label."""

from __future__ import annotations

from formulations.nest import FanOutItem, Item, LoopItem, NodeItem
from formulations.nest_places import raised
from formulations.problem import LayerProblem
from formulations.shortest_path import labels as k
from formulations.shortest_path.rules import Filter
from formulations.shortest_path.tables import TENSORS, Ints, Lattice, Machine, regions_of


def nest_items(
    problem: LayerProblem, t: Lattice, m: Machine, rows: Ints, number: int, vector: int, rules: Filter
) -> tuple[Item, ...]:
    """The nest of a label in front of the last fan-out, which has this vector; what loops are left stand there."""
    items: list[Item] = []
    n = number
    regions = regions_of(problem)
    while rows[n, k.FROM] >= 0:
        move, what, value = (int(rows[n, column]) for column in (k.MOVE, k.WHAT, k.VALUE))
        if move == k.LOOP:
            items.append(LoopItem(what, value))
        elif move == k.NODE:
            items.append(NodeItem(what, value))
        else:
            items.append(FanOutItem(regions[what].fan, _factors(m, value)))
        n = int(rows[n, k.FROM])
    items = [NodeItem(tensor, int(m.tops[tensor])) for tensor in TENSORS] + items[::-1]
    factors = _factors(m, vector)
    left = t.extents[:, rows[number, k.X]].tolist()
    dims = sum(1 << d for d, (extent, factor) in enumerate(zip(left, factors, strict=True)) if extent > factor)
    order = rules.order_of(dims)
    assert order is not None
    items += [LoopItem(d, left[d] // factors[d]) for d in order]
    return raised(problem, [*items, FanOutItem(regions[-1].fan, factors)])


def _factors(m: Machine, vector: int) -> tuple[int, ...]:
    return tuple(int(factor) for factor in m.vectors[:, vector])
