"""What is checked of a node before ONNX's own code sees it: its arity, its attributes, its windows."""

from __future__ import annotations

import math
from typing import Any

from onnx import AttributeProto, defs

from optimizer.errors import SpecError
from optimizer.onnx_import.signatures import Signature, signature_of
from optimizer.onnx_import.tensors import Tensors

MOST_ENTRIES = 1 << 16
"""Of a list that is an attribute."""
LARGEST_STEP = 1 << 20
"""Of a kernel, a stride, a dilation or a padding along one axis."""
MOST_TAPS = 1 << 24
"""Of a window over all its axes."""
_KINDS = {number: name for name, number in AttributeProto.AttributeType.items()}
_FIELDS = {"INT": "i", "FLOAT": "f", "STRING": "s", "TENSOR": "t", "GRAPH": "g", "SPARSE_TENSOR": "sparse_tensor"}
_PER_AXIS = {"kernel_shape": 1, "strides": 1, "dilations": 1, "output_padding": 1, "output_shape": 1, "pads": 2}
_LEAST = {"output_padding": 0, "pads": -LARGEST_STEP}
_WINDOWED = {
    *("Conv", "ConvInteger", "QLinearConv", "ConvTranspose", "DeformConv"),
    *("MaxPool", "AveragePool", "LpPool", "MaxUnpool"),
}
_AUTO_PAD = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


def check_node(node: Any, tensors: Tensors) -> None:
    """Refuse a node that contradicts the definition of its operator.

    Raises
    ------
    SpecError
        With attribute or tensor, its value and what is allowed; without file and node.
    """
    seen: set[str] = set()
    for attribute in node.attribute:
        _check_attribute(attribute, seen)
    schema = tensors.schema(node)
    if schema is None:
        signature = signature_of(node)
        if signature is not None:
            _check_signature(node, signature)
        return
    _check_arity("inputs", list(node.input), schema.min_input, schema.max_input, schema.inputs)
    _check_arity("outputs", list(node.output), schema.min_output, schema.max_output, schema.outputs)
    for attribute in node.attribute:
        _check_defined(attribute, schema)
    given = {attribute.name for attribute in node.attribute}
    for name, known in schema.attributes.items():
        if known.required and name not in given:
            raise _refused("a required attribute is missing", name, None, f"an attribute {name}")
    if node.op_type in _WINDOWED:
        _check_windows(node, tensors)
    if node.op_type == "Split":
        _check_split(node)
    if node.op_type == "LRN":
        _check_size(node)
    if node.op_type in ("Loop", "If"):
        _check_bodies(node)


def _refused(problem: str, field: str | None, value: object, allowed: str) -> SpecError:
    return SpecError(problem, field=field, value=value, allowed=allowed, remedy="export or download the model again")


def _check_attribute(attribute: Any, seen: set[str]) -> None:
    """Kind and size of an attribute, whatever it is for."""
    field = f"attribute {attribute.name}"
    if attribute.name in seen:
        raise _refused("an attribute is given twice", field, attribute.name, "every attribute once")
    seen.add(attribute.name)
    if attribute.ref_attr_name:
        raise _refused("a reference to an attribute outside of a function", field, attribute.ref_attr_name, "a value")
    kind = _KINDS.get(attribute.type, "UNDEFINED")
    if kind == "UNDEFINED":
        raise _refused("the attribute has no kind", field, attribute.type, ", ".join(list(_KINDS.values())[1:]))
    if kind in _FIELDS and not attribute.HasField(_FIELDS[kind]):
        raise _refused("the attribute has no value", field, kind, f"a value of kind {kind}")
    entries = max(len(attribute.ints), len(attribute.floats), len(attribute.strings))
    if entries > MOST_ENTRIES:
        raise _refused("the list is too long", field, f"{entries} entries", f"up to {MOST_ENTRIES}")


def _check_signature(node: Any, signature: Signature) -> None:
    """Inputs, outputs and attributes of an operator that ONNX does not define."""
    _check_arity("inputs", list(node.input), *signature.inputs, ())
    _check_arity("outputs", list(node.output), *signature.outputs, ())
    for number in signature.needed:
        if not node.input[number]:
            raise _refused("a required input is missing", f"input {number}", "", "a tensor")
    given = {attribute.name: attribute for attribute in node.attribute}
    for name, attribute in given.items():
        field = f"attribute {name}"
        if name not in signature.attributes:
            allowed = ", ".join(sorted(signature.attributes)) or "none"
            raise _refused(f"{node.op_type} has no such attribute", field, name, allowed)
        wanted = signature.attributes[name]
        if _KINDS[attribute.type] != wanted:
            raise _refused("the attribute is of another kind", field, _KINDS[attribute.type], wanted)
        least, most = signature.ranges.get(name, (attribute.i, attribute.i))
        if not least <= attribute.i <= most:
            raise _refused("the attribute is out of range", field, attribute.i, f"{least} to {most}")
    for name in signature.required:
        if name not in given:
            raise _refused("a required attribute is missing", name, None, f"an attribute {name}")


def _check_arity(what: str, names: list[str], least: int, most: int, formal: Any) -> None:
    """Number of inputs or outputs, and that the required ones are there."""
    if not least <= len(names) <= most:
        limit = f"{least}" if least == most else f"{least} or more" if most > 10**6 else f"{least} to {most}"
        raise _refused(f"the operator has another number of {what}", what, names, limit)
    single = defs.OpSchema.FormalParameterOption.Single
    for number, (name, parameter) in enumerate(zip(names, formal, strict=False)):
        if not name and parameter.option == single and what == "inputs":
            raise _refused("a required input is missing", f"input {number}", name, f"a tensor ({parameter.name})")
    if what == "outputs" and not any(names):
        raise _refused("the node computes nothing", what, names, "an output with a name")


def _check_defined(attribute: Any, schema: Any) -> None:
    """The attribute is one of the operator's, of the right kind."""
    field = f"attribute {attribute.name}"
    known = schema.attributes.get(attribute.name)
    if known is None:
        allowed = ", ".join(sorted(schema.attributes)) or "none"
        raise _refused(f"{schema.name} has no such attribute", field, attribute.name, allowed)
    wanted = known.type.name
    if _KINDS[attribute.type] != wanted:
        raise _refused("the attribute is of another kind", field, _KINDS[attribute.type], wanted)


def _check_windows(node: Any, tensors: Tensors) -> None:
    """Kernel, stride, dilation and padding: an entry per spatial axis, in range."""
    shape = tensors.known_shape(node.input[0])
    if shape is not None and len(shape) < 3:
        raise _refused("the input has no spatial axis", f"tensor {node.input[0]}", list(shape), "three axes or more")
    for attribute in node.attribute:
        field, name = f"attribute {attribute.name}", attribute.name
        if name == "auto_pad" and attribute.s.decode(errors="replace") not in _AUTO_PAD:
            raise _refused("no way of padding", field, attribute.s.decode(errors="replace"), ", ".join(_AUTO_PAD))
        if name == "group" and not 1 <= attribute.i <= LARGEST_STEP:
            raise _refused("no number of groups", field, attribute.i, f"1 to {LARGEST_STEP}")
        if name not in _PER_AXIS:
            continue
        values, least = list(attribute.ints), _LEAST.get(name, 1)
        if any(not least <= value <= LARGEST_STEP for value in values):
            raise _refused("a window out of range", field, values, f"{least} to {LARGEST_STEP}")
        if name == "kernel_shape" and math.prod(values) > MOST_TAPS:
            raise _refused("the window is too large", field, values, f"up to {MOST_TAPS} taps")
        if name == "output_shape" or shape is None:
            continue
        wanted = _PER_AXIS[name] * (len(shape) - 2)
        if len(values) != wanted:
            raise _refused("an entry per spatial axis is needed", field, values, f"{wanted} entries")


def _check_split(node: Any) -> None:
    """As many outputs as the attributes say."""
    for attribute in node.attribute:
        parts = {"num_outputs": attribute.i, "split": len(attribute.ints)}.get(attribute.name)
        if parts is not None and parts != len(node.output):
            field = f"attribute {attribute.name}"
            raise _refused("it does not fit the number of outputs", field, parts, f"{len(node.output)}")


def _check_size(node: Any) -> None:
    """A window of channels."""
    for attribute in node.attribute:
        if attribute.name == "size" and not 1 <= attribute.i <= LARGEST_STEP:
            raise _refused("a window out of range", "attribute size", attribute.i, f"1 to {LARGEST_STEP}")


def _check_bodies(node: Any) -> None:
    """Subgraphs have the inputs and outputs that their node gives and takes."""
    for attribute in node.attribute:
        if not attribute.HasField("g"):
            continue
        field, body = f"attribute {attribute.name}", attribute.g
        if node.op_type == "If":
            if len(body.output) != len(node.output):
                problem = "the branch has another number of outputs than its node"
                raise _refused(problem, field, len(body.output), f"{len(node.output)}")
            continue
        if len(body.input) != max(len(node.input), 2):
            problem = "the body has another number of inputs than its node"
            raise _refused(problem, field, len(body.input), f"{max(len(node.input), 2)}")
        if len(body.output) - 1 != len(node.output) or len(node.output) < len(body.input) - 2:
            problem = "the number of outputs of the body does not fit its node"
            allowed = f"a condition, {len(body.input) - 2} carried tensors, and one per other output of the node"
            raise _refused(problem, field, len(body.output), allowed)
