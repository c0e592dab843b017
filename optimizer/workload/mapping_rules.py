"""Constraints on mappings: what loops, tiles and nodes of a layer's loop nest must keep.

A layer carries its rules; an architecture or a file states them for layers by name
(:mod:`optimizer.workload.mapping_constraints`). Levels go by name.

Words. The *loops around a level* are the temporal loops inside of the used fan-outs of outer levels, and outside of
those of the level and of deeper ones. A fan-out is used if it has a loop of more than one trip.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Numbers:
    """Whole numbers from `least` to `most` (None: any) that are multiples of `multiple`."""

    least: int = 1
    most: int | None = None
    multiple: int = 1

    def hold(self, number: int) -> bool:
        """Is a number one of them?"""
        return self.least <= number and (self.most is None or number <= self.most) and number % self.multiple == 0

    @property
    def text(self) -> str:
        """What is allowed, e.g. ``at least 4, a multiple of 2``."""
        if self.least == self.most:
            return f"{self.least}"
        parts = [f"at least {self.least}"] if self.least > 1 else []
        parts += [] if self.most is None else [f"at most {self.most}"]
        parts += [f"a multiple of {self.multiple}"] if self.multiple > 1 else []
        return ", ".join(parts) or "any"


@dataclass(frozen=True)
class KeepRule:
    """A level keeps these tensors; with `kept` false it keeps none of them."""

    title: str
    level: str
    tensors: tuple[str, ...]
    kept: bool


@dataclass(frozen=True)
class UnrollRule:
    """Along an axis (None: both) of the fan-out below a level only these dims may be unrolled."""

    title: str
    level: str
    axis: str | None
    dims: tuple[str, ...]


@dataclass(frozen=True)
class FactorRule:
    """The trips over a dim, in the fan-out below a level or in the loops around it, are among these numbers."""

    title: str
    level: str
    dim: str
    spatial: bool
    numbers: Numbers


@dataclass(frozen=True)
class TileRule:
    """Where a level keeps a tensor, the tile's extent of a dim (None: its words) is among these numbers."""

    title: str
    level: str
    tensor: str
    dim: str | None
    numbers: Numbers


@dataclass(frozen=True)
class OrderRule:
    """Of the loops around a level, those over a dim stand outside of those over the dims after it."""

    title: str
    level: str
    dims: tuple[str, ...]


@dataclass(frozen=True)
class StationaryRule:
    """A level keeps a tensor, and each of its tiles comes in once.

    Above the node no loop over a dim that indexes the tensor stands inside of one over a dim that does not.
    """

    title: str
    level: str
    tensor: str


@dataclass(frozen=True)
class UtilizationRule:
    """The spatial loops use at least this share of the multipliers."""

    title: str
    least: Fraction


MappingRule = KeepRule | UnrollRule | FactorRule | TileRule | OrderRule | StationaryRule | UtilizationRule
