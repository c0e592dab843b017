"""Dims that no cost tells apart become one dim, exactly: P and Q of a 1x1 convolution, for one.

Two dims that index the same tensors, have no halo and may be spread over the same axes of every fan-out count in all
footprints, trips and factors by their product alone. A chain of divisors of the product (every extent divides the one
outside of it) is a chain of divisors of each: of a prime, the first dim takes as much as it has, the second the rest,
and both shares grow with the exponent. So the mappings of the merged problem are those of the problem itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.nest_rules import NO_RULES
from formulations.primes import factorize, value
from formulations.problem import AxisSpec, LayerProblem, ProblemLevel

Extents = tuple[int, ...]


@dataclass(frozen=True)
class Merged:
    """A problem whose like dims are one, and which dims of the original (``parts[d]``) each of its dims stands for."""

    problem: LayerProblem
    parts: tuple[Extents, ...]
    original: LayerProblem

    def nest(self, nest: Nest | None) -> Nest | None:
        """The nest in terms of the original dims."""
        if nest is None or self.problem is self.original:
            return nest
        items: list[Item] = []
        outside, known = list(self.problem.extents), self._split(self.problem.extents)
        for item in nest.items:
            if isinstance(item, NodeItem):
                items.append(item)
                continue
            trips = item.factors if isinstance(item, FanOutItem) else self._alone(item)
            outside = [n // f for n, f in zip(outside, trips, strict=True)]
            inside = self._split(tuple(outside))
            factors = tuple(a // b for a, b in zip(known, inside, strict=True))
            if isinstance(item, FanOutItem):
                items.append(FanOutItem(item.level, factors))
            else:
                items += [LoopItem(d, factor) for d, factor in enumerate(factors) if factor > 1]
            known = inside
        return replace(nest, items=tuple(items))

    def _alone(self, loop: LoopItem) -> Extents:
        return tuple(loop.trips if d == loop.dim else 1 for d in range(len(self.parts)))

    def _split(self, extents: Extents) -> Extents:
        """Extents of the original dims."""
        found = [1] * len(self.original.extents)
        for extent, dims in zip(extents, self.parts, strict=True):
            left = factorize(extent)
            for d in dims:
                most = factorize(self.original.extents[d])
                share = {prime: min(power, most.get(prime, 0)) for prime, power in left.items()}
                found[d], left = value(share), {prime: power - share[prime] for prime, power in left.items()}
        return tuple(found)


@lru_cache(maxsize=4096)
def merge(problem: LayerProblem) -> Merged:
    """Merge what dims of a problem can be merged; none where there are rules for nests, which may name them."""
    classes: dict[object, list[int]] = {}
    for d in range(len(problem.extents)):
        classes.setdefault(_kind(problem, d), []).append(d)
    parts = tuple(tuple(dims) for dims in classes.values())
    if len(parts) == len(problem.extents) or problem.rules != NO_RULES:
        return Merged(problem, parts, problem)

    def kept(numbers: tuple[bool, ...]) -> tuple[bool, ...]:
        return tuple(numbers[dims[0]] for dims in parts)

    merged = replace(
        problem,
        extents=tuple(math.prod(problem.extents[d] for d in dims) for dims in parts),
        irrelevant_to=tuple(problem.irrelevant_to[dims[0]] for dims in parts),
        input_axes=_axes(problem, parts),
        levels=tuple(_level(level, kept) for level in problem.levels),
    )
    return Merged(merged, parts, problem)


def _kind(problem: LayerProblem, d: int) -> object:
    """Equal for dims that can be merged. A fan-out of one instance asks nothing of its dims."""
    if problem.halo[d]:
        return d
    spread = tuple((level.spatial_x[d], level.spatial_y[d]) for level in problem.levels if level.fanout != (1, 1))
    return problem.irrelevant_to[d], spread


def _level(level: ProblemLevel, kept: Callable[[tuple[bool, ...]], tuple[bool, ...]]) -> ProblemLevel:
    return replace(level, spatial_x=kept(level.spatial_x), spatial_y=kept(level.spatial_y))


def _axes(problem: LayerProblem, parts: tuple[Extents, ...]) -> tuple[AxisSpec, ...]:
    """The input's axes: of merged dims that of the first stands for all."""
    number = {d: n for n, dims in enumerate(parts) for d in dims}
    first = {dims[0] for dims in parts}
    return tuple(
        AxisSpec(tuple((number[d], c) for d, c in axis.terms))
        for axis in problem.input_axes
        if any(d in first for d, _ in axis.terms)
    )
