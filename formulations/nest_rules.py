"""What the nests of a layer problem must keep beyond capacities and fan-outs, in the numbers of the problem."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """Whole numbers from `least` to `most` (None: any) that are multiples of `multiple`."""

    least: int = 1
    most: int | None = None
    multiple: int = 1

    def hold(self, number: int) -> bool:
        """Is a number one of them?"""
        return self.least <= number and (self.most is None or number <= self.most) and number % self.multiple == 0


@dataclass(frozen=True)
class Factor:
    """Trips over a dim in the fan-out below a level, or in the temporal loops around it."""

    level: int
    dim: int
    allowed: Allowed


@dataclass(frozen=True)
class Tile:
    """Extent of a dim (None: words) in the tile of a tensor at a level, where it is kept."""

    level: int
    tensor: int
    dim: int | None
    allowed: Allowed


@dataclass(frozen=True)
class Order:
    """Of the temporal loops around a level, those over a dim stand outside of those over dims after it."""

    level: int
    dims: tuple[int, ...]


@dataclass(frozen=True)
class Stationary:
    """Above the node of a tensor no loop that moves it stands inside of one that does not."""

    level: int
    tensor: int


@dataclass(frozen=True)
class NestRules:
    """Rules of a layer problem.

    `least_used` is the least product of all spatial factors. The loops *around* a level are the temporal ones inside of
    the used fan-outs of outer levels, and outside of those of the level and deeper ones.
    """

    spatial: tuple[Factor, ...] = ()
    temporal: tuple[Factor, ...] = ()
    tiles: tuple[Tile, ...] = ()
    orders: tuple[Order, ...] = ()
    stationary: tuple[Stationary, ...] = ()
    least_used: int = 1

    @property
    def are_regional(self) -> bool:
        """Does any rule ask between which fan-outs a loop stands?"""
        return bool(self.temporal or self.orders)

    def spread(self, level: int, factors: tuple[int, ...]) -> bool:
        """May the fan-out of a level have these factors?"""
        return all(rule.allowed.hold(factors[rule.dim]) for rule in self.spatial if rule.level == level)

    def inside(self, level: int) -> tuple[tuple[int, int], ...]:
        """Pairs (outer dim, inner dim) of loops around a level."""
        rules = [rule.dims for rule in self.orders if rule.level == level]
        return tuple((a, b) for dims in rules for n, a in enumerate(dims) for b in dims[n + 1 :])


NO_RULES = NestRules()
