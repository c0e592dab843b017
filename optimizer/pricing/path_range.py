"""Layers too large for the shortest path are refused before it, by the number to blame."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import replace

from formulations.shortest_path.magnitudes import check_magnitudes
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting
from optimizer.pricing.lowering import lower
from optimizer.pricing.too_large import too_large
from optimizer.workload.layer import Layer


def check_path_range(
    layers: Sequence[tuple[Layer, Dict[str, int]]], hardware: Hardware, accounting: Accounting, file: str | None
) -> None:
    """Refuse a layer whose transfers or steps may leave the integers of the shortest path.

    Parameters
    ----------
    layers : sequence of (Layer, mapping)
        Layers with their largest padded extents.
    hardware : Hardware
        With the largest fan-outs.
    accounting : {"timeloop", "looptree"}
    file : str, optional
        Of the layers.

    Raises
    ------
    SpecError
    """
    for layer, extents in layers:
        fault = _fault(layer, extents, hardware, accounting)
        if fault is not None:
            raise too_large(
                layer, extents, lambda *changed: _fault(*changed, hardware, accounting) is None, fault, file
            )


def _fault(layer: Layer, extents: Dict[str, int], hardware: Hardware, accounting: Accounting) -> str | None:
    """What leaves the integers of the search; None if nothing does."""
    try:
        check_magnitudes(lower(replace(layer, rules=()), hardware, accounting=accounting, extents=extents))
    except OverflowError as error:
        return str(error)
    return None
