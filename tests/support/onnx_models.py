"""Small ONNX models for tests."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def tensor(name, *shape, value=None):
    """A constant of zeros, or of the given value."""
    array = np.zeros(shape, dtype=np.float32) if value is None else np.asarray(value)
    return numpy_helper.from_array(array, name)


def integers(name, *values):
    """A constant vector of integers."""
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def write_model(
    path, nodes, inputs, constants=(), *, outputs=("y",), opset=17, value_info=(), functions=(), domains=()
):
    """Save a model; `inputs` maps names to shapes (lists) or to tuples of element type and shape."""
    typed = {name: shape if isinstance(shape, tuple) else (FLOAT, shape) for name, shape in inputs.items()}
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in typed.items()],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        initializer=list(constants),
        value_info=list(value_info),
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=9)
    save(model, str(path))
    return path
