"""One layer on one hardware point as a frozen problem over integers.

Nothing here knows about hardware or networks: dims, tensors and levels are numbers. Tensor 0, 1, 2 are W, I and
O. Every dim is irrelevant to at most one tensor; dims of extent 1 are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from formulations.nest_rules import NO_RULES, NestRules

W, I, O = 0, 1, 2  # noqa: E741 - the field's own letters
INFINITE = 1 << 60
"""No cost in searches of 64-bit integers; costs of what exists stay below (:mod:`formulations.integer_range`)."""
UNLIMITED = 1 << 120
"""No cost or limit of any search."""


@dataclass(frozen=True)
class AxisSpec:
    """An axis of the input: terms (dim number, coefficient), one or two of them."""

    terms: tuple[tuple[int, int], ...]


def distinct_sums(terms: Sequence[tuple[int, int]]) -> int:
    """Distinct values of ``sum coefficient * i`` with i below each extent, for one or two (coefficient, extent).

    Two pairs coincide when they differ by a multiple of ``(b / gcd, -a / gcd)``, so every pair that has such a
    neighbour in the grid is a repetition.
    """
    if len(terms) == 1:
        return terms[0][1]
    (a, m), (b, n) = terms
    common = math.gcd(a, b)
    return m * n - max(0, m - b // common) * max(0, n - a // common)


@dataclass(frozen=True)
class PortSpec:
    """Cycles of a port are ``ceil(bits * multiplier / divisor)``; `divisor` 0 means unlimited."""

    multiplier: int = 0
    divisor: int = 0


@dataclass(frozen=True)
class ProblemLevel:
    """A memory level. Energies are per access of `access_bits`; `keep` is the fixed choice per tensor."""

    capacity_bits: int | None
    access_bits: int
    read_energy: int
    fill_energy: int
    update_energy: int
    leak_energy: int
    ports: tuple[PortSpec, PortSpec, PortSpec]
    keep_options: tuple[tuple[bool, bool, bool], ...]
    fanout: tuple[int, int]
    spatial_x: tuple[bool, ...]
    spatial_y: tuple[bool, ...]


@dataclass(frozen=True)
class LayerProblem:
    """A layer problem.

    Parameters
    ----------
    extents : tuple of int
        Loop extents D_d > 1.
    irrelevant_to : tuple of int
        Per dim the tensor it does not index, or -1 where it indexes all three.
    input_axes : tuple of AxisSpec
        Index expressions of the input; a dim with a window or a stride is a *halo* dim.
    bits : (int, int, int)
        Bits per word of W, I, O.
    step_bits : (int, int, int)
        Bits of W, I, O that a step of the innermost loops takes at the multipliers. These are the bits of words but for
        layers in N:M blocks, where a step stands for several multiply-accumulates.
    step_cycles : int
        Cycles of a step.
    levels : tuple of LevelSpec
        Outermost first. Level 0 is unbounded and keeps all.
    step_energy : int
        Energy units of a step at the multipliers.
    drain_reads : bool
        Accounting ``looptree``: draining an output tile reads the child.
    latency_unit : int
        Latency units per cycle (1 where cycles are whole numbers).
    pinned : (bool, bool, bool)
        Tensors that level 1 holds as a whole, outside of all loops, in the place of level 0: level 1 serves what level
        0 would. They have no node in its block, and its capacity is what they leave. Only below a single instance of
        level 1.
    resumes : bool
        The output holds partial sums from before, so its first visits are read (and filled) like all others.
    rules : NestRules
        What nests must keep besides.
    """

    extents: tuple[int, ...]
    irrelevant_to: tuple[int, ...]
    input_axes: tuple[AxisSpec, ...]
    bits: tuple[int, int, int]
    step_bits: tuple[int, int, int]
    step_cycles: int
    levels: tuple[ProblemLevel, ...]
    step_energy: int
    drain_reads: bool
    latency_unit: int = 1
    pinned: tuple[bool, bool, bool] = (False, False, False)
    resumes: bool = False
    rules: NestRules = NO_RULES

    @property
    def shape(self) -> tuple[object, ...]:
        """Equal for problems that agree on the layer, whatever the hardware."""
        return self.extents, self.irrelevant_to, self.input_axes, self.bits, self.step_bits, self.step_cycles

    @property
    def steps(self) -> int:
        """Steps of the innermost loops: multiply-accumulates, or blocks of them."""
        return math.prod(self.extents)

    @property
    def work(self) -> int:
        """Cycles of a single multiplier."""
        return self.steps * self.step_cycles

    def grain(self, tensor: int) -> int:
        """Bits of which both a word and what a step takes of it are multiples: a whole word but in N:M blocks."""
        return math.gcd(self.bits[tensor], self.step_bits[tensor])

    def least_bits(self, tensor: int) -> int:
        """Bits of a word that move at least where any of it does."""
        return min(self.bits[tensor], self.step_bits[tensor])

    def relevant(self, tensor: int) -> tuple[int, ...]:
        """Dims that index a tensor."""
        return tuple(d for d, other in enumerate(self.irrelevant_to) if other != tensor)

    @property
    def halo(self) -> tuple[bool, ...]:
        """Per dim: does the input's traffic depend on its tile (window or stride)?"""
        halo = [False] * len(self.extents)
        for axis in self.input_axes:
            if len(axis.terms) > 1 or axis.terms[0][1] != 1:
                for dim, _ in axis.terms:
                    halo[dim] = True
        return tuple(halo)

    def volume(self, tensor: int) -> int:
        """Words of a whole tensor."""
        return self.footprint(tensor, self.extents)

    def least_words(self, tensor: int) -> int:
        """Words of a tensor that take part at all: strides may leave gaps in the input."""
        if tensor != I:
            return self.volume(tensor)
        return math.prod(distinct_sums([(c, self.extents[d]) for d, c in axis.terms]) for axis in self.input_axes)

    @property
    def port_floor(self) -> int:
        """Latency units that the outermost level's ports need at least: every word that takes part moves once."""
        bits = [0 if pin else self.least_words(t) * self.least_bits(t) for t, pin in enumerate(self.pinned)]
        moved = (bits[W] + bits[I], bits[O], sum(bits))
        ports = zip(self.levels[0].ports, moved, strict=True)
        return max((-(-b * port.multiplier // port.divisor) for port, b in ports if port.divisor), default=0)

    def footprint(self, tensor: int, tile: tuple[int, ...]) -> int:
        """Words of a tile."""
        if tensor == I:
            return math.prod(1 + sum(c * (tile[d] - 1) for d, c in axis.terms) for axis in self.input_axes)
        return math.prod(tile[d] for d in self.relevant(tensor))
