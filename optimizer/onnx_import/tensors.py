"""Properties of every tensor of an ONNX graph: type, shape, whether it is constant, and small values.

Nodes are read once, in order. ONNX's own inference gives each node's output shapes from the input shapes
and the known values; constants of up to :data:`VALUE_LIMIT` words are computed, so that shape arithmetic
(Shape, Gather, Concat, Reshape ...) is resolved on the way.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from optimizer.errors import SpecError

VALUE_LIMIT = 1 << 16
"""Words up to which the value of a constant is computed."""

_RANDOM = {
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
}
_LEARNED_TYPES = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.BFLOAT16,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.INT8,
    onnx.TensorProto.UINT8,
}


class Tensors:
    """Types, shapes and values of a graph's tensors, filled in node by node.

    Parameters
    ----------
    model : ModelProto
        The model with its input dims fixed.
    file : str
        For error messages.
    """

    def __init__(self, model: Any, file: str) -> None:
        self._file = file
        self._opsets = list(model.opset_import)
        self._versions = {entry.domain: entry.version for entry in model.opset_import}
        self._ir_version = model.ir_version
        self._types: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._constant: set[str] = set()
        self._derived: set[str] = set()
        self._declared = {value.name: value.type for value in (*model.graph.value_info, *model.graph.output)}
        for value in model.graph.input:
            self._types[value.name] = value.type
        for tensor in model.graph.initializer:
            self._add_constant(tensor.name, tensor.data_type, tensor.dims)
            if tensor.data_location != onnx.TensorProto.EXTERNAL and math.prod(tensor.dims) <= VALUE_LIMIT:
                self._values[tensor.name] = numpy_helper.to_array(tensor)
        for sparse in model.graph.sparse_initializer:
            self._add_constant(sparse.values.name, sparse.values.data_type, sparse.dims)

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def is_constant(self, name: str) -> bool:
        """Whether the tensor does not depend on the graph's inputs."""
        return name in self._constant

    def is_table(self, name: str) -> bool:
        """Whether the tensor is a constant of a type that weights have, and more than a scalar."""
        if name not in self._constant or name not in self._types:
            return False
        if self._types[name].tensor_type.elem_type not in _LEARNED_TYPES:
            return False
        shape = self.known_shape(name)
        return shape is not None and math.prod(shape) > 1

    def is_learned(self, name: str) -> bool:
        """Whether the tensor is a table (:meth:`is_table`) that is not computed from shapes, as masks are."""
        return self.is_table(name) and name not in self._derived

    def known_shape(self, name: str) -> tuple[int, ...] | None:
        """Shape of the tensor in words per axis, or None where it is not fully known."""
        kind = self._types.get(name)
        if kind is None or not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
            return None
        dims = kind.tensor_type.shape.dim
        if any(not dim.HasField("dim_value") for dim in dims):
            return None
        return tuple(dim.dim_value for dim in dims)

    def value(self, name: str) -> Any:
        """The tensor's value as a NumPy array if it is a small constant, else None."""
        return self._values.get(name)

    def type_of(self, name: str) -> Any:
        """The tensor's ``TypeProto``; an empty one where nothing is known."""
        return self._types.get(name, onnx.TypeProto())

    def schema(self, node: Any) -> Any:
        """ONNX's definition of the operator in the model's opset, or None."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        try:
            return onnx.defs.get_schema(node.op_type, self._versions.get(domain, 1), domain)
        except onnx.defs.SchemaError:
            return None

    def visit(self, node: Any, label: str) -> None:
        """Infer types, shapes and values of the node's outputs.

        Raises
        ------
        SpecError
            If an input was never produced, or ONNX's inference finds the node inconsistent.
        """
        inputs = [name for name in node.input if name]
        for name in inputs:
            if name not in self._types:
                raise SpecError(
                    "the node reads a tensor that no node before it produces",
                    file=self._file,
                    field=label,
                    value=name,
                    allowed="inputs of the graph, weights, outputs of earlier nodes",
                    remedy="export the whole graph, its nodes in topological order",
                )
        for name, kind in self._infer(node, inputs, label).items():
            self._types[name] = kind
        for name in node.output:
            if self.known_shape(name) is None:
                self._types[name] = self._declared.get(name, self._types.get(name, onnx.TypeProto()))
        self._fold(node, inputs)

    def _add_constant(self, name: str, element: int, shape: Any) -> None:
        self._types[name] = helper.make_tensor_type_proto(element, list(shape))
        self._constant.add(name)

    def _infer(self, node: Any, inputs: list[str], label: str) -> dict[str, Any]:
        """Output types by ONNX's inference; none for operators it does not know."""
        schema = self.schema(node)
        if schema is None:
            return {}
        types = {name: self._types[name] for name in inputs}
        if any(kind.WhichOneof("value") is None for kind in types.values()):
            return {}
        data = {name: numpy_helper.from_array(self._values[name], name) for name in inputs if name in self._values}
        try:
            inferred = onnx.shape_inference.infer_node_outputs(
                schema, node, types, data, opset_imports=self._opsets, ir_version=self._ir_version
            )
        except onnx.shape_inference.InferenceError as error:
            raise SpecError(
                f"the shapes of this node do not fit together: {str(error).strip()}",
                file=self._file,
                field=label,
                allowed="shapes that ONNX's shape inference accepts",
                remedy="check the model and the extents given by --dim",
            ) from error
        return dict(inferred)

    def _fold(self, node: Any, inputs: list[str]) -> None:
        """Mark constant outputs, and compute them where they are small."""
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            return
        if node.op_type in ("Shape", "Size"):
            self._constant.add(node.output[0])
            self._derived.add(node.output[0])
            self._fold_shape(node)
        elif all(name in self._constant for name in inputs):
            self._constant.update(node.output)
            if self._derived.intersection(inputs) and not any(self.is_learned(name) for name in inputs):
                self._derived.update(node.output)
            self._evaluate(node, inputs)

    def _fold_shape(self, node: Any) -> None:
        shape = self.known_shape(node.input[0])
        if shape is None:
            return
        bounds = {attribute.name: attribute.i for attribute in node.attribute}
        value = np.array(shape[bounds.get("start", 0) : bounds.get("end")], dtype=np.int64)
        self._values[node.output[0]] = value if node.op_type == "Shape" else np.array(math.prod(shape))

    def _evaluate(self, node: Any, inputs: list[str]) -> None:
        shapes = [self.known_shape(name) for name in node.output if name]
        small = all(shape is not None and math.prod(shape) <= VALUE_LIMIT for shape in shapes)
        if not small or node.op_type in _RANDOM or any(name not in self._values for name in inputs):
            return
        try:
            results = ReferenceEvaluator(node, opsets=self._versions).run(
                None, {name: self._values[name] for name in inputs}
            )
        except Exception:  # the evaluator raises whatever its kernels raise; the value then stays unknown
            return
        for name, result in zip((name for name in node.output if name), results, strict=False):
            if isinstance(result, np.ndarray | np.generic):
                self._values[name] = np.asarray(result)
