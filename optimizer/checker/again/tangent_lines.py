"""Lines ``energy + weight x cycles >= value`` below all designs, and the bound on energy x cycles that they prove."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

Cost = tuple[int, int]
"""Energy units and cycles."""


@dataclass(frozen=True)
class Proof:
    """Weights of the lines that a bound needs, and whether the least cycles of the fastest design are needed too."""

    weights: tuple[int, ...]
    fastest: bool


def prove(
    cheapest: Cost,
    least_latency: int,
    goal: Fraction,
    solve: Callable[[int], Cost | None],
    fastest: Callable[[], Cost | None],
) -> Proof | None:
    """Lines that prove that no product of energy and latency is below `goal`, or None if they do not.

    (The product has its least value at a corner of the region above the lines.) `solve` gives the best design under a
    weight: energy units per cycle; None where there is no design. `least_latency` is a lower bound on the latency;
    `fastest` gives the fastest design, and is called only if the bound does not suffice.
    """
    designs, lines, last = [cheapest], {0: cheapest[0]}, False
    while True:
        energy, latency = min(corners(lines, least_latency), key=lambda corner: corner[0] * corner[1])
        if energy * latency >= goal:
            return Proof(_needed(lines, least_latency, goal), last)
        weight = _next_weight(designs, lines, latency)
        if weight is None and last:
            return None
        design = fastest() if weight is None else solve(weight)
        if design is None:
            return Proof(tuple(lines), last)
        designs.append(design)
        if weight is None:
            least_latency, last = design[1], True
        else:
            lines[weight] = design[0] + weight * design[1]


def _needed(lines: dict[int, int], least_latency: int, goal: Fraction) -> tuple[int, ...]:
    """The weights of a minimal set of lines: each line is dropped if the remaining ones prove the goal."""
    kept = dict(lines)
    for weight in sorted(lines):
        fewer = {w: value for w, value in kept.items() if w != weight}
        if fewer and 0 in fewer and all(e * t >= goal for e, t in corners(fewer, least_latency)):
            kept = fewer
    return tuple(kept)


def corners(lines: dict[int, int], least_latency: int) -> list[tuple[Fraction, Fraction]]:
    """Vertices (energy, latency) of the region above all lines (one has weight 0) and from the least latency on."""
    latencies = {Fraction(least_latency)}
    for (a, value), (b, other) in itertools.combinations(lines.items(), 2):
        latencies.add(max(Fraction(least_latency), Fraction(value - other, a - b)))
    return [(max(Fraction(value) - weight * x for weight, value in lines.items()), x) for x in latencies]


def _next_weight(designs: list[Cost], lines: dict[int, int], latency: Fraction) -> int | None:
    """The slope between the designs on both sides of a vertex, rounded; None once it has been tried.

    Left of all designs: the slope at which the product of the nearest stays as it is.
    """
    left = min((d for d in designs if d[1] <= latency), default=None)
    right = min((d for d in designs if d[1] > latency), key=lambda d: (d[1], d[0]), default=None)
    if right is None:
        return None
    if left is None:
        weights = [right[0] // right[1]]
    else:
        slope = (left[0] - right[0]) // (right[1] - left[1])
        weights = [slope, slope + 1]
    return next((w for w in weights if w > 0 and w not in lines), None)
