"""Which number of a layer makes it too large for the integers of the search, and how large it may be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from optimizer.errors import SpecError
from optimizer.workload.layer import ROLES, Axis, Layer

Extents = Mapping[str, int]
Fits = Callable[[Layer, Extents], bool]


@dataclass(frozen=True)
class Number:
    """A number that a layer is made of: where the user wrote it, and the layer with another one in its place."""

    field: str
    value: int
    changed: Callable[[int], tuple[Layer, Extents]]

    def most(self, fits: Fits) -> int:
        """The largest value with which the layer fits, the others as they are; 0 if there is none."""
        low, high = 0, self.value
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(*self.changed(middle)) else (low, middle)
        return low


def too_large(layer: Layer, extents: Extents, fits: Fits, kind: str, file: str | None) -> SpecError:
    """The refusal of a layer that does not fit: by the largest number that is too large by itself, if one is.

    Parameters
    ----------
    layer : Layer
    extents : mapping of dim to extent
        The padded ones.
    fits : callable
        Does a layer with such extents fit?
    kind : str
        The quantity that leaves the integers.
    file : str, optional
        Of the layer.
    """
    problem = f"the layer is too large for the integers of the search: {kind}"
    remedy = "use a smaller number, batch or sequence, split the layer, or state energies with fewer digits"
    numbers = list(_numbers(layer, extents))
    for number in sorted(numbers, key=lambda one: one.value, reverse=True):
        most = number.most(fits)
        if most:
            return SpecError(
                problem,
                file=None if number.field.startswith("padding") else file,
                field=number.field,
                value=number.value,
                allowed=f"1 to {most:,} on this architecture, with the other numbers of layer {layer.name}",
                remedy=remedy,
            )
    return SpecError(
        f"{problem}, and no number alone is to blame",
        file=file,
        field=layer.name,
        value={number.field: number.value for number in numbers if number.value > 1},
        allowed="smaller numbers, several of them",
        remedy=remedy,
    )


def _numbers(layer: Layer, extents: Extents) -> Iterator[Number]:
    """Extents, bits per word, strides and dilations."""
    for dim, extent in layer.dims:
        padded = extents.get(dim, extent)
        field = f"padding.{dim}" if padded != extent else f"{layer.name}.dims.{dim}"
        yield Number(field, padded, partial(_with_extent, layer, extents, dim))
    widths = {operand.role: operand.bits for operand in layer.operands}
    if len(set(widths.values())) == 1:
        yield Number(f"{layer.name}.bits", widths["W"], partial(_with_bits, layer, extents, ROLES))
    for role, bits in widths.items():
        yield Number(f"{layer.name}.bits.{role}", bits, partial(_with_bits, layer, extents, (role,)))
    for number, axis in enumerate(layer.operands[1].axes):
        for term, (dim, coefficient) in enumerate(axis.terms):
            name = "stride" if dim in layer.operands[2].dims else "dilation"
            changed = partial(_with_coefficient, layer, extents, number, term)
            yield Number(f"{layer.name}.{name}", coefficient, changed)


def _with_extent(layer: Layer, extents: Extents, dim: str, value: int) -> tuple[Layer, Extents]:
    dims = tuple((name, min(extent, value) if name == dim else extent) for name, extent in layer.dims)
    return replace(layer, dims=dims), {**extents, dim: value}


def _with_bits(layer: Layer, extents: Extents, roles: Collection[str], value: int) -> tuple[Layer, Extents]:
    weights, given, output = (replace(one, bits=value) if one.role in roles else one for one in layer.operands)
    return replace(layer, operands=(weights, given, output)), extents


def _with_coefficient(layer: Layer, extents: Extents, number: int, term: int, value: int) -> tuple[Layer, Extents]:
    """With another coefficient in an axis of the input."""
    weights, given, output = layer.operands
    axes = list(given.axes)
    terms = list(axes[number].terms)
    terms[term] = (terms[term][0], value)
    axes[number] = Axis(tuple(terms))
    return replace(layer, operands=(weights, replace(given, axes=tuple(axes)), output)), extents
