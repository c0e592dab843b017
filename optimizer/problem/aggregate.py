r"""Aggregate of the values of several networks, compared exactly.

With values :math:`v_n` (exact) and weights :math:`w_n > 0`:

``geomean``
    :math:`\prod_n v_n^{w_n}`, with the weights as the least integers of the same ratios. The geometric mean is its
    root, which orders designs in the same way; products of integers need no logarithms, so no scale and no error.
``weighted``
    :math:`\sum_n w_n v_n`.
``max``
    :math:`\max_n w_n v_n`.

All three rise with every value, so bounds on the values give a bound on the aggregate. For one network of weight 1
each is the value itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import SpecError, check_one_of

KINDS = ("geomean", "weighted", "max")
ROOT_BITS = 64
"""Roots are rounded up at this many binary places, relative to 1."""


@dataclass(frozen=True)
class Aggregate:
    """The function that combines the values of several networks.

    Parameters
    ----------
    kind : {"geomean", "weighted", "max"}
    weights : tuple of Fraction
        One per network, above zero.

    Raises
    ------
    SpecError
        On another kind, or weights that are not positive.
    """

    kind: str = "weighted"
    weights: tuple[Fraction, ...] = (Fraction(1),)

    def __post_init__(self) -> None:
        check_one_of(self.kind, KINDS, "unknown aggregate", "aggregate")
        for weight in self.weights:
            if weight <= 0:
                raise SpecError(
                    "a weight must be positive",
                    field="weights",
                    value=weight,
                    allowed="numbers > 0",
                    remedy="leave the network out instead",
                )

    @cached_property
    def powers(self) -> tuple[int, ...]:
        """The weights as the least integers of the same ratios."""
        scale = math.lcm(*(weight.denominator for weight in self.weights))
        whole = [int(weight * scale) for weight in self.weights]
        return tuple(weight // math.gcd(*whole) for weight in whole)

    def value(self, values: Sequence[Fraction]) -> Fraction:
        """The aggregate of exact values, or a bound on it from bounds."""
        if self.kind == "geomean":
            return math.prod((v**w for v, w in zip(values, self.powers, strict=True)), start=Fraction(1))
        weighted = [w * v for v, w in zip(values, self.weights, strict=True)]
        return sum(weighted, start=Fraction(0)) if self.kind == "weighted" else max(weighted)

    def limit(self, number: int, bounds: Sequence[Fraction], best: Fraction | None) -> Fraction | None:
        """The value of one network above which the aggregate exceeds `best`, the others at their bounds.

        Rounded up, if at all; None where no value does.
        """
        if best is None:
            return None
        if self.kind == "max":
            return best / self.weights[number]
        rest = [n for n in range(len(bounds)) if n != number]
        if self.kind == "weighted":
            return (best - sum(self.weights[n] * bounds[n] for n in rest)) / self.weights[number]
        others = math.prod((bounds[n] ** self.powers[n] for n in rest), start=Fraction(1))
        return _root(best / others, self.powers[number]) if others else None

    def logarithm(self, logarithms: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """The natural logarithm of the aggregate from those of the values, element by element, rounded."""
        if self.kind == "geomean":
            found: NDArray[np.float64] = np.sum([w * v for v, w in zip(logarithms, self.powers, strict=True)], axis=0)
            return found
        weighted = [v + math.log(w) for v, w in zip(logarithms, self.weights, strict=True)]
        found = (np.logaddexp if self.kind == "weighted" else np.maximum).reduce(weighted, axis=0)
        return found

    def mean(self, value: Fraction) -> float:
        """The reported value: the geometric mean itself, or the aggregate."""
        if self.kind != "geomean" or not value:
            return float(value)
        return float(_root(value, sum(self.powers)))

    def excess(self, value: Fraction, base: Fraction) -> float:
        """Relative excess of the reported value over that of a base; exactly zero where they are equal."""
        part = value / base - 1
        if self.kind != "geomean":
            return float(part)
        return math.expm1(math.log1p(float(part)) / sum(self.powers)) if part > -1 else -1.0


def _root(value: Fraction, power: int) -> Fraction:
    """The root of a value, rounded up."""
    if power == 1:
        return value
    shifted = -(-(value.numerator << (ROOT_BITS * power)) // value.denominator)
    low, high = 0, 1 << (-(-shifted.bit_length() // power))
    while low < high:
        middle = (low + high) // 2
        if middle**power >= shifted:
            high = middle
        else:
            low = middle + 1
    return Fraction(low, 1 << ROOT_BITS)
