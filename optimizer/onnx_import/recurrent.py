"""Recurrent operators: LSTM, GRU and RNN of ONNX, in one or both directions.

The product of the inputs with their weights is done for all steps at once. The product of the state with the recurrent
weights is a layer that runs once per step, with weights that are read again each time: rows are the samples, and B the
directions. A vector layer does the rest of all steps: sums, gates, states. It counts the learned words of the recurrent
weights (a layer that runs several times would count them each time), biases, peepholes and initial states. Biases and
clips cost nothing, as behind other products. Shorter sequences (``sequence_lens``) save no work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors, optional_input
from optimizer.onnx_import.layout import Layout, Read, squeezed
from optimizer.onnx_import.misfits import misfit
from optimizer.workload.layer import VectorLayer, matmul
from optimizer.workload.views import IDENTITY

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_OPERATIONS = {"LSTM": 13, "GRU": 11, "RNN": 2}
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
    """LSTM, GRU, RNN: a product for all inputs, one per step with the state that reads its weights again, and gates."""
    if graph.training:
        raise Unsupported(f"{node.op_type} in training")
    sizes = _extents(graph, node)
    bias, states = optional_input(node, 3), [optional_input(node, 5), optional_input(node, 6)]
    if bias and not graph.tensors.is_constant(bias):
        raise Unsupported(f"{node.op_type} with biases that are computed")
    if any(name and graph.tensors.is_constant(name) for name in node.input[:1]):
        raise Unsupported(f"{node.op_type} on constant inputs")
    name, result = graph.name(node), next(output for output in node.output if output)
    products = [f"{result}/inputs"]
    _add_input_product(graph, node, f"{name}/inputs", sizes, products[0])
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
    hidden = recurrent[-1] if recurrent else 0
    samples_first = bool(attribute.get("layout", 0))
    steps, batch = (data[1], data[0]) if samples_first else data[:2]
    if min(steps, batch, data[2], hidden) < 1 or attribute.get("hidden_size", hidden) != hidden:
        raise misfit("no steps of this size", f"tensor {node.input[2]}", list(recurrent), "extents as hidden_size says")
    state = (batch, directions, hidden) if samples_first else (directions, batch, hidden)
    wanted = {
        1: (directions, gates * hidden, data[2]),
        2: (directions, gates * hidden, hidden),
        3: (directions, 2 * gates * hidden),
        4: (batch,),
        5: state,
        **({6: state, 7: (directions, 3 * hidden)} if node.op_type == "LSTM" else {}),
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


def _add_input_product(graph: GraphBuilder, node: Any, name: str, sizes: Extents, output: str) -> None:
    data, weights = node.input[0], node.input[1]
    columns = sizes.directions * sizes.gates * sizes.hidden
    dims = {"M": sizes.steps * sizes.batch, "N": columns, "K": sizes.features}
    layer = name_tensors(matmul(name, dims, bits=graph.widths.roles), weights, data, output)
    if not graph.tensors.is_constant(weights):
        layer = replace(layer, parameters=0)
    layout: Layout = squeezed(((), (0, 1), ()), graph.shape(node, data))
    graph.add(layer, [Read(data, layout, IDENTITY), Read(weights)], [output], layout)


def _add_step_product(graph: GraphBuilder, node: Any, name: str, sizes: Extents, gates: int, output: str) -> None:
    """Append the product of the state of one step, which runs as often as there are steps."""
    weights, first = node.input[2], optional_input(node, 5)
    batch = {"B": sizes.directions} if sizes.directions > 1 else {}
    dims = {**batch, "M": sizes.batch, "N": gates * sizes.hidden, "K": sizes.hidden}
    layer = name_tensors(matmul(name, dims, bits=graph.widths.roles), weights, f"{output}/state", output)
    layer = replace(layer, multiplicity=sizes.steps, parameters=0)
    graph.add(layer, [Read(weights), *([Read(first)] if first else [])], [output])


def _add_gates(
    graph: GraphBuilder, node: Any, name: str, sizes: Extents, products: list[str], states: list[str]
) -> None:
    """Append the vector work of all steps; it reads the products and the states, and writes the states."""
    cells, resets = node.op_type == "LSTM", len(products) > 2
    sums = sizes.steps * sizes.gates * sizes.states
    kept = sizes.steps * sizes.states
    result = next(output for output in node.output if output)
    state = kept, graph.widths.of(result, "I")
    reads = [(sums, graph.widths.of(product, "I")) for product in products[:1]] * 2
    reads += [state] * (1 + resets if node.op_type == "GRU" else int(cells))
    written = [(kept, graph.widths.of(result, "O"))] * (1 + cells + resets)
    peepholes, lengths = (optional_input(node, 7) if cells else ""), optional_input(node, 4)
    operations = (_OPERATIONS[node.op_type] + (_PEEPHOLES if peepholes else 0)) * kept
    if peepholes:
        reads.append((sizes.steps * graph.words(node, peepholes), graph.widths.of(peepholes, "W")))
    beside = [one for one in (*states, lengths, peepholes) if one and not graph.tensors.is_constant(one)]
    reads += graph.streams(node, [one for one in beside if one == lengths], "I")
    learned = [one for one in (node.input[2], optional_input(node, 3), peepholes, *states) if one]
    layer = VectorLayer(
        name,
        node.op_type.lower(),
        tuple(reads),
        tuple(written),
        operations,
        parameters=graph.learned_words(node, dict.fromkeys(learned)),
    )
    graph.add(layer, [Read(one) for one in (*products, *beside)], graph.outputs(node))
