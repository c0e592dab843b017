"""Transposed convolutions, cut into phases that are ordinary convolutions.

Input row `i` and tap `r` of a transposed convolution with stride `s`, dilation `d` and padding `b` meet in
output row ``y = s*i + d*r - b``. So the output rows with equal ``(y + b) mod s`` use the same taps, those
with ``d*r = y + b (mod s)``, and neighbouring rows of such a *phase* read neighbouring input rows: a phase is
a convolution of stride 1 with a subset of the taps. No product with an inserted zero is left. What remains
outside the image at the borders is padding, and counts as data like the padding of any convolution.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.onnx_import.convolution import check_spatial, conv_dims, pair, with_learned_words
from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors
from optimizer.onnx_import.layout import Read, spatial_layout, spatial_read
from optimizer.workload.layer import conv
from optimizer.workload.views import Window


@dataclass(frozen=True)
class Phase:
    """One phase along one axis.

    Output rows are ``first_output + m*stride`` for m in ``range(outputs)``; row m sums over n the product of
    tap ``taps[n]`` and input row ``first_input + m - n*dilation``.
    """

    first_output: int
    outputs: int
    taps: tuple[int, ...]
    first_input: int
    dilation: int

    @property
    def window(self) -> Window:
        """Input rows that a row of the phase reads; the last tap reads the first of them."""
        back = (len(self.taps) - 1) * self.dilation
        return Window(reach=back + 1, before=back - self.first_input)


def phases(outputs: int, kernel: int, stride: int, dilation: int, padding: int) -> list[Phase]:
    """Phases of a transposed convolution along one axis; phases without taps are left out.

    Parameters
    ----------
    outputs : int
        Extent of the output.
    kernel, stride, dilation : int
        Taps, and the steps between input rows and between taps, in output rows.
    padding : int
        Rows cut off at the beginning of the output.
    """
    result = []
    for first in range(min(stride, outputs)):
        taps = tuple(r for r in range(kernel) if (first + padding - dilation * r) % stride == 0)
        if taps:
            result.append(
                Phase(
                    first,
                    len(range(first, outputs, stride)),
                    taps,
                    (first + padding - dilation * taps[0]) // stride,
                    dilation // math.gcd(dilation, stride),
                )
            )
    return result


def import_conv_transpose(graph: GraphBuilder, node: Any) -> None:
    """ConvTranspose in one or two dimensions: one layer per combination of phases of its axes.

    Positions of a phase are every stride-th ones of the output, which so has no layout unless one layer computes
    all of it.
    """
    data, weights = node.input[0], node.input[1]
    spatial = check_spatial(graph, node, data)
    given = attributes(node)
    groups = given.get("group", 1)
    image, kernel = graph.shape(node, data), graph.shape(node, weights)
    output = graph.shape(node, node.output[0])
    stride, dilation = pair(given.get("strides"), spatial), pair(given.get("dilations"), spatial)
    padding = paddings(given, image[2:], kernel[2:], output[2:], stride=stride, dilation=dilation)
    axes = [phases(output[2 + a], kernel[2 + a], stride[a], dilation[a], padding[a]) for a in range(spatial)]
    stem, bias = graph.name(node), node.input[2] if len(node.input) > 2 else ""
    several = math.prod(len(axis) for axis in axes) > 1
    for number, parts in enumerate(itertools.product(*axes)):
        dims = conv_dims(
            output[0],
            (kernel[1] * groups, kernel[0] // groups),
            groups,
            tuple(part.outputs for part in parts),
            tuple(len(part.taps) for part in parts),
        )
        first, second = [*(part.dilation for part in parts), 1][:2]
        name = f"{stem}/phase{number}" if several else stem
        layer = conv(name, dims, dilation=(first, second), bits=graph.bits)
        layer = name_tensors(layer, weights, data, node.output[0])
        layer = with_learned_words(layer, graph, node, weights, bias if number == 0 else "")
        reads = [spatial_read(data, image, [part.window for part in parts]), Read(weights)]
        alone = not several and all(part.outputs == output[2 + a] for a, part in enumerate(parts))
        graph.add(layer, reads, graph.outputs(node), spatial_layout(output) if alone else None)


def paddings(
    given: dict[str, Any],
    image: Sequence[int],
    kernel: Sequence[int],
    output: Sequence[int],
    *,
    stride: Sequence[int],
    dilation: Sequence[int],
) -> list[int]:
    """Rows that the operator cuts off at the beginning of each axis.

    They follow from ``pads``, or from the extent of the output where ``auto_pad`` or ``output_shape`` say
    how large it is.
    """
    automatic = given.get("auto_pad", b"NOTSET").decode()
    if automatic == "VALID":
        return [0] * len(image)
    if automatic == "NOTSET" and "output_shape" not in given:
        return [int(rows) for rows in given.get("pads", [0] * 2 * len(image))[: len(image)]]
    if automatic not in ("NOTSET", "SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"auto_pad {automatic}")
    extra = given.get("output_padding", [0] * len(image))
    result = []
    for a, rows in enumerate(image):
        total = stride[a] * (rows - 1) + extra[a] + (kernel[a] - 1) * dilation[a] + 1 - output[a]
        total = max(total, 0)
        result.append(total // 2 if automatic == "SAME_UPPER" else total - total // 2)
    return result
