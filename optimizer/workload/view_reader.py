"""Grids and views in workload files; the docstring of :mod:`optimizer.workload.reader` has their format."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.files.yaml_fields import Fields, integer
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.views import ONE_POSITION, TILE_AXES, Grid, View, Window, misfits


def read_views(network: Network, fields: Fields, layer: AnyLayer, producers: Mapping[str, str]) -> dict[str, View]:
    """The views of a layer on its producers that the file states."""
    given = fields.get("views", {})
    if not isinstance(given, dict):
        fields.fail("expected views of producers", "views", given, "like {conv1: [[1, 1, 0], [2, 3, 1], null]}")
    views: dict[str, View] = {}
    for name, axes in given.items():
        if name not in producers:
            fields.fail(
                "a view of a layer that is not read",
                "views",
                name,
                ", ".join(producers) or "none: it has no inputs",
                "name one of the inputs, or remove the view",
            )
        at = f"views.{name}"
        if not isinstance(axes, list) or len(axes) != 3:
            fields.fail("expected a window per tile axis", at, axes, f"a list of three: {', '.join(TILE_AXES)}")
        batch, rows, columns = (_window(fields, f"{at}[{number}]", window) for number, window in enumerate(axes))
        views[name] = (batch, rows, columns)
        _check(fields, at, views[name], network.graph.nodes[name]["layer"], layer)
    return views


def read_grid(fields: Fields) -> Grid:
    """Extents of a vector layer's output along the tile axes."""
    if "grid" not in fields:
        return ONE_POSITION
    given = fields.items("grid", f"a list of extents: {', '.join(TILE_AXES)}")
    if len(given) != 3:
        fields.fail("expected an extent per tile axis", "grid", given, f"a list of three: {', '.join(TILE_AXES)}")
    batch, rows, columns = (
        integer(extent, file=fields.file, field=f"{fields.at('grid')}[{axis}]") for axis, extent in enumerate(given)
    )
    return batch, rows, columns


def view_entry(view: View) -> list[list[int] | None]:
    """A view as the file gives it."""
    return [None if window is None else [window.stride, window.reach, window.before] for window in view]


def _check(fields: Fields, at: str, view: View, producer: AnyLayer, layer: AnyLayer) -> None:
    """Refuse windows that leave the producer's output, or that are not those of the layer's own index expressions."""
    for axis in misfits(view, producer.grid, layer.grid):
        fields.fail(
            "the last window begins beyond the producer's output",
            f"{at}[{axis}]",
            view_entry(view)[axis],
            f"windows for {layer.grid[axis]} positions that begin among the producer's {producer.grid[axis]}",
            "check the window, and the grid of a vector layer; or write null",
        )
    if isinstance(layer, VectorLayer):
        return
    for axis, (window, dim) in enumerate(zip(view, layer.tile_dims, strict=True)):
        own = None if window is None or dim is None else _own_window(layer, dim)
        if window is not None and own is not None and (window.stride != own[0] or window.reach < own[1]):
            fields.fail(
                "not the window of the layer's input",
                f"{at}[{axis}]",
                view_entry(view)[axis],
                f"stride {own[0]} and reach {own[1]} along {dim}",
                "mend the window, or write null",
            )


def _own_window(layer: Layer, dim: str) -> tuple[int, int] | None:
    """Stride and reach of the layer's input along a dim of its output."""
    for axis in layer.operand("I").axes:
        if dim in dict(axis.terms):
            return dict(axis.terms)[dim], axis.extent({**layer.extents, dim: 1})
    return None


def _window(fields: Fields, key: str, value: object) -> Window | None:
    """One axis of a view."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3:
        fields.fail("expected a window", key, value, "[stride, reach, before], or null for all of the axis")
    stride, reach, before = (
        integer(number, file=fields.file, field=f"{fields.at(key)}[{place}]", least=least)
        for place, (number, least) in enumerate(zip(value, (1, 1, None), strict=True))
    )
    return Window(stride, reach, before)
