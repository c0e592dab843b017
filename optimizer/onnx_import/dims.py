"""Symbolic dims of the inputs of a model: which there are, and how they get their extents.

A dim goes by its name in the model (``batch``) or by its place (``tokens.1``: axis 1 of input ``tokens``). Dims without
a name, and those that are all called ``?``, have nothing in common: they go by their places alone.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from optimizer.errors import SpecError

NO_NAMES = ("", "?")
"""Of dims that nobody named."""


class OpenDim(NamedTuple):
    """A dim of an input without an extent: its name (empty: none), its place, the input."""

    name: str
    place: str
    tensor: str

    @property
    def called(self) -> str:
        """How an option names it."""
        return self.name or self.place


def open_dims(model: Any) -> list[OpenDim]:
    """The dims of the inputs of a model that have no extent, in their order."""
    return [found for value in _inputs(model) for found in _open(value)]


def fix_dims(model: Any, dims: Mapping[str, int], file: str) -> None:
    """Give every symbolic dim of the graph's inputs its extent, in place.

    A place goes before a name. Dims inside the graph that have the same name are fixed too.

    Raises
    ------
    SpecError
        If dims are left open, an extent is not a positive integer, or an extent of `dims` is used nowhere.
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
    before = open_dims(model)
    used: set[str] = set()
    for value in (*_inputs(model), *model.graph.value_info, *model.graph.output):
        used |= _fix_value(value, dims)
    for name in sorted(set(dims) - used):
        raise no_such_dim(name, list(dict.fromkeys(one.called for one in before)), file)
    left = open_dims(model)
    if left:
        raise left_open(left, file)


def no_such_dim(name: str, known: Sequence[str], file: str | None) -> SpecError:
    """The error of an extent that is used nowhere."""
    close = difflib.get_close_matches(name, known, n=1)
    return SpecError(
        "the model has no such dim" if file is not None else "no model has such a dim",
        file=file,
        field=f"--dim {name}",
        value=name,
        allowed=", ".join(known) or "none: every dim of the model is fixed already",
        remedy=f"did you mean {close[0]}?" if close else "remove the option, or correct its name",
    )


def left_open(left: Sequence[OpenDim], file: str) -> SpecError:
    """The error of dims without an extent: the first one, and the options that fix all of them."""
    first, *_ = left
    names = list(dict.fromkeys(one.called for one in left))
    more = f", and {len(names) - 1} more" if len(names) > 1 else ""
    return SpecError(
        f"the dim {first.called!r} of the model's input {first.tensor!r} has no fixed extent{more}",
        file=file,
        field=first.place,
        value=first.name or "unnamed",
        allowed="a positive integer",
        remedy=f"add {asked(names)}, with an extent for every question mark",
    )


def asked(names: Iterable[str]) -> str:
    """Options that fix dims, for a command line."""
    return " ".join(f"--dim {shlex.quote(name)}=?" for name in names)


def _fix_value(value: Any, dims: Mapping[str, int]) -> set[str]:
    """Fix the open dims of one tensor; return the names of `dims` that were used."""
    used = set()
    axes = _axes(value)
    for one in _open(value):
        name = next((name for name in (one.place, one.name) if name in dims), None)
        if name is not None:
            used.add(name)
            axes[int(one.place.rpartition(".")[2])].dim_value = dims[name]
    return used


def _inputs(model: Any) -> list[Any]:
    """The inputs that are no weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def _open(value: Any) -> Iterator[OpenDim]:
    for axis, dim in enumerate(_axes(value)):
        if dim.dim_value < 1:
            name = "" if dim.dim_param in NO_NAMES else dim.dim_param
            yield OpenDim(name, f"{value.name}.{axis}", value.name)


def _axes(value: Any) -> Any:
    return value.type.tensor_type.shape.dim
