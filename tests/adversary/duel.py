"""One random instance: what is claimed, and the best that the annealer finds against it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Any

import yaml

import optimizer
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import evaluate
from optimizer.mapping.mapping import Mapping
from optimizer.mapping.reader import from_items, to_items
from optimizer.results.kinds import SolveResult
from optimizer.workload.layer import Layer
from tests.adversary.annealing import improve, search
from tests.adversary.layers import KINDS, Entry, layer_of, random_layer
from tests.adversary.machines import File, machine_of, random_machine
from tests.adversary.task import OBJECTIVES, Ints, mapping_of, rows_of, task_of

Extents = dict[str, int]


@dataclass(frozen=True)
class Effort:
    """How hard the annealer tries: starts (shared by the points of a menu) of so many steps each."""

    steps: int = 8000
    restarts: int = 3


@dataclass(frozen=True)
class Instance:
    """A layer, a machine, what is minimized, and extents that dims may be padded to."""

    name: str
    layer: Entry
    machine: File
    objective: str
    padding: dict[str, tuple[int, ...]]
    seed: int

    @property
    def variants(self) -> Iterator[Extents]:
        """Padded extents, none first."""
        yield {}
        for dim, extents in self.padding.items():
            for extent in extents:
                yield {dim: extent}


@dataclass(frozen=True)
class Found:
    """A mapping, its value as the public `evaluate` has it, and where it runs."""

    value: int
    mapping: Mapping
    hardware: Hardware


@dataclass(frozen=True)
class Duel:
    """Outcome: the claim's status and value, and the best mapping found (None: none)."""

    instance: Instance
    status: str
    claimed: Fraction | None
    found: Found | None

    @property
    def beaten(self) -> bool:
        """Is the claim refuted?"""
        if self.found is None or self.status not in ("OPTIMAL", "INFEASIBLE"):
            return False
        return self.claimed is None or self.found.value < self.claimed

    @property
    def reached(self) -> bool:
        """Did the annealer find as good a mapping?"""
        return self.found is not None and self.found.value == self.claimed

    def __str__(self) -> str:
        """All that is needed to see it again."""
        found, instance = self.found, self.instance
        lines = [f"{instance.name}: {self.status} {instance.objective} {self.claimed}, found {found and found.value}"]
        if found is not None:
            lines.append(f"point: {dict(found.hardware.choices)}")
            lines.append(_text(to_items(found.mapping, found.hardware)))
        return "\n".join([*lines, _text(instance.layer), _text(instance.machine)])


def _text(data: object) -> str:
    return yaml.safe_dump(data, default_flow_style=None, sort_keys=False, width=120)


def random_instance(number: int, seed: int = 0) -> Instance:
    """The instance of a number; kinds of layers take turns."""
    mixed = seed * 1_000_003 + number
    r = Random(mixed)
    kind = list(KINDS)[number % len(KINDS)]
    layer = random_layer(r, kind)
    dims = tuple(layer_of(layer).extents)
    machine = random_machine(r, dims, blocks=kind == "in_blocks", menus=r.random() < 0.3)
    padding: dict[str, tuple[int, ...]] = {}
    if kind in ("matmul", "conv1d") and r.random() < 0.25:
        dim, most = max(layer["dims"].items(), key=lambda pair: pair[1])
        padding = {dim: (most + 1, most + 2)}
    return Instance(f"{kind} {seed}:{number}", layer, machine, r.choice(("energy", *OBJECTIVES)), padding, mixed)


def worth(layer: Layer, hardware: Hardware, mapping: Mapping, accounting: Any, objective: str) -> int:
    """The objective by the public cost model, in energy units and whole cycles."""
    cost = evaluate(layer, hardware, mapping, accounting=accounting)
    cycles = math.ceil(cost.latency_cycles)
    return {"energy": cost.energy, "latency": cycles, "edp": cost.energy * cycles}[objective]


def best_found(
    layer: Layer, hardware: Hardware, accounting: Any, instance: Instance, extents: Extents, effort: Effort
) -> Found | None:
    """The best mapping on a point that the annealer finds."""
    task = task_of(layer, hardware, accounting, instance.objective, extents)
    value, rows = search(task, steps=effort.steps, restarts=effort.restarts, seed=instance.seed % 2**31)
    return None if value == math.inf else priced(layer, hardware, accounting, instance, rows, value)


def priced(layer: Layer, hardware: Hardware, accounting: Any, instance: Instance, rows: Ints, value: float) -> Found:
    """A nest as a mapping, checked and priced by the public route."""
    mapping = from_items(to_items(mapping_of(layer, rows), hardware), layer, hardware)
    found = worth(layer, hardware, mapping, accounting, instance.objective)
    assert found == value or found > 2**53, f"{instance}: the annealer counts {value}, `evaluate` {found}"
    return Found(found, mapping, hardware)


def improved(layer: Layer, architecture: Architecture, instance: Instance, design: Any, effort: Effort) -> Found:
    """The best mapping that the annealer finds around the claimed one."""
    choices = {path: str(value) for path, value in design["hardware"]["choices"].items()}
    hardware = next(h for h in architecture.points() if {path: str(v) for path, v in h.choices} == choices)
    known = from_items(design["layers"][0]["mapping"], layer, hardware)
    task = task_of(layer, hardware, architecture.accounting, instance.objective, known.extents(layer.extents))
    value, rows = improve(task, rows_of(layer, known), steps=effort.steps, seed=instance.seed % 2**31)
    return priced(layer, hardware, architecture.accounting, instance, rows, value)


def claim(instance: Instance) -> SolveResult:
    """What Tilewright says."""
    return optimizer.map_layer(
        layer_of(instance.layer),
        machine_of(instance.machine),
        objective=instance.objective,
        padding=instance.padding or "none",
        workers=1,
    )


def attack(instance: Instance, stated: SolveResult, effort: Effort) -> Duel:
    """Try to beat a claim on every point and with every padding; if that fails, around the claimed mapping."""
    layer, architecture = layer_of(instance.layer), machine_of(instance.machine)
    value = stated.certificate.value
    claimed = None if value is None else Fraction(value)
    fields = [(hardware, extents) for hardware in architecture.points() for extents in instance.variants]
    share = replace(effort, restarts=max(1, effort.restarts // len(fields)))
    cold = [
        best_found(layer, hardware, architecture.accounting, instance, extents, share) for hardware, extents in fields
    ]
    best = min((found for found in cold if found), key=lambda found: found.value, default=None)
    if claimed is not None and (best is None or best.value >= claimed):
        near = improved(layer, architecture, instance, stated.to_json(), effort)
        best = near if near.value < claimed else best
    return Duel(instance, stated.status, claimed, best)


def fight(instance: Instance, effort: Effort) -> Duel:
    """A claim, and an attack on it."""
    return attack(instance, claim(instance), effort)
