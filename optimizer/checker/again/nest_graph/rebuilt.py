"""The nest of a label."""

from __future__ import annotations

import itertools
import math

from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.nest_cost import costed
from formulations.nest_places import raised
from formulations.problem import I, LayerProblem
from optimizer.checker.again.nest_graph.columns import EXTENTS, FAN_OUT, ITEM, NO_ITEM, RUN, SLIDE
from optimizer.checker.again.nest_graph.lattice import Ints, Lattice
from optimizer.checker.again.nest_graph.spread import Vector


def nest_of(problem: LayerProblem, lattice: Lattice, chain: list[Ints], factors: dict[int, tuple[int, Vector]]) -> Nest:
    """A nest from the labels of one path, the outermost first; `factors` are (level, factors) by number."""
    items: list[Item] = [NodeItem(tensor, int(pin)) for tensor, pin in enumerate(problem.pinned)]
    for before, after in itertools.pairwise(chain):
        x, y = (tuple(int(e) for e in lattice.vectors[row[EXTENTS]]) for row in (before, after))
        number = int(after[ITEM])
        if number >= FAN_OUT:
            level, vector = factors[number - FAN_OUT]
            if math.prod(vector) > 1:
                items.append(FanOutItem(level, vector))
            continue
        trips = {d: a // b for d, (a, b) in enumerate(zip(x, y, strict=True)) if a != b}
        items += [LoopItem(d, trips[d]) for d in _order(problem, sorted(trips), int(after[RUN]), int(after[SLIDE]))]
        if number != NO_ITEM:
            items.append(NodeItem(number % 4, number // 4))
    return costed(problem, raised(problem, tuple(items)))


def _order(problem: LayerProblem, dims: list[int], run: int, slide: int) -> list[int]:
    """Loops that the tensor of the run lacks come last; of them, or before those that the input lacks, the slide."""
    last = [d for d in dims if problem.irrelevant_to[d] == run and run >= 0]
    first = [d for d in dims if d not in last]
    for part in (first, last):
        if slide in part and (part is last or run in (-1, I)):
            part.remove(slide)
            part.append(slide)
    return [*first, *last]
