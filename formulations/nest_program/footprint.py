"""What the tiles of a level occupy."""

from __future__ import annotations

from ortools.sat.python import cp_model

from formulations.nest_program.bypass import TENSORS, Kept
from formulations.nest_program.halo import InputAxes
from formulations.nest_program.parts import Tiles
from formulations.primes import Powers, value
from formulations.problem import I, LayerProblem, ProblemLevel
from formulations.rows import Literal, Quantity, constant, imply, power, product


def footprint(
    model: cp_model.CpModel,
    problem: LayerProblem,
    kept: Kept,
    tiling: Tiles,
    axes: InputAxes,
    level: int,
    tensor: int,
    capacity: int,
) -> Quantity:
    """Words of the tile of a tensor at a level, 0 where it is not kept.

    ``prod_{d relevant, no halo} tile_d * prod_{halo axes} width`` (a table of the products that fit, times the
    widths of the axes' rows).
    """
    here = kept.at(level, tensor)
    if here is False:
        return constant(0)
    halo = problem.halo if tensor == I else (False,) * len(problem.extents)
    dims = [d for d in problem.relevant(tensor) if not halo[d]]
    highest: Powers = {}
    for d in dims:
        for p, v in tiling.powers[d].items():
            highest[p] = highest.get(p, 0) + v
    columns = {p: sum(tiling.tile(level, tensor, d, p) for d in dims) for p in highest}
    words = power(model, columns, highest, value, when=here, limit=capacity // problem.bits[tensor])
    if any(halo):
        for number in range(len(axes.axes)):
            words = product(model, words, axes.node(level, number).width, when=here)
    return words


def fit(
    model: cp_model.CpModel,
    problem: LayerProblem,
    kept: Kept,
    tiling: Tiles,
    axes: InputAxes,
    menus: list[list[tuple[ProblemLevel, Literal]]],
) -> None:
    """For every level of finite capacity (bits) ``sum_T footprint[T] * bits[T] <= capacity``, per entry of its menu."""
    for level in range(1, len(problem.levels)):
        largest = largest_capacity(menus[level])
        everything = sum(problem.volume(t) * problem.bits[t] for t in TENSORS)
        limit = everything if largest is None else min(largest, everything)
        held = (
            [footprint(model, problem, kept, tiling, axes, level, tensor, limit) for tensor in TENSORS]
            if any(spec.capacity_bits is not None for spec, _ in menus[level])
            else []
        )
        bits = sum(quantity.expression * problem.bits[t] for t, quantity in enumerate(held))
        for spec, chosen in menus[level]:
            if spec.capacity_bits is not None:
                imply(model, [chosen], bits <= spec.capacity_bits)


def largest_capacity(menu: list[tuple[ProblemLevel, Literal]]) -> int | None:
    """The largest capacity a menu offers; None if any entry is unbounded."""
    sizes = [spec.capacity_bits for spec, _ in menu]
    return None if any(size is None for size in sizes) else max(size for size in sizes if size is not None)
