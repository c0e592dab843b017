"""Properties of every tensor of an ONNX graph: type, shape, and whether it is constant."""

from __future__ import annotations

import json
import math
from typing import Any

import onnx
from onnx import helper

_WHOLE_NAMES = ("FLOAT", "BFLOAT16", "DOUBLE", "INT2", "UINT2", "INT4", "UINT4", "INT8", "UINT8", "INT16", "UINT16")
_BEGINNINGS = ("FLOAT16", "FLOAT8", "FLOAT4")
LEARNED_TYPES = frozenset(
    number for name, number in onnx.TensorProto.DataType.items() if name in _WHOLE_NAMES or name.startswith(_BEGINNINGS)
)
"""Element types of learned words; wider integers are indices and shapes."""


class Tensors:
    """Types and shapes of a graph's tensors.

    Parameters
    ----------
    model : ModelProto
        The model with its input dims fixed.
    """

    def __init__(self, model: Any) -> None:
        self.opsets = list(model.opset_import)
        self.versions = {entry.domain: entry.version for entry in model.opset_import}
        self.ir_version = model.ir_version
        self._types: dict[str, Any] = {value.name: value.type for value in model.graph.input}
        self._constant: set[str] = set()
        self._derived: set[str] = set()
        self._stored_as: dict[str, str] = {}
        self._integers: dict[str, tuple[int, ...]] = {}
        self.notes: list[str] = []
        """On types that operators do not take, a line per node."""

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def is_constant(self, name: str) -> bool:
        """Whether the tensor does not depend on the graph's inputs."""
        return name in self._constant

    def is_table(self, name: str) -> bool:
        """Whether the tensor is a constant of a type that weights have, and more than a scalar."""
        if name not in self._constant or name not in self._types:
            return False
        if self._types[name].tensor_type.elem_type not in LEARNED_TYPES:
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
        if any(not dim.HasField("dim_value") or dim.dim_value < 0 for dim in dims):
            return None
        return tuple(dim.dim_value for dim in dims)

    def type_of(self, name: str) -> Any:
        """The tensor's ``TypeProto``; an empty one where nothing is known."""
        return self._types.get(name, onnx.TypeProto())

    def integers(self, name: str) -> tuple[int, ...] | None:
        """The values of a constant of a few integers or truth values, flat; None where they are not known."""
        return self._integers.get(name)

    def stored_as(self, name: str) -> str:
        """The constant that holds the data of a tensor: before it is dequantized, transposed or reshaped."""
        while name in self._stored_as:
            name = self._stored_as[name]
        return name

    def schema(self, node: Any) -> Any:
        """ONNX's definition of the operator in the model's opset, or None."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        try:
            return onnx.defs.get_schema(node.op_type, self.versions.get(domain, 1), domain)
        except onnx.defs.SchemaError:
            return None

    def add_constant(self, name: str, element: int, shape: Any) -> None:
        """Note a tensor that does not depend on the graph's inputs."""
        self._types[name] = helper.make_tensor_type_proto(element, list(shape))
        self._constant.add(name)

    def to_bytes(self, nodes: list[Any]) -> bytes:
        """All of this, and nodes, for another process: a line of JSON, and a model that states the types."""
        model = onnx.ModelProto(ir_version=self.ir_version)
        model.opset_import.extend(self.opsets)
        model.graph.node.extend(nodes)
        for name, kind in self._types.items():
            model.graph.value_info.add(name=name, type=kind)
        known = {
            "constant": sorted(self._constant),
            "derived": sorted(self._derived),
            "stored": self._stored_as,
            "integers": {name: self.integers(name) for name in self._constant if self.integers(name) is not None},
            "notes": self.notes,
        }
        body: bytes = model.SerializeToString()
        return json.dumps(known).encode() + b"\n" + body


def from_bytes(data: bytes) -> tuple[list[Any], Tensors]:
    """The nodes and the tensors that :meth:`Tensors.to_bytes` wrote."""
    head, _, body = data.partition(b"\n")
    known, model = json.loads(head), onnx.ModelProto.FromString(body)
    tensors = Tensors(model)
    tensors._types = {value.name: value.type for value in model.graph.value_info}
    tensors._constant, tensors._derived = set(known["constant"]), set(known["derived"])
    tensors._stored_as, tensors.notes = known["stored"], known["notes"]
    tensors._integers = {name: tuple(values) for name, values in known["integers"].items()}
    return list(model.graph.node), tensors
