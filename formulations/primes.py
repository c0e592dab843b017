"""Prime exponents: products of factors become sums, divisibility becomes ``<=``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

from formulations.problem import LayerProblem

Powers = dict[int, int]
"""Exponent of every prime of a number."""


def factorize(number: int) -> Powers:
    """Exponents of the primes of a positive integer."""
    powers: Powers = {}
    prime = 2
    while prime * prime <= number:
        while number % prime == 0:
            powers[prime] = powers.get(prime, 0) + 1
            number //= prime
        prime += 1
    if number > 1:
        powers[number] = powers.get(number, 0) + 1
    return powers


def divisors(number: int) -> list[int]:
    """All divisors, ascending."""
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)})


def largest_exponent(prime: int, limit: int) -> int:
    """The largest e with ``prime ** e <= limit``."""
    exponent = 0
    while prime ** (exponent + 1) <= limit:
        exponent += 1
    return exponent


def value(powers: Mapping[int, int]) -> int:
    """The number with these exponents."""
    return math.prod(prime**exponent for prime, exponent in powers.items())


def grid(highest: Mapping[int, int]) -> Iterator[Powers]:
    """Every vector of exponents with ``0 <= exponent <= highest`` (the divisors of a number)."""
    names = tuple(highest)
    for exponents in itertools.product(*(range(highest[prime] + 1) for prime in names)):
        yield dict(zip(names, exponents, strict=True))


def extents_in_primes(problem: LayerProblem) -> tuple[Powers, ...]:
    """Exponents of every dim's extent."""
    return tuple(factorize(extent) for extent in problem.extents)
