"""How long the tensors of a training step live, and the memory that they take over time.

Steps are the layers of the network in the order of ``network.layers()``: forward, loss, backward. A tensor lives from
the step that writes it to the last step that reads it:

* *activations*: outputs of forward layers. An edge to a layer of another phase is a backward use: the tensor is *saved*
  for it. Statistics that a normalization writes beside its output stay until the gradient of that normalization.
* *inputs* of the network: always, since layers may be computed again from them. Of a multiply-accumulate layer that is
  any operand that is neither learned nor computed; of a vector layer without producers it is its first tensor. The
  border of padding counts as data, as in the cost of layers.
* *gradients* of activations; *weight gradients*: until the update has read them.
* *weights* (master weights, and the copy that the passes read if it is narrower) and *optimizer state*: always. They
  are what the updates write. Learned words that nothing updates count as operands of their layer.

A step needs what it reads and what it writes at the same time. Nothing is computed in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimizer.errors import SpecError
from optimizer.training.operands import has_weights
from optimizer.training.updates import OPTIMIZERS
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import PHASES, Network

KINDS = ("weights", "optimizer state", "inputs", "activations", "gradients", "weight gradients")
"""Classes of tensors, in the order of reports."""


@dataclass(frozen=True)
class Life:
    """A tensor whose life does not depend on choices: from step `born` to step `last`, both included."""

    name: str
    kind: str
    bits: int
    born: int
    last: int


@dataclass(frozen=True)
class Activation:
    """The output of a forward layer.

    ``bits`` in size; ``born`` the step that writes it, ``last_forward`` the last forward step that reads it (`born` if
    none does), ``reads`` the later steps that read it; ``inputs`` the forward layers that it is computed from.
    """

    name: str
    bits: int
    born: int
    last_forward: int
    reads: tuple[int, ...]
    inputs: tuple[str, ...]

    @property
    def last(self) -> int:
        """The last step that reads it."""
        return self.reads[-1] if self.reads else self.last_forward


@dataclass(frozen=True)
class Lifetimes:
    """Lives of all tensors of a training step.

    ``steps`` are names of layers, ``turn`` is the first step that is not forward.
    """

    steps: tuple[str, ...]
    turn: int
    activations: tuple[Activation, ...]
    others: tuple[Life, ...]

    @property
    def lives(self) -> list[Life]:
        """All tensors, activations kept from their production to their last use."""
        kept = [Life(a.name, "activations", a.bits, a.born, a.last) for a in self.activations]
        return [*kept, *self.others]

    def over_time(self) -> dict[str, list[int]]:
        """Bits per step and class, with all saved activations kept off chip."""
        bits = {kind: [0] * len(self.steps) for kind in KINDS}
        for life in self.lives:
            for step in range(life.born, life.last + 1):
                bits[life.kind][step] += life.bits
        return bits


def lifetimes(network: Network) -> Lifetimes:
    """Lives of the tensors of a training step.

    Parameters
    ----------
    network : Network
        As made by :func:`optimizer.training.step.training_step`: every node has a phase.

    Raises
    ------
    SpecError
        If a layer has no phase, or a forward layer comes after a backward one.
    """
    order = list(network.layers())
    _check_phases(network, order)
    step = {layer.name: number for number, layer in enumerate(order)}
    turn = sum(network.graph.nodes[layer.name]["phase"] == "forward" for layer in order)
    activations = tuple(_activation(network, layer, step, turn) for layer in order[:turn])
    backward = [life for layer in order[turn:] for life in _backward(network, layer, step)]
    aside = [life for layer in order[:turn] for life in _statistics(network, layer, step)]
    kept = [life for layer in order[turn:] for life in _kept(network, layer, len(order))]
    frozen = _frozen(network, order[:turn], len(order))
    inputs = _inputs(network, order[:turn], len(order))
    return Lifetimes(tuple(step), turn, activations, (*kept, *frozen, *inputs, *aside, *backward))


def _check_phases(network: Network, order: list[AnyLayer]) -> None:
    seen_backward = False
    for layer in order:
        phase = network.graph.nodes[layer.name].get("phase")
        if phase not in PHASES or (phase == "forward" and seen_backward):
            raise SpecError(
                "not a training step" if phase not in PHASES else "a forward layer comes after a backward one",
                field=layer.name,
                value=phase,
                allowed=f"phases {', '.join(PHASES)}, the forward ones first",
                remedy="make the network with training_step, or --training",
            )
        seen_backward = seen_backward or phase != "forward"


def tensors_written(layer: AnyLayer) -> list[int]:
    """Bits of every tensor that a layer writes, all of its runs together."""
    if isinstance(layer, Layer):
        output = layer.operand("O")
        return [layer.multiplicity * output.bits * output.footprint(layer.extents)]
    return [layer.multiplicity * words * bits for words, bits in layer.writes]


def _activation(network: Network, layer: AnyLayer, step: Mapping[str, int], turn: int) -> Activation:
    readers = sorted(step[name] for name in network.graph.successors(layer.name))
    forward, backward = [s for s in readers if s < turn], tuple(s for s in readers if s >= turn)
    born, inputs = step[layer.name], sorted(network.graph.predecessors(layer.name), key=step.__getitem__)
    return Activation(layer.name, tensors_written(layer)[0], born, max(forward, default=born), backward, tuple(inputs))


def _statistics(network: Network, layer: AnyLayer, step: Mapping[str, int]) -> Iterator[Life]:
    """What a forward layer writes beside its output."""
    last = step.get(f"{layer.name}.dI", step[layer.name])
    for number, bits in enumerate(tensors_written(layer)[1:], 1):
        yield Life(f"{layer.name}.{number}", "activations", bits, step[layer.name], last)


def _backward(network: Network, layer: AnyLayer, step: Mapping[str, int]) -> Iterator[Life]:
    """What a loss or a gradient layer writes: the gradient of an activation first, then those of learned words."""
    phase, born = network.graph.nodes[layer.name]["phase"], step[layer.name]
    if phase == "update":
        return
    readers = {name: network.graph.nodes[name]["phase"] for name in network.graph.successors(layer.name)}
    for number, bits in enumerate(tensors_written(layer)):
        learned = phase == "weight_gradient" or number > 0
        last = max((step[name] for name, kind in readers.items() if (kind == "update") == learned), default=born)
        name = layer.name if number == 0 else f"{layer.name}.{number}"
        yield Life(name, "weight gradients" if learned else "gradients", bits, born, last)


def _kept(network: Network, layer: AnyLayer, steps: int) -> Iterator[Life]:
    """Weights and state that an update writes: master weights, state, copy of the weights."""
    if network.graph.nodes[layer.name]["phase"] != "update" or not isinstance(layer, VectorLayer):
        return
    states = OPTIMIZERS[layer.kind].state
    owner = layer.name.removesuffix(".update")
    for number, bits in enumerate(tensors_written(layer)):
        kind = "optimizer state" if 1 <= number <= states else "weights"
        name = f"{owner}.state{number}" if kind == "optimizer state" else f"{owner}.weights"
        yield Life(f"{name}.copy" if number > states else name, kind, bits, 0, steps - 1)


def _frozen(network: Network, forward: list[AnyLayer], steps: int) -> Iterator[Life]:
    """Learned operands without an update, their own or that of the layer whose weights they share."""
    for layer in forward:
        if isinstance(layer, Layer) and layer.parameter_count and f"{layer.name}.update" not in network.graph:
            weights = layer.operand("W")
            yield Life(f"{layer.name}.weights", "weights", layer.parameter_count * weights.bits, 0, steps - 1)


def _inputs(network: Network, forward: list[AnyLayer], steps: int) -> Iterator[Life]:
    """Tensors that come from outside of the network."""
    bits: dict[str, int] = {}
    for layer in forward:
        computed = {tensor for *_, tensor in network.graph.in_edges(layer.name, data="tensor")}
        if isinstance(layer, Layer):
            weights, data, _ = layer.operands
            given = [data] if not computed else []
            given += [weights] if weights.tensor not in computed and not has_weights(network, layer) else []
            for operand in given:
                size = operand.footprint(layer.extents) * operand.bits
                bits[operand.tensor] = max(bits.get(operand.tensor, 0), size)
        elif not computed and layer.reads:
            words, width = layer.reads[0]
            bits[f"{layer.name}.input"] = layer.multiplicity * words * width
    for name, size in bits.items():
        yield Life(name, "inputs", size, 0, steps - 1)
