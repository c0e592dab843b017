"""Phases of transposed convolutions: ordinary convolutions that they are cut into.

Input row `i` and tap `r` of a transposed convolution with stride `s`, dilation `d` and padding `b` meet in
output row ``y = s*i + d*r - b``. So the output rows with equal ``(y + b) mod s`` use the same taps, those
with ``d*r = y + b (mod s)``, and neighbouring rows of such a *phase* read neighbouring input rows: a phase is
a convolution of stride 1 with a subset of the taps. No product with an inserted zero is left. What remains
outside the image at the borders is padding, and counts as data like the padding of any convolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
