"""How messages call parts of a model."""

from __future__ import annotations

from typing import Any

from optimizer.files.names import one_line

LONGEST = 60
"""Characters of a name in a warning."""


def node_label(node: Any) -> str:
    """A node: its name, or else its first output, and its operator."""
    return one_line(f"node {node.name or (node.output[0] if node.output else '?')} ({node.op_type})")


def short(name: str) -> str:
    """A name on one line, its end cut off where it is long."""
    text = one_line(name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
