r"""Physical limits of a layer on a hardware point: lower bounds over all mappings.

Compute
    ``cycles >= ceil(MACs / multipliers)``; where N:M blocks make multipliers idle, more by their share.
Compulsory traffic
    Every word of W and I that takes part is read from the outermost level at least once and every word of O
    is written at least once. Words that a strided window skips are not counted. A level inside that must keep W or I
    is filled with every such word and read for it; one that must keep O is updated with every word.
Data movement
    ``words >= 2 MACs / sqrt(R S) - 2 S``, where ``S`` is the on-chip storage in words and ``R`` is how often
    the window uses one input word at most. For matrix products ``R = 1``, the bound ``2mnk / sqrt(S) - 2 S``
    of Smith, Lowery, Langou, van de Geijn, *A tight I/O lower bound for matrix multiplication*,
    arXiv:1702.02017 (2017). For convolutions it is the bound of Chen, Han, Wang, *Communication lower bound
    in convolution accelerators*, HPCA 2020, with their average reuse ``kernel area / stride^2`` replaced by
    the largest reuse of one word, so that it holds for every shape and without asymptotics.

    Proof. Cut a run into segments of ``x`` transfers, where each visit of a partial sum counts as one
    transfer (a visit ends with a write; where it does not start with a read, the write stands for it). A
    segment sees at most ``S + x`` words. Unfold the input: ``I`` words appear in at most ``R I`` places.
    Every dim indexes two of the three operands, so by Loomis and Whitney a segment computes at most
    ``sqrt(W O R I) <= sqrt(R) ((S + x) / 3)^(3/2)`` MACs; take ``x = 2 S`` and count the full segments.
    Hence the bound holds for the reads of W and I plus the *writes* of O; the reads of O come on top.
    In N:M blocks the same holds of blocks: their steps take the place of MACs, a transfer moves a word or what a
    step takes of one.

    ``S`` is all usable storage inside of the outermost level, in words of the narrowest operand, plus one
    word per multiplier for every operand that may reach the multipliers without being kept on chip (multicast
    and spatial reduction make the wires a storage of that size). One unbounded level inside voids the bound.
Bandwidth
    The traffic above over the bandwidth of the port that it takes, shared evenly by all instances of a level.
Roofline
    The largest of the limits of compute and bandwidth: ``latency_cycles``; ``latency_limit`` names it.
Energy
    MACs, the cheapest outermost accesses for the traffic above, the fills of levels that must keep W or I, and what
    the multipliers take: for every step they take a word of each operand from the level that keeps it innermost, and
    one read serves at most all multipliers below that level, nor more than the extents of the dims that do not index
    the operand (the input: all multipliers below). The cheapest level that may be the innermost one is taken.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from optimizer.architecture.hardware import Hardware, Level
from optimizer.workload.layer import ROLES, Axis, Layer, Operand

COMPUTE = "compute"
KEPT = 1 << 14
"""Axes whose words are known: layers have many in common."""


@dataclass(frozen=True)
class LayerLimits:
    """Lower bounds on one run of a layer.

    Parameters
    ----------
    compute_cycles : int
        Full use of all multipliers.
    bandwidth_cycles : dict of name to Fraction
        By the name of a port with a bandwidth, what its compulsory traffic takes.
    compulsory_dram_words : dict of role to int
        Words that must be read (W, I) or written (O) at the outermost level.
    data_movement_words : int
        The bound that follows from the on-chip storage; 0 where it says nothing.
    dram_words : int
        Words moved at the outermost level by any mapping: the larger of the two.
    energy : int
        In the hardware's energy unit.
    """

    compute_cycles: int
    bandwidth_cycles: dict[str, Fraction]
    compulsory_dram_words: dict[str, int]
    data_movement_words: int
    dram_words: int
    energy: int

    @property
    def roofline(self) -> tuple[str, Fraction]:
        """Name and cycles of the limit on latency that binds."""
        named = {COMPUTE: Fraction(self.compute_cycles)} | self.bandwidth_cycles
        return max(named.items(), key=lambda limit: limit[1])


def layer_limits(layer: Layer, hardware: Hardware) -> LayerLimits:
    """The limits of a layer on a hardware point; see the module's docstring for formulas and sources."""
    compulsory = {operand.role: touched_words(operand, layer.extents) for operand in layer.operands}
    moved = data_movement_words(layer, hardware)
    return LayerLimits(
        compute_cycles=-(-layer.steps * hardware.step_cycles(layer.block) // hardware.macs_per_cycle),
        bandwidth_cycles=dict(_ports(layer, hardware, compulsory, moved)),
        compulsory_dram_words=compulsory,
        data_movement_words=moved,
        dram_words=max(sum(compulsory.values()), moved),
        energy=_energy(layer, hardware, compulsory, moved),
    )


def least_energy(layer: Layer, hardware: Hardware) -> int:
    """Energy units that one run of a layer takes at least, padded or not: a padded run does all of its work."""
    compulsory = {operand.role: touched_words(operand, layer.extents) for operand in layer.operands}
    return _energy(layer, hardware, compulsory, data_movement_words(layer, hardware))


def touched_words(operand: Operand, extents: dict[str, int]) -> int:
    """Words of a tensor that take part: index values that occur, so without the gaps of a stride.

    Axes that share a dim with an axis before them are left out, which can only lower the count.
    """
    seen: set[str] = set()
    words = 1
    for axis in operand.axes:
        dims = {dim for dim, _ in axis.terms}
        if not dims & seen:
            words *= _axis_uses(axis, extents)[0]
        seen |= dims
    return words


def window_reuse(operand: Operand, extents: dict[str, int]) -> int:
    """Most positions of the operand's own dims that share one word (1 without windows)."""
    return math.prod(_axis_uses(axis, extents)[1] for axis in operand.axes)


def _axis_uses(axis: Axis, extents: dict[str, int]) -> tuple[int, int]:
    """How many index values occur along an axis, and how many positions of its dims give one at most."""
    if len(axis.terms) == 1:
        return extents[axis.terms[0][0]], 1
    return _sums(tuple((coefficient, extents[dim]) for dim, coefficient in axis.terms))


@lru_cache(maxsize=KEPT)
def _sums(terms: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    """The same of (coefficient, extent).

    Two pairs (i, j) give the same index if they differ by a multiple of ``(b / gcd, -a / gcd)``: a chain of equal ones
    starts at every pair that has no such neighbour before it in the grid.
    """
    if len(terms) == 2:
        (a, m), (b, n) = terms
        common = math.gcd(a, b)
        step, back = b // common, a // common
        return m * n - max(0, m - step) * max(0, n - back), min(-(-m // step), -(-n // back))
    uses = Counter({0: 1})
    for coefficient, extent in terms:
        wider: Counter[int] = Counter()
        for index, count in uses.items():
            for position in range(extent):
                wider[index + coefficient * position] += count
        uses = wider
    return len(uses), max(uses.values())


def storage_words(layer: Layer, hardware: Hardware) -> int | None:
    """The ``S`` of the data-movement bound; ``None`` if some inner level is unbounded."""
    narrowest = min(operand.least_bits for operand in layer.operands)
    words = 0
    for level in hardware.levels[1:]:
        if level.usable_bits is None:
            return None
        words += level.usable_bits // narrowest * math.prod(level.mesh)
    kept = frozenset[str]().union(*(level.must_keep for level in hardware.levels[1:]))
    return words + hardware.macs_per_cycle * len(set(ROLES) - kept)


def data_movement_words(layer: Layer, hardware: Hardware) -> int:
    """``2 MACs / sqrt(R S) - 2 S`` rounded up, or 0 if that is negative or void."""
    storage = storage_words(layer, hardware)
    if not storage:
        return 0
    reuse = window_reuse(layer.operand("I"), layer.extents)
    return max(0, _ceil_sqrt_ratio(4 * layer.steps**2, reuse * storage) - 2 * storage)


def _ceil_sqrt_ratio(numerator: int, denominator: int) -> int:
    """Least integer whose square is at least ``numerator / denominator``."""
    root = math.isqrt(numerator // denominator)
    return root if root * root * denominator >= numerator else root + 1


def _ports(layer: Layer, hardware: Hardware, compulsory: dict[str, int], moved: int) -> list[tuple[str, Fraction]]:
    """Names and least cycles of all ports with a bandwidth that compulsory traffic passes."""
    found = []
    for number, level in enumerate(hardware.levels):
        kept = [operand for operand in layer.operands if number == 0 or operand.role in level.must_keep]
        bits = {operand.role: compulsory[operand.role] * operand.least_bits for operand in kept}
        read = bits.get("W", 0) + bits.get("I", 0)
        write = bits.get("O", 0) + (read if number else 0)
        both = read + write
        if number == 0:
            both = max(both, moved * min(operand.least_bits for operand in layer.operands))
        ports = (
            ("read ", read, level.read_bits_per_cycle),
            ("write ", write, level.write_bits_per_cycle),
            ("", both, level.shared_bits_per_cycle),
        )
        found += [
            (f"{level.name} {way}bandwidth", Fraction(amount) / (bandwidth * math.prod(level.mesh)))
            for way, amount, bandwidth in ports
            if bandwidth is not None and amount
        ]
    return found


def _energy(layer: Layer, hardware: Hardware, compulsory: dict[str, int], moved: int) -> int:
    """Lower bound on the energy units of any mapping."""
    outer, narrowest = hardware.levels[0], min(operand.least_bits for operand in layer.operands)
    below = spread = 0
    for operand in layer.operands:
        bits = compulsory[operand.role] * operand.least_bits
        each = _serving_energy(outer, operand)
        once = _accesses(bits, outer) * each
        inside = _inside(layer, operand, hardware, compulsory[operand.role] * operand.bits)
        straight = _may_serve(hardware, operand.role, 0)
        direct = max(once, _accesses(_served_bits(layer, operand, hardware, 0), outer) * each) if straight else None
        spread += min(cost for cost in (direct, None if inside is None else once + inside) if cost is not None)
        below += 0 if straight or inside is None else inside
    cheapest = min(outer.read_energy, outer.update_energy)
    return layer.macs * hardware.mac_energy + max(spread, _accesses(moved * narrowest, outer) * cheapest + below)


def _inside(layer: Layer, operand: Operand, hardware: Hardware, bits: int) -> int | None:
    """Least energy inside of the outermost level, if the tensor is kept there: fills that must be, and serving."""
    levels = list(enumerate(hardware.levels))[1:]
    serving = [
        _accesses(_served_bits(layer, operand, hardware, number), level) * _serving_energy(level, operand)
        for number, level in levels
        if _may_serve(hardware, operand.role, number)
    ]
    filled = [level for _, level in levels if operand.role in level.must_keep and operand.role != "O"]
    fills = sum(_accesses(bits, level) * level.fill_energy for level in filled)
    return min(serving) + fills if serving else None


def _may_serve(hardware: Hardware, role: str, number: int) -> bool:
    """True if this may be the innermost level that keeps a tensor."""
    forced = any(role in level.must_keep for level in hardware.levels[number + 1 :])
    return not forced and role not in hardware.levels[number].must_bypass


def _served_bits(layer: Layer, operand: Operand, hardware: Hardware, number: int) -> int:
    """Least bits that a level reads for the multipliers (or receives from them), if it is the innermost level of a
    tensor.
    """
    children = math.prod(math.prod(hardware.fanout(n)) for n in range(number, len(hardware.levels)))
    bits = layer.steps * operand.step_bits
    if operand.role == "I":
        return -(-bits // children)
    others = math.prod(extent for dim, extent in layer.dims if dim not in operand.dims)
    return max(-(-bits // children), bits // others)


def _serving_energy(level: Level, operand: Operand) -> int:
    return level.update_energy if operand.role == "O" else level.read_energy


def _accesses(bits: int, level: Level) -> int:
    return -(-bits // level.access_bits)
