"""N:M blocks: of every `size` elements of an operand along a dim only `kept` are stored, the others are zero.

A layer in blocks is a layer whose dim counts blocks: a *step* of its loops is a block's worth of work, `kept`
multiply-accumulates, one per element that is stored. No tile can split a block. With b bits per element, the bits of

1. a word of the sparse operand: ``kept * (b + index)``, index = ceil(log2(size)); a step takes all of it
2. a word of another operand that the dim indexes: ``size * b``; a step takes the elements that the indices pick,
   ``kept * b``
3. a word of an operand that the dim does not index: ``b``; a step takes it ``kept`` times, ``kept * b``.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Block:
    """Along `dim`, `kept` of every `size` elements of the operand `role` are stored, each with its index."""

    dim: str
    kept: int
    size: int
    role: str = "W"

    @property
    def ratio(self) -> str:
        """``2:4``"""
        return f"{self.kept}:{self.size}"

    @property
    def label(self) -> str:
        """``W 2:4 along C``"""
        return f"{self.role} {self.ratio} along {self.dim}"

    @property
    def index_bits(self) -> int:
        """Bits of the index of an element in its block."""
        return (self.size - 1).bit_length()

    def word_bits(self, role: str, dims: Set[str], bits: int) -> int:
        """Bits of a word of an operand with these dims and bits per element."""
        if role == self.role:
            return self.kept * (bits + self.index_bits)
        return bits * (self.size if self.dim in dims else 1)

    def step_bits(self, role: str, bits: int) -> int:
        """Bits of an operand that a step takes."""
        return self.kept * (bits + (self.index_bits if role == self.role else 0))

    def element_bits(self, role: str, dims: Set[str], word_bits: int) -> int:
        """The bits per element that make these :meth:`word_bits`."""
        if role == self.role:
            return word_bits // self.kept - self.index_bits
        return word_bits // (self.size if self.dim in dims else 1)


@dataclass(frozen=True)
class Sparsity:
    """Treatment by the multipliers of elements that are not stored.

    `mode` ``skip``: a step takes a cycle per element that is stored; ``gate``: the multiplier idles for the others, so
    a cycle per element of the block. `dims` are those along which blocks may lie; None allows all.
    """

    mode: Literal["skip", "gate"]
    dims: tuple[str, ...] | None = None

    def supports(self, block: Block) -> bool:
        """True if the multipliers support blocks along this dim."""
        return self.dims is None or block.dim in self.dims

    def step_cycles(self, block: Block) -> int:
        """Cycles of a step."""
        return block.kept if self.mode == "skip" else block.size
