"""The engine's training as plain matrices: masks, the same delays and the same rounding, no memories and no clocks.

Feedforward of input n passes junction i in block n + i, its update in block ``n + 2L - i + 1``; updates of a block
are seen from the next one on. So feedforward of n in junction i sees the updates of the inputs before
``n - 2 (L - i) - 1``, and backpropagation of n those of all inputs before n.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from optimizer.sparse_engine.fixed_point import Format, Words, shifted
from optimizer.sparse_engine.network import SparseNetwork
from optimizer.sparse_engine.parameters import Parameters, Sample


class MaskedNetwork:
    """A network of masked matrices that is trained input by input.

    Parameters
    ----------
    network : SparseNetwork
    left_of_edge : sequence of ndarray
        Left neuron of every edge per junction, edges numbered by right neuron.
    parameters : Parameters
    form : Format
    rate_shift : int
        The learning rate is ``2^-rate_shift``.
    """

    def __init__(
        self,
        network: SparseNetwork,
        left_of_edge: Sequence[Words],
        parameters: Parameters,
        form: Format,
        rate_shift: int = 3,
    ) -> None:
        self._network, self._form, self._rate = network, form, rate_shift
        self._edges = [
            (np.repeat(np.arange(right), fan_in), left)
            for right, fan_in, left in zip(network.neurons[1:], network.in_degrees, left_of_edge, strict=True)
        ]
        self._masks, self._versions = [], []
        last = network.junctions
        for i, edges in enumerate(self._edges):
            weights, bias = parameters.weights[i], parameters.biases[i]
            matrix = np.zeros((network.neurons[i + 1], network.neurons[i]), dtype=np.int64)
            matrix[edges] = weights
            mask = np.zeros_like(matrix)
            mask[edges] = 1
            self._masks.append(mask)
            self._versions.append(deque([(matrix, bias.copy())], maxlen=2 * (last - i - 1) + 2))

    def train(self, sample: Sample) -> Words:
        """Learn from every input in turn; the outputs of their feedforward, one row per input."""
        outputs = []
        for given, target in zip(sample.inputs, sample.targets, strict=True):
            states, slopes = self._forward(given)
            self._backward(states, slopes, target)
            outputs.append(states[-1])
        return np.array(outputs)

    def _forward(self, given: Words) -> tuple[list[Words], list[Words]]:
        """Activations of layers 0 .. L and derivatives of layers 1 .. L, each junction with its own delay."""
        states, slopes = [given], []
        for versions in self._versions:
            matrix, bias = versions[0]  # the oldest kept: as many updates old as the pipeline is long
            sums = self._form.product(matrix, states[-1][None, :]).sum(axis=1) + bias
            state, slope = self._form.sigmoid(self._form.clip(sums))
            states.append(state)
            slopes.append(slope)
        return states, slopes

    def _backward(self, states: list[Words], slopes: list[Words], target: Words) -> None:
        """Backpropagate through the newest weights, then update them."""
        form = self._form
        delta = form.clip(states[-1] - target)
        for i in reversed(range(self._network.junctions)):
            matrix, bias = self._versions[i][-1]
            change = shifted(delta[:, None] * states[i][None, :], form.fraction + self._rate)
            new = form.clip(matrix - change) * self._masks[i], form.clip(bias - shifted(delta, self._rate))
            if i > 0:
                parts = form.product(form.product(delta[:, None], matrix), slopes[i - 1][None, :])
                delta = form.clip((parts * self._masks[i]).sum(axis=0))
            self._versions[i].append(new)

    def parameters(self) -> Parameters:
        """Everything learned so far."""
        newest = [versions[-1] for versions in self._versions]
        weights = tuple(matrix[edges] for (matrix, _), edges in zip(newest, self._edges, strict=True))
        return Parameters(weights, tuple(bias for _, bias in newest))

    def outputs(self, inputs: Words) -> Words:
        """Outputs by the newest weights; shape ``(inputs, N_L)``."""
        states = inputs
        for versions in self._versions:
            matrix, bias = versions[-1]
            rows = [self._form.product(matrix, state[None, :]).sum(axis=1) for state in states]
            states = self._form.sigmoid(self._form.clip(np.array(rows) + bias))[0]
        return states
