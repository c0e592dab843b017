"""Index values that occur along an axis of a tensor, counted without listing them."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

Terms = tuple[tuple[int, int], ...]
"""(coefficient, extent) of an index expression: the sum of ``coefficient * i`` with every i below its extent."""

LISTED = 1 << 24
"""Positions that are listed at most, where an index has more than two terms."""


@lru_cache(maxsize=1 << 14)
def index_values(terms: Terms) -> tuple[int, int]:
    """Different values of an index expression, and how often the most frequent of them occurs.

    Two terms ``a i + b j`` with ``i < n``, ``j < m``, coefficients divided by their greatest common divisor: positions
    with different ``j mod a`` never meet. Those with ``j = r + a t`` are ``T`` runs of n consecutive i, each b after
    the one before. T runs cover ``n + (T - 1) min(n, b)`` values, and at most ``min(T, ceil(n / b))`` of them meet.

    Raises
    ------
    OverflowError
        If there are more than two terms with too many positions to list.
    """
    if len(terms) == 1:
        return terms[0][1], 1
    if len(terms) > 2:
        return _listed(terms)
    (a, n), (b, m) = terms
    common = math.gcd(a, b)
    a, b = a // common, b // common
    most, longer = divmod(m, a)
    classes = ((longer, most + 1), (a - longer, most))
    values = sum(count * (n + (runs - 1) * min(n, b)) for count, runs in classes if runs)
    return values, min(-(-m // a), -(-n // b))


def _listed(terms: Terms) -> tuple[int, int]:
    if math.prod(extent for _, extent in terms) > LISTED:
        raise OverflowError(f"an index of {len(terms)} terms has more than {LISTED} positions")
    values = np.zeros(1, dtype=np.int64)
    for coefficient, extent in terms:
        values = np.add.outer(values, coefficient * np.arange(extent, dtype=np.int64)).ravel()
    found, counts = np.unique(values, return_counts=True)
    return len(found), int(counts.max())
