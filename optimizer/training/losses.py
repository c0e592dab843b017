"""The loss at an output of the network: cross-entropy with one label per position, after softmax."""

from __future__ import annotations

import math

from optimizer.training.bits import TrainingBits
from optimizer.training.operands import output_words
from optimizer.workload.layer import AnyLayer, VectorLayer
from optimizer.workload.vector_ops import SOFTMAX

LOSS = 2
"""Scalar operations per element: ``(p - y) / samples``. The logarithm of one probability per position is not counted.
"""


def is_softmax(layer: AnyLayer) -> bool:
    """Whether the layer computes probabilities: then the loss takes them as they are."""
    return isinstance(layer, VectorLayer) and layer.kind in ("softmax", "logsoftmax")


def loss_layer(layer: AnyLayer, bits: TrainingBits) -> VectorLayer:
    """The loss of a layer whose output leaves the network.

    It reads the layer's output and a label per position, computes the softmax unless the layer is one, and writes the
    gradient of the logits.

    Parameters
    ----------
    layer : Layer or VectorLayer
    bits : TrainingBits
        Labels are as wide as the output.
    """
    words, labels = output_words(layer), math.prod(layer.grid)
    width = layer.writes[0][1] if isinstance(layer, VectorLayer) else layer.operand("O").bits
    width = bits.activations or width
    softmax = 0 if is_softmax(layer) else SOFTMAX
    return VectorLayer(
        f"{layer.name}.loss",
        "cross_entropy",
        ((words, width), (labels, width)),
        ((words, bits.gradients),),
        words * (LOSS + softmax),
        grid=layer.grid,
    )
