"""Optimizers: what the update of a learned word reads and writes besides the word and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimizer.errors import check_one_of
from optimizer.training.bits import TrainingBits
from optimizer.workload.layer import VectorLayer


@dataclass(frozen=True)
class Optimizer:
    """Words of state, and scalar operations, per learned word."""

    name: str
    state: int
    operations: int


OPTIMIZERS: Mapping[str, Optimizer] = {
    optimizer.name: optimizer
    for optimizer in (Optimizer("sgd", 0, 2), Optimizer("sgd-momentum", 1, 4), Optimizer("adam", 2, 12))
}
"""Operations per learned word: ``w -= a g`` (2); ``v = m v + g, w -= a v`` (4); ``m = b m + (1-b) g`` (3),
``v = c v + (1-c) g g`` (4), ``w -= a m / (sqrt(v) + e)`` (5) (Adam: Kingma and Ba, arXiv 1412.6980). Adam's bias
corrections are part of the step size a. There is no weight decay."""


def optimizer_named(name: str) -> Optimizer:
    """The optimizer of this name.

    Raises
    ------
    SpecError
        If there is none.
    """
    check_one_of(name, OPTIMIZERS, "no such optimizer", "training")
    return OPTIMIZERS[name]


def update_layer(
    name: str,
    optimizer: Optimizer,
    words: int,
    gradients: int,
    *,
    bits: TrainingBits,
    weight_bits: int,
    multiplicity: int = 1,
) -> VectorLayer:
    """The update of a layer's learned words.

    It reads master weights, gradients and state; it writes master weights, state, and the copy that the passes read if
    that has another precision.

    Parameters
    ----------
    name : str
        Name of the update's layer.
    optimizer : Optimizer
    words : int
        Learned words.
    gradients : int
        Tensors of `words` words each whose sum is the gradient.
    bits : TrainingBits
    weight_bits : int
        Bits per weight as the passes read them.
    multiplicity : int
        How often the update runs in a step.
    """
    state = ((words, bits.state),) * optimizer.state
    copy = ((words, weight_bits),) if weight_bits != bits.master else ()
    return VectorLayer(
        name,
        optimizer.name,
        reads=((words, bits.master), *((words, bits.weight_gradients),) * gradients, *state),
        writes=((words, bits.master), *state, *copy),
        operations=words * (optimizer.operations + gradients - 1),
        multiplicity=multiplicity,
    )
