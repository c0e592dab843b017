"""Larger extents that have more divisors."""

from __future__ import annotations

from optimizer.workload.layer import Layer


def automatic_padding(layer: Layer, *, largest_prime: int = 7, most_percent: int = 12) -> dict[str, tuple[int, ...]]:
    """For every dim with a prime factor above `largest_prime` the least larger extent without one.

    Only extents at most `most_percent` percent larger are listed.
    """
    padding: dict[str, tuple[int, ...]] = {}
    for dim, extent in layer.dims:
        smooth = _smooth(extent * (100 + most_percent) // 100, largest_prime)
        larger = min((number for number in smooth if number > extent), default=None)
        if larger is not None and extent not in smooth:
            padding[dim] = (larger,)
    return padding


def _smooth(limit: int, largest_prime: int) -> list[int]:
    """All numbers up to a limit without a prime factor above `largest_prime`; few, however large the limit is."""
    numbers = [1]
    for prime in (n for n in range(2, largest_prime + 1) if all(n % d for d in range(2, n))):
        powers = [prime**exponent for exponent in range(limit.bit_length())]
        numbers = [number * power for number in numbers for power in powers if number * power <= limit]
    return numbers
