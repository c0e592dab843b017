"""What is true: the least energy and the least cycles of layers on hardware, searched with tables of its own."""

from __future__ import annotations

from functools import cache

from formulations.engines import PathEngine
from optimizer.architecture.boxes import Box
from optimizer.architecture.hardware import Hardware
from optimizer.checker.claims.solve import Claim, EqualLayers
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import Layer

ENGINE = PathEngine()


@cache
def _least(layer: Layer, extents: tuple[tuple[str, int], ...], hardware: Hardware, accounting: str, goal: str) -> int:
    problem = lower(layer, hardware, accounting=accounting, extents=dict(extents))
    found = ENGINE.solve(problem, goal)
    assert found is not None, "every layer of the kit fits every point"
    return found.energy if goal == "energy" else -(-found.latency // problem.latency_unit)


def least(claim: Claim, group: EqualLayers, hardware: Hardware, goal: str) -> int:
    """The least energy units, or cycles, of one run of a layer."""
    variants = [tuple(extents.items()) for extents in group.variants]
    return min(_least(group.layer, extents, hardware, claim.accounting, goal) for extents in variants)


def floors(claim: Claim, box: Box, goal: str) -> list[int]:
    """The largest true floors of all layers on the ideal hardware of a box."""
    return [least(claim, group, claim.points.corner(box), goal) for group in claim.groups]
