"""Extents of symbolic dims by network: ``--dim batch=1`` where it exists, ``--dim MODEL:batch=1`` in one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.errors import SpecError

if TYPE_CHECKING:
    from optimizer.onnx_import.dims import OpenDim

Pairs = Sequence[tuple[str, int]]


def is_onnx(spec: str) -> bool:
    """Is it the path of an ONNX file?"""
    from optimizer.networks.catalog import CATALOG  # noqa: PLC0415

    return spec not in CATALOG and Path(spec).suffix.lower() == ".onnx"


def dims_of(specs: Sequence[str], given: Pairs) -> dict[str, Pairs]:
    """The extents for every ONNX file of a command.

    An extent goes to every model with a dim of its name or place; one that names a model goes to that model, and there
    before others.

    Parameters
    ----------
    specs : sequence of str
        Networks as on the command line.
    given : sequence of (str, int)
        Values of ``--dim``.

    Raises
    ------
    SpecError
        If an extent is used by no model, a dim is given twice, or dims of several models stay open.
    """
    models = {spec: _open_dims(spec) for spec in dict.fromkeys(specs) if is_onnx(spec)}
    if not models:
        return {}
    everywhere: dict[str, int] = {}
    special: dict[str, dict[str, int]] = {spec: {} for spec in models}
    for text, extent in given:
        owner, name = _split(text, models)
        known = everywhere if owner is None else special[owner]
        if known.setdefault(name, extent) != extent:
            raise _twice(text, [known[name], extent])
    found = {}
    for spec, dims in models.items():
        names = _names(dims)
        mine = {name: extent for name, extent in everywhere.items() if name in names}
        found[spec] = mine | special[spec]
    _check_used(models, everywhere, special)
    _check_open(models, found)
    return {spec: tuple(mine.items()) for spec, mine in found.items()}


def _open_dims(spec: str) -> list[OpenDim]:
    from optimizer.onnx_import import open_dims_of  # noqa: PLC0415

    return open_dims_of(spec)


def _names(dims: Sequence[OpenDim]) -> set[str]:
    """How the dims of a model may be called."""
    return {name for one in dims for name in (one.name, one.place) if name}


def _split(text: str, models: Mapping[str, Sequence[OpenDim]]) -> tuple[str | None, str]:
    """The model that an option is restricted to, and the dim; a dim with a colon in its name is none of a model."""
    if any(text in _names(dims) for dims in models.values()):
        return None, text
    for place in (number for number, letter in enumerate(text) if letter == ":"):
        for spec in models:
            if text[:place].strip() in (spec, Path(spec).stem):
                return spec, text[place + 1 :].strip()
    return None, text


def _check_used(
    models: Mapping[str, Sequence[OpenDim]], everywhere: Mapping[str, int], special: Mapping[str, Mapping[str, int]]
) -> None:
    """Every extent is used somewhere."""
    from optimizer.onnx_import.dims import no_such_dim  # noqa: PLC0415

    called = list(dict.fromkeys(one.called for dims in models.values() for one in dims))
    for name in everywhere:
        holders = [spec for spec, dims in models.items() if name in _names(dims)]
        if not holders:
            raise no_such_dim(name, called, next(iter(models)) if len(models) == 1 else None)
        if holders and all(name in special[spec] for spec in holders):
            raise SpecError(
                "every model with this dim has an extent of its own",
                field=f"--dim {name}",
                value=everywhere[name],
                allowed="an extent that some model takes",
                remedy="leave it out",
            )


def _check_open(models: Mapping[str, Sequence[OpenDim]], found: Mapping[str, Mapping[str, int]]) -> None:
    """Name the dims that stay open in all of several models at once."""
    from optimizer.onnx_import.dims import asked  # noqa: PLC0415

    left = {
        spec: [one for one in dims if not {one.name, one.place} & set(found[spec])] for spec, dims in models.items()
    }
    if len([spec for spec in left if left[spec]]) < 2:
        return
    names = list(dict.fromkeys(one.called for dims in left.values() for one in dims))
    places = ", ".join(f"{one.called} of {Path(spec).name}" for spec in left for one in left[spec])
    raise SpecError(
        "dims of the models have no fixed extent",
        field="--dim",
        value=places,
        allowed="a positive integer for each, or MODEL:NAME=EXTENT in one model",
        remedy=f"add {asked(names)}, with an extent for every question mark",
    )


def _twice(name: str, values: list[int]) -> SpecError:
    return SpecError(
        "a dim is given twice",
        field=f"--dim {name}",
        value=values,
        allowed="one extent per dim",
        remedy="leave one of the two out",
    )
