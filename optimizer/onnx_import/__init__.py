"""ONNX models as networks.

Multiply-accumulate layers
    Conv (1-D, 2-D and 3-D; grouped, depthwise, strided, dilated; also QLinearConv, ConvInteger), ConvTranspose
    (phases that read the same input are channels of one convolution), MatMul with batches and broadcasting, Gemm,
    Einsum (:mod:`optimizer.onnx_import.einsum`), attention (:mod:`optimizer.onnx_import.attention`), LSTM, GRU and RNN
    (:mod:`optimizer.onnx_import.recurrent`), and what is built from them. A convolution has dims N K C P Q R S (1-D:
    N K C P R; 3-D: Z and T besides), with G if grouped, and N G P Q R S if depthwise, extents of 1 included. Its input
    is taken as padded: the padding of the image counts as data, in MACs and in traffic.
Vector layers
    Sums and products of activations, pooling, softmax, normalizations, reductions, resizing, concatenation,
    gathers: they stream their tensors.
Folded operators
    Activation functions, inference-time normalization, biases, scales, casts and quantization belong to the
    layer they follow (:mod:`optimizer.onnx_import.pointwise` states when). Their learned words are counted
    with that layer; weights that several nodes use are counted at each of them.
Free operators
    Reshape, Transpose, Slice, Split, Expand and the like are views: the consumer reads the tensor in another
    order. Shape arithmetic and everything else that does not depend on the model's inputs is computed
    beforehand.

Edges have views (:mod:`optimizer.workload.views`): windows along batch, rows and columns of convolutions, poolings and
what works element by element, and rows of matrix products. Behind free operators and broadcasts, and for
operators that mix positions, everything is needed.

Operators that ONNX defines by other operators are taken as those. Weights may be missing or external: only their
shapes matter, and files beside the model are never opened. Precision is that of narrow element types and of
quantization (:mod:`optimizer.onnx_import.widths`), 16 bits for float32; `bits` goes before both. ONNX's own code runs
in a process of its own (:mod:`optimizer.onnx_import.guarded`): what it cannot read is an error, not the end of the
program. Of an If the branch is taken that a constant condition chooses. Loop, Scan, and operators of other domains
than ONNX's and ``com.microsoft`` are not understood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from optimizer.errors import SpecError
from optimizer.files.names import one_line
from optimizer.onnx_import.cleaning import name_on_one_line, slim
from optimizer.onnx_import.dims import OpenDim, fix_dims, open_dims
from optimizer.onnx_import.foreign import types_warning, without_foreign_attributes
from optimizer.onnx_import.graph import GraphBuilder, Unsupported
from optimizer.onnx_import.inference import VALUE_LIMIT
from optimizer.onnx_import.labels import node_label
from optimizer.onnx_import.operators import handler_of
from optimizer.onnx_import.reading import read_model
from optimizer.onnx_import.resolution import placed, resolved, unexpected
from optimizer.onnx_import.shared_words import shared_bits
from optimizer.onnx_import.unknown import import_opaque, reason_against
from optimizer.workload.network import Network

__all__ = ["import_onnx", "open_dims_of"]


def import_onnx(
    path: str | Path,
    *,
    dims: Mapping[str, int] = MappingProxyType({}),
    allow_unknown: bool = False,
    bits: object = None,
    training: bool = False,
) -> Network:
    """Read an ONNX model as a network; the module's docstring says what becomes of which operator.

    Parameters
    ----------
    path : str or Path
        The model. External data files are never opened.
    dims : mapping of str to int, optional
        Extents of symbolic dims, by name (``batch``) or by place (``tokens.1``: axis 1 of input ``tokens``).
    allow_unknown : bool, optional
        Turn operators that are not understood into vector layers that move their tensors, with a line in
        ``warnings`` each, instead of an error.
    bits : int or mapping of role to int, optional
        Bits per element of W, I and O, whatever the model says.
    training : bool, optional
        The forward pass of training: batch normalizations are layers of their own.

    Returns
    -------
    Network
        Named after the file.

    Raises
    ------
    SpecError
        If the file is no ONNX model or a broken one, a dim stays symbolic, an operator is not understood, or the
        network has no layer.
    """
    file = str(path)
    model, count = read_model(path)
    name_on_one_line(model)
    fix_dims(model, dims, file)
    warnings = without_foreign_attributes(model)
    slim(model, VALUE_LIMIT)
    nodes, tensors = resolved(model, file, count)
    network = Network(one_line(Path(path).stem), warnings=warnings + types_warning(tensors.notes), file=file)
    graph = GraphBuilder(network, tensors, bits, file, training)
    network.absorbed = Counter(one_line(node.op_type) for node in model.graph.node)
    for node in nodes:
        layers = len(network.graph)
        _import_node(graph, node, allow_unknown)
        network.absorbed[one_line(node.op_type)] -= len(network.graph) > layers
    network.absorbed = +network.absorbed
    if not len(network.graph):
        raise SpecError(
            "the model has nothing to compute",
            file=file,
            allowed="a model with layers",
            remedy="check that this is the right file",
        )
    network.stored_bits = shared_bits(model, graph)
    if network.uncounted:
        network.warnings.append(
            f"the multiply-accumulates of {len(network.uncounted)} operators are not known, nor is their share; those "
            f"of the others, {network.macs:,}, are counted. A design is FEASIBLE at best: an optimum is one of "
            "the part that is counted"
        )
    return network


def open_dims_of(path: str | Path) -> list[OpenDim]:
    """The dims of the inputs of an ONNX model that have no extent.

    Raises
    ------
    SpecError
        If the file is no ONNX model or a broken one.
    """
    model, _ = read_model(path)
    name_on_one_line(model)
    return open_dims(model)


def _import_node(graph: GraphBuilder, node: Any, allow_unknown: bool) -> None:
    """Append what one node is: layers, part of a layer, or nothing."""
    label = node_label(node)
    try:
        try:
            handler, reason = handler_of(node), reason_against(graph, node)
            if handler is None or reason:
                raise Unsupported(reason)
            handler(graph, node)
        except Unsupported as refusal:
            import_opaque(graph, node, str(refusal), allow_unknown)
    except SpecError as error:
        raise placed(error, graph.file, label) from error
    except Exception as error:  # a form of the operator that its handler does not foresee
        raise unexpected(error, graph.file, label) from error
