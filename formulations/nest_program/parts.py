"""What costs of a program ask of its tiles and of its sliding windows, whichever space of nests these describe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from formulations.primes import Powers
from formulations.rows import Literal

if TYPE_CHECKING:
    from ortools.sat.python import cp_model


class Tiles(Protocol):
    """Exponents of the extents of tiles."""

    powers: tuple[Powers, ...]

    def top(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extents of all loops from a level on, inside of the fan-out outside of it."""

    def tile(self, level: int, tensor: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extent below a node."""

    def span(self, level: int, tensor: int) -> dict[int, cp_model.LinearExprT]:
        """Exponents of the trips of loops over irr(T) that do not bring in anything, all dims together."""

    def highest(self, dims: Iterable[int]) -> Powers:
        """Bounds on the sums of exponents of some dims."""


class Slidings(Protocol):
    """The loops along which the input's tiles slide."""

    def used(self, level: int, dim: int) -> Literal:
        """Does the input's node slide along the dim?"""

    def trips(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the trips of the loop that moves the tile."""

    def between(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the spatial factors between that loop and the node."""
