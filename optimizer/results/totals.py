"""Totals of a design, its hardware and the counts of an exploration, as a result states them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from optimizer.architecture.boxes import size
from optimizer.architecture.device_plan import use_of
from optimizer.architecture.fabric import RESOURCES
from optimizer.architecture.hardware import Hardware, Level
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.problem.status import Status
from optimizer.search.exploration import Exploration


def status_of(state: Exploration) -> Status:
    """The status of an exploration."""
    if state.value is None:
        return Status.INFEASIBLE if state.complete else Status.UNKNOWN
    return Status.OPTIMAL if state.proved else Status.FEASIBLE


def unit_value(objective: str, hardware: Hardware) -> tuple[str, Fraction]:
    """Unit of an objective in reports, and the size of one integer unit in it."""
    energy = hardware.energy_unit_pj or Fraction(1, hardware.energy_scale)
    name = "pJ" if hardware.energy_unit_pj is not None else "MAC energies"
    if objective == "latency":
        return "cycles", Fraction(1)
    return (name, energy) if objective == "energy" else (f"{name} x cycles", energy)


def number(value: Fraction) -> int | float:
    """A JSON number: whole where it is whole."""
    return int(value) if value.denominator == 1 else float(value)


def counts(state: Exploration) -> dict[str, int]:
    """Number of points by the reason that closed them; a layer that does not fit has an infinite bound."""
    unfit = [entry for entry in state.closed if entry.by == "infeasible"]
    small = sum(size(entry.box) for entry in unfit if INFEASIBLE_COST in (*entry.energy_bounds, *entry.latency_bounds))
    return {
        "total": state.total,
        "closed_by_bound": state.points("bound"),
        "closed_by_area": state.points("area"),
        "closed_by_size": small,
        "closed_by_caps": state.points("infeasible") - small,
        "solved": state.points("solved"),
        "open": state.points("open"),
        "boxes": len(state.closed),
    }


def points_over(state: Exploration) -> int:
    """Points in boxes that exceed a resource of the device."""
    return sum(state.points(name) for name in RESOURCES)


def totals(hardware: Hardware, energy: int, cycles: Fraction) -> dict[str, Any]:
    """A hardware point with energy and cycles of one run of the network; `energy` is in energy units."""
    energy_pj = hardware.energy_pj(energy)
    seconds = float(cycles / (hardware.clock_mhz * 10**6))
    return {
        "hardware": hardware_entry(hardware),
        "area_um2": hardware.area_um2,
        "energy_pj": energy_pj,
        "latency_cycles": number(cycles),
        "latency_ms": seconds * 1e3,
        "power_w": energy_pj * 1e-12 / seconds if hardware.energy_unit_pj is not None and seconds else None,
    }


def hardware_entry(hardware: Hardware) -> dict[str, Any]:
    """A hardware point for reports."""

    def level(spec: Level) -> dict[str, Any]:
        ports = {
            name: None if bits is None else number(bits)
            for name, bits in (
                ("read", spec.read_bits_per_cycle),
                ("write", spec.write_bits_per_cycle),
                ("shared", spec.shared_bits_per_cycle),
            )
        }
        energies = {
            f"{name}_energy_pj": hardware.energy_pj(getattr(spec, f"{name}_energy"))
            for name in ("read", "fill", "update")
        }
        return {
            "name": spec.name,
            "size_bits": spec.size_bits,
            "mesh": list(spec.mesh),
            "access_bits": spec.access_bits,
            **energies,
            "bits_per_cycle": ports,
            "buffering": spec.buffering,
        }

    return {
        "choices": dict(hardware.choices),
        "array": list(hardware.mac_mesh),
        "clock_mhz": number(hardware.clock_mhz),
        "levels": [level(spec) for spec in hardware.levels],
    } | ({"resources": use_of(hardware.resources)} if hardware.resources else {})
