"""Larger extents that have more divisors."""

from __future__ import annotations

from optimizer.workload.layer import Layer


def automatic_padding(layer: Layer, *, largest_prime: int = 7, most_percent: int = 12) -> dict[str, tuple[int, ...]]:
    """For every dim with a prime factor above `largest_prime` the least larger extent without one.

    Only extents at most `most_percent` percent larger are listed.
    """
    padding: dict[str, tuple[int, ...]] = {}
    for dim, extent in layer.dims:
        if _largest_prime(extent) > largest_prime:
            limit = extent * (100 + most_percent) // 100
            smooth = next((e for e in range(extent + 1, limit + 1) if _largest_prime(e) <= largest_prime), None)
            if smooth is not None:
                padding[dim] = (smooth,)
    return padding


def _largest_prime(number: int) -> int:
    largest, factor = 1, 2
    while number > 1:
        while number % factor == 0:
            number, largest = number // factor, factor
        factor += 1
    return largest
