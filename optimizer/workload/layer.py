"""Layers and networks: the workload.

A :class:`Layer` is one einsum-like operation with two inputs and one output. A :class:`Network` is a
``networkx.DiGraph`` whose nodes are layers (multiply-accumulate or vector) and whose edges are tensors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from optimizer.errors import SpecError
from optimizer.workload.mapping_rules import MappingRule
from optimizer.workload.nm_blocks import Block
from optimizer.workload.views import ONE_POSITION, Grid

ROLES = ("W", "I", "O")
"""The three operands, always in this order: weights (or second input), input, output."""


_TILE_DIMS: Mapping[str, tuple[str | None, str | None, str | None]] = {
    "conv": ("N", "P", "Q"),
    "dwconv": ("N", "P", "Q"),
    "matmul": ("B", "M", None),
}
"""Dims that are the tile axes of a layer's output, by kind."""


@dataclass(frozen=True)
class Axis:
    """One axis of a tensor; its index is ``sum(coefficient * dim)`` over `terms`.

    A window axis (``2p + r``) has two terms. The extent of a tile is the length of the bounding interval,
    gaps included (Timeloop's axis-aligned tiles).
    """

    terms: tuple[tuple[str, int], ...]

    def extent(self, tile: Mapping[str, int]) -> int:
        """Words along this axis that a tile with the given dim extents touches."""
        return 1 + sum(coefficient * (tile[dim] - 1) for dim, coefficient in self.terms)


@dataclass(frozen=True)
class Operand:
    """A tensor as one layer sees it.

    ``role`` is W, I or O; ``bits`` is per word: per element, or per block of elements
    (:mod:`optimizer.workload.nm_blocks`); ``taken_bits`` is what a step of the innermost loops takes of it, None for a
    word; ``tensor`` is its name in the network.
    """

    role: str
    axes: tuple[Axis, ...]
    bits: int = 16
    tensor: str = ""
    taken_bits: int | None = None

    @property
    def dims(self) -> frozenset[str]:
        """Relevant dims: those that index this tensor."""
        return frozenset(dim for axis in self.axes for dim, _ in axis.terms)

    @property
    def step_bits(self) -> int:
        """Bits that a step of the innermost loops takes of it."""
        return self.bits if self.taken_bits is None else self.taken_bits

    @property
    def least_bits(self) -> int:
        """Bits of a word that move at least where any of it does."""
        return min(self.bits, self.step_bits)

    def footprint(self, tile: Mapping[str, int]) -> int:
        """Words of a tile with the given dim extents."""
        return math.prod(axis.extent(tile) for axis in self.axes)


@dataclass(frozen=True)
class Layer:
    """A multiply-accumulate layer.

    Parameters
    ----------
    name : str
        Unique in its network.
    kind : str
        ``conv``, ``dwconv``, ``matmul`` or ``einsum``: says which dims are tile axes; never used in costs.
    dims : tuple of (name, extent)
        Loop dims with their extents, in a fixed order.
    operands : tuple of Operand
        W, I, O in this order. Only I may have window axes.
    multiplicity : int
        How many times the layer runs (e.g. the phases of a transposed convolution of equal shape).
    parameters : int or None
        Learned words (weights and bias) of the layer without blocks; ``None`` means those of W. 0 where W is an
        activation.
    block : Block or None
        N:M blocks of one operand: the extent of their dim then counts blocks, and the bits of operands are those of
        blocks (see :func:`optimizer.workload.sparsity.compress`).
    rules : tuple of MappingRule
        What its mappings must keep.
    real_taps : Fraction
        Share of the multiply-accumulates that the operator asks for. The others have a weight of zero, where a
        transposed convolution has no tap (:mod:`optimizer.workload.upscaling`): they are done, and cost as much.
    """

    name: str
    kind: str
    dims: tuple[tuple[str, int], ...]
    operands: tuple[Operand, Operand, Operand]
    multiplicity: int = 1
    parameters: int | None = None
    block: Block | None = None
    rules: tuple[MappingRule, ...] = ()
    real_taps: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        known = {dim for dim, _ in self.dims}
        for dim, extent in self.dims:
            if isinstance(extent, bool) or not isinstance(extent, int) or extent < 1:
                raise SpecError(
                    "a dim must be a positive integer",
                    field=f"{self.name}.dims.{dim}",
                    value=extent,
                    allowed="integers >= 1",
                    remedy="fix dynamic or symbolic dims to a number first",
                )
        if tuple(operand.role for operand in self.operands) != ROLES:
            raise SpecError(
                "a layer needs its three operands",
                field=f"{self.name}.operands",
                value=[operand.role for operand in self.operands],
                allowed=f"{', '.join(ROLES)} in this order",
                remedy="give each of them once, in this order",
            )
        for operand in self.operands:
            for dim in operand.dims - known:
                raise SpecError(
                    f"operand {operand.role} uses a dim the layer does not have",
                    field=f"{self.name}.{operand.role}",
                    value=dim,
                    allowed=", ".join(sorted(known)),
                    remedy=f"give {dim} an extent, or use another dim",
                )
            if operand.role != "I" and any(len(axis.terms) > 1 for axis in operand.axes):
                raise SpecError(
                    "only the input may have window axes",
                    field=f"{self.name}.{operand.role}",
                    value=operand.role,
                    allowed="I",
                    remedy="call the operand with the window index I",
                )
            for axis in operand.axes:
                if len(axis.terms) > 2:
                    raise SpecError(
                        "an index may be a sum over two dims at most",
                        field=f"{self.name}.{operand.role}",
                        value=" + ".join(dim for dim, _ in axis.terms),
                        allowed="one or two dims per index",
                        remedy="split the layer along one of the dims, or merge two dims that go on in equal steps",
                    )
        for dim in known:
            if sum(dim in operand.dims for operand in self.operands) < 2:
                raise SpecError(
                    "every dim must index at least two of the three operands",
                    field=f"{self.name}.dims",
                    value=dim,
                    allowed="dims of two operands or all three",
                    remedy="sum the lone dim out of its operand first",
                )

    @property
    def extents(self) -> dict[str, int]:
        """Extent of every dim."""
        return dict(self.dims)

    def operand(self, role: str) -> Operand:
        """The operand with this role."""
        return self.operands[ROLES.index(role)]

    @cached_property
    def tile_dims(self) -> tuple[str | None, str | None, str | None]:
        """Dims that are the output's batch, rows and columns; None where it has none, as in an ``einsum``."""
        axes = self.operand("O").axes
        batch, rows, columns = (
            dim if dim is not None and Axis(((dim, 1),)) in axes else None
            for dim in _TILE_DIMS.get(self.kind, (None, None, None))
        )
        return batch, rows, columns

    @cached_property
    def grid(self) -> Grid:
        """Extents of the output along the tile axes."""
        extents = self.extents
        batch, rows, columns = (1 if dim is None else extents[dim] for dim in self.tile_dims)
        return batch, rows, columns

    @property
    def steps(self) -> int:
        """Steps of the innermost loops in one run."""
        return math.prod(extent for _, extent in self.dims)

    @property
    def macs_per_step(self) -> int:
        """Multiply-accumulates of a step: of a block, one per element that is stored."""
        return 1 if self.block is None else self.block.kept

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run that are done, those with a weight of zero included."""
        return self.steps * self.macs_per_step

    @property
    def asked_macs(self) -> int:
        """Multiply-accumulates of one run that the operator asks for."""
        return int(self.macs * self.real_taps)

    def elements(self, dim: str) -> int:
        """Elements along a dim that one of its positions stands for."""
        return self.block.size if self.block is not None and self.block.dim == dim else 1

    @property
    def parameter_count(self) -> int:
        """Learned words: of a sparse W those that are stored."""
        weights, block = self.operand("W"), self.block
        words = weights.footprint(self.extents)
        if block is None or block.dim not in weights.dims:
            return words if self.parameters is None else self.parameters
        dense = words * block.size if self.parameters is None else self.parameters
        return dense - min(dense, words * (block.size - block.kept) if block.role == "W" else 0)

    def with_extents(self, extents: Mapping[str, int]) -> Layer:
        """The same layer with other extents of some dims: a run on a part of it."""
        return replace(self, dims=tuple((dim, extents.get(dim, extent)) for dim, extent in self.dims))

    def with_bits(self, bits: Mapping[str, int]) -> Layer:
        """The same layer, not in blocks, with other precisions; `bits` maps roles to bits per element."""
        weights, inputs, outputs = (replace(o, bits=bits.get(o.role, o.bits)) for o in self.operands)
        return replace(self, operands=(weights, inputs, outputs))

    def shape_key(self) -> tuple[object, ...]:
        """Equal for layers that have the same mappings, at the same costs: dims, index expressions, bits and rules."""
        return (self.dims, tuple((o.role, o.axes, o.bits) for o in self.operands), self.block, self.rules)


@dataclass(frozen=True)
class VectorLayer:
    """A layer without multiply-accumulates (add, pooling, softmax, concat ...): it streams its tensors.

    ``reads`` and ``writes`` are (words, bits) per tensor; ``operations`` counts scalar operations;
    ``parameters`` counts learned words (the scales of a normalization, a table of embeddings); ``grid`` holds
    the extents of its output along the tile axes, and has no part in costs.
    """

    name: str
    kind: str
    reads: tuple[tuple[int, int], ...]
    writes: tuple[tuple[int, int], ...]
    operations: int
    multiplicity: int = 1
    parameters: int = 0
    grid: Grid = ONE_POSITION

    @property
    def parameter_count(self) -> int:
        """Learned words."""
        return self.parameters


AnyLayer = Layer | VectorLayer


def _single(*dims: str) -> tuple[Axis, ...]:
    return tuple(Axis(((dim, 1),)) for dim in dims)


def conv(
    name: str,
    dims: Mapping[str, int],
    *,
    stride: tuple[int, ...] = (1, 1),
    dilation: tuple[int, ...] = (1, 1),
    bits: Mapping[str, int] | None = None,
    kind: str | None = None,
) -> Layer:
    """A convolution ``O[n,g,k,p,q,z] += W[g,k,c,r,s,t] * I[n,g,c,sP*p+dR*r,sQ*q+dS*s,sZ*z+dT*t]``.

    `dims` holds any of N G K C P Q Z R S T; missing dims are left out of the layer altogether (so a depthwise
    convolution is one without K and C, and one of images has no Z and T). ``stride`` and ``dilation`` are along P, Q
    and Z; 1 where they are too short.
    """
    order = [d for d in "NGKCPQZRST" if d in dims]
    has = set(order)
    steps, spreads = ((*given, 1, 1, 1)[:3] for given in (stride, dilation))

    def window(out: str, kernel: str, step: int, spread: int) -> Axis:
        return Axis(tuple((d, c) for d, c in ((out, step), (kernel, spread)) if d in has))

    windows = [window(*axis) for axis in zip("PQZ", "RST", steps, spreads, strict=True)]
    operands = (
        Operand("W", _single(*(d for d in "GKCRST" if d in has))),
        Operand("I", (*_single(*(d for d in "NGC" if d in has)), *(axis for axis in windows if axis.terms))),
        Operand("O", _single(*(d for d in "NGKPQZ" if d in has))),
    )
    layer = Layer(
        name,
        kind or ("conv" if "K" in has or "C" in has else "dwconv"),
        tuple((d, dims[d]) for d in order),
        operands,
    )
    return layer.with_bits(bits or {})


def matmul(name: str, dims: Mapping[str, int], *, bits: Mapping[str, int] | None = None) -> Layer:
    """A matrix product ``O[b,m,n] += I[b,m,k] * W[b,k,n]``; dims M N K, and B if both inputs are batched."""
    batch = ("B",) if "B" in dims else ()
    operands = (
        Operand("W", _single(*batch, "K", "N")),
        Operand("I", _single(*batch, "M", "K")),
        Operand("O", _single(*batch, "M", "N")),
    )
    layer = Layer(name, "matmul", tuple((d, dims[d]) for d in (*batch, "M", "N", "K")), operands)
    return layer.with_bits(bits or {})
