"""Learned words that several nodes of a model read, as an embedding that is the last product's weights too."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder


def shared_bits(model: Any, graph: GraphBuilder) -> int | None:
    """Bits of all constants that may be learned words, each once; None if no node shares one with another.

    Local functions may read an input of theirs more than once: with them, words count as shared.
    """
    nodes, tensors = model.graph.node, graph.tensors
    constants = {one.name for one in model.graph.initializer}
    constants |= {name for node in nodes if node.op_type == "Constant" for name in node.output}
    learned = {name for name in constants if tensors.is_table(name)}
    uses = Counter(name for node in nodes for name in node.input if name in learned)
    if max(uses.values(), default=0) < 2 and not model.functions:
        return None
    return sum(math.prod(tensors.known_shape(name) or (0,)) * graph.widths.of(name, "W") for name in learned)
