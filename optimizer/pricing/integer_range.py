"""Layers whose costs would leave the 64-bit integers of the search are refused before it, with the field to blame.

The rule is that of :mod:`formulations.integer_range`, applied to all points of an architecture at once and to the
optimistic corners of their boxes: any choice for a level may be combined with any choice for another. So no problem is
refused later.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from formulations.integer_range import LIMIT, Most, Reach
from formulations.problem import ProblemLevel
from optimizer.architecture.hardware import Hardware, Level
from optimizer.errors import SpecError
from optimizer.mapping.cost import Accounting
from optimizer.mapping.vector_cost import vector_cost
from optimizer.pricing.lowering import grain, kept_dims, level_spec, lower, units_of
from optimizer.pricing.too_large import too_large
from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.network import Network

PORTS = ("read", "write", "shared")
counts_of = attrgetter(
    "access_bits",
    "read_energy",
    "fill_energy",
    "update_energy",
    "leak_energy",
    *(f"{port}_bits_per_cycle" for port in PORTS),
)


def check_magnitude(
    layers: Sequence[tuple[Layer, Dict[str, int]]],
    points: Sequence[Hardware],
    accounting: Accounting,
    file: str | None = None,
    network_file: str | None = None,
) -> None:
    """Refuse a layer if some mapping of it on some point takes more energy or time than the integers hold.

    Parameters
    ----------
    layers : sequence of (Layer, mapping)
        Layers with their largest padded extents.
    points : sequence of Hardware
        All points of an architecture.
    accounting : {"timeloop", "looptree"}
    file, network_file : str, optional
        Of the architecture and of the layers.

    Raises
    ------
    SpecError
    """
    architecture = _Envelope(points, accounting, file)
    for layer, extents in layers:
        architecture.check(layer, extents, network_file)


def check_total(network: Network, points: Sequence[Hardware], accounting: Accounting) -> None:
    """Refuse a network that is priced as a whole if some mappings of its layers together exceed the integers.

    Raises
    ------
    SpecError
    """
    architecture = _Envelope(points, accounting, None)
    most = max(sum(costs) for costs in zip(*map(architecture.run, network.layers()), strict=True))
    if most >= LIMIT:
        raise SpecError(
            "the network is too large for exact 64-bit costs of all its layers together",
            file=network.file,
            field=network.name,
            value=network.macs,
            allowed=f"at most {network.macs * LIMIT // most:,} multiply-accumulates here",
            remedy="use a smaller batch, state energies with fewer digits, or do not fuse",
        )


class _Envelope:
    """All points of an architecture, level by level."""

    def __init__(self, points: Sequence[Hardware], accounting: Accounting, file: str | None) -> None:
        self._some, self._accounting, self._file = points[0], accounting, file
        self._mac_energy = max(point.mac_energy for point in points)
        self._vector = max(point.vector_energy for point in points), min(point.vector_lanes for point in points)
        numbers = range(len(self._some.levels))
        self._levels = [list({counts_of(p.levels[n]): p.levels[n] for p in points}.values()) for n in numbers]
        shapes = {tuple(point.fanout(n) for n in numbers) for point in points}
        self._widest = [tuple(map(max, zip(*fanouts, strict=True))) for fanouts in zip(*shapes, strict=True)]
        self._units: dict[int, int] = {}

    def check(self, layer: Layer, extents: Dict[str, int], file: str | None) -> None:
        """Refuse a layer of a file that is too large."""
        unit = self._unit(grain(layer))
        for reach in self._most(layer, extents).reaches():
            if not reach.fits:
                raise self._refusal(layer, unit, reach) or too_large(layer, extents, self._fits, reach.kind, file)

    def _fits(self, layer: Layer, extents: Dict[str, int]) -> bool:
        return all(reach.fits for reach in self._most(layer, extents).reaches())

    def run(self, layer: AnyLayer) -> tuple[int, int]:
        """Most energy and cycles of all runs of a layer."""
        if isinstance(layer, Layer):
            most = self._most(layer, {})
            return layer.multiplicity * most.energy(), layer.multiplicity * most.cycles()
        some = replace(self._some, vector_energy=self._vector[0], vector_lanes=self._vector[1])
        points = (replace(some, levels=(level, *some.levels[1:])) for level in self._levels[0])
        costs = [vector_cost(layer, point, self._accounting) for point in points]
        energy, cycles = max(c.energy for c in costs), max(c.latency_cycles for c in costs)
        return layer.multiplicity * energy, layer.multiplicity * cycles

    def _most(self, layer: Layer, extents: Dict[str, int]) -> Most:
        dims, unit = kept_dims(layer, {**layer.extents, **extents}), self._unit(grain(layer))
        problem = replace(
            lower(layer, self._some, accounting=self._accounting, extents=extents),
            latency_unit=unit,
            step_energy=layer.macs_per_step * self._mac_energy,
        )

        def spec(level: Level, number: int) -> ProblemLevel:
            return replace(level_spec(level, number, dims, unit), fanout=self._widest[number])

        return Most(problem, [[spec(level, n) for level in levels] for n, levels in enumerate(self._levels)])

    def _unit(self, bits: int) -> int:
        """The largest latency unit that ports of the levels have together."""
        if self._accounting == "timeloop":
            return 1
        if bits not in self._units:
            units = {1}
            for levels in self._levels:
                parts = {units_of(level, bits) for level in levels}
                units = {math.lcm(unit, part) for unit in units for part in parts}
            self._units[bits] = max(units)
        return self._units[bits]

    def _refusal(self, layer: Layer, unit: int, reach: Reach) -> SpecError | None:
        """What is wrong with the architecture; None if the layer is to blame."""
        if reach.port >= 0:
            return self._slow(layer, unit, reach)
        if reach.kind == "access":
            return SpecError(
                "an access moves more bits than exact 64-bit integers hold",
                file=self._file,
                field=f"levels[{reach.level}].access_bits",
                value=reach.value,
                allowed=f"less than {reach.limit:,}",
                remedy="use a narrower access",
            )
        if reach.kind == "spread":
            return SpecError(
                "the array has more multipliers than exact 64-bit integers hold",
                file=self._file,
                field="array",
                value=reach.value,
                allowed=f"less than {reach.limit:,}",
                remedy="use a smaller array",
            )
        return None

    def _slow(self, layer: Layer, unit: int, reach: Reach) -> SpecError:
        name = PORTS[reach.port]
        known = (getattr(level, f"{name}_bits_per_cycle") for level in self._levels[reach.level])
        slowest = min(bits for bits in known if bits is not None)
        parts = "cycles" if unit == 1 else f"cycles in parts of 1/{unit:,}"
        return SpecError(
            f"the time of layer {layer.name} at this port leaves exact 64-bit integers ({reach.kind})",
            file=self._file,
            field=f"levels[{reach.level}].bandwidth.{name}",
            value=f"{slowest} bits per cycle",
            allowed=f"less than {reach.limit:,} for {parts}; some mapping reaches {reach.value:,}",
            remedy="use a larger bandwidth, a lower clock, or a clock and a bandwidth with fewer digits",
        )
