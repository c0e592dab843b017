"""Lower bounds on cycles: full use of the multipliers, and compulsory traffic."""

from __future__ import annotations

import math
from functools import lru_cache

from optimizer.architecture.hardware import Hardware, Level
from optimizer.checker.claims.solve import Claim, EqualLayers
from optimizer.checker.index_values import index_values
from optimizer.golden.walk import step_bits, step_cycles
from optimizer.workload.layer import Layer
from optimizer.workload.least_work import least_work
from optimizer.workload.mapping_rules import UnrollRule

KEPT = 1 << 16
"""Results kept: neighbouring boxes have most fan-outs in common, and so have layers their extents."""


def part_cycles(claim: Claim, hardware: Hardware) -> tuple[int, ...]:
    """Lower bound on the cycles per layer group; of a fused network, of its least work on all units."""
    if claim.fusion is None:
        return tuple(least_cycles(group, hardware) for group in claim.groups)
    macs, operations = least_work(claim.network)
    return (math.ceil(macs / math.prod(hardware.mac_mesh)) + math.ceil(operations / hardware.vector_lanes),)


def least_cycles(group: EqualLayers, hardware: Hardware) -> int:
    """Lower bound on the cycles of any mapping: the work over the largest spread of every fan-out, or compulsory
    traffic.
    """
    best = None
    for extents in group.variants:
        spread = 1
        for number, level in enumerate(hardware.levels):
            spread *= widest(tuple(extents.items()), hardware.fanout(number), _unrolled(group.layer, level))
        work = math.prod(extents.values()) * step_cycles(group.layer, hardware)
        cycles = max(-(-work // spread), _traffic_cycles(group, hardware, extents))
        best = cycles if best is None else min(best, cycles)
    assert best is not None
    return best


def _unrolled(layer: Layer, level: Level) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Dims that may be unrolled along X and Y below a level (None: any), by the hardware and the layer's rules."""
    allowed = [level.spatial_x, level.spatial_y]
    for rule in layer.rules:
        if isinstance(rule, UnrollRule) and rule.level == level.name:
            for n, axis in enumerate("XY"):
                if rule.axis in (None, axis):
                    known = allowed[n]
                    allowed[n] = rule.dims if known is None else tuple(dim for dim in known if dim in rule.dims)
    return allowed[0], allowed[1]


def _traffic_cycles(group: EqualLayers, hardware: Hardware, extents: dict[str, int]) -> int:
    """Whole cycles in which every word that takes part passes the outermost ports once."""
    bits = {}
    for operand in group.layer.operands:
        words = math.prod(index_values(tuple((c, extents[dim]) for dim, c in axis.terms))[0] for axis in operand.axes)
        bits[operand.role] = words * min(operand.bits, step_bits(group.layer, operand))
    dram = hardware.levels[0]
    ports = (
        (bits["W"] + bits["I"], dram.read_bits_per_cycle),
        (bits["O"], dram.write_bits_per_cycle),
        (sum(bits.values()), dram.shared_bits_per_cycle),
    )
    return max((math.ceil(moved / limit) for moved, limit in ports if limit is not None), default=0)


@lru_cache(maxsize=KEPT)
def widest(
    extents: tuple[tuple[str, int], ...],
    fanout: tuple[int, int],
    allowed: tuple[tuple[str, ...] | None, tuple[str, ...] | None],
) -> int:
    """Most children that factors of the extents can fill along both axes."""
    reached = {(1, 1)}
    for dim, extent in extents:
        divisors = _divisors(extent, max(fanout))
        x, y = (divisors if dims is None or dim in dims else [1] for dims in allowed)
        shares = [(a, b) for a in x for b in y if a <= fanout[0] and b <= fanout[1] and extent % (a * b) == 0]
        reached = {(p * a, q * b) for p, q in reached for a, b in shares if p * a <= fanout[0] and q * b <= fanout[1]}
    return max(p * q for p, q in reached)


def _divisors(extent: int, most: int) -> list[int]:
    """Divisors that are not above `most`."""
    small = [d for d in range(1, min(most, math.isqrt(extent)) + 1) if extent % d == 0]
    return sorted({*small, *(extent // d for d in small if extent // d <= most)})
