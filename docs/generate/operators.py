"""The ONNX operators that are understood, from the table of their handlers."""

from __future__ import annotations

import inspect

from docstrings import plain
from markdown_parts import cell, code, table

from optimizer.onnx_import.operators import DOMAINS


def table_of_handlers(domain: str) -> dict[str, list[str]]:
    """Operators of a domain by the first line of their handler's docstring."""
    found: dict[str, list[str]] = {}
    for operator, handler in DOMAINS[domain].items():
        text = inspect.getdoc(handler)
        if not text:
            raise LookupError(f"the handler of {operator} has no docstring")
        found.setdefault(text.splitlines()[0], []).append(operator)
    return found


def reference() -> str:
    """Operators and what becomes of them, a table per domain."""
    parts = []
    for domain in DOMAINS:
        found = table_of_handlers(domain)
        rows = ([", ".join(map(code, sorted(names))), cell(plain(text))] for text, names in found.items())
        parts.append(table([f"operators of {domain}", "what becomes of them"], rows))
    return "\n\n".join(parts)
