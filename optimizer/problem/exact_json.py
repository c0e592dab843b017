"""Exact fractions in plain JSON and back."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

_ENCODED = ({"fraction"}, {"mapping"})


def encode_exact(data: Any) -> Any:
    """Parsed YAML with exact fractions as plain JSON values."""
    if isinstance(data, Fraction):
        return {"fraction": str(data)}
    if isinstance(data, dict):
        encoded = {key: encode_exact(value) for key, value in data.items()}
        return {"mapping": encoded} if set(encoded) in _ENCODED else encoded
    if isinstance(data, list | tuple):
        return [encode_exact(value) for value in data]
    return data


def decode_exact(data: Any) -> Any:
    """Inverse of :func:`encode_exact`."""
    if isinstance(data, dict):
        if set(data) == {"fraction"}:
            return Fraction(data["fraction"])
        data = data["mapping"] if set(data) == {"mapping"} else data
        return {key: decode_exact(value) for key, value in data.items()}
    if isinstance(data, list):
        return [decode_exact(value) for value in data]
    return data
