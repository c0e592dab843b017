"""FPGA fabrics: resources that multipliers, memories and the rest of an accelerator use.

Use is a *vector*: one whole number per resource of :data:`RESOURCES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.errors import SpecError

RESOURCES = ("dsp", "bram18", "uram", "lut", "lutram", "ff")
"""DSP slices, block memories of 18 kbit (two make one of 36), UltraRAMs of 288 kbit, lookup tables, those of them
that can be memory, flip-flops."""

Vector = tuple[int, ...]
"""How many of every resource, in the order of :data:`RESOURCES`."""

Caps = tuple[int | None, ...]
"""How many of every resource may be used; ``None`` is no limit."""

NOTHING: Vector = (0,) * len(RESOURCES)


def vector(counts: Mapping[str, int]) -> Vector:
    """The vector of a mapping that names some resources."""
    return tuple(counts.get(name, 0) for name in RESOURCES)


def total(uses: Iterable[Vector]) -> Vector:
    """Sum, resource by resource."""
    return tuple(sum(column) for column in zip(NOTHING, *uses, strict=True))


def times(number: int, use: Vector) -> Vector:
    """A use that many times."""
    return tuple(number * count for count in use)


def exceeded(use: Vector, limits: Caps) -> str | None:
    """The first resource whose use exceeds its limit; an empty use exceeds none."""
    for name, count, limit in zip(RESOURCES, use, limits, strict=False):
        if limit is not None and count > limit:
            return name
    return None


@dataclass(frozen=True)
class Memory:
    """A kind of memory: blocks of some aspect ratios.

    Parameters
    ----------
    name : str
    shapes : tuple of (int, int)
        Words and bits per word of one block.
    use : Vector
        Resources of one block.
    """

    name: str
    shapes: tuple[tuple[int, int], ...]
    use: Vector

    def blocks(self, width: int, depth: int) -> int:
        """Whole blocks of `depth` words of `width` bits: an array of equal blocks of the best shape."""
        return min(-(-width // bits) * -(-depth // words) for words, bits in self.shapes)


@dataclass(frozen=True)
class Fabric:
    """Resources that the parts of an accelerator use.

    Parameters
    ----------
    name, description : str
    memories : mapping of str to Memory
    components : mapping of str to tuple of str
        Kinds of memory that a component of the technology may be made of, the preferred one first.
    macs : mapping of (type, bits, multiplier) to Vector
        A multiply-accumulate; ``multiplier`` is ``dsp`` or ``lut``.
    pe, lane, fixed : Vector
        A PE without multiplier and memories, a vector lane, the rest of the design.
    source : dict
        The parsed YAML that all of this was read from.
    """

    name: str
    description: str
    memories: Mapping[str, Memory]
    components: Mapping[str, tuple[str, ...]]
    macs: Mapping[tuple[str, int, str], Vector]
    pe: Vector
    lane: Vector
    fixed: Vector
    source: dict[str, Any] = field(repr=False, compare=False)

    def mac(self, kind: str, bits: int, multiplier: str) -> Vector:
        """The use of a multiply-accumulate of this precision.

        Raises
        ------
        SpecError
            If the fabric has none: precisions are never interpolated.
        """
        if (kind, bits, multiplier) not in self.macs:
            raise SpecError(
                f"fabric {self.name!r} has no such multiplier",
                value=f"{kind}{bits} of {multiplier}",
                allowed=", ".join(f"{kind}{bits} of {multiplier}" for kind, bits, multiplier in self.macs),
                remedy="use one of these, or state `resources: {mac: {dsp: 1}}` in the architecture",
            )
        return self.macs[kind, bits, multiplier]
