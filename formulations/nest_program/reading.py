"""The loop nest of a solution of the program."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ortools.sat.python import cp_model

from formulations.nest import FanOutItem, Item, LoopItem, NodeItem
from formulations.nest_program.bypass import TENSORS
from formulations.nest_program.nodes import Nodes, Region
from formulations.nest_program.orders import Orders, ordered
from formulations.nest_program.runs import Runs
from formulations.nest_program.slides import Slides
from formulations.nest_program.spatial import FanOuts
from formulations.primes import value
from formulations.problem import I, LayerProblem
from formulations.rows import Literal

SLIDING = 2
Extents = tuple[int, ...]
Number = Callable[[cp_model.LinearExprT], int]


class Reader:
    """Reads nests. Between two nodes of a region the loops stand in this order, outermost first: all others; those of
    the closing run of the region; the loop along which the next node of I slides; those over irr(I) if I has the
    closing run. Where rules ask for an order, they stand in one that keeps it, and what the program takes to be sat out
    and slid along stands inside of what would part it from the node.
    """

    def __init__(
        self,
        problem: LayerProblem,
        nodes: Nodes,
        runs: Runs,
        slides: Slides,
        fanouts: FanOuts,
        orders: Orders,
        number: Number,
    ) -> None:
        self._problem, self._nodes, self._runs, self._slides = problem, nodes, runs, slides
        self._fanouts, self._orders, self._number = fanouts, orders, number
        self._dims = range(len(problem.extents))

    def items(self) -> list[Item]:
        """The nest, every node in its own region."""
        found: list[Item] = [NodeItem(tensor, int(self._problem.pinned[tensor])) for tensor in TENSORS]
        for region in self._nodes.regions:
            found += self._region(region)
            factors = self._vector(lambda d, p, fan=region.fan: self._fanouts.exponent(fan, d, p))  # type: ignore[misc]
            found.append(FanOutItem(region.fan, factors))
        return found

    def _holds(self, literal: Literal) -> bool:
        return literal if isinstance(literal, bool) else bool(self._number(literal))

    def _vector(self, exponent: Callable[[int, int], cp_model.LinearExprT]) -> Extents:
        return tuple(value({p: self._number(exponent(d, p)) for p in self._nodes.powers[d]}) for d in self._dims)

    def _region(self, region: Region) -> Iterator[Item]:
        r, nodes = region.number, self._nodes
        kept = [n for n in region.nodes if self._holds(nodes.kept(n))]
        extents = {n: self._vector(lambda d, p, n=n: nodes.inside(n, d, p)) for n in kept}  # type: ignore[misc]
        order = sorted(kept, key=lambda n: (*(-e for e in _total(extents[n])), n.level))
        floor = self._vector(lambda d, p: nodes.floor(r, d, p))
        places = [self._vector(lambda d, p: nodes.roof(r, d, p)), *(extents[n] for n in order), floor]
        for place, node in enumerate([*order, None]):
            slide = self._slide(region, order[place:], places[place + 1 :])
            yield from self._loops(r, places[place], places[place + 1], slide)
            if node is not None:
                yield node

    def _slide(self, region: Region, inner: list[NodeItem], places: list[Extents]) -> tuple[int, int]:
        """Dim and trips of the loop along which the next input's node inside of a place slides; (-1, 1) without one."""
        moving = [d for d in self._dims if d not in self._runs.lacking[I]]
        here = [places[0][d] for d in moving]
        for node, place in zip(inner, places, strict=False):
            if [place[d] for d in moving] != here:
                return -1, 1
            if node.tensor == I:
                for d in self._slides.dims:
                    if self._holds(self._slides.own(node, d)):
                        return d, self._trips(d, lambda p, n=node, d=d: self._slides.trips(n.level, d, p))  # type: ignore[misc]
        if [places[-1][d] for d in moving] == here:
            for d in self._slides.dims:
                if self._holds(self._slides.tail(region.number, d)):
                    return d, self._trips(d, lambda p, d=d: self._slides.last(region.number, d, p))  # type: ignore[misc]
        return -1, 1

    def _trips(self, dim: int, exponent: Callable[[int], cp_model.LinearExprT]) -> int:
        return value({p: self._number(exponent(p)) for p in self._nodes.powers[dim]})

    def _loops(self, region: int, outer: Extents, inner: Extents, slide: tuple[int, int]) -> list[LoopItem]:
        closing = next((t for t in TENSORS if self._holds(self._runs.close(region, t))), None)
        found: list[tuple[int, LoopItem]] = []
        for d in self._dims:
            trips = outer[d] // inner[d]
            if d == slide[0] and trips % slide[1] == 0:
                found.append((SLIDING, LoopItem(d, slide[1])))
                trips //= slide[1]
            lacking = self._problem.irrelevant_to[d]
            rank = 0 if closing is None or lacking != closing else 3 if closing == I else 1
            found.append((rank, LoopItem(d, trips)))
        ranks, loops = [rank for rank, loop in found if loop.trips > 1], [loop for _, loop in found if loop.trips > 1]
        pairs, run = self._orders.pairs[region], self._cut(region, closing, inner) if self._orders.pairs[region] else ()

        def follows(one: int, other: int) -> bool:
            """Rules; no loop that moves the input inside of the one that slides it; none inside of a closing run."""
            d, e = loops[one].dim, loops[other].dim
            return (
                (e, d) in pairs
                or (ranks[one] == SLIDING and self._problem.irrelevant_to[e] != I)
                or (d in run and self._problem.irrelevant_to[e] != closing)
            )

        if pairs:
            return ordered(loops, ranks, follows)
        return [loop for _, loop in sorted(zip(ranks, loops, strict=True), key=lambda entry: entry[0])]

    def _cut(self, r: int, closing: int | None, inner: Extents) -> set[int]:
        """Dims of the closing run of a region with loops of it outside of a place."""
        if closing is None:
            return set()
        floor = self._vector(lambda d, p: self._nodes.floor(r, d, p))
        run = self._vector(lambda d, p: self._runs.run(r, d, p))
        return {d for d in self._runs.lacking[closing] if inner[d] < floor[d] * run[d]}


def _total(extents: Extents) -> tuple[int, ...]:
    """Larger for what stands further out."""
    product = 1
    for extent in extents:
        product *= extent
    return (product,)
