"""ONNX's own inference, node by node: types and shapes of tensors, constants, and their small values.

Nodes are read once, in order. ONNX's inference gives each node's output shapes from the input shapes and the known
values; constants of up to :data:`VALUE_LIMIT` words are computed, so that shape arithmetic (Shape, Gather, Concat,
Reshape ...) is resolved on the way. It runs in a guarded process (:mod:`optimizer.onnx_import.guarded`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from optimizer.errors import SpecError
from optimizer.onnx_import.contrib_shapes import contrib_types
from optimizer.onnx_import.plain_types import plain_types, retyped, type_note
from optimizer.onnx_import.tensors import Tensors

VALUE_LIMIT = 1 << 16
"""Words up to which the value of a constant is computed."""

MOST_INTEGERS = 64
"""Integers up to which the value of a constant is kept for what reads the nodes."""

_RANDOM = {
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
}


_SAME_DATA = ("DequantizeLinear", "Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten")
"""Operators whose output holds the data of their first input."""


class Inference(Tensors):
    """Tensors of a graph, filled in node by node.

    Parameters
    ----------
    model : ModelProto
        The model with its input dims fixed.
    file : str
        For error messages.
    """

    def __init__(self, model: Any, file: str) -> None:
        super().__init__(model)
        self._file = file
        self._values: dict[str, Any] = {}
        self._declared = {value.name: value.type for value in (*model.graph.value_info, *model.graph.output)}
        for tensor in model.graph.initializer:
            self.add_initializer(tensor, tensor.name)
        for sparse in model.graph.sparse_initializer:
            self.add_constant(sparse.values.name, sparse.values.data_type, sparse.dims)

    def add_initializer(self, tensor: Any, name: str) -> None:
        """Note a constant of the model under a name, with its value if it is small."""
        self.add_constant(name, tensor.data_type, tensor.dims)
        if has_data(tensor) and math.prod(tensor.dims) <= VALUE_LIMIT:
            self._values[name] = self._array(tensor)

    def integers(self, name: str) -> tuple[int, ...] | None:
        """The values of a constant of a few integers or truth values, flat; None where they are not known."""
        value = self._values.get(name)
        if value is None or value.dtype.kind not in "iub" or value.size > MOST_INTEGERS:
            return None
        return tuple(int(entry) for entry in value.flat)

    def _array(self, tensor: Any) -> Any:
        """The data of a constant."""
        try:
            return numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError, NotImplementedError) as error:
            raise SpecError(
                f"the data of the tensor do not fit its type and shape: {error}",
                file=self._file,
                field=f"tensor {tensor.name}",
                value=list(tensor.dims),
                allowed="as many elements as the shape says",
                remedy="export or download the model again",
            ) from error

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

    def _element(self, name: str) -> str:
        element = self._types[name].tensor_type.elem_type
        return str(onnx.TensorProto.DataType.Name(element)) if element else "of no known type,"

    def _infer(self, node: Any, inputs: list[str], label: str) -> dict[str, Any]:
        """Output types by ONNX's inference, by our own for some others; none for operators that nothing knows."""
        schema = self.schema(node)
        if schema is None:
            return contrib_types(node, self)
        types = {name: self._types[name] for name in inputs}
        if any(kind.WhichOneof("value") is None for kind in types.values()):
            return {}
        data = {name: numpy_helper.from_array(self._values[name], name) for name in inputs if name in self._values}
        try:
            return self._outputs(schema, node, types, data)
        except onnx.checker.ValidationError as error:
            found = self._whatever_types(schema, node, types, data)
            if found is not None:
                return found
            raise SpecError(
                f"the node contradicts the definition of its operator: {str(error).strip()}",
                file=self._file,
                field=label,
                value=[f"{name}: {self._element(name)} {self.known_shape(name)}" for name in inputs],
                allowed=f"what ONNX defines of {node.op_type}",
                remedy="export or download the model again",
            ) from error
        except onnx.shape_inference.InferenceError as error:
            raise SpecError(
                f"the shapes of this node do not fit together: {str(error).strip()}",
                file=self._file,
                field=label,
                value=[f"{name}: {self._element(name)} {self.known_shape(name)}" for name in inputs],
                allowed="shapes that ONNX's shape inference accepts",
                remedy="check the model and the extents given by --dim",
            ) from error

    def _outputs(self, schema: Any, node: Any, types: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        found = onnx.shape_inference.infer_node_outputs(
            schema, _with_default(node), types, data, opset_imports=self.opsets, ir_version=self.ir_version
        )
        return dict(found)

    def _whatever_types(
        self, schema: Any, node: Any, types: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Output types of a node whose number types its operator does not take; None if more is wrong with it."""
        plain = plain_types(schema, node, types)
        if plain is None:
            return None
        kinds, sources = plain
        kept = {name: value for name, value in data.items() if kinds[name] is types[name]}
        try:
            found = self._outputs(schema, node, kinds, kept)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
            return None
        for number, name in enumerate(node.output):
            group = schema.outputs[min(number, len(schema.outputs) - 1)].type_str
            if name in found and group in sources:
                stated = self._declared.get(name, onnx.TypeProto()).tensor_type.elem_type
                found[name] = retyped(found[name], stated or types[sources[group]].tensor_type.elem_type)
        self.notes.append(type_note(node, types))
        return found

    def _fold(self, node: Any, inputs: list[str]) -> None:
        """Mark constant outputs, and compute them where they are small."""
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            return
        if node.op_type in ("Shape", "Size"):
            self._constant.add(node.output[0])
            self._derived.add(node.output[0])
            self._fold_shape(node)
        elif all(name in self._constant for name in inputs):
            self._constant.update(name for name in node.output if name)
            if self._derived.intersection(inputs) and not any(self.is_learned(name) for name in inputs):
                self._derived.update(node.output)
            if node.op_type in _SAME_DATA and inputs and node.output[0] not in inputs:
                self._stored_as[node.output[0]] = inputs[0]
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
        if any(not has_data(tensor) for attribute in node.attribute for tensor in given_tensors(attribute)):
            return  # its data are in a file beside the model, which is never opened
        if not small or node.op_type in _RANDOM or any(name not in self._values for name in inputs):
            return
        try:
            results = ReferenceEvaluator(node, opsets=self.versions).run(
                None, {name: self._values[name] for name in inputs}
            )
        except Exception:  # the evaluator raises whatever its kernels raise; the value then stays unknown
            return
        for name, result in zip((name for name in node.output if name), results, strict=False):
            if isinstance(result, np.ndarray | np.generic):
                self._values[name] = np.asarray(result)


def _with_default(node: Any) -> Any:
    """The node; an STFT says that it is one-sided, the default, which ONNX's inference takes for two-sided."""
    if node.op_type != "STFT" or any(attribute.name == "onesided" for attribute in node.attribute):
        return node
    result = onnx.NodeProto()
    result.CopyFrom(node)
    result.attribute.append(onnx.helper.make_attribute("onesided", 1))
    return result


def given_tensors(attribute: Any) -> list[Any]:
    """The tensors that are the value of an attribute."""
    found = [attribute.t] if attribute.HasField("t") else []
    sparse = [*([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []), *attribute.sparse_tensors]
    return [*found, *attribute.tensors, *(part for one in sparse for part in (one.values, one.indices))]


def has_data(tensor: Any) -> bool:
    """Whether the data of a tensor are in the model itself."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return False
    if 0 in tensor.dims:
        return True
    fields = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
    return bool(tensor.raw_data) or any(len(getattr(tensor, field)) for field in fields)
