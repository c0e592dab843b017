"""What a network keeps in the outermost memory whatever runs: its learned words, and the cache of a language model."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.network import Network


@dataclass(frozen=True)
class Stored:
    """Bits that stay in memory; ``cache_bits`` is None where the network is no language model."""

    weight_bits: int
    cache_bits: int | None = None

    @property
    def bits(self) -> int:
        """All together."""
        return self.weight_bits + (self.cache_bits or 0)


def stored_in(network: Network) -> Stored:
    """Learned words at their widths; of a language model, keys, values and states of all sequences with them.

    Learned words of a multiply-accumulate layer have the width of its W, those of a vector layer that of the last
    tensor that it reads, where constants stand. Of N:M weights only those that are stored count, without their
    positions, and words that layers share count once. Activations are not counted, nor what training keeps besides the
    weights: no run needs less.
    """
    weights = sum(layer.multiplicity * layer.parameter_count * _width(layer) for layer in network.layers())
    if network.stored_bits is not None:
        weights = min(weights, network.stored_bits)
    if network.serving is not None:
        return Stored(min(weights, network.serving.weight_bits), network.serving.cache_bits)
    return Stored(weights)


def _width(layer: AnyLayer) -> int:
    """Bits of a learned word of a layer."""
    if isinstance(layer, Layer):
        return layer.operand("W").bits
    return layer.reads[-1][1] if layer.reads else 0
