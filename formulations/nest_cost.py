"""The exact cost of a loop nest over the numbers of a layer problem.

With the tile of a node the extents inside of it, but for fan-outs of levels outside of its own:

1. *Traffic* of a node, per instance: the words of its tile times the trips of all temporal loops outside of it. If the
   loop right outside of the input's node slides its tile, n trips of a step s along an axis, it brings in ``words +
   (n - 1) words / width * min(width, s)`` in the place of ``n words``.
2. A node serves its next one inside ``traffic * distinct``, with distinct tiles among the children of every fan-out
   between the two multiplied; the multipliers ask for a word in every step.
3. First visits of outputs are not read and not filled; drains read the child if the accounting says so; the multipliers
   take ``step_bits``.
4. Accesses are rounded up per instance, port times to whole latency units, leakage is per instance and whole cycle.
"""

from __future__ import annotations

import math
from dataclasses import replace

from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.nest_places import extents_of
from formulations.problem import AxisSpec, I, LayerProblem, O, W, distinct_sums

Bits = tuple[int, int, int]
"""Read, filled and updated, per instance."""


def costed(problem: LayerProblem, items: tuple[Item, ...]) -> Nest:
    """A nest with its exact energy and latency."""
    nest = Nest(items, 0, 0)
    levels = range(len(problem.levels))
    moved = {(level, tensor): bits for tensor in (W, I, O) for level, bits in _moved(problem, nest, tensor).items()}
    trips = math.prod(item.trips for item in items if isinstance(item, LoopItem))
    latency = trips * problem.step_cycles * problem.latency_unit
    energy = problem.steps * problem.step_energy
    for level in levels:
        spec, here = problem.levels[level], [moved[level, t] for t in (W, I, O) if (level, t) in moved]
        read, written = sum(b[0] for b in here), sum(b[1] + b[2] for b in here)
        for port, bits in zip(spec.ports, (read, written, read + written), strict=True):
            if port.divisor:
                latency = max(latency, -(-bits * port.multiplier // port.divisor))
        accesses = [[-(-bits // spec.access_bits) for bits in row] for row in here]
        each = sum(r * spec.read_energy + f * spec.fill_energy + u * spec.update_energy for r, f, u in accesses)
        energy += each * _instances(nest, level)
    cycles = -(-latency // problem.latency_unit)
    energy += sum(problem.levels[level].leak_energy * _instances(nest, level) for level in levels) * cycles
    return replace(nest, energy=energy, latency=latency)


def _moved(problem: LayerProblem, nest: Nest, tensor: int) -> dict[int, Bits]:
    """Bits of a tensor per level that holds it."""
    places = [n for n, item in enumerate(nest.items) if isinstance(item, NodeItem) and item.tensor == tensor]
    levels = [item.level for item in nest.items if isinstance(item, NodeItem) and item.tensor == tensor]
    steps = math.prod(item.trips for item in nest.items if isinstance(item, LoopItem))
    traffic = [_traffic(problem, nest, place, tensor) for place in places] + [steps]
    word, step = problem.bits[tensor], problem.step_bits[tensor]
    found: dict[int, Bits] = {}
    for n, level in enumerate(levels):
        last = n + 1 == len(levels)
        child, served = (len(problem.levels), step) if last else (levels[n + 1], word)
        down = traffic[n + 1] * _distinct(problem, nest, tensor, level, child)
        read, filled, updated = down * served, traffic[n] * word if n else 0, 0
        if tensor == O:
            first = 0 if problem.resumes else problem.volume(O) // _instances(nest, level, problem.relevant(O))
            updated, read = read, read - first * min(served, word)
            if n:
                read += filled if problem.drain_reads else 0
                filled -= first * word
        found[level] = read, filled, updated
    return found


def _instances(nest: Nest, level: int, dims: tuple[int, ...] | None = None) -> int:
    """Instances of a level; with `dims`, those that differ in them."""
    fans = [item for item in nest.items if isinstance(item, FanOutItem) and item.level < level]
    return math.prod(f for fan in fans for d, f in enumerate(fan.factors) if dims is None or d in dims)


def _traffic(problem: LayerProblem, nest: Nest, place: int, tensor: int) -> int:
    """(1)"""
    node = nest.items[place]
    assert isinstance(node, NodeItem)
    tile = tuple(extents_of(problem, nest.items[place + 1 :], node.level))
    words = problem.footprint(tensor, tile)
    above = [n for n in range(place) if isinstance((item := nest.items[n]), LoopItem) and item.trips > 1]
    trips = [item.trips for n in above if isinstance((item := nest.items[n]), LoopItem)]
    slide = nest.items[above[-1]] if above else None
    if tensor != I or not isinstance(slide, LoopItem):
        return words * math.prod(trips)
    for axis in problem.input_axes:
        for dim, coefficient in axis.terms:
            if dim == slide.dim:
                width = _width(axis, tile)
                step = coefficient * extents_of(problem, nest.items[above[-1] + 1 :])[dim]
                brought = words + (slide.trips - 1) * (words // width * min(width, step))
                return brought * math.prod(trips[:-1])
    return words * math.prod(trips)


def _width(axis: AxisSpec, tile: tuple[int, ...]) -> int:
    return 1 + sum(c * (tile[d] - 1) for d, c in axis.terms)


def _distinct(problem: LayerProblem, nest: Nest, tensor: int, outer: int, inner: int) -> int:
    """Distinct tiles among the children between two levels (2)."""
    found = 1
    for place, fan in enumerate(nest.items):
        if not isinstance(fan, FanOutItem) or not outer <= fan.level < inner:
            continue
        if tensor != I:
            found *= math.prod(fan.factors[d] for d in problem.relevant(tensor))
            continue
        below = extents_of(problem, nest.items[place + 1 :])
        for axis in problem.input_axes:
            found *= distinct_sums([(c * below[d], fan.factors[d]) for d, c in axis.terms])
    return found
