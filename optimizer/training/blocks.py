"""N:M blocks of the layers of a training step: the pattern of the forward weights holds in both gradients.

1. The gradient of the input reads the same stored weights; their blocks then lie along a dim of its output.
2. Of the gradient of the weights only the elements are computed that are stored.
"""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.nm_blocks import Block
from optimizer.workload.sparsity import compress

_IN_INPUT_GRADIENT = {"W": "W", "I": "O", "O": "I"}
_IN_SECOND_GRADIENT = {"W": "O", "I": "I", "O": "W"}


def put_in(layer: AnyLayer, block: Block | None) -> AnyLayer:
    """The layer compressed to N:M blocks; unchanged without a block, and if it is a vector layer."""
    return layer if block is None or not isinstance(layer, Layer) else compress(layer, block)


def of_input_gradient(block: Block | None, renamed: Mapping[str, str]) -> Block | None:
    """The forward layer's block in the gradient of its input, whose dims are renamed."""
    return _moved(block, renamed, _IN_INPUT_GRADIENT)


def of_second_gradient(block: Block | None, renamed: Mapping[str, str]) -> Block | None:
    """The forward layer's block in the gradient of its operand W."""
    return _moved(block, renamed, _IN_SECOND_GRADIENT)


def _moved(block: Block | None, renamed: Mapping[str, str], roles: Mapping[str, str]) -> Block | None:
    if block is None:
        return None
    return Block(renamed.get(block.dim, block.dim), block.kept, block.size, roles[block.role])
