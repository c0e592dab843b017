"""Layers too large for the shortest path are refused before it, by the number to blame."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import replace

from formulations.shortest_path.magnitudes import check_magnitudes
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting
from optimizer.pricing.integer_range import counts_of
from optimizer.pricing.lowering import lower
from optimizer.pricing.too_large import too_large
from optimizer.workload.layer import Layer


def check_path_range(
    layers: Sequence[tuple[Layer, Dict[str, int]]],
    points: Sequence[Hardware],
    accounting: Accounting,
    file: str | None,
) -> None:
    """Refuse a layer whose transfers or steps may leave the integers of the shortest path.

    Parameters
    ----------
    layers : sequence of (Layer, mapping)
        Layers with their largest padded extents.
    points : sequence of Hardware
        Points of an architecture that show all levels and fan-outs.
    accounting : {"timeloop", "looptree"}
    file : str, optional
        Of the layers.

    Raises
    ------
    SpecError
    """
    shown = _showing(points)
    for layer, extents in layers:
        fault = _fault(shown, accounting, layer, extents)
        if fault is not None:
            raise too_large(layer, extents, lambda *one: _fault(shown, accounting, *one) is None, fault, file)


def _showing(points: Sequence[Hardware]) -> list[Hardware]:
    """Points with all energies, leakages and ports of every level, and all numbers of multipliers."""
    found: dict[object, Hardware] = {}
    for point in points:
        multipliers = math.prod(math.prod(point.fanout(n)) for n in range(len(point.levels)))
        for key in (*enumerate(map(counts_of, point.levels)), multipliers):
            found.setdefault(key, point)
    return list(dict.fromkeys(found.values()))


def _fault(points: Sequence[Hardware], accounting: Accounting, layer: Layer, extents: Dict[str, int]) -> str | None:
    """What leaves the integers of the search; None if nothing does."""
    plain = replace(layer, rules=())
    try:
        for point in points:
            check_magnitudes(lower(plain, point, accounting=accounting, extents=extents))
    except OverflowError as error:
        return str(error)
    return None
