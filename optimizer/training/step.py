"""One step of training as a network: forward, loss, backward, update.

Nodes
-----
Every node has the attribute ``phase``:

``forward``
    The layers of the network, under their names.
``loss``
    ``NAME.loss`` for every layer NAME whose output leaves the network: cross-entropy with one label per position,
    after softmax. It reads what NAME computes and writes ``(p - y) / samples``, the gradient of the logits.
    A softmax at the end of the network is that softmax: it has no backward layer.
``input_gradient``
    ``NAME.dI``, or ``NAME.dI/phase0`` ... (:mod:`optimizer.training.contractions`): gradient of the input. ``NAME.dW``
    where operand W is an activation too. ``NAME.sum``: gradient of NAME's output, where several layers read it, as
    the sum of what their backward layers wrote; also where only a part of it is read, with zeros for the rest.
    Pieces that have as many words together as the output are taken to be its parts, and are not summed.
    There are none where no learned word lies before: none for inputs of the network.
``weight_gradient``
    ``NAME.dW`` for weights and other learned words, ``NAME.dB`` for learned words besides the weights (biases, slopes):
    a sum over the gradient of the output. Vector layers write both gradients in ``NAME.dI``.
``update``
    ``NAME.update`` for every layer with learned words (:mod:`optimizer.training.updates`).

Edges
-----
An edge from a forward layer to a gradient layer carries a saved activation: ``tensor`` is its name in the forward
network, so its lifetime ends with the last layer that such an edge leads to. Tensors of the backward pass are called
like the layers that write them. Inputs of the network have no producer: as in the forward network they are operands
(``NAME.dW`` reads the operand ``I`` of NAME under the same name), or read words of vector layers, without an edge. So
are labels, weights, optimizer state, and the statistics that a batch normalization writes beside its
output.

``layers()`` runs forward, then the losses, then backward in reverse; a layer's weights are updated right after its
gradients, when nothing reads the old ones any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimizer.errors import SpecError
from optimizer.training.bits import TrainingBits
from optimizer.training.blocks import of_input_gradient, of_second_gradient, put_in
from optimizer.training.contractions import GradientPart, input_gradient, second_gradient
from optimizer.training.losses import is_softmax, loss_layer
from optimizer.training.operands import has_weights, output_words, producers, shares, tied_to
from optimizer.training.updates import Optimizer, optimizer_named, update_layer
from optimizer.training.vector_rules import PASSING, rule_of
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.sparsity import dense, densify
from optimizer.workload.views import IDENTITY, WHOLE, Grid, View, fitted


def training_step(network: Network, *, optimizer: str = "sgd-momentum", bits: TrainingBits | None = None) -> Network:
    """One step of training of a network: the module's docstring says what its layers are.

    Parameters
    ----------
    network : Network
        An inference network with batch normalizations as layers of their own. N:M blocks of its layers hold in the
        gradients as well (:mod:`optimizer.training.blocks`).
    optimizer : {"sgd", "sgd-momentum", "adam"}
        Rule of the update.
    bits : TrainingBits, optional
        Precision of every kind of tensor.

    Returns
    -------
    Network
        An ordinary network; ``training`` says what it was made with.

    Raises
    ------
    SpecError
        For an unknown optimizer, a network without learned words or one that is a training step already, and
        layers whose gradient is not known.
    """
    rule, bits = optimizer_named(optimizer), bits or TrainingBits()
    if network.training is not None:
        raise SpecError(
            "this network is a training step already",
            field="training",
            value=network.name,
            allowed="inference networks",
            remedy="solve it as it is",
        )
    step = _Step(network, rule, bits)
    if not any(step.trained.values()):
        raise SpecError(
            "there is nothing to train",
            field=network.name,
            value=0,
            allowed="networks with learned words",
            remedy="give the number of learned words as `parameters` of a layer",
        )
    order = list(step.network.layers())
    for layer in order:
        step.forward(layer)
    for layer in order:
        if not network.graph.out_degree(layer.name):
            step.lose(layer)
    for layer in reversed(order):
        step.backward(layer)
    return step.result


@dataclass(frozen=True)
class _Piece:
    """A gradient, or a part of one: the nodes that write it, and its words."""

    nodes: tuple[str, ...]
    words: int


class _Step:
    """A training step while it is built.

    ``trained`` says of every layer whether learned words lie in it or before it; ``_pieces`` holds what the gradient
    of a layer's output is to be summed from, ``_learned`` the gradients of a layer's learned words.
    """

    def __init__(self, network: Network, optimizer: Optimizer, bits: TrainingBits) -> None:
        self._blocks = {layer.name: layer.block for layer in network.mac_layers()}
        self._parameters = {layer.name: layer.parameter_count for layer in network.layers()}
        self.network, self._optimizer, self._bits = densify(network), optimizer, bits
        self.result = Network(network.name, warnings=list(network.warnings), mapping=network.mapping, file=network.file)
        self.result.uncounted, self.result.stored_bits = network.uncounted, network.stored_bits
        self.result.training = {"optimizer": optimizer.name, "bits": bits.data()}
        self.trained: dict[str, bool] = {}
        for layer in network.layers():
            before = any(self.trained[producer] for producer in network.graph.predecessors(layer.name))
            self.trained[layer.name] = before or layer.parameter_count > 0 or self._weights(layer)
        self._pieces: dict[str, list[_Piece]] = {}
        self._learned: dict[str, list[str]] = {}

    def _weights(self, layer: AnyLayer) -> bool:
        return isinstance(layer, Layer) and has_weights(self.network, layer)

    def forward(self, layer: AnyLayer) -> None:
        """Copy a layer with its precisions."""
        edges = self._edges(layer)
        views = {producer: self.network.view(producer, layer.name) for producer in edges}
        same = put_in(self._bits.forward(layer, learned=self._weights(layer)), self._blocks.get(layer.name))
        self.result.add(same, after=edges, views=views, phase="forward")

    def lose(self, layer: AnyLayer) -> None:
        """Append the loss after a layer whose output leaves the network."""
        sources = list(self.network.graph.predecessors(layer.name)) if is_softmax(layer) else [layer.name]
        if not any(self.trained[source] for source in sources):
            return
        loss = loss_layer(layer, self._bits)
        self.result.add(loss, after={layer.name: self._output(layer.name)}, phase="loss")
        for source in sources:
            self._give(source, _Piece((loss.name,), loss.writes[0][0] * loss.multiplicity))

    def backward(self, layer: AnyLayer) -> None:
        """Append the gradients of a layer's operands, and the update of its learned words."""
        gradient = self._gradient(layer) if self.trained[layer.name] else None
        if gradient is not None and isinstance(layer, Layer):
            self._backward_layer(layer, gradient)
        elif gradient is not None and isinstance(layer, VectorLayer):
            self._backward_vector(layer, gradient)
        self._update(layer)

    def _gradient(self, layer: AnyLayer) -> _Piece | None:
        """Gradient of a layer's output, after a sum if it needs one; None if no loss depends on it."""
        pieces, words = self._pieces.get(layer.name, []), output_words(layer)
        if not pieces:
            return None
        nodes = tuple(dict.fromkeys(node for piece in pieces for node in piece.nodes))
        total = sum(piece.words for piece in pieces)
        if total == words or (len(pieces) == 1 and total > words):
            return _Piece(nodes, words)
        bits = self._bits.gradients
        add = VectorLayer(
            f"{layer.name}.sum",
            "add",
            tuple((piece.words, bits) for piece in pieces),
            ((words, bits),),
            max(0, total - words),
            grid=layer.grid,
        )
        self._add(add, nodes, {}, "input_gradient", IDENTITY, layer.grid)
        return _Piece((add.name,), words)

    def _backward_layer(self, layer: Layer, gradient: _Piece) -> None:
        forward, block = dense(self.result.graph.nodes[layer.name]["layer"]), self._blocks[layer.name]
        weights = self._weights(layer)
        incoming = gradient.nodes[0] if len(gradient.nodes) == 1 else f"{layer.name}.dO", self._bits.gradients
        inputs, seconds = (producers(self.network, layer, role) for role in "IW")
        if weights or any(self.trained[source] for source in seconds):
            bits = self._bits.weight_gradients if weights else self._bits.gradients
            part = second_gradient(forward, f"{layer.name}.dW", gradient=incoming, bits=bits)
            node = put_in(part.layer, of_second_gradient(block, part.renamed))
            self._add(node, gradient.nodes, inputs, "weight_gradient" if weights else "input_gradient")
            self._give_all(seconds, [part])
            if weights:
                self._learned.setdefault(tied_to(self.network, layer) or layer.name, []).append(part.layer.name)
        self._sum_biases(layer, gradient)
        trained = {source: tensor for source, tensor in inputs.items() if self.trained[source]}
        if trained:
            view, image = WHOLE, None
            if len(inputs) == 1:
                (source,) = inputs
                view, image = self.network.view(source, layer.name), self.network.graph.nodes[source]["layer"].grid
            parts = input_gradient(
                forward, f"{layer.name}.dI", gradient=incoming, bits=self._bits.gradients, view=view, image=image
            )
            for part in parts:
                node = put_in(part.layer, of_input_gradient(block, part.renamed))
                self._add(node, gradient.nodes, seconds, "input_gradient", part.view, layer.grid)
            self._give_all(trained, parts)

    def _sum_biases(self, layer: Layer, gradient: _Piece) -> None:
        """Gradients of learned words besides the weights."""
        weights = layer.operand("W").footprint(layer.extents)
        extra = layer.parameter_count - (weights if layer.parameter_count >= weights else 0)
        if extra:
            words = gradient.words // layer.multiplicity
            bits = self._bits
            total = VectorLayer(
                f"{layer.name}.dB",
                "sum",
                ((words, bits.gradients),),
                ((extra, bits.weight_gradients),),
                words,
                multiplicity=layer.multiplicity,
            )
            self._add(total, gradient.nodes, {}, "weight_gradient")
            self._learned.setdefault(layer.name, []).append(total.name)

    def _backward_vector(self, layer: VectorLayer, gradient: _Piece) -> None:
        if is_softmax(layer) and not self.network.graph.out_degree(layer.name):
            return
        wanted = {p: words for p, words in shares(self.network, layer.name).items() if self.trained[p]}
        if layer.kind in PASSING:
            self._pass(layer, gradient, wanted)
            return
        rule, bits = rule_of(layer), self._bits
        output = layer.writes[0][0]
        reads = list(self.result.graph.nodes[layer.name]["layer"].reads) if rule.saves_input else []
        if rule.saves_output:
            reads.append(self.result.graph.nodes[layer.name]["layer"].writes[0])
        if layer.kind == "gather":
            reads += [stream for stream in layer.reads if stream[0] != output]
        reads += [(output, bits.gradients)] * rule.passes + list(layer.writes[1:] if layer.kind == "batchnorm" else ())
        writes = [(words, bits.gradients) for words in wanted.values()]
        writes += [(layer.parameters, bits.weight_gradients)] if layer.parameters else []
        saved = self._edges(layer) if rule.saves_input else {}
        saved |= {layer.name: self._output(layer.name)} if rule.saves_output else {}
        self._append_vector(layer, tuple(reads), tuple(writes), rule.operations(layer), gradient, saved, wanted)

    def _append_vector(
        self,
        layer: VectorLayer,
        reads: tuple[tuple[int, int], ...],
        writes: tuple[tuple[int, int], ...],
        operations: int,
        gradient: _Piece,
        saved: Mapping[str, str],
        wanted: Mapping[str, int],
    ) -> None:
        """Append a backward vector layer and note what it writes."""
        name, phase = (f"{layer.name}.dI", "input_gradient") if wanted else (f"{layer.name}.dW", "weight_gradient")
        node = VectorLayer(name, f"{layer.kind}_backward", reads, writes, operations, layer.multiplicity)
        self._add(node, gradient.nodes, saved, phase)
        for source, words in wanted.items():
            self._give(source, _Piece((name,), words * layer.multiplicity))
        if layer.parameters:
            self._learned.setdefault(layer.name, []).append(name)

    def _pass(self, layer: VectorLayer, gradient: _Piece, wanted: Mapping[str, int]) -> None:
        """Hand a gradient on; a summand that was broadcast, such as a learned table, gets a sum of it."""
        output, bits = layer.writes[0][0], self._bits
        for source, words in wanted.items():
            if layer.kind == "concat" or words == output:
                self._give(source, _Piece(gradient.nodes, words * layer.multiplicity))
                continue
            name = f"{layer.name}.dI/{source}"
            streams = ((output, bits.gradients),), ((words, bits.gradients),)
            self._add(
                VectorLayer(name, "sum", *streams, output, layer.multiplicity), gradient.nodes, {}, "input_gradient"
            )
            self._give(source, _Piece((name,), words * layer.multiplicity))
        if layer.parameters and (layer.kind == "concat" or layer.parameters == output):
            self._learned.setdefault(layer.name, []).extend(gradient.nodes[:1])
        elif layer.parameters:
            streams = ((output, bits.gradients),), ((layer.parameters, bits.weight_gradients),)
            node = VectorLayer(f"{layer.name}.dW", "sum", *streams, output, layer.multiplicity)
            self._add(node, gradient.nodes, {}, "weight_gradient")
            self._learned.setdefault(layer.name, []).append(node.name)

    def _update(self, layer: AnyLayer) -> None:
        """Append the update of a layer's learned words."""
        if layer.parameter_count and layer.name in self._learned:
            sources = list(dict.fromkeys(self._learned[layer.name]))
            tensors = sum(not source.endswith(".dB") for source in sources)
            node = update_layer(
                f"{layer.name}.update",
                self._optimizer,
                self._parameters[layer.name],
                max(1, tensors),
                bits=self._bits,
                weight_bits=self._bits.of_weights(layer),
                multiplicity=layer.multiplicity,
            )
            self._add(node, sources, {}, "update")

    def _add(
        self,
        node: AnyLayer,
        gradients: Sequence[str],
        saved: Mapping[str, str],
        phase: str,
        view: View = WHOLE,
        grid: Grid | None = None,
    ) -> None:
        """Append a node that reads gradients and saved tensors.

        The view is of a gradient that one layer writes on this grid; of all else everything is needed.
        """
        after = {name: name for name in gradients} | dict(saved)
        views = {}
        if grid is not None and [self.result.graph.nodes[name]["layer"].grid for name in gradients] == [grid]:
            views = {gradients[0]: fitted(view, grid, node.grid)}
        self.result.add(node, after=after, views=views, phase=phase)

    def _edges(self, layer: AnyLayer) -> dict[str, str]:
        edges = self.network.graph.in_edges(layer.name, data="tensor")
        return {producer: str(tensor) for producer, _, tensor in edges}

    def _output(self, name: str) -> str:
        """The name of the tensor that a forward layer writes."""
        layer = self.network.graph.nodes[name]["layer"]
        return (layer.operand("O").tensor if isinstance(layer, Layer) else "") or name

    def _give(self, source: str, piece: _Piece) -> None:
        if self.trained[source]:
            self._pieces.setdefault(source, []).append(piece)

    def _give_all(self, sources: Mapping[str, str], parts: list[GradientPart]) -> None:
        """The words that some layers write as a gradient of an operand, for the operand's producers."""
        nodes = tuple(part.layer.name for part in parts)
        words = sum(output_words(part.layer) for part in parts)
        for source in sources:
            produced = output_words(self.network.graph.nodes[source]["layer"])
            self._give(source, _Piece(nodes, min(words, produced)))
