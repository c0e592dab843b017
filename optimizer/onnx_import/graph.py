"""The network while it is built from an ONNX graph: layers, edges, and operators that leave no layer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from onnx import helper

from optimizer.errors import SpecError
from optimizer.files.names import one_line
from optimizer.onnx_import.labels import node_label
from optimizer.onnx_import.layout import Layout, Read, grid_of, shifted, usual_layout
from optimizer.onnx_import.tensors import Tensors
from optimizer.onnx_import.widths import Widths
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.views import ONE_POSITION, Grid, View, fitted, hull


class Unsupported(Exception):
    """Raised by an operator's handler for a form of it that it does not understand."""


class GraphBuilder:
    """A network under construction.

    Parameters
    ----------
    network : Network
        Receives the layers.
    tensors : Tensors
        Shapes and constants.
    bits : int or mapping of role to int, optional
        Bits per element of W, I and O that the user gives.
    file : str
        For error messages.
    training : bool, optional
        Batch normalizations are layers of their own.

    Notes
    -----
    Every tensor has *sources*: the layers that compute it, possibly through folded and free operators. Its
    *base* is the tensor of which it is a pointwise function: two tensors with the same base can be combined
    element by element while the base is at hand. Its *layout* says which of its axes are the tile axes of the
    layer that computes it; it has none where it is a view of what a layer computes, or several layers compute it.
    """

    def __init__(self, network: Network, tensors: Tensors, bits: object, file: str, training: bool = False) -> None:
        self.network, self.tensors, self.file = network, tensors, file
        self.widths = Widths(tensors, bits)
        self.training = training
        self._sources: dict[str, dict[str, str]] = {}
        self._base: dict[str, str] = {}
        self._layouts: dict[str, Layout] = {}
        self._names: dict[int, str] = {}
        self._places: dict[str, int] = {}

    def name(self, node: Any) -> str:
        """A name for the node that no layer has yet: its own on one line, or operator and number."""
        stem = one_line(node.name or f"{node.op_type}_{node.output[0] if node.output else len(self.network.graph)}")
        name, number = stem, 2
        while name in self.network.graph:
            name, number = f"{stem}_{number}", number + 1
        return name

    def shape(self, node: Any, tensor: str) -> tuple[int, ...]:
        """Shape of a tensor the node needs.

        Raises
        ------
        SpecError
            If it is unknown.
        """
        shape = self.tensors.known_shape(tensor)
        if shape is None:
            raise SpecError(
                f"the shape of tensor {tensor!r} is not known",
                file=self.file,
                field=node_label(node),
                value=tensor,
                allowed="fixed shapes",
                remedy="fix symbolic dims with --dim name=value; shapes that depend on data or on weights "
                "outside the file must be declared in the model",
            )
        return shape

    def words(self, node: Any, tensor: str) -> int:
        """Words of a tensor the node needs."""
        return math.prod(self.shape(node, tensor))

    def activations(self, node: Any) -> list[str]:
        """Inputs of the node that depend on the graph's inputs, each once."""
        return [name for name in dict.fromkeys(node.input) if name and not self.tensors.is_constant(name)]

    def tables(self, node: Any) -> list[str]:
        """Inputs of the node that are constants to be read: no scalars, no indices."""
        return [name for name in dict.fromkeys(node.input) if name and self.tensors.is_table(name)]

    def learned_words(self, node: Any, tables: Iterable[str]) -> int:
        """Words of the learned ones among these constant tensors."""
        return sum(self.words(node, name) for name in tables if self.tensors.is_learned(name))

    def base(self, tensor: str) -> str:
        """The tensor of which this one is a pointwise function."""
        return self._base.get(tensor, tensor)

    def has_sources(self, tensor: str) -> bool:
        """Whether a layer computes the tensor (else it is an input of the graph, or constant)."""
        return bool(self._sources.get(tensor))

    def layout(self, tensor: str) -> Layout | None:
        """Axes of the tensor that are the tile axes of the layer that computes it, if they are known."""
        return self._layouts.get(tensor)

    def usual_layout(self, outputs: list[str]) -> Layout | None:
        """Layout of the first of the tensors by its shape; None where that is not known."""
        shape = self.tensors.known_shape(outputs[0]) if outputs else None
        return None if shape is None else usual_layout(shape)

    def grid(self, outputs: list[str], layout: Layout | None) -> Grid:
        """Extents of the first of the tensors along the tile axes."""
        shape = self.tensors.known_shape(outputs[0]) if outputs else None
        return ONE_POSITION if shape is None or layout is None else grid_of(layout, shape)

    def add(self, layer: AnyLayer, reads: Iterable[Read], outputs: list[str], layout: Layout | None = None) -> None:
        """Append a layer that computes `outputs`, the first of them with this layout, or part of them."""
        if isinstance(layer, Layer):
            layer = layer.with_bits({o.role: self.widths.of(o.tensor, o.role) for o in layer.operands})
        producers: dict[str, str] = {}
        views: dict[str, View] = {}
        for read in reads:
            view = read.view(self.layout(read.tensor))
            for producer, name in self._sources.get(read.tensor, {}).items():
                producers.setdefault(producer, name)
                views[producer] = hull(views.get(producer, view), view)
        for producer, view in views.items():
            views[producer] = fitted(view, self.network.graph.nodes[producer]["layer"].grid, layer.grid)
        self.network.add(layer, after=producers, views=views)
        for tensor in outputs:
            self._sources.setdefault(tensor, {})[layer.name] = tensor
        if outputs:
            self._places.setdefault(outputs[0], 0)
        if layout is not None:
            self._layouts[outputs[0]] = layout

    def stream(
        self,
        node: Any,
        operations: int,
        *,
        kind: str | None = None,
        tables: list[str] | None = None,
        layout: Layout | None = None,
        reads: Iterable[Read] = (),
    ) -> None:
        """Append the node as a vector layer that reads its inputs and writes its outputs once.

        Inputs are activations and constant `tables` (default: all); indices and axes cost nothing. Inputs that
        are not among `reads` are needed as a whole at every position; the usual layout is the default.
        """
        tables = self.tables(node) if tables is None else tables
        inputs, outputs = self.activations(node), self.outputs(node)
        layout = self.usual_layout(outputs) if layout is None else layout
        layer = VectorLayer(
            self.name(node),
            kind or node.op_type.lower(),
            (*self.streams(node, inputs, "I"), *self.streams(node, tables, "W")),
            self.streams(node, outputs, "O"),
            operations,
            parameters=self.learned_words(node, tables),
            grid=self.grid(outputs, layout),
        )
        self._places.update((tensor, n) for n, tensor in enumerate(filter(lambda one: self.words(node, one), outputs)))
        known = {read.tensor: read for read in reads}
        self.add(layer, [known.get(tensor, Read(tensor)) for tensor in inputs], outputs, layout)

    def streams(self, node: Any, tensors: Iterable[str], role: str) -> tuple[tuple[int, int], ...]:
        """Words and bits per element of tensors that a vector layer reads or writes; empty ones are left out."""
        found = ((self.words(node, tensor), self.widths.of(tensor, role)) for tensor in tensors)
        return tuple(stream for stream in found if stream[0])

    def outputs(self, node: Any) -> list[str]:
        """Outputs of the node that have a name."""
        return [name for name in node.output if name]

    def fold(self, node: Any, tensor: str, learned: int = 0) -> None:
        """Let the node be part of the layer that computes `tensor`, with `learned` words more."""
        for output in self.outputs(node):
            self._sources[output] = self._sources.get(tensor, {})
            self._base[output] = self.base(tensor)
            self._pass_layout(tensor, output)
        self._store(node, tensor)
        self.learn(tensor, learned)

    def learn(self, tensor: str, words: int) -> None:
        """Count learned words with the first of the layers that compute a tensor."""
        for producer in list(self._sources.get(tensor, {}))[: 1 if words else 0]:
            layer = self.network.graph.nodes[producer]["layer"]
            self.network.graph.nodes[producer]["layer"] = replace(layer, parameters=layer.parameter_count + words)

    def _store(self, node: Any, tensor: str) -> None:
        """Let the layers that compute a tensor write what a folded node makes of it, as wide as that is."""
        for output in self.outputs(node)[:1]:
            if self.widths.same(tensor, output):
                continue
            width = self.widths.of(output, "O")
            for producer, name in self._sources[output].items():
                layer, place = self.network.graph.nodes[producer]["layer"], self._places.get(name)
                if isinstance(layer, Layer):
                    layer = layer.with_bits({"O": width})
                elif place is not None and place < len(layer.writes):
                    writes = list(layer.writes)
                    writes[place] = (writes[place][0], width)
                    layer = replace(layer, writes=tuple(writes))
                self.network.graph.nodes[producer]["layer"] = layer

    def view(self, node: Any) -> None:
        """Let the node's outputs be views of its first input: no layer, no traffic, no layout."""
        for output in self.outputs(node):
            self.alias(node.input[0], output)

    def alias(self, tensor: str, output: str) -> None:
        """Let a tensor be a view of another one."""
        self.widths.same(tensor, output)
        self._sources[output] = self._sources.get(tensor, {})

    def add_sources(self, tensor: str, output: str) -> None:
        """Let what computes a tensor count as computing another one too: parts of it are still the same."""
        self._sources[output] = {**self._sources.get(output, {}), **self._sources.get(tensor, {})}

    def _pass_layout(self, tensor: str, output: str) -> None:
        """Lay a pointwise function of a tensor out like the tensor; it may have more axes in front."""
        before, after = self.tensors.known_shape(tensor), self.tensors.known_shape(output)
        layout = self.layout(tensor)
        if layout is not None and before is not None and after is not None:
            self._layouts[output] = shifted(layout, len(after) - len(before))


def optional_input(node: Any, number: int) -> str:
    """The name of an input; empty where it is left out."""
    return str(node.input[number]) if len(node.input) > number else ""


def attributes(node: Any) -> dict[str, Any]:
    """Attributes of a node by name."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def name_tensors(layer: Layer, weights: str, inputs: str, outputs: str) -> Layer:
    """The layer with its operands called as in the graph."""
    w, i, o = layer.operands
    named = (replace(w, tensor=weights), replace(i, tensor=inputs), replace(o, tensor=outputs))
    return replace(layer, operands=named)
