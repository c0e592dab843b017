"""Reading an ONNX file: the checked graph without external data, its dims fixed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import onnx

from optimizer.errors import SpecError
from optimizer.onnx_import.model_check import check_model


def read_model(path: str | Path) -> tuple[Any, int]:
    """The checked ``ModelProto`` in a file, and how many nodes it has with functions inlined.

    External data are never opened.

    Raises
    ------
    SpecError
        If the file is missing, holds no ONNX graph, or one that is broken.
    """
    file = str(path)
    if not Path(path).is_file():
        raise SpecError("no such file", file=file, allowed="the path of an ONNX file", remedy="check the path")
    try:
        model = onnx.load(file, load_external_data=False)
    except Exception as error:  # a corrupt file raises protobuf's own errors, which have no public base
        raise SpecError(
            f"cannot read the file as ONNX: {error}",
            file=file,
            allowed="a binary .onnx model",
            remedy="export or download the model again",
        ) from error
    if not model.graph.node or not model.opset_import:
        raise SpecError(
            "the file holds no ONNX graph",
            file=file,
            allowed="a binary .onnx model with nodes and opsets",
            remedy="export or download the model again",
        )
    return model, check_model(model, file)


def fix_dims(model: Any, dims: Mapping[str, int], file: str) -> None:
    """Give every symbolic dim of the graph's inputs its extent, in place.

    A dim goes by its name in the model (``batch``) or by its place (``tokens.1`` for axis 1 of input
    ``tokens``), which is also how dims without a name are called. Dims inside the graph that have the same
    name are fixed too.

    Raises
    ------
    SpecError
        If a dim is left open, an extent is not a positive integer, or `dims` names none of the model's dims.
    """
    for name, extent in dims.items():
        if isinstance(extent, bool) or not isinstance(extent, int) or extent < 1:
            raise SpecError(
                "a dim must be a positive integer",
                file=file,
                field=f"--dim {name}",
                value=extent,
                allowed="integers >= 1",
                remedy=f"write e.g. --dim {name}=1",
            )
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    open_names = sorted({name or place for value in inputs for name, place in _open_dims(value)})
    used: set[str] = set()
    for value in (*inputs, *model.graph.value_info, *model.graph.output):
        used |= _fix_value(value, dims)
    for name in sorted(set(dims) - used):
        close = difflib.get_close_matches(name, open_names, n=1)
        raise SpecError(
            "the model has no such dim",
            file=file,
            field=f"--dim {name}",
            value=name,
            allowed=", ".join(open_names) or "none: every dim of the model is fixed already",
            remedy=f"did you mean {close[0]}?" if close else "remove the option, or correct its name",
        )
    for value in inputs:
        for name, place in _open_dims(value):
            raise SpecError(
                f"the dim {name or place!r} of the model's input {value.name!r} has no fixed extent",
                file=file,
                field=place,
                value=name or "unnamed",
                allowed="a positive integer",
                remedy=f"fix it with --dim {name or place}=<extent>",
            )


def _fix_value(value: Any, dims: Mapping[str, int]) -> set[str]:
    """Fix the dims of one tensor; return the names of `dims` that were met."""
    used = set()
    for axis, dim in enumerate(_axes(value)):
        for name in (f"{value.name}.{axis}", dim.dim_param):
            if name in dims:
                used.add(name)
                dim.dim_value = dims[name]
    return used


def _open_dims(value: Any) -> Iterable[tuple[str, str]]:
    """Name (maybe empty) and place of every dim that is not fixed."""
    for axis, dim in enumerate(_axes(value)):
        if dim.dim_value < 1:
            yield dim.dim_param, f"{value.name}.{axis}"


def _axes(value: Any) -> Any:
    return value.type.tensor_type.shape.dim
