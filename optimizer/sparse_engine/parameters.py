"""What an engine learns, and how it starts: words per edge and per right neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.sparse_engine.fixed_point import Format, Words
from optimizer.sparse_engine.network import SparseNetwork


@dataclass(frozen=True)
class Parameters:
    """``weights[i]`` of shape ``(W_i,)``, edges numbered by right neuron; ``biases[i]`` of shape ``(N_i,)``."""

    weights: tuple[Words, ...]
    biases: tuple[Words, ...]

    def equals(self, other: Parameters) -> bool:
        """The same words throughout?"""
        pairs = zip((*self.weights, *self.biases), (*other.weights, *other.biases), strict=True)
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


@dataclass(frozen=True)
class Sample:
    """Inputs and targets as words, one row per input."""

    inputs: Words
    targets: Words


def start(network: SparseNetwork, form: Format, seed: int = 0) -> Parameters:
    """Weights from a normal distribution of variance ``2 / (fi + fo)`` (Glorot and Bengio 2010); biases 0."""
    random = np.random.default_rng(seed)
    weights = [
        form.words(random.normal(0, np.sqrt(2 / (fan_in + degree)), edges))
        for fan_in, degree, edges in zip(network.in_degrees, network.out_degrees, network.weights, strict=True)
    ]
    return Parameters(tuple(weights), tuple(np.zeros(size, dtype=np.int64) for size in network.neurons[1:]))


def random_sample(network: SparseNetwork, form: Format, count: int, seed: int = 0) -> Sample:
    """Uniform inputs in [0, 1], each with one class as its target."""
    random = np.random.default_rng(seed)
    classes = random.integers(network.neurons[-1], size=count)
    return Sample(form.words(random.random((count, network.neurons[0]))), one_hot(classes, network.neurons[-1], form))


def one_hot(classes: Sequence[int] | Words, outputs: int, form: Format) -> Words:
    """Targets: 1 at the class, 0 elsewhere, as words."""
    return np.asarray(form.clip(np.eye(outputs, dtype=np.int64)[np.asarray(classes)] * form.one))
