"""The design of a result: hardware, every layer by walking its loop nest, totals, budgets."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from optimizer.architecture.fabric import RESOURCES
from optimizer.architecture.hardware import Hardware, Level
from optimizer.checker.claims.solve import Claim, vector_run
from optimizer.checker.groups import partition_faults, undeclared
from optimizer.checker.outcome import Check
from optimizer.checker.physical_bounds import physical_bounds
from optimizer.errors import SpecError
from optimizer.golden.group_entry import member_entry, stated_group
from optimizer.golden.walk import Walk, walk
from optimizer.mapping.mapping import Mapping as Nest
from optimizer.mapping.reader import from_items
from optimizer.problem.off_chip import excess_of, excess_text
from optimizer.workload.layer import Layer, VectorLayer

DESIGN_KEYS = ("hardware", "device", "area_um2", "energy_pj", "latency_cycles", "latency_ms", "power_w", "layers")


def plain(value: Fraction | int) -> int | float:
    """The JSON number of an exact one."""
    exact = Fraction(value)
    return exact.numerator if exact.denominator == 1 else float(exact)


def differences(stated: Any, expected: dict[str, Any], place: str = "") -> Iterator[str]:
    """Differences between a stated object and the expected one, as sentences."""
    if not isinstance(stated, dict):
        yield f"{place or 'the value'} is {stated!r}, not an object"
        return
    for key in sorted({*stated, *expected}, key=str):
        path = f"{place}.{key}" if place else str(key)
        if key not in expected:
            yield f"{path} should not be there"
        elif key not in stated:
            yield f"{path} is missing"
        elif isinstance(expected[key], dict):
            yield from differences(stated[key], expected[key], path)
        elif stated[key] != expected[key] or isinstance(stated[key], bool) != isinstance(expected[key], bool):
            yield f"{path} is {stated[key]!r}, it should be {expected[key]!r}"


def verdict(name: str, faults: list[str], fine: str) -> Check:
    """A check that passes if there are no faults."""
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return Check(name, not faults, "; ".join(faults[:3]) + more if faults else fine)


def hardware_table(hardware: Hardware) -> dict[str, Any]:
    """The hardware table as a result states it."""

    def level(spec: Level) -> dict[str, Any]:
        ports = {
            "read": spec.read_bits_per_cycle,
            "write": spec.write_bits_per_cycle,
            "shared": spec.shared_bits_per_cycle,
        }
        return {
            "name": spec.name,
            "size_bits": spec.size_bits,
            "mesh": [spec.mesh[0], spec.mesh[1]],
            "access_bits": spec.access_bits,
            "read_energy_pj": hardware.energy_pj(spec.read_energy),
            "fill_energy_pj": hardware.energy_pj(spec.fill_energy),
            "update_energy_pj": hardware.energy_pj(spec.update_energy),
            "bits_per_cycle": {port: None if bits is None else plain(bits) for port, bits in ports.items()},
            "buffering": spec.buffering,
        }

    return {
        "choices": dict(hardware.choices),
        "array": [hardware.mac_mesh[0], hardware.mac_mesh[1]],
        "clock_mhz": plain(hardware.clock_mhz),
        "levels": [level(spec) for spec in hardware.levels],
    } | ({"resources": dict(zip(RESOURCES, hardware.resources, strict=True))} if hardware.resources else {})


@dataclass
class Totals:
    """Sums over the layers that were walked, in energy units and cycles."""

    energy: int = 0
    latency: int = 0

    def add(self, runs: int, energy: int, cycles: int) -> None:
        """Count the runs of one layer."""
        self.energy += runs * energy
        self.latency += runs * cycles


def check_design(claim: Claim, hardware: Hardware) -> Iterator[Check]:
    """All checks of a design on the chosen hardware point."""
    data = claim.data
    faults = list(differences(data["hardware"], hardware_table(hardware), "hardware"))
    if data["area_um2"] != hardware.area_um2:
        faults.append(f"area_um2 is {data['area_um2']}, the chosen point has {hardware.area_um2}")
    yield verdict("hardware", faults, f"the chosen point of the menus: {dict(hardware.choices)}")
    expected = [layer.name for layer in claim.network.layers()]
    stated = [entry["name"] for entry in data["layers"]]
    given, asked = Counter(stated), Counter(expected)
    missing = [f"{name} is missing" for name in expected if not given[name]]
    extra = [
        f"{name} is in the result {times} times, in the network {asked[name]}"
        for name, times in given.items()
        if times != asked[name]
    ]
    order = [] if missing or extra or stated == expected else ["the layers are not in the network's order"]
    yield verdict("layers", missing + extra + order, f"all {len(expected)} layers, each once")
    totals = Totals()
    if claim.fusion is not None:
        if not missing and not extra:
            yield from _fused_checks(claim, hardware, totals)
        return
    if not missing and not extra:
        entries = {entry["name"]: entry for entry in data["layers"]}
        faults, walks = [], Walks(claim, hardware)
        for layer in claim.network.layers():
            try:
                found = _layer_faults(claim, layer, entries[layer.name], walks, totals)
                faults += [f"{layer.name}: {fault}" for fault in found]
            except SpecError as error:
                faults.append(f"{layer.name}: {' '.join(str(error).split())}")
        yield verdict("mappings", faults, "every loop nest walked: accesses, energy, cycles as stated")
        yield verdict("totals", list(_totals(claim, hardware, totals)), _sums(claim, totals))
        yield verdict("budgets", list(_budgets(claim, hardware, totals)), _limits(claim))


def _fused_checks(claim: Claim, hardware: Hardware, totals: Totals) -> Iterator[Check]:
    """Check groups by walking them tile by tile, and ungrouped layers by walking their loop nests."""
    assert claim.fusion is not None
    groups = claim.data["groups"]
    members = [tuple(group["layers"]) for group in groups]
    faults = list(partition_faults(claim.network, members, claim.fusion.max_group))
    for number, group in enumerate(groups):
        faults += [f"group {number + 1}: {fault}" for fault in undeclared(group, claim.fusion)]
    yield verdict("groups", faults, f"{len(groups)} groups, disjoint and connected; none has to wait for itself")
    if faults:
        return
    expected, faults = {}, []
    for number, group in enumerate(groups):
        entry, walked = stated_group(claim.network, group, hardware, claim.accounting)
        totals.add(1, walked.energy, walked.latency)
        faults += [f"group {number + 1}: {fault}" for fault in walked.violations]
        faults += list(differences(group, entry, f"groups[{number}]"))
        for name in group["layers"]:
            expected[name] = member_entry(claim.network.graph.nodes[name]["layer"], walked, number, hardware)
    walks = Walks(claim, hardware)
    for entry in claim.data["layers"]:
        layer = claim.network.graph.nodes[entry["name"]]["layer"]
        if layer.name in expected:
            faults += list(differences(entry, expected[layer.name], layer.name))
        else:
            faults += [f"{layer.name}: {fault}" for fault in _layer_faults(claim, layer, entry, walks, totals)]
    yield verdict("mappings", faults, "every group and loop nest walked: cells, accesses, energy, cycles as stated")
    yield verdict("totals", list(_totals(claim, hardware, totals)), _sums(claim, totals))
    yield verdict("budgets", list(_budgets(claim, hardware, totals)), _limits(claim))


class Walks:
    """Walks of loop nests on the chosen hardware; layers of one shape with one nest share one."""

    def __init__(self, claim: Claim, hardware: Hardware) -> None:
        self.claim, self.hardware = claim, hardware
        self._known: dict[object, tuple[Nest, Walk | None]] = {}

    def of(self, layer: Layer, items: Any, options: Mapping[str, Sequence[int]]) -> tuple[Nest, Walk | None]:
        """The nest that the items state, and its walk; none where an extent is not among the options.

        Loops of such an extent are not executed: there may be any number of them.
        """
        key = layer.shape_key(), json.dumps(items, sort_keys=True)
        if key not in self._known:
            nest = from_items(items, layer, self.hardware)
            declared = all(extent in options[dim] for dim, extent in nest.extents(layer.extents).items())
            rule = self.claim.accounting
            found = walk(layer, self.hardware, nest, accounting=rule, reuse="innermost") if declared else None
            self._known[key] = nest, found
        return self._known[key]


def _layer_faults(
    claim: Claim, layer: Layer | VectorLayer, entry: dict[str, Any], walks: Walks, totals: Totals
) -> list[str]:
    hardware = walks.hardware
    if isinstance(layer, VectorLayer):
        run = vector_run(layer, hardware)
        totals.add(layer.multiplicity, run.energy, run.cycles)
        expected = {
            "name": layer.name,
            "type": layer.kind,
            "dims": {},
            "multiplicity": layer.multiplicity,
            "mapping": None,
            "operations": layer.operations,
            "dram_words": run.words,
            "energy_pj": hardware.energy_pj(run.energy),
            "latency_cycles": run.cycles,
            "accesses": {},
            "utilization": 0.0,
            "lower_bounds": {},
        }
        return list(differences(entry, expected | _in_no_group(claim)))
    group = next(g for g in claim.groups if g.layer.shape_key() == layer.shape_key())
    mapping, steps = walks.of(layer, entry["mapping"], group.options)
    made = mapping.extents(layer.extents)
    if steps is None:
        return [
            f"{dim} is padded to {made[dim]}, declared are {group.options[dim]}"
            for dim in made
            if made[dim] not in group.options[dim]
        ]
    totals.add(layer.multiplicity, steps.energy, math.ceil(steps.latency_cycles))
    if not steps.sound:
        return list(steps.violations)
    faults = [*steps.violations]
    accesses: dict[str, dict[str, dict[str, int]]] = {}
    for (level, role), count in steps.counts.items():
        accesses.setdefault(hardware.levels[level].name, {})[role] = {
            "reads": count.reads,
            "fills": count.fills,
            "updates": count.updates,
            "tile_words": count.tile_words,
            "instances": count.instances,
        }
    busy = hardware.macs_per_cycle * steps.latency_cycles
    expected = {
        "name": layer.name,
        "type": layer.kind,
        "dims": layer.extents,
        "padded": {dim: extent for dim, extent in made.items() if extent != layer.extents[dim]},
        "multiplicity": layer.multiplicity,
        "mapping": entry["mapping"],
        "energy_pj": hardware.energy_pj(steps.energy),
        "latency_cycles": plain(steps.latency_cycles),
        "compute_cycles": steps.compute_cycles,
        "accesses": accesses,
        "utilization": float(layer.macs / busy),
        "lower_bounds": physical_bounds(layer, hardware),
    }
    if claim.fusion is None and group.layer.name != layer.name:
        expected["same_as"] = group.layer.name
    if layer.block is not None:
        expected["sparsity"] = f"{layer.block.role} {layer.block.kept}:{layer.block.size} along {layer.block.dim}"
    return faults + list(differences(entry, expected | _in_no_group(claim)))


def _in_no_group(claim: Claim) -> dict[str, Any]:
    """The fusion entry of a layer that is in no group."""
    return {} if claim.fusion is None else {"group": None}


def _totals(claim: Claim, hardware: Hardware, totals: Totals) -> Iterator[str]:
    data, target = claim.data, claim.target
    cycles = target.cycles(totals.energy, totals.latency)
    energy_pj = hardware.energy_pj(totals.energy)
    seconds = float(cycles / (hardware.clock_mhz * 10**6))
    expected = {
        "energy_pj": energy_pj,
        "latency_cycles": plain(cycles),
        "latency_ms": seconds * 1e3,
        "power_w": energy_pj * 1e-12 / seconds if hardware.energy_unit_pj is not None and seconds else None,
    }
    yield from differences({key: data[key] for key in expected}, expected)
    value = target.value(totals.energy, totals.latency)
    if claim.value != value:
        yield f"the certificate's value is {claim.certificate['value']}, the layers make {value}"


def _sums(claim: Claim, totals: Totals) -> str:
    value = claim.target.value(totals.energy, totals.latency)
    return f"{totals.energy} energy units, {totals.latency} cycles, objective {value}"


def _budgets(claim: Claim, hardware: Hardware, totals: Totals) -> Iterator[str]:
    budgets, target = claim.architecture.budgets, claim.target
    if budgets.area_um2 is not None and hardware.area_um2 > budgets.area_um2:
        yield f"area {hardware.area_um2} um2, at most {float(budgets.area_um2)} are allowed"
    if target.energy_cap is not None and totals.energy > target.energy_cap:
        yield f"energy {totals.energy} units, at most {float(target.energy_cap)} are allowed"
    cycles = target.cycles(totals.energy, totals.latency)
    if target.latency_cap is not None and cycles > target.latency_cap:
        yield f"latency {float(cycles)} cycles, at most {float(target.latency_cap)} are allowed"
    excess = excess_of(claim.network, budgets)
    if excess is not None:
        yield excess_text(excess)
    outer = hardware.levels[0].shared_bits_per_cycle
    if budgets.dram_gbps is not None:
        most = budgets.dram_gbps * 8000 / hardware.clock_mhz
        if outer is None or outer > most:
            yield f"the outermost level moves {outer} bits per cycle, at most {most} are allowed"


def _limits(claim: Claim) -> str:
    budgets = claim.data["problem"]["budgets"]
    return "kept: " + ", ".join(f"{name} {limit}" for name, limit in budgets.items()) if budgets else "none set"
