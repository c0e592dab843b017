"""Training steps made by hand, with the attributes that ``optimizer.training.step`` gives."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from optimizer.workload.layer import VectorLayer
from optimizer.workload.network import Network


def training_graph(
    forward: Sequence[tuple[int, int, Sequence[int]]], backward: Sequence[tuple[int, Sequence[int]]]
) -> Network:
    """A training step of vector layers.

    `forward` holds (bits of the output, operations, inputs) of every layer ``f0``, ``f1`` ...; `backward` holds (bits
    of the gradient, forward tensors that are read) of every layer ``b0``, ``b1`` ..., each of which reads the gradient
    of the one before.
    """
    network = Network("by_hand")
    for number, (bits, operations, inputs) in enumerate(forward):
        layer = VectorLayer(f"f{number}", "work", (), ((bits, 1),), operations)
        network.add(layer, after={f"f{source}": f"f{source}" for source in inputs}, phase="forward")
    for number, (bits, reads) in enumerate(backward):
        layer = VectorLayer(f"b{number}", "work", (), ((bits, 1),), 1)
        sources = [f"f{source}" for source in reads] + ([f"b{number - 1}"] if number else [])
        network.add(layer, after={source: source for source in sources}, phase="input_gradient" if number else "loss")
    return network


def chain(length: int, bits: int = 1) -> Network:
    """Equal layers in a row; the gradient of each reads the layer's input, the loss the last output."""
    forward = [(bits, 1, [number - 1] if number else []) for number in range(length)]
    backward = [(bits, [length - 1])] + [(bits, [number - 1]) for number in range(length - 1, 0, -1)]
    return training_graph(forward, backward)


@st.composite
def training_graphs(draw: st.DrawFn, most: int = 5) -> Network:
    """Small training steps of any shape: residuals, tensors that no backward layer reads, unusual orders of reads."""
    count = draw(st.integers(2, most))
    forward = []
    for number in range(count):
        sources = draw(st.sets(st.integers(max(0, number - 3), number - 1), max_size=2)) if number else set()
        forward.append((draw(st.integers(1, 6)), draw(st.integers(0, 5)), sorted(sources)))
    near = [
        draw(st.sets(st.sampled_from([number, max(0, number - 1), draw(st.integers(0, count - 1))]), max_size=2))
        for number in reversed(range(count))
    ]
    return training_graph(forward, [(draw(st.integers(0, 4)), sorted(reads)) for reads in near])
