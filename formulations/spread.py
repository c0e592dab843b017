"""The most children that the loops of a layer can fill along both axes of a fan-out."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from formulations.primes import divisors


@lru_cache(maxsize=1 << 16)
def widest(
    extents: tuple[int, ...], fanout: tuple[int, int], along_x: tuple[bool, ...], along_y: tuple[bool, ...]
) -> int:  # fmt: skip
    """The largest product of spatial factors of all dims that fits a fan-out.

    Dim by dim, all pairs (children along X, children along Y) that are reached are kept as a table.

    Parameters
    ----------
    extents : tuple of int
    fanout : (int, int)
    along_x, along_y : tuple of bool
        Per dim: may its loops be unrolled along the axis?
    """
    x, y = fanout
    reached = np.zeros((x + 1, y + 1), dtype=bool)
    reached[1, 1] = True
    for extent, on_x, on_y in zip(extents, along_x, along_y, strict=True):
        before = reached
        reached = np.zeros_like(before)
        for a in divisors(extent) if on_x else [1]:
            for b in divisors(extent // a) if on_y else [1]:
                if a <= x and b <= y:
                    reached[: x // a * a + 1 : a, : y // b * b + 1 : b] |= before[: x // a + 1, : y // b + 1]
    rows, columns = np.nonzero(reached)
    return int((rows * columns).max())
