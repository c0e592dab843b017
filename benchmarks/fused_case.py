"""One network on one accelerator: layer by layer, in groups by a rule, and in the proved best groups."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optimizer
from benchmarks.registry import SEED, WORKERS
from benchmarks.rule_groups import evaluate_rule
from optimizer import api
from optimizer.architecture.architecture import Architecture
from optimizer.checker.comparison import off_chip_words
from optimizer.problem.fusion_options import Fusion
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

PJ_PER_MJ = 1e9
BITS_PER_MB = 8e6

Data = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What is compared, and for how long the proof may run.

    Parameters
    ----------
    preset, network : str
        Names, or paths of files; the architecture has one hardware point.
    max_group : int
        Most layers in a group of the proved design.
    objective : {"energy", "latency"}
        What every design minimizes.
    time_limit_s : float, optional
        Seconds for the proved design.
    """

    preset: str
    network: str
    max_group: int = 4
    objective: str = "energy"
    time_limit_s: float | None = None

    @property
    def key(self) -> Data:
        """What tells it from other cases."""
        return {
            "preset": self.preset,
            "network": self.network,
            "max_group": self.max_group,
            "objective": self.objective,
        }


def compare(case: Case, cache_dir: Path | None = None) -> Data:
    """All designs of a case; what the proof finds of single layers and runs is not sought again for the others.

    Returns
    -------
    dict
        The case; ``layer_by_layer``, ``rule``, ``rule_in_space`` (with groups of no more than ``max_group`` layers) and
        ``fused``, each with ``dram_mb``, ``latency_ms``, ``energy_mj``, ``value`` (pJ or cycles) and ``groups``;
        ``fused`` is None if none was found. ``proof`` has ``status``, ``bound`` (pJ or cycles), ``gap`` and ``wall_s``.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _compared(case, cache_dir or Path(folder))


def _compared(case: Case, cache_dir: Path) -> Data:
    network, architecture = optimizer.load(case.network), optimizer.load_architecture(case.preset)
    bits = word_bits(network)
    fused = api.solve(
        network,
        architecture,
        objective=case.objective,
        fusion=Fusion(case.max_group),
        workers=WORKERS,
        seed=SEED,
        time_limit_s=case.time_limit_s,
        cache_dir=cache_dir,
    ).to_json()
    ruled = partial(evaluate_rule, network, architecture, objective=case.objective, cache_dir=cache_dir)
    rule = ruled()
    longer = any(len(group["layers"]) > case.max_group for group in rule["groups"])
    return {
        **case.key,
        "time_limit_s": case.time_limit_s,
        "layer_by_layer": _alone(rule, architecture, bits),
        "rule": _figures(rule, bits),
        "rule_in_space": _figures(ruled(most=case.max_group) if longer else rule, bits),
        "fused": _figures(fused, bits) if fused.get("layers") else None,
        "proof": {"status": fused["status"], "wall_s": fused["wall_s"]}
        | {name: fused["objective"][name] for name in ("bound", "gap")},
        "versions": fused["versions"],
    }


def rule_gap(entry: Data) -> float | None:
    """By what part of its value the rule is above the proved bound: at most so much can be gained.

    The rule is held to groups of the searched size; None while there is no bound.
    """
    value, bound = entry["rule_in_space"]["value"], entry["proof"]["bound"]
    return None if not bound else max(0.0, 1 - bound / value)


def word_bits(network: Network) -> int:
    """Bits of every word that the network reads or writes.

    Raises
    ------
    ValueError
        If they differ: words would be no measure of traffic.
    """
    found: set[int] = set()
    for layer in network.layers():
        tensors = layer.operands if isinstance(layer, Layer) else ()
        found |= {operand.bits for operand in tensors}
        found |= set() if isinstance(layer, Layer) else {bits for _, bits in (*layer.reads, *layer.writes)}
    if len(found) != 1:
        raise ValueError(f"{network.name} has words of {sorted(found)} bits, not of one width")
    return found.pop()


def _figures(data: Data, bits: int) -> Data:
    return {
        "dram_mb": off_chip_words(data) * bits / BITS_PER_MB,
        "latency_ms": data["latency_ms"],
        "energy_mj": data["energy_pj"] / PJ_PER_MJ,
        "value": data["objective"]["value"],
        "groups": [group["layers"] for group in data["groups"]],
    }


def _alone(rule: Data, architecture: Architecture, bits: int) -> Data:
    """Layer by layer, from the comparison of an evaluation."""
    figures = rule["comparison"]["layer_by_layer"]
    return {
        "dram_mb": figures["dram_words"] * bits / BITS_PER_MB,
        "latency_ms": float(figures["latency_cycles"] / (architecture.clock_mhz * 1000)),
        "energy_mj": figures["energy_pj"] / PJ_PER_MJ,
        "value": figures["objective"],
        "groups": [],
    }
