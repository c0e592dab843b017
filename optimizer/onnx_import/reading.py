"""Reading an ONNX file: the checked graph without external data."""

from __future__ import annotations

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
