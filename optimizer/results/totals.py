"""Totals of a design, its hardware and the counts of an exploration, as a result states them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from optimizer.architecture.device_plan import use_of
from optimizer.architecture.fabric import RESOURCES
from optimizer.architecture.hardware import Hardware, Level
from optimizer.bodies.hardware import DeviceEntry, HardwareEntry, LevelEntry, LevelMemory, PortWidths, ResourceUse
from optimizer.bodies.solve import PointCounts
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.problem.off_chip import REASON
from optimizer.problem.status import Status
from optimizer.search.exploration import Exploration
from optimizer.search.prepared_problem import PreparedProblem


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


def counts(prepared: PreparedProblem, state: Exploration) -> PointCounts:
    """Number of points by the reason that closed them; a layer that does not fit has an infinite bound."""
    unfit = [entry for entry in state.closed if entry.by == "infeasible"]
    small = sum(entry.points for entry in unfit if INFEASIBLE_COST in (*entry.energy_bounds, *entry.latency_bounds))
    on_device = prepared.architecture.plan is not None
    return PointCounts(
        total=state.total,
        closed_by_bound=state.points("bound"),
        closed_by_area=state.points("area"),
        closed_by_size=small,
        closed_by_caps=state.points("infeasible") - small,
        solved=state.points("solved"),
        open=state.points("open"),
        boxes=len(state.closed),
        closed_by_device=sum(state.points(name) for name in RESOURCES) if on_device else None,
        closed_by_memory=state.points(REASON) or None,
    )


@dataclass(frozen=True)
class Totals:
    """Energy, latency and power of one run of a network on a hardware point, in the units of reports."""

    energy_pj: float
    latency_cycles: float
    latency_ms: float
    power_w: float | None


def totals(hardware: Hardware, energy: int, cycles: Fraction) -> Totals:
    """Totals of a design; `energy` is in energy units."""
    energy_pj = hardware.energy_pj(energy)
    seconds = float(cycles / (hardware.clock_mhz * 10**6))
    power_w = energy_pj * 1e-12 / seconds if hardware.energy_unit_pj is not None and seconds else None
    return Totals(energy_pj, number(cycles), seconds * 1e3, power_w)


def device_entry(prepared: PreparedProblem, hardware: Hardware) -> DeviceEntry | None:
    """A point on its device: what is used and available of every resource, and what the memories are made of."""
    plan = prepared.architecture.plan
    if plan is None:
        return None
    placed = plan.place(hardware)
    resources = {
        name: ResourceUse(used=used, available=available)
        for name, used, available in zip(RESOURCES, placed.use, plan.device.available, strict=True)
    }
    memories = {
        level.name: LevelMemory(kind=kind, blocks=blocks)
        for level, kind, blocks in zip(hardware.levels, placed.kinds, placed.blocks, strict=True)
        if kind is not None
    }
    return DeviceEntry(name=plan.device.name, resources=resources, memories=memories)


def hardware_entry(hardware: Hardware) -> HardwareEntry:
    """A hardware point for reports."""
    return HardwareEntry(
        choices=dict(hardware.choices),
        array=hardware.mac_mesh,
        clock_mhz=number(hardware.clock_mhz),
        levels=tuple(_level_entry(hardware, level) for level in hardware.levels),
        resources=use_of(hardware.resources) if hardware.resources else None,
    )


def _level_entry(hardware: Hardware, level: Level) -> LevelEntry:
    ports = (level.read_bits_per_cycle, level.write_bits_per_cycle, level.shared_bits_per_cycle)
    read, write, shared = (None if bits is None else number(bits) for bits in ports)
    return LevelEntry(
        name=level.name,
        size_bits=level.size_bits,
        mesh=level.mesh,
        access_bits=level.access_bits,
        read_energy_pj=hardware.energy_pj(level.read_energy),
        fill_energy_pj=hardware.energy_pj(level.fill_energy),
        update_energy_pj=hardware.energy_pj(level.update_energy),
        bits_per_cycle=PortWidths(read=read, write=write, shared=shared),
        buffering=level.buffering,
    )
