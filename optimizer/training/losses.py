"""The loss at an output of the network: cross-entropy with one label per position, after softmax."""

from __future__ import annotations

import math

from optimizer.training.bits import TrainingBits
from optimizer.training.operands import output_words
from optimizer.workload.layer import AnyLayer, VectorLayer
from optimizer.workload.vector_ops import SOFTMAX

LOSS = 2
"""Per element: ``(p - y) / samples``. The logarithm of one probability per position is not counted."""


def is_softmax(layer: AnyLayer) -> bool:
    """Whether the layer computes probabilities, of which a loss can be taken."""
    return isinstance(layer, VectorLayer) and layer.kind in ("softmax", "logsoftmax")


def loss_layer(layer: AnyLayer, bits: TrainingBits) -> VectorLayer:
    """Reads the layer's output and a label per position, writes the gradient; computes the softmax if need be."""
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
