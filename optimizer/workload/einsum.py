"""Einsum strings: ``O[n,k,p,q] += W[k,c,r,s] * I[n,c,2p+r,2q+s]`` as a layer, and a layer as such a string.

Grammar
-------
``output += factor * factor``: products are summed over all indices that the output does not have. A tensor is
``name[index, ...]``. An index is a sum of terms: a loop index with an optional positive integer
coefficient, written ``p``, ``2p``, ``2*p`` or ``p*2``. Case does not matter in loop indices: ``p`` is dim
``P``. Constants (``p+1``) are not allowed: inputs are taken as padded already.

Roles
-----
The left side is O. Of the factors, the one with a window axis (an index with several terms or a
coefficient) is I and the other W. Without a window axis, a factor called ``W`` is W, or else a factor
called ``I`` is I. Otherwise the first factor is I and the second W, as in ``C[m,n] += A[m,k] * B[k,n]``.
Tensors called W, I or O merely name their role; any other name is kept as the tensor's name in the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from optimizer.errors import SpecError
from optimizer.workload.layer import ROLES, Axis, Layer, Operand
from optimizer.workload.precision import role_bits

EXAMPLE = "O[n,k,p,q] += W[k,c,r,s] * I[n,c,2p+r,2q+s]"
_NAME = r"[A-Za-z_][A-Za-z0-9_.]*"
_STATEMENT = re.compile(
    rf"\s*({_NAME})\s*\[([^\[\]]*)\]\s*(\+?)=\s*({_NAME})\s*\[([^\[\]]*)\]\s*\*\s*({_NAME})\s*\[([^\[\]]*)\]\s*"
)
_TERM = re.compile(r"(?:(?P<before>\d+)\s*\*?\s*)?(?P<dim>[A-Za-z][A-Za-z0-9_]*)(?:\s*\*\s*(?P<after>\d+))?")

Axes = tuple[Axis, ...]


def einsum_layer(
    name: str,
    text: str,
    dims: Mapping[str, int],
    *,
    bits: object = None,
    kind: str = "einsum",
    multiplicity: int = 1,
    parameters: int | None = None,
    file: str | None = None,
    field: str | None = None,
) -> Layer:
    """The layer an einsum string describes.

    Parameters
    ----------
    name : str
        Name of the layer.
    text : str
        The einsum.
    dims : mapping of str to int
        Extent of every dim of the einsum; upper- and lower-case names mean the same.
    bits : int or mapping of role to int, optional
        Bits per element; 16 where nothing is said.
    kind, multiplicity, parameters
        As in :class:`~optimizer.workload.layer.Layer`.
    file, field : str, optional
        Where the einsum came from, for error messages; `field` is the path of the layer (default: its name).

    Raises
    ------
    SpecError
        On bad syntax, and where the dims and the einsum do not fit together.
    """
    place = f"{name}." if field is None else f"{field}." if field else ""
    tensors = parse_einsum(text, file=file, field=f"{place}einsum")
    widths = role_bits(bits, file=file, field=f"{place}bits")
    operands = {
        role: Operand(role, axes, widths[role], "" if tensor in ROLES else tensor)
        for role, (tensor, axes) in tensors.items()
    }
    extents = _match_dims(operands, dims, file, place)
    try:
        return Layer(name, kind, extents, (operands["W"], operands["I"], operands["O"]), multiplicity, parameters)
    except SpecError as error:
        at = place + (error.field or "").removeprefix(f"{name}.")
        raise SpecError(
            error.problem, file=file, field=at, value=error.value, allowed=error.allowed, remedy=error.remedy
        ) from error


def parse_einsum(text: str, *, file: str | None = None, field: str = "einsum") -> dict[str, tuple[str, Axes]]:
    """Tensor name and axes of each role, keyed ``W``, ``I``, ``O``.

    Raises
    ------
    SpecError
        Where `text` is not an einsum with one output and two factors.
    """
    found = _STATEMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise SpecError(
            "not an einsum of one output and two factors",
            file=file,
            field=field,
            value=text,
            allowed="output[...] += factor[...] * factor[...]",
            remedy=f"write it like {EXAMPLE}",
        )
    if not found.group(3):
        raise SpecError(
            "an einsum adds up, it does not assign",
            file=file,
            field=field,
            value=text,
            allowed="output[...] += factor[...] * factor[...]",
            remedy="write += in the place of =",
        )
    names = found.group(1, 4, 6)
    if len(set(names)) < 3:
        raise SpecError(
            "every tensor needs a name of its own",
            file=file,
            field=field,
            value=text,
            allowed="three different names",
            remedy="rename one of the tensors",
        )
    output, first, second = (
        (tensor, _axes(tensor, indices, text, file, field))
        for tensor, indices in zip(names, found.group(2, 5, 7), strict=True)
    )
    if _has_window(output[1]):
        raise SpecError(
            "only one factor may have a window axis, not the output",
            file=file,
            field=field,
            value=text,
            allowed="plain indices in the output",
            remedy="rewrite the indices so that the output has plain indices",
        )
    weights, inputs = _roles(first, second, text, file, field)
    return {"W": weights, "I": inputs, "O": output}


def layer_einsum(layer: Layer) -> str:
    """The einsum string of a layer, with the role names as tensor names."""

    def term(dim: str, coefficient: int) -> str:
        return dim.lower() if coefficient == 1 else f"{coefficient}*{dim.lower()}"

    def tensor(role: str) -> str:
        axes = layer.operand(role).axes
        return f"{role}[{','.join('+'.join(term(*t) for t in axis.terms) for axis in axes)}]"

    return f"{tensor('O')} += {tensor('W')} * {tensor('I')}"


def _axes(tensor: str, indices: str, text: str, file: str | None, field: str) -> Axes:
    """Axes of one tensor; no dim may index it twice (a diagonal has no box-shaped tiles)."""
    axes = tuple(_axis(index, text, file, field) for index in indices.split(",")) if indices.strip() else ()
    dims = [dim for axis in axes for dim, _ in axis.terms]
    for dim in dims:
        if dims.count(dim) > 1:
            raise SpecError(
                f"tensor {tensor} uses an index twice",
                file=file,
                field=field,
                value=dim.lower(),
                allowed="each index at most once per tensor",
                remedy="name the second use differently",
            )
    return axes


def _axis(index: str, text: str, file: str | None, field: str) -> Axis:
    terms = []
    for part in index.split("+"):
        found = _TERM.fullmatch(part.strip())
        if found is None or (found["before"] and found["after"]):
            _bad_index(part, text, file, field)
        coefficient = int(found["before"] or found["after"] or 1)
        if coefficient < 1:
            _bad_index(part, text, file, field)
        terms.append((found["dim"].upper(), coefficient))
    return Axis(tuple(terms))


def _bad_index(part: str, text: str, file: str | None, field: str) -> NoReturn:
    raise SpecError(
        f"cannot read index {part.strip()!r}",
        file=file,
        field=field,
        value=text,
        allowed="sums of terms such as p, 2p or 2*p, with positive integer coefficients",
        remedy="drop constants and minus signs: inputs are taken as padded already",
    )


def _has_window(axes: Axes) -> bool:
    return any(len(axis.terms) > 1 or axis.terms[0][1] != 1 for axis in axes)


def _roles(
    first: tuple[str, Axes], second: tuple[str, Axes], text: str, file: str | None, field: str
) -> tuple[tuple[str, Axes], tuple[str, Axes]]:
    """The factors as (W, I)."""
    windows = _has_window(first[1]), _has_window(second[1])
    if all(windows):
        raise SpecError(
            "both factors have a window axis",
            file=file,
            field=field,
            value=text,
            allowed="a window axis in one factor",
            remedy="give one factor plain indices",
        )
    if windows[0]:
        return second, first
    if windows[1] or first[0].upper() == "W" or (second[0].upper() == "I" and first[0].upper() != "I"):
        return first, second
    return second, first


def _match_dims(
    operands: Mapping[str, Operand], dims: Mapping[str, int], file: str | None, place: str
) -> tuple[tuple[str, int], ...]:
    """Dims with extents in the order `dims` lists them; they must be exactly those of the operands."""
    used = {dim for operand in operands.values() for dim in operand.dims}
    known = ", ".join(sorted(used))
    extents: dict[str, int] = {}
    for name, extent in dims.items():
        dim = str(name).upper()
        if dim not in used:
            raise SpecError(
                "unknown dim: the einsum has no such index",
                file=file,
                field=f"{place}dims.{name}",
                value=name,
                allowed=known,
                remedy="remove it, or use it in the einsum",
            )
        if dim in extents:
            raise SpecError(
                "the dim is given twice",
                file=file,
                field=f"{place}dims.{name}",
                value=name,
                allowed=known,
                remedy="upper- and lower-case names are the same dim: keep one",
            )
        extents[dim] = extent
    missing = sorted(used - set(extents))
    if missing:
        raise SpecError(
            "the extent of a dim is missing",
            file=file,
            field=f"{place}dims",
            value=", ".join(missing),
            allowed=f"an extent for each of {known}",
            remedy=f"add {missing[0]}: <extent>",
        )
    return tuple(extents.items())
