"""The power law that fits a curve best."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """The e of ``value = c * size ** e``, by least squares of the logarithms.

    None where there are fewer than two different sizes, or where one is not above 0.
    """
    if len(set(sizes)) < 2 or min(*sizes, *values) <= 0:
        return None
    return statistics.linear_regression([math.log(x) for x in sizes], [math.log(y) for y in values]).slope
