"""How messages call parts of a model."""

from __future__ import annotations

from typing import Any

from optimizer.files.names import one_line


def node_label(node: Any) -> str:
    """A node: its name, or else its first output, and its operator."""
    return one_line(f"node {node.name or (node.output[0] if node.output else '?')} ({node.op_type})")
