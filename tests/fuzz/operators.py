"""Random nodes of every operator: chance chooses arity, shapes, element types, attributes and constants."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from optimizer.onnx_import.operators import HANDLERS, MICROSOFT_HANDLERS
from optimizer.onnx_import.signatures import MICROSOFT, SIGNATURES

OTHERS = ("Constant", "ConstantOfShape", "Range", "NonZero", "Det", "Loop", "Ghost")
OPERATORS = (
    *(("", one) for one in (*sorted(HANDLERS), *OTHERS)),
    *((MICROSOFT, one) for one in sorted(MICROSOFT_HANDLERS)),
)
EXTENTS = (0, 1, 1, 2, 2, 3, 4, 4, 8, 2**20)
INTEGERS = (0, 1, 1, 2, 3, -1, -2, 4, 7, 100, 2**20, 2**31, 2**40, -(2**63), 2**63 - 1)
TEXTS = (
    *("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "linear", "nearest", "cubic", "half_pixel"),
    *("ij,jk->ik", "bij,bjk", "", "..."),
)
ELEMENTS = (TensorProto.FLOAT,) * 40 + (TensorProto.INT64, TensorProto.UINT8, TensorProto.INT8, TensorProto.BOOL)


def operator_model(chance: random.Random) -> bytes:
    """A model of up to three random nodes."""
    opset = chance.choice((1, 7, 9, 11, 13, 17, 18, 20, 21, 22, 23))
    inputs, constants, nodes = [], [], []
    names: list[str] = []
    usual, pool = chance.choice((2, 3, 4, 4)), chance.choices(EXTENTS, k=chance.choice((1, 1, 2, 3)))
    for number in range(chance.randrange(1, 5)):
        name, rank = f"x{number}", usual if chance.random() < 0.8 else chance.randrange(6)
        kind = helper.make_tensor_value_info(name, chance.choice(ELEMENTS), chance.choices(pool, k=rank))
        inputs.append(kind)
        names.append(name)
    for number in range(chance.randrange(4)):
        constants.append(_constant(chance, f"w{number}"))
        names.append(f"w{number}")
    for number in range(chance.choice((1, 1, 2, 3))):
        node = _node(chance, names, number, opset, usual)
        nodes.append(node)
        names += node.output
    graph = helper.make_graph(nodes, "g", inputs, [], initializer=constants)
    domains = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(graph, opset_imports=domains, ir_version=9)
    data: bytes = model.SerializeToString()
    return data


def _constant(chance: random.Random, name: str) -> Any:
    if chance.random() < 0.6:
        values = chance.choices(INTEGERS, k=chance.randrange(7))
        return numpy_helper.from_array(np.array(values, np.int64), name)
    shape = [extent for extent in chance.choices(EXTENTS, k=chance.randrange(5)) if extent < 100]
    return numpy_helper.from_array(np.ones(shape, chance.choice((np.float32, np.uint8))), name)


def _node(chance: random.Random, names: list[str], number: int, opset: int, rank: int) -> Any:
    domain, operator = chance.choice(OPERATORS)
    signature = SIGNATURES.get((domain, operator))
    wanted: list[tuple[str, str]] = []
    least, most, outputs = 0, 3, 1
    if signature is not None:
        least, most = signature.inputs
        outputs = chance.randint(*signature.outputs)
        kinds = signature.attributes.items()
        wanted = [(name, kind) for name, kind in kinds if name in signature.required or chance.random() < 0.3]
    try:
        schema = onnx.defs.get_schema(operator, opset, domain)
        least, most = schema.min_input, min(schema.max_input, 9)
        outputs = chance.randint(schema.min_output, min(schema.max_output, 4))
        every = schema.attributes.values()
        wanted = [(one.name, one.type.name) for one in every if one.required or chance.random() < 0.4]
    except onnx.defs.SchemaError:
        pass  # ONNX does not define it
    count = chance.randint(least, most) if chance.random() < 0.95 else chance.randrange(12)
    given = [chance.choice(names) if chance.random() < 0.95 else "" for _ in range(count)]
    results = [f"y{number}_{n}" for n in range(outputs)]
    node = helper.make_node(operator, given, results, name=f"n{number}", domain=domain)
    for name, kind in wanted:
        value = _value(chance, kind, rank)
        if value is not None:
            code = onnx.AttributeProto.AttributeType.Value(kind)
            node.attribute.append(helper.make_attribute(name, value, attr_type=code))
    return node


def _value(chance: random.Random, kind: str, rank: int) -> Any:
    """A value of a kind of attributes, lists mostly as long as there are spatial axes; None for graphs."""
    several = range(chance.choice((rank - 2, rank - 2, 2 * (rank - 2), rank, chance.randrange(5))))
    integers = chance.choice(((1, 1, 2, 3), INTEGERS))
    values = {
        "INT": lambda: chance.choice(integers),
        "INTS": lambda: [chance.choice(integers) for _ in several],
        "FLOAT": lambda: chance.choice((0.0, 0.5, -1.0, 1e30)),
        "FLOATS": lambda: [0.5 for _ in several],
        "STRING": lambda: chance.choice(TEXTS),
        "STRINGS": lambda: [chance.choice(TEXTS) for _ in several],
        "TENSOR": lambda: _constant(chance, "t"),
    }
    return values[kind]() if kind in values else None
