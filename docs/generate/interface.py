"""The Python interface: every name of the package ``optimizer``, where it is defined."""

from __future__ import annotations

import inspect

import optimizer


def reference() -> str:
    """A directive of mkdocstrings for every public function and class; constants in a line."""
    return "\n".join(_described(name) for name in sorted(optimizer.__all__, key=str.lower))


def _described(name: str) -> str:
    found = getattr(optimizer, name)
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        return f"### {name}\n\n`optimizer.{name}`\n"
    if inspect.isclass(found) and issubclass(found, Exception):
        return f"### {name}\n\nSee [errors](errors.md).\n"
    return f"::: {found.__module__}.{found.__qualname__}\n"
