"""Recurrent operators: LSTM, GRU and RNN of ONNX, in one or both directions.

The product of the inputs with their weights is done for all steps at once. The product of the state with the recurrent
weights is a layer that runs once per step, with weights that are read again each time: rows are the samples, and B the
directions; its learned words are counted with those of the first product (a layer that runs several times would count
them each time). A vector layer does the rest of all steps: sums, gates, states. It counts the learned words of biases,
peepholes and initial states. Biases and clips cost nothing, as behind other products. Shorter sequences
(``sequence_lens``) save no work.

DynamicQuantizeLSTM quantizes its inputs in a vector layer, and the state in every step with the gates; both products
read 8 bits. Scales and zero points are learned words of the gates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors, optional_input
from optimizer.onnx_import.layout import Layout, Read, grid_of, squeezed
from optimizer.onnx_import.misfits import misfit
from optimizer.onnx_import.vector import DYNAMIC_QUANTIZE
from optimizer.workload.layer import VectorLayer, matmul
from optimizer.workload.views import IDENTITY

_QUANTIZED = "DynamicQuantizeLSTM"
_QUANTIZED_BITS = 8
_GATES = {"LSTM": 4, _QUANTIZED: 4, "GRU": 3, "RNN": 1}
_OPERATIONS = {"LSTM": 13, _QUANTIZED: 13 + DYNAMIC_QUANTIZE, "GRU": 11, "RNN": 2}
"""Per feature of the state and step, a sum or product or activation each. LSTM: 4 sums of both products, 5 activations,
3 for the cell, 1 for the output. GRU: 3 sums, 3 activations, 1 product with the reset gate, 4 for the new state. RNN: a
sum, an activation."""
_PEEPHOLES = 6
"""Of an LSTM with peepholes besides, per feature and step: three products and sums."""
_DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}


@dataclass(frozen=True)
class Extents:
    """Extents of a recurrent operator."""

    steps: int
    batch: int
    features: int
    hidden: int
    gates: int
    directions: int

    @property
    def states(self) -> int:
        """Words of the state after one step, in all directions."""
        return self.directions * self.batch * self.hidden


def import_recurrent(graph: GraphBuilder, node: Any) -> None:
    """Recurrent: a product for all inputs, one per step with the state that reads its weights again, and gates."""
    if graph.training:
        raise Unsupported(f"{node.op_type} in training")
    sizes = _extents(graph, node)
    bias, states = optional_input(node, 3), [optional_input(node, 5), optional_input(node, 6)]
    if bias and not graph.tensors.is_constant(bias):
        raise Unsupported(f"{node.op_type} with biases that are computed")
    if any(name and graph.tensors.is_constant(name) for name in node.input[:1]):
        raise Unsupported(f"{node.op_type} on constant inputs")
    name, result = graph.name(node), next(output for output in node.output if output)
    products, data = [f"{result}/inputs"], node.input[0]
    if node.op_type == _QUANTIZED:
        data = _add_quantization(graph, node, f"{name}/quantize", f"{result}/quantized")
    _add_input_product(graph, node, f"{name}/inputs", sizes, (data, products[0]))
    for part, gates in _recurrent_parts(node, sizes):
        products.append(f"{result}/{part}")
        _add_step_product(graph, node, f"{name}/{part}", sizes, gates, products[-1])
    _add_gates(graph, node, name, sizes, products, [state for state in states if state])


def _extents(graph: GraphBuilder, node: Any) -> Extents:
    """The extents, from shapes that have to fit together."""
    attribute = attributes(node)
    direction = attribute.get("direction", b"forward").decode(errors="replace")
    if direction not in _DIRECTIONS:
        raise misfit("no direction", "attribute direction", direction, ", ".join(_DIRECTIONS))
    directions, gates = _DIRECTIONS[direction], _GATES[node.op_type]
    data, recurrent = graph.shape(node, node.input[0]), graph.shape(node, node.input[2])
    if len(data) != 3:
        raise misfit("the input has three axes", f"tensor {node.input[0]}", list(data), "steps, samples, features")
    quantized = node.op_type == _QUANTIZED
    hidden = recurrent[1 if quantized else 2] if len(recurrent) == 3 else 0
    samples_first = bool(attribute.get("layout", 0))
    steps, batch = (data[1], data[0]) if samples_first else data[:2]
    if min(steps, batch, data[2], hidden) < 1 or attribute.get("hidden_size", hidden) != hidden:
        raise misfit("no steps of this size", f"tensor {node.input[2]}", list(recurrent), "extents as hidden_size says")
    state = (batch, directions, hidden) if samples_first else (directions, batch, hidden)
    weights = [(gates * hidden, data[2]), (gates * hidden, hidden)]
    wanted = {
        **{1 + n: (directions, *(pair[::-1] if quantized else pair)) for n, pair in enumerate(weights)},
        3: (directions, 2 * gates * hidden),
        4: (batch,),
        5: state,
        **({6: state, 7: (directions, 3 * hidden)} if gates == 4 else {}),
    }
    for number, shape in wanted.items():
        name = optional_input(node, number)
        if name and graph.shape(node, name) != shape:
            problem = "the tensor does not fit steps, samples, directions and gates"
            raise misfit(problem, f"tensor {name}", list(graph.shape(node, name)), f"{list(shape)}")
    return Extents(steps, batch, data[2], hidden, gates, directions)


def _recurrent_parts(node: Any, sizes: Extents) -> list[tuple[str, int]]:
    """Products of a step with the state: of the reset state apart, where the reset comes before the product."""
    if node.op_type == "GRU" and not attributes(node).get("linear_before_reset", 0):
        return [("gates", 2), ("reset", 1)]
    return [("state", sizes.gates)]


def _add_quantization(graph: GraphBuilder, node: Any, name: str, output: str) -> str:
    """Append the layer that quantizes the inputs of all steps."""
    data = node.input[0]
    words = graph.words(node, data)
    graph.widths.packed(output, _QUANTIZED_BITS)
    streams = ((words, graph.widths.of(data, "I")),), ((words, graph.widths.of(output, "O")),)
    layout: Layout = squeezed(((), (0, 1), ()), graph.shape(node, data))
    grid = grid_of(layout, graph.shape(node, data))
    layer = VectorLayer(name, "quantize", *streams, DYNAMIC_QUANTIZE * words, grid=grid)
    graph.add(layer, [Read(data)], [output], layout)
    return output


def _add_input_product(graph: GraphBuilder, node: Any, name: str, sizes: Extents, tensors: tuple[str, str]) -> None:
    """Append the product of the inputs of all steps, with the learned words of both products."""
    weights, (data, output) = node.input[1], tensors
    columns = sizes.directions * sizes.gates * sizes.hidden
    dims = {"M": sizes.steps * sizes.batch, "N": columns, "K": sizes.features}
    layer = name_tensors(matmul(name, dims, bits=graph.widths.roles), weights, data, output)
    layer = replace(layer, parameters=graph.learned_words(node, node.input[1:3]))
    layout: Layout = squeezed(((), (0, 1), ()), graph.shape(node, node.input[0]))
    graph.add(layer, [Read(data, layout, IDENTITY), Read(weights)], [output], layout)


def _add_step_product(graph: GraphBuilder, node: Any, name: str, sizes: Extents, gates: int, output: str) -> None:
    """Append the product of the state of one step, which runs as often as there are steps."""
    weights, first = node.input[2], optional_input(node, 5)
    batch = {"B": sizes.directions} if sizes.directions > 1 else {}
    dims = {**batch, "M": sizes.batch, "N": gates * sizes.hidden, "K": sizes.hidden}
    layer = name_tensors(matmul(name, dims, bits=graph.widths.roles), weights, f"{output}/state", output)
    layer = replace(layer, multiplicity=sizes.steps, parameters=0)
    if node.op_type == _QUANTIZED:
        graph.widths.packed(f"{output}/state", _QUANTIZED_BITS)
    graph.add(layer, [Read(weights), *([Read(first)] if first else [])], [output])


def _add_gates(
    graph: GraphBuilder, node: Any, name: str, sizes: Extents, products: list[str], states: list[str]
) -> None:
    """Append the vector work of all steps; it reads the products and the states, and writes the states."""
    cells, resets = sizes.gates == 4, len(products) > 2
    kept = sizes.steps * sizes.states
    result = next(output for output in node.output if output)
    peepholes, lengths = (optional_input(node, 7) if cells else ""), optional_input(node, 4)
    reads = [(kept * sizes.gates, graph.widths.of(products[0], "I"))] * 2
    reads += [(kept, graph.widths.of(result, "I"))] * (1 + resets if node.op_type == "GRU" else int(cells))
    if peepholes:
        reads.append((sizes.steps * graph.words(node, peepholes), graph.widths.of(peepholes, "W")))
    beside = [one for one in (*states, lengths, peepholes) if one and not graph.tensors.is_constant(one)]
    reads += graph.streams(node, [one for one in beside if one == lengths], "I")
    written = [(kept, graph.widths.of(result, "O"))] * (1 + cells + resets)
    if node.op_type == _QUANTIZED:
        written.append((kept, graph.widths.of(f"{products[1]}/state", "O")))
    learned = [optional_input(node, 3), peepholes, *states]
    learned += [optional_input(node, number) for number in range(8, 12)]  # of a quantized operator
    layer = VectorLayer(
        name,
        node.op_type.lower(),
        tuple(reads),
        tuple(written),
        (_OPERATIONS[node.op_type] + (_PEEPHOLES if peepholes else 0)) * kept,
        parameters=graph.learned_words(node, dict.fromkeys(filter(None, learned))),
    )
    graph.add(layer, [Read(one) for one in (*products, *beside)], graph.outputs(node))
