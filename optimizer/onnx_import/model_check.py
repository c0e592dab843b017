"""What is checked of a model before ONNX's own code sees it: opsets, nesting, functions, names, tensors.

Data in files beside the model are cut off here: no place of such a file is left in what the rest of the import reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import onnx

from optimizer.errors import SpecError
from optimizer.files.names import check_name
from optimizer.onnx_import.inference import given_tensors
from optimizer.onnx_import.labels import node_label

DEEPEST_GRAPH = 8
"""Subgraphs inside of subgraphs."""
MOST_NODES = 200_000
"""Of a model whose local functions are inlined."""
DEEPEST_CALLS = 400
"""Local functions; each may call the one before."""
MOST_AXES = 16
MOST_WORDS = 1 << 48
"""Of one tensor."""
LATEST_OPSET = 1000
_TYPES = {number: name for name, number in onnx.TensorProto.DataType.items() if number}
_BITS = {
    **dict.fromkeys(("FLOAT", "INT32", "UINT32"), 32),
    **dict.fromkeys(("FLOAT16", "BFLOAT16", "INT16", "UINT16"), 16),
    **dict.fromkeys(("DOUBLE", "INT64", "UINT64", "COMPLEX64"), 64),
    **dict.fromkeys(("INT8", "UINT8", "BOOL"), 8),
    **dict.fromkeys(("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0"), 8),
    **dict.fromkeys(("INT4", "UINT4", "FLOAT4E2M1"), 4),
    **dict.fromkeys(("INT2", "UINT2"), 2),
    **dict.fromkeys(("FLOAT6E2M3", "FLOAT6E3M2"), 6),
    "COMPLEX128": 128,
}


class _Place:
    """Where the check is: a file and a part of the model."""

    def __init__(self, file: str) -> None:
        self.file = file

    def refuse(self, problem: str, field: str, value: object, allowed: str, remedy: str = "") -> SpecError:
        """An error about a part of the model."""
        remedy = remedy or "export or download the model again"
        return SpecError(problem, file=self.file, field=field, value=value, allowed=allowed, remedy=remedy)

    def check_texts(self, names: Iterable[object], field: str) -> None:
        """Refuse names that are no text."""
        for name in names:
            if not isinstance(name, str):
                raise self.refuse("a name that is no text", field, name, "names in UTF-8")

    def check_text(self, name: str, field: str) -> None:
        """Refuse a name that is no text, or that has control characters."""
        self.check_texts([name], field)
        check_name(name, file=self.file, field=field)


def check_model(model: Any, file: str) -> int:
    """Refuse what ONNX's own code must not see; the number of nodes with functions inlined.

    Raises
    ------
    SpecError
        With the part of the model, its value and what is allowed.
    """
    place = _Place(file)
    if not 1 <= model.ir_version <= LATEST_OPSET:
        raise place.refuse("no version of ONNX's format", "ir_version", model.ir_version, f"1 to {LATEST_OPSET}")
    _check_opsets(model, place)
    bodies = [(f"function {function.name!r}", function) for function in model.functions]
    for label, graph in [("graph", model.graph), *bodies]:
        for body, where in _graphs(graph, label, place):
            _check_graph(body, where, place)
    _check_unique(model.graph, place)
    return _inlined_nodes(model, place)


def _check_opsets(model: Any, place: _Place) -> None:
    every = [("opset_import", model.opset_import)]
    every += [(f"function {one.name!r}: opset_import", one.opset_import) for one in model.functions]
    for field, imports in every:
        seen: dict[str, int] = {}
        for entry in imports:
            place.check_text(entry.domain, field)
            named = f"{field} {entry.domain or 'ai.onnx'!r}"
            if not 1 <= entry.version <= LATEST_OPSET:
                raise place.refuse("no version of an opset", named, entry.version, f"1 to {LATEST_OPSET}")
            if seen.setdefault(entry.domain, entry.version) != entry.version:
                raise place.refuse("a domain has two versions", named, entry.version, "one version per domain")


def _graphs(graph: Any, label: str, place: _Place) -> Iterator[tuple[Any, str]]:
    """A graph and all graphs inside of it, with how messages call them."""
    waiting = [(graph, label, 0)]
    while waiting:
        body, where, depth = waiting.pop()
        if depth > DEEPEST_GRAPH:
            raise place.refuse("subgraphs are nested too deeply", where, depth, f"{DEEPEST_GRAPH} levels")
        yield body, where
        for node in body.node:
            for attribute in node.attribute:
                inner = [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
                waiting += [(one, f"{label}: {_called(node)}", depth + 1) for one in inner]


def _called(node: Any) -> str:
    """How messages call a node whose names may be no text."""
    texts = (node.name, node.op_type, *node.output[:1])
    return node_label(node) if all(isinstance(text, str) for text in texts) else f"node {node.op_type!r}"


def _check_graph(graph: Any, label: str, place: _Place) -> None:
    """Names, tensors and types of one graph, or of the body of a function."""
    for node in graph.node:
        where = _called(node)
        place.check_texts((node.name, *node.input, *node.output, *(one.name for one in node.attribute)), where)
        for text in (node.op_type, node.domain):
            place.check_text(text, where)
        if not node.op_type:
            raise place.refuse("a node without an operator", where, node.op_type, "the name of an operator")
        for attribute in node.attribute:
            for tensor in given_tensors(attribute):
                _check_tensor(tensor, f"{where}: attribute {attribute.name}", place)
    if isinstance(graph, onnx.FunctionProto):
        for text in (graph.name, graph.domain):
            place.check_text(text, label)
        place.check_texts((*graph.input, *graph.output), label)
        return
    for tensor in graph.initializer:
        place.check_texts([tensor.name], f"{label}: initializer")
        _check_tensor(tensor, f"tensor {tensor.name}", place)
    for sparse in graph.sparse_initializer:
        place.check_texts([sparse.values.name], f"{label}: sparse initializer")
        _check_dims(sparse.dims, f"tensor {sparse.values.name}", place)
        for tensor in (sparse.values, sparse.indices):
            _check_tensor(tensor, f"tensor {sparse.values.name}", place)
    for value in (*graph.input, *graph.value_info, *graph.output):
        place.check_texts([value.name], f"{label}: declared tensors")
        _check_type(value, place, needed=False)


def _check_type(value: Any, place: _Place, *, needed: bool) -> None:
    """The declared type of a tensor; element types may be missing where nothing depends on them."""
    kind, field = value.type.tensor_type, f"tensor {value.name}"
    if not value.type.HasField("tensor_type"):
        return
    if kind.elem_type not in _TYPES and (needed or kind.elem_type):
        raise _no_type(kind.elem_type, field, place)
    for dim in kind.shape.dim:
        place.check_text(dim.dim_param, f"{field}: dim")
    _check_dims([max(dim.dim_value, 0) for dim in kind.shape.dim], field, place)


def _no_type(element: int, field: str, place: _Place) -> SpecError:
    value = f"{element} (UNDEFINED)" if element == 0 else element
    return place.refuse("the tensor has no known element type", field, value, ", ".join(_TYPES.values()))


def _check_dims(dims: Any, field: str, place: _Place) -> None:
    shape = list(dims)
    if len(shape) > MOST_AXES:
        raise place.refuse("the tensor has too many axes", field, len(shape), f"up to {MOST_AXES}")
    if any(extent < 0 for extent in shape):
        raise place.refuse("an axis has a negative extent", field, shape, "extents >= 0")
    if math.prod(max(extent, 1) for extent in shape) > MOST_WORDS:
        raise place.refuse("the tensor is too large", field, shape, f"up to {MOST_WORDS} elements")


def _check_tensor(tensor: Any, field: str, place: _Place) -> None:
    """A tensor with data: its type, shape and size; the place of data outside of the model is removed."""
    if tensor.data_type not in _TYPES:
        raise _no_type(tensor.data_type, field, place)
    _check_dims(tensor.dims, field, place)
    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for stored in ("external_data", "raw_data"):
            tensor.ClearField(stored)
        return
    bits = _BITS.get(_TYPES[tensor.data_type])
    words = math.prod(tensor.dims)
    if tensor.raw_data and bits is not None and len(tensor.raw_data) != (words * bits + 7) // 8:
        problem = "the size of the data does not fit the shape"
        allowed = f"{(words * bits + 7) // 8} bytes for {list(tensor.dims)} of {_TYPES[tensor.data_type]}"
        raise place.refuse(problem, field, f"{len(tensor.raw_data)} bytes", allowed)
    if tensor.HasField("segment"):
        raise place.refuse("a tensor in segments", field, "segment", "tensors as a whole")


def _check_unique(graph: Any, place: _Place) -> None:
    """Every tensor has one origin; a weight may be an input with a default."""
    for value in graph.input:
        _check_type(value, place, needed=True)
    seen = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        for name in filter(None, node.output):
            if name in seen:
                problem = "two nodes, or a node and an input, compute the same tensor"
                raise place.refuse(problem, _called(node), name, "names used once")
            seen.add(name)


def _check_call(node: Any, function: Any, place: _Place) -> None:
    """A call of a local function has no more inputs and outputs than the function."""
    for what, given, formal in (
        ("inputs", node.input, function.input),
        ("outputs", node.output, function.output),
    ):
        if len(given) > len(formal):
            problem = f"the function has fewer {what} than its call"
            raise place.refuse(problem, _called(node), len(given), f"up to {len(formal)}")


def _inlined_nodes(model: Any, place: _Place) -> int:
    """Number of nodes once local functions stand where they are called."""
    bodies = {(one.domain, one.name): one for one in model.functions}
    if len(bodies) < len(model.functions):
        names = [one.name for one in model.functions]
        twice = next(name for name in names if names.count(name) > 1)
        raise place.refuse("two local functions have the same name", "functions", twice, "names used once per domain")
    sizes: dict[tuple[str, str], int] = {}

    def size(graph: Any, around: tuple[tuple[str, str], ...]) -> int:
        total = 0
        for body, _ in _graphs(graph, "graph", place):
            for node in body.node:
                key = node.domain, node.op_type
                if key in around:
                    field = f"function {key[1]!r}"
                    raise place.refuse("a function calls itself", field, _called(node), "functions that end")
                if key in bodies:
                    _check_call(node, bodies[key], place)
                if key in bodies and key not in sizes:
                    sizes[key] = size(bodies[key], (*around, key))
                total += sizes.get(key, 1)
        if total > MOST_NODES:
            raise place.refuse("the model has too many nodes", "graph", total, f"up to {MOST_NODES}, functions inlined")
        return total

    if len(bodies) > DEEPEST_CALLS:
        raise place.refuse("the model has too many local functions", "functions", len(bodies), f"up to {DEEPEST_CALLS}")
    return size(model.graph, ())
