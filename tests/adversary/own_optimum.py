"""An optimum must be found again: under its own latency, from a value just above it, and by every weight."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import optimizer
from formulations.engines import PathEngine
from formulations.nest import Nest
from formulations.problem import LayerProblem
from formulations.stop import Stop, StoppedError
from optimizer.architecture.hardware import Hardware
from optimizer.files.presets import preset_names
from optimizer.networks.catalog import names
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import Layer

Pair = tuple[int, int]
WEIGHTS = (0.1, 1, 5)
"""Weights, in units of the optimum's energy per cycle."""


@dataclass(frozen=True)
class Case:
    """A layer of a built-in network on a point of a preset."""

    name: str
    layer: Layer
    hardware: Hardware
    accounting: Any


def layers(networks: Iterable[str]) -> Iterator[tuple[str, Layer]]:
    """The distinct layers of built-in networks."""
    seen = set()
    for network in networks:
        for layer in optimizer.load(network).mac_layers():
            if layer.shape_key() not in seen:
                seen.add(layer.shape_key())
                yield f"{network} {layer.name}", layer


def points(presets: Iterable[str]) -> Iterator[tuple[str, Hardware, Any]]:
    """The first, the middle and the last point of presets; where presets agree, of one of them."""
    seen = set()
    for preset in presets:
        architecture = optimizer.load_architecture(preset)
        every = list(architecture.points())
        for number in sorted({0, len(every) // 2, len(every) - 1}):
            key = (every[number].levels, every[number].mac_mesh, every[number].mac_energy)
            if key not in seen:
                seen.add(key)
                yield f"{preset}[{number}]", every[number], architecture.accounting


@cache
def cases(seed: int = 0, networks: tuple[str, ...] = (), presets: tuple[str, ...] = ()) -> list[Case]:
    """Every layer on every point of networks and presets (all, unless named), in an order that mixes them."""
    of, on = layers(networks or names()), points(presets or preset_names("architectures"))
    found = [
        Case(f"{layer_name} on {point_name}", layer, hardware, accounting)
        for (layer_name, layer), (point_name, hardware, accounting) in itertools.product(of, on)
    ]
    Random(seed).shuffle(found)
    return found


def check(case: Case, seconds: float) -> list[str] | None:
    """What the search says against itself; None if it takes longer than that."""
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    stop = Stop()
    try:
        with stop.after(seconds):
            return [f"{case.name}: {line}" for line in _Again(problem, stop).complaints()]
    except StoppedError:
        return None


class _Again:
    """The searches of one problem."""

    def __init__(self, problem: LayerProblem, stop: Stop) -> None:
        self.problem, self._stop, self._engine = problem, stop, PathEngine()

    def solve(self, objective: str, **options: Any) -> Nest | None:
        return self._engine.solve(self.problem, objective, stop=self._stop, **options)

    def cycles(self, latency: int) -> int:
        return -(-latency // self.problem.latency_unit)

    def complaints(self) -> Iterator[str]:
        cheapest = self.solve("energy")
        if cheapest is None:
            return
        best = energy, latency = cheapest.energy, cheapest.latency
        if min(best) <= 0:
            yield f"the optimum is {best}"
            return
        searches: list[tuple[str, dict[str, Any]]] = [("latency_cap", {"latency_cap": latency})]
        for beat in ((energy, latency + 1), (energy + 1, latency + 1), (2 * energy, 2 * latency)):
            searches.append(("beat", {"cutoff": beat}))
        searches.append(("latency_cap and beat", {"latency_cap": latency, "cutoff": (energy + 1, latency + 1)}))
        for name, options in searches:
            again = self.solve("energy", **options)
            if again is None or (again.energy, again.latency) != best:
                yield f"energy optimum {best}; with {name} {options}: {again and (again.energy, again.latency)}"
        yield from self._of_other_objectives(best)

    def _of_other_objectives(self, best: Pair) -> Iterator[str]:
        known = {"energy": best}
        weights = {max(1, round(share * best[0] / self.cycles(best[1]))) for share in WEIGHTS}
        stated = {}
        for name, objective, options in [
            ("latency", "latency", {}),
            *((f"weight {w}", "weighted", {"weight": w}) for w in sorted(weights)),
            *((f"weight {w} with beat", "weighted", {"weight": w, "cutoff": best}) for w in sorted(weights)),
        ]:
            solution = self.solve(objective, **options)
            if solution is None and "cutoff" not in options:
                yield f"{name}: no mapping, although there is {best}"
                continue
            known[name] = best if solution is None else (solution.energy, solution.latency)
            stated[name] = (objective, options.get("weight", 0))
        for (name, (objective, weight)), (other, pair) in itertools.product(stated.items(), known.items()):
            if self.worth(known[name], objective, weight) > self.worth(pair, objective, weight):
                yield f"{name} states {known[name]}, but {other} has {pair}"
        capped = self.solve("energy", latency_cap=known["latency"][1])
        if capped is None or capped.energy > known["latency"][0]:
            yield f"fastest {known['latency']}; least energy under its latency {capped and capped.energy}"

    def worth(self, pair: Pair, objective: str, weight: int) -> int:
        energy, latency = pair
        return latency if objective == "latency" else energy + weight * self.cycles(latency)
