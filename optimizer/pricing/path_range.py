"""Layers too large for the shortest path are refused before it, by their largest extent."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import replace

from formulations.nest_rules import NO_RULES
from formulations.shortest_path.magnitudes import check_magnitudes, check_steps
from formulations.shortest_path.tables import lattice_of, machine_of
from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.mapping.cost import Accounting
from optimizer.pricing.lowering import lower
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
        problem = replace(lower(layer, hardware, accounting=accounting, extents=extents), rules=NO_RULES)
        try:
            check_steps(problem)
            check_magnitudes(problem, lattice_of(problem), machine_of(problem))
        except OverflowError as error:
            dim, extent = max(layer.dims, key=lambda pair: pair[1])
            raise SpecError(
                f"the layer is too large for the shortest path: {error}",
                file=file,
                field=f"{layer.name}.dims.{dim}",
                value=extent,
                allowed="fewer steps, bits of tensors and time units, each below the number named",
                remedy="use a smaller number, batch or sequence, or split the layer",
            ) from None
