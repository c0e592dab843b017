"""Layers of a network file that name their type: conv, dwconv, matmul."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.files.yaml_fields import Fields, integer
from optimizer.workload.layer import AnyLayer, Layer, conv, matmul

_DIMS = {
    "conv": ("N", "G", "K", "C", "P", "Q", "Z", "R", "S", "T"),
    "dwconv": ("N", "G", "P", "Q", "Z", "R", "S", "T"),
    "matmul": ("B", "M", "N", "K"),
}
_NEEDED = {"conv": ("K", "C", "P"), "dwconv": ("G", "P"), "matmul": ("M", "N", "K")}


def typed_layer(fields: Fields, name: str, kind: str, dims: dict[str, int], bits: Mapping[str, int]) -> Layer:
    """A conv, dwconv or matmul from its dims."""
    known = ", ".join(_DIMS[kind])
    for dim in dims:
        if dim not in _DIMS[kind]:
            fields.fail("unknown dim", f"dims.{dim}", dim, known, "remove it, or use an einsum")
    for dim in _NEEDED[kind]:
        if dim not in dims:
            fields.fail(f"the dim {dim} is missing", "dims", dims, known, f"add {dim}: <extent>")
    if kind == "matmul":
        return matmul(name, dims, bits=bits)
    for output, kernel in (("P", "R"), ("Q", "S"), ("Z", "T")):
        if kernel in dims and output not in dims:
            fields.fail(f"{kernel} without {output}", "dims", dims, f"both {output} and {kernel}, or neither")
    if "groups" in fields:
        dims = _split_groups(fields, dims)
    stride, dilation = _per_axis(fields, "stride"), _per_axis(fields, "dilation")
    return conv(name, dims, stride=stride, dilation=dilation, bits=bits, kind=kind)


def one_way(fields: Fields, layer: AnyLayer) -> list[str]:
    """A line if the kernel of a convolution has one extent only, which a square one does not mean."""
    if not isinstance(layer, Layer) or "einsum" in fields or layer.kind not in ("conv", "dwconv"):
        return []
    extents = layer.extents
    along, missing = ("R", "S") if "R" in extents else ("S", "R")
    if along not in extents or missing in extents:
        return []
    return [f"{layer.name}: the kernel has {along}={extents[along]} and no {missing}: it is {along} x 1, not square"]


def _split_groups(fields: Fields, dims: dict[str, int]) -> dict[str, int]:
    """Dims with K and C per group."""
    groups = fields.integer("groups")
    if "G" in dims:
        fields.fail("groups and the dim G say the same", "groups", groups, "one of the two", "remove one")
    for dim in ("K", "C"):
        if dims[dim] % groups:
            fields.fail(
                f"groups must divide the dim {dim}",
                "groups",
                groups,
                f"divisors of {dims[dim]}",
                "with groups, K and C count the channels of the whole layer",
            )
    split = {**dims, "G": groups, "K": dims["K"] // groups, "C": dims["C"] // groups}
    return dims if groups == 1 else split


def _per_axis(fields: Fields, key: str) -> tuple[int, ...]:
    """Stride or dilation: one integer for all axes, or a list of two or three."""
    value = fields.get(key, 1)
    if not isinstance(value, list):
        return (fields.integer(key, 1),) * 3
    if len(value) not in (2, 3):
        allowed = "an integer, or [along P, along Q], or [along P, along Q, along Z]"
        fields.fail("expected one integer or two, or three", key, value, allowed)
    return tuple(integer(v, file=fields.file, field=f"{fields.at(key)}[{i}]") for i, v in enumerate(value))
