"""Automatic padding: the least larger extent without a large prime factor, found at once however large extents are."""

from __future__ import annotations

import pytest

from optimizer.problem.padding import automatic_padding
from optimizer.workload.layer import matmul


def is_smooth(number: int) -> bool:
    for prime in (2, 3, 5, 7):
        while number % prime == 0:
            number //= prime
    return number == 1


@pytest.mark.parametrize("extent", [1, 7, 11, 13, 56, 121, 224, 251, 509, 1001])
def test_the_least_larger_extent_is_chosen(extent: int) -> None:
    larger = next((e for e in range(extent + 1, extent * 112 // 100 + 1) if is_smooth(e)), None)
    expected = {} if is_smooth(extent) or larger is None else {"M": (larger,)}
    assert automatic_padding(matmul("layer", {"M": extent, "N": 2, "K": 2})) == expected


@pytest.mark.parametrize("extent", [10**9 + 7, 10**12 + 39, 10**18 + 9])
def test_large_primes_are_padded_at_once(extent: int) -> None:
    (larger,) = automatic_padding(matmul("layer", {"M": extent, "N": 2, "K": 2}))["M"]
    assert extent < larger <= extent * 112 // 100 and is_smooth(larger)
