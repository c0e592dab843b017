"""Networks made of distinct layers of the built-in ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from formulations.primes import divisors
from optimizer.networks import build
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

T = TypeVar("T")


def distinct_layers(networks: Iterable[str]) -> list[Layer]:
    """The different layers of some networks, each once, in the order of the points of their divisor lattices.

    That number is the product over all dims of how many divisors the extent has: the size of a layer's search.
    """
    found: dict[object, Layer] = {}
    for name in networks:
        for layer in build(name).mac_layers():
            found.setdefault(layer.shape_key(), replace(layer, name=f"{name} {layer.name}", multiplicity=1))
    return sorted(found.values(), key=lattice_points)


def lattice_points(layer: Layer) -> int:
    """Points of a layer's divisor lattice."""
    return math.prod(len(divisors(extent)) for _, extent in layer.dims)


def network_of(layers: Iterable[Layer], name: str) -> Network:
    """A network of unconnected layers."""
    network = Network(name)
    for layer in layers:
        network.add(layer)
    return network


def spread(layers: Sequence[T], count: int) -> list[T]:
    """`count` layers at equal distances in a list, so that small and large samples are alike.

    Raises
    ------
    ValueError
        If there are fewer.
    """
    if count > len(layers):
        raise ValueError(f"there are {len(layers)} layers, not {count}")
    return [layers[(2 * n + 1) * len(layers) // (2 * count)] for n in range(count)]
