"""Networks of pre-defined sparsity: fixed out-degrees and in-degrees per junction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from optimizer.errors import SpecError


def admissible_out_degrees(left: int, right: int) -> range:
    """Out-degrees that give every right neuron the same whole in-degree.

    ``left * fo`` must be a multiple of ``right``, so fo is a multiple of ``right / gcd(left, right)``, up to `right`
    (all connections): ``gcd(left, right)`` densities.
    """
    step = right // math.gcd(left, right)
    return range(step, right + 1, step)


@dataclass(frozen=True)
class SparseNetwork:
    """A multilayer perceptron with fixed degrees.

    Parameters
    ----------
    neurons : tuple of int
        ``N_0 .. N_L``, neurons per layer.
    out_degrees : tuple of int
        ``fo_1 .. fo_L``: connections of each left neuron of junction i, which joins layer i - 1 to layer i.

    Raises
    ------
    SpecError
        On fewer than two layers, sizes below 1, a wrong number of out-degrees, or one that is not admissible.
    """

    neurons: tuple[int, ...]
    out_degrees: tuple[int, ...]

    def __post_init__(self) -> None:
        check_layers(self.neurons)
        if len(self.out_degrees) != self.junctions:
            raise SpecError(
                "one out-degree per junction is needed",
                field="out_degrees",
                value=list(self.out_degrees),
                allowed=f"{self.junctions} integers",
                remedy="give as many as there are layers, less one",
            )
        for left, right, out_degree in zip(self.neurons, self.neurons[1:], self.out_degrees, strict=False):
            check_out_degree(left, right, out_degree)

    @property
    def junctions(self) -> int:
        """L, the number of junctions."""
        return len(self.neurons) - 1

    @property
    def weights(self) -> tuple[int, ...]:
        """``W_i = N_{i-1} fo_i``, edges of each junction."""
        return tuple(left * degree for left, degree in zip(self.neurons, self.out_degrees, strict=False))

    @property
    def in_degrees(self) -> tuple[int, ...]:
        """``fi_i = W_i / N_i``, connections of each right neuron."""
        return tuple(edges // right for edges, right in zip(self.weights, self.neurons[1:], strict=True))

    @property
    def dense_weights(self) -> int:
        """Edges of the network with all connections."""
        return sum(left * right for left, right in zip(self.neurons, self.neurons[1:], strict=False))

    @property
    def density(self) -> Fraction:
        """``sum W_i / sum N_{i-1} N_i``."""
        return Fraction(sum(self.weights), self.dense_weights)

    def dense(self) -> SparseNetwork:
        """The network with all connections."""
        return SparseNetwork(self.neurons, self.neurons[1:])


def check_layers(neurons: tuple[int, ...]) -> None:
    """Check the neurons per layer.

    Raises
    ------
    SpecError
        If there are fewer than two layers, or one without neurons.
    """
    if len(neurons) < 2 or min(neurons) < 1:
        raise SpecError(
            "not the layers of a network",
            field="layers",
            value=list(neurons),
            allowed="two or more integers >= 1",
            remedy="write e.g. 1024,64,32",
        )


def check_out_degree(left: int, right: int, out_degree: int) -> None:
    """Check an out-degree between layers of `left` and `right` neurons.

    Raises
    ------
    SpecError
        If it is not admissible (:func:`admissible_out_degrees`).
    """
    allowed = admissible_out_degrees(left, right)
    if out_degree not in allowed:
        raise SpecError(
            f"out-degree not admissible between layers of {left} and {right} neurons",
            field="out_degrees",
            value=out_degree,
            allowed=f"multiples of {allowed.step} up to {right}",
            remedy="the left layer's edges must spread evenly over the right layer",
        )
