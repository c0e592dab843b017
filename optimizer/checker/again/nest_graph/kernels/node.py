"""The next node of a label is placed and paid for."""

from __future__ import annotations

from optimizer.checker.again.nest_graph.columns import (
    ASKED,
    BITS,
    CLOSING,
    DRAINED,
    FREE_DIMS,
    INSTANCES,
    ITEM,
    OUTPUTS,
    PARENT,
    PARENT_OUTPUTS,
    RUN,
    RUN_TRIPS,
    SLIDE,
    SLIDE_INSIDE,
    SLIDE_TRIPS,
)
from optimizer.checker.again.nest_graph.kernels import part
from optimizer.checker.again.nest_graph.kernels.pay import pay
from optimizer.checker.again.nest_graph.packed import (
    AXIS,
    BLOCK,
    COEFFICIENT,
    DRAINS,
    EVERYTHING,
    FILL,
    READ,
    RESUMES,
    UPDATE,
    VOLUME,
    WORD_BITS,
)


@part
def node(
    row, real, i, y, tensor, level, parent, closes, sizes, of_dims, of_points, of_tensors, of_levels, of_criteria
):  # fmt: skip
    """A node of a tensor stands at a level, with extents y inside; `closes`: loops before it are a closing run."""
    dims, word = of_dims.shape[1], of_tensors[WORD_BITS, tensor]
    sits, size, d = row[i, INSTANCES], of_points[y, dims + tensor], row[i, SLIDE]
    held = row[i, RUN] == tensor and row[i, RUN_TRIPS] > 1
    if held:
        sits *= row[i, RUN_TRIPS]
    brought = size
    if tensor == 1 and d >= 0:
        wide = of_points[y, dims + 3 + of_dims[AXIS, d]]
        step = of_dims[COEFFICIENT, d] * row[i, SLIDE_INSIDE]
        brought += (row[i, SLIDE_TRIPS] - 1) * (size // wide * min(wide, step))
        sits *= row[i, SLIDE_TRIPS]
    fill = brought * (of_points[y, of_points.shape[1] - 1] // sits) * word
    read, filled, updated = fill * row[i, ASKED + tensor], fill, fill * 0
    if tensor == 2:
        updated = read
        if sizes[RESUMES] == 0:
            read -= sizes[VOLUME] // row[i, PARENT_OUTPUTS] * word
            filled -= sizes[VOLUME] // row[i, OUTPUTS] * word
        read += row[i, DRAINED]
        row[i, DRAINED] = fill if sizes[DRAINS] else 0
        row[i, PARENT_OUTPUTS] = row[i, OUTPUTS]
    row[i, BITS + level] += size * word
    for kind in range(READ, UPDATE + 1):
        own = kind == FILL
        bits = filled if own else read if kind == READ else updated
        at, instances = (level, row[i, INSTANCES]) if own else (parent, row[i, PARENT + tensor])
        pay(row, real, i, at, kind, bits, instances, of_levels, of_criteria)
    row[i, PARENT + tensor], row[i, ASKED + tensor] = row[i, INSTANCES], 1
    row[i, ITEM] = tensor + 4 * level
    row[i, FREE_DIMS] = sizes[EVERYTHING] if held else of_tensors[BLOCK, tensor]
    if tensor == 1 and not closes:
        row[i, CLOSING] = -1
