"""A loop nest over the numbers of a layer problem: nodes, loops and fan-outs, outermost first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeItem:
    """A tile of a tensor that a level holds."""

    tensor: int
    level: int


@dataclass(frozen=True)
class LoopItem:
    """A temporal loop over a dim."""

    dim: int
    trips: int


@dataclass(frozen=True)
class FanOutItem:
    """The fan-out of a level, with its factor of every dim."""

    level: int
    factors: tuple[int, ...]


Item = NodeItem | LoopItem | FanOutItem


@dataclass(frozen=True)
class Nest:
    """A loop nest with its exact energy (units) and latency (latency units)."""

    items: tuple[Item, ...]
    energy: int
    latency: int
