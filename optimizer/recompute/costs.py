"""Costs of recomputing a forward layer.

All costs are integers, in one of three units:

* ``operations``: multiply-accumulates, and scalar operations of vector layers. Keeping on chip saves none.
* ``fJ`` and ``cycles`` of the layers of a solved training step (energies are rounded to whole fJ). A tensor that is
  kept on chip saves at least the energy of writing it off chip once and of reading it once per layer that reads it; no
  cycles are taken to be saved. A recomputed layer is charged in full, wherever its inputs are. The on-chip reserve is
  memory beside the buffer that the design was solved with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.bodies.hardware import LevelEntry
from optimizer.errors import SpecError
from optimizer.golden.training_memory import MemoryReplay
from optimizer.recompute.lifetimes import Lifetimes
from optimizer.results.result import Result
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

FEMTOJOULES = 1000


@dataclass(frozen=True)
class RecomputeCosts:
    """Cost of recomputing each layer, savings of keeping its output on chip, and cost of the whole step."""

    unit: str
    redo: Mapping[str, int]
    total: int
    gain: Mapping[str, int] = field(default_factory=dict)


def work_costs(network: Network) -> RecomputeCosts:
    """Multiply-accumulates and scalar operations of every layer."""
    work = {
        layer.name: layer.multiplicity * (layer.macs if isinstance(layer, Layer) else layer.operations)
        for layer in network.layers()
    }
    return RecomputeCosts("operations", work, sum(work.values()))


def design_costs(lives: Lifetimes, result: Result, measure: str) -> RecomputeCosts:
    """Energies (fJ) or cycles of the layers of a solved training step.

    Parameters
    ----------
    lives : Lifetimes
    result : Result
        That of the step.
    measure : {"energy", "latency"}

    Raises
    ------
    SpecError
        If the result is of another network, or has no design.
    """
    layers = {entry.name: entry for entry in result.layers}
    missing = [name for name in lives.steps if name not in layers]
    if missing or result.hardware is None:
        raise SpecError(
            "the result is not of this training step",
            field="layers",
            value=missing[:5],
            allowed=f"layers such as {', '.join(list(layers)[:5]) or 'none'}",
            remedy="solve the same network with the same --training, layer by layer",
        )
    if measure == "energy":
        cost = {name: round(entry.energy_pj * entry.multiplicity * FEMTOJOULES) for name, entry in layers.items()}
        return RecomputeCosts("fJ", cost, sum(cost.values()), _gains(lives, result.hardware.levels[0]))
    cost = {name: round(entry.latency_cycles * entry.multiplicity) for name, entry in layers.items()}
    return RecomputeCosts("cycles", cost, sum(cost.values()), {})


def _gains(lives: Lifetimes, outer: LevelEntry) -> dict[str, int]:
    """Energy (fJ) of writing a tensor off chip once and reading it once per reader."""
    write, read = (round(energy * FEMTOJOULES) for energy in (outer.update_energy_pj, outer.read_energy_pj))
    readers = {a.name: len(a.reads) for a in lives.activations}
    for activation in lives.activations:
        for source in activation.inputs:
            readers[source] += 1
    return {a.name: -(-a.bits // outer.access_bits) * (write + readers[a.name] * read) for a in lives.activations}


def overhead_of(replayed: MemoryReplay, choices: Mapping[str, str], costs: RecomputeCosts) -> int:
    """Cost of the recomputed layers, less the savings of tensors kept on chip."""
    saved = sum(costs.gain.get(name, 0) for name, choice in choices.items() if choice == "chip")
    return sum(costs.redo[name] for name in replayed.again) - saved
