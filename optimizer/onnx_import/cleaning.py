"""Changes of a checked model before it is read: names on one line, no data that nothing computes with."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import onnx

from optimizer.files.names import CONTROL, one_line
from optimizer.onnx_import.inference import has_data


def slim(model: Any, most_words: int) -> None:
    """Remove the data of weights that nothing computes with, in place."""
    for tensor in model.graph.initializer:
        if has_data(tensor) and math.prod(tensor.dims) > most_words:
            kept = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
            tensor.CopyFrom(kept)


def name_on_one_line(model: Any) -> None:
    """Give tensors whose names have control characters names without, in place; different ones stay different."""
    names = set(_names(model))
    odd = sorted(name for name in names if re.search(CONTROL, name))
    called: dict[str, str] = {}
    for name in odd:
        stem, number = one_line(name), 2
        called[name] = stem
        while called[name] in names:
            called[name], number = f"{stem}_{number}", number + 1
        names.add(called[name])
    if not odd:
        return
    for graph in graphs_of(model):
        for part in (*graph.node, *([graph] if isinstance(graph, onnx.FunctionProto) else [])):
            part.input[:] = [called.get(name, name) for name in part.input]
            part.output[:] = [called.get(name, name) for name in part.output]
        for holder in _named(graph):
            holder.name = called.get(holder.name, holder.name)


def graphs_of(model: Any) -> Iterator[Any]:
    """All graphs of a model, and the bodies of its functions."""
    waiting = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                waiting += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _named(graph: Any) -> list[Any]:
    """Parts of a graph that carry the name of a tensor."""
    if isinstance(graph, onnx.FunctionProto):
        return []
    sparse = [one.values for one in graph.sparse_initializer]
    return [*graph.input, *graph.output, *graph.value_info, *graph.initializer, *sparse]


def _names(model: Any) -> Iterator[str]:
    for graph in graphs_of(model):
        for part in (*graph.node, *([graph] if isinstance(graph, onnx.FunctionProto) else [])):
            yield from (*part.input, *part.output)
        yield from (holder.name for holder in _named(graph))
