"""Fills the least costs of what stands inside of all places of a region, and outside of them, over all extents.

Arrays end in the extents and in one entry for every kind of fan-out and criterion, which are done together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.prices import INF, Graph

Fits = NDArray[np.bool_] | None
Filled = tuple[list[Floats], list[list[Floats]]]
"""Per place; per tensor and place, inside (outside) of a closing run of it."""


def closed(layer: Layer, values: Floats, dims: list[int], *, upwards: bool) -> None:
    """Lower costs by those of extents that loops over some dims lead to (`upwards`), or come from."""
    grid = values.reshape(*(int(n) for n in layer.lattice.counts), values.shape[-1])
    for d in dims:
        lines = np.moveaxis(grid, d, 0)
        for high, low in layer.steps[d] if upwards else reversed(layer.steps[d]):
            to, since = (high, low) if upwards else (low, high)
            np.minimum(lines[to], lines[since], out=lines[to])


class Filler:
    """Fills the tables of one region."""

    def __init__(self, layer: Layer, graph: Graph, held: Floats, closes: int) -> None:
        self.layer, self.graph, self.held, self.closes = layer, graph, held, closes
        self._room = np.empty((0, 0))
        self._dims = list(range(len(layer.problem.extents)))
        self._sliding = [d for d in self._dims if layer.axis_of[d] >= 0]
        self._lacks = [[d for d in self._dims if layer.lacks[v, d]] for v in range(3)]
        self._loose = [layer.least_share(None, None, v) for v in range(3)] + [layer.least_share(None, None, -1)]

    def inside(self, bottom: Floats, closing_bottom: Floats) -> Filled:
        """Least costs inside of every place, from those of the bottom (by its numbers)."""
        graph, places = self.graph, len(self.graph.ends)
        size, wide = len(self.held[0]), bottom.shape[-1]
        plain: list[Floats] = [np.zeros(0)] * places
        closing: list[list[Floats]] = [[np.zeros(0)] * places for _ in range(self.closes)]
        for p in range(places - 1, -1, -1):
            end = graph.ends[p]
            here = bottom[end].copy() if end >= 0 else np.full((size, wide), INF)
            closes = [
                closing_bottom[v][end].copy() if end >= 0 else np.full((size, wide), INF) for v in range(self.closes)
            ]
            for m, (tensor, level, after) in enumerate(graph.moves[p]):
                if tensor < 0:
                    break
                fits = self.layer.fits(tensor, level)
                alpha, beta = graph.alpha[p, m], graph.beta[p, m]
                words = self.layer.traffic[tensor]
                self._lower(here, plain[after], words * self._part(p, m, -1), alpha, beta, fits)
                for v in range(self.closes):
                    if v != tensor:
                        self._lower(closes[v], closing[v][after], words * self._part(p, m, v), alpha, beta, fits)
                if tensor == 1 and not graph.relaxed[p, m]:
                    for some, slid, brought in self.layer.slid:
                        good = fits[slid]
                        cost = brought[good, None] * alpha + plain[after][slid[good]] + beta
                        here[some[good]] = np.minimum(here[some[good]], cost)
            for v in range(self.closes):
                closed(self.layer, closes[v], self._lacks[v], upwards=True)
                self._lower(here, closes[v], self.held[v], graph.commit_alpha[p, v], graph.commit_beta[p, v])
                closing[v][p] = closes[v]
            closed(self.layer, here, self._sliding if graph.roof[p] else self._dims, upwards=True)
            plain[p] = here
        return plain, closing

    def outside(self, start: Floats, ends: int) -> tuple[Floats, Floats]:
        """Least costs outside of every bottom, from the cost at the first place: the mirror image."""
        graph, places = self.graph, len(self.graph.ends)
        size, wide = len(self.held[0]), len(start)
        plain = np.full((places, size, wide), INF)
        closing = np.full((3, places, size, wide), INF)
        bottom, closing_bottom = np.full((ends, size, wide), INF), np.full((3, ends, size, wide), INF)
        plain[0, size - 1] = start
        for p in range(places):
            closed(self.layer, plain[p], self._dims, upwards=False)
            for v in range(self.closes):
                self._lower(closing[v, p], plain[p], self.held[v], graph.commit_alpha[p, v], graph.commit_beta[p, v])
                closed(self.layer, closing[v, p], self._lacks[v], upwards=False)
            if (end := graph.ends[p]) >= 0:
                np.minimum(bottom[end], plain[p], out=bottom[end])
                np.minimum(closing_bottom[:, end], closing[:, p], out=closing_bottom[:, end])
            for m, (tensor, level, after) in enumerate(graph.moves[p]):
                if tensor < 0:
                    break
                fits = self.layer.fits(tensor, level)
                alpha, beta = graph.alpha[p, m], graph.beta[p, m]
                words = self.layer.traffic[tensor]
                self._lower(plain[after], plain[p], words * self._part(p, m, -1), alpha, beta, fits)
                for v in range(self.closes):
                    if v != tensor:
                        self._lower(closing[v, after], closing[v, p], words * self._part(p, m, v), alpha, beta, fits)
                if tensor == 1 and not graph.relaxed[p, m]:
                    for some, slid, brought in self.layer.slid:
                        good = fits[slid]
                        cost = brought[good, None] * alpha + plain[p][some[good]] + beta
                        plain[after][slid[good]] = np.minimum(plain[after][slid[good]], cost)
        return bottom, closing_bottom

    def _part(self, p: int, m: int, v: int) -> Floats | float:
        """Share of its words that a node brings in at least."""
        if self.graph.moves[p, m, 0] != 1:
            return 1.0
        if self.graph.relaxed[p, m]:
            return self._loose[3]
        return 1.0 if v < 0 else self._loose[v]

    def _lower(
        self,
        to: Floats,
        since: Floats,
        words: Floats,
        alpha: Floats,
        beta: Floats,
        fits: NDArray[np.bool_] | None = None,
    ) -> None:
        """Lower costs by others plus those of words, where the tile fits."""
        if self._room.shape != to.shape:
            self._room = np.empty(to.shape)
        cost = np.multiply(words[:, None], alpha, out=self._room)
        cost += since
        cost += beta
        if fits is not None and not fits.all():
            cost[~fits] = INF
        np.minimum(to, cost, out=to)


def spread_over(layer: Layer, factors: tuple[int, ...]) -> tuple[Ints, Ints]:
    """The extents inside of a fan-out, and those outside of it, where its factors divide them."""
    lattice = layer.lattice
    inside, outside = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for d, s in enumerate(factors):
        values = [int(n) for n in lattice.values[d, : lattice.counts[d]]]
        pairs = np.array([(i, values.index(n * s)) for i, n in enumerate(values) if n * s in values], np.int64)
        inside = (inside[:, None] + pairs[:, 0] * lattice.strides[d]).ravel()
        outside = (outside[:, None] + pairs[:, 1] * lattice.strides[d]).ravel()
    return inside, outside
