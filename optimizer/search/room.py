"""Which hardware points hold every layer, by counting words, and what is too small where none does.

With all loops outermost, a level holds one word of every tensor that it must keep, and no mapping needs less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optimizer.architecture.boxes import PointSet, points_of
from optimizer.architecture.hardware import Hardware, Level
from optimizer.bodies.infeasibility import Infeasibility, Relaxation
from optimizer.files.quantities import size_text
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.workload.layer import Layer

Lacks = list[tuple[Level, Layer, int]]
"""Levels that are too small for a layer, and the bits that it needs."""


def roomy(prepared: PreparedProblem, points: PointSet) -> Iterator[tuple[tuple[int, ...], Hardware]]:
    """The hardware points that hold every layer, with their menu entries. Without caps each has a design."""
    needs = _needs(prepared)
    return ((index, point) for index, point in points.points.items() if not _lacking(needs, point))


def has_room(prepared: PreparedProblem, hardware: Hardware) -> bool:
    """Does hardware hold every layer?"""
    return not _lacking(_needs(prepared), hardware)


def menu_points(prepared: PreparedProblem) -> PointSet:
    """The points of the menus, whether or not they keep the constraints."""
    architecture = prepared.architecture
    return points_of(architecture.unconstrained) if architecture.constraints else prepared.points


def too_small(prepared: PreparedProblem, points: PointSet) -> Infeasibility | None:
    """A layer that fits into no point of the menus: the levels that are too small and the sizes they need."""
    needs = _needs(prepared)
    found = _lacking(needs, points.corner(points.whole))
    if found:
        relaxations = tuple(_room(*it) for it in found)
        return replace(_blame([level for level, _, _ in found], found[0][1]), relaxations=relaxations)
    if not points.is_listed or next(roomy(prepared, points), None) is not None:
        return None
    lacking = [_lacking(needs, point) for point in points.points.values()]
    # tied menus: each of them is large enough somewhere, but never all at the same point
    return _blame([level for some in lacking for level, _, _ in some], lacking[0][0][1])


def _blame(levels: list[Level], layer: Layer) -> Infeasibility:
    names = dict.fromkeys(f"{level.name}.size" for level in levels)
    return Infeasibility(budgets=tuple(names), relaxations=(), complete=True, layer=layer.name)


def _room(level: Level, layer: Layer, need: int) -> Relaxation:
    """The relaxation of a size."""
    largest = _bits(level.size_bits)
    text = f"{level.name} needs {_bits(need)} for layer {layer.name}, the largest in the menu is {largest}"
    return Relaxation(budget=f"{level.name}.size", limit=level.size_bits, least=need, exact=True, text=text)


def _needs(prepared: PreparedProblem) -> list[tuple[int, Layer]]:
    """By inner level the most bits of one word of every tensor that it must keep, and the layer that needs them."""
    levels = prepared.points.some.levels
    layers = [pricer.layer for pricer in prepared.pricers]

    def need(level: Level, layer: Layer) -> int:
        return sum(operand.bits for operand in layer.operands if operand.role in level.must_keep)

    return [max(((need(level, it), it) for it in layers), key=lambda found: found[0]) for level in levels[1:]]


def _lacking(needs: list[tuple[int, Layer]], hardware: Hardware) -> Lacks:
    """Levels without room for one word of every tensor they must keep, the layer that needs most, its bits."""
    return [
        (level, layer, most * level.buffering)
        for level, (most, layer) in zip(hardware.levels[1:], needs, strict=True)
        if level.usable_bits is not None and most > level.usable_bits
    ]


def _bits(bits: int | None) -> str:
    return f"{bits} bits" if bits is None or bits % 8 else size_text(bits)
