"""Convolution layers on the ``eyeriss`` preset beside what the Eyeriss chip was measured at.

Published: Y.-H. Chen et al., Eyeriss: an energy-efficient reconfigurable accelerator for deep convolutional neural
networks, JSSC 52(1), 2017, for the convolution layers of AlexNet (batch 4) and VGG-16 (batch 3) at 200 MHz: DRAM
accesses of 16-bit words per multiply-accumulate (15.4 MB and 321.1 MB over 2.66 and 46.04 billion of them), activations
compressed by run lengths, and frames per second. Here nothing is compressed, loads overlap with work, and every layer
has the proved best mapping of the declared space instead of the chip's row-stationary one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.registry import SEED, WORKERS
from benchmarks.table import lines
from optimizer import api
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import load_architecture, parse_architecture
from optimizer.networks.load import load
from optimizer.results.comparison import off_chip_words
from optimizer.workload.network import Network

PRESET = "eyeriss"
GOALS = ("energy", "dram", "latency")
"""Least energy of the preset; least words from and to DRAM; least cycles."""


@dataclass(frozen=True)
class Published:
    """Figures of a network on the chip."""

    network: str
    batch: int
    words_per_mac: float
    frames_per_s: float


CHIP = (Published("alexnet", 4, 0.0029, 35.0), Published("vgg16", 3, 0.0035, 0.7))


@dataclass(frozen=True)
class Modelled:
    """The proved best design for one goal, and the least words that any mapping moves (every word once)."""

    published: Published
    goal: str
    status: str
    words_per_mac: float
    frames_per_s: float
    compulsory_per_mac: float


def convolutions(network: str, batch: int) -> Network:
    """The convolution layers of a built-in network alone."""
    found = Network(f"{network} convolutions")
    for layer in load(network, batch=batch).mac_layers():
        if layer.kind in ("conv", "dwconv"):
            found.add(layer)
    return found


def only_dram(architecture: Architecture) -> Architecture:
    """The same chip where nothing but DRAM costs energy."""
    source: dict[str, Any] = copy.deepcopy(architecture.source or {})
    source["mac"] |= {"energy": 0}
    for level in source["levels"][1:]:
        level["energy"] = {"access": 0}
    return parse_architecture(source)


def check(published: Published, goal: str) -> Modelled:
    """Solve one network for one goal."""
    chip, network = load_architecture(PRESET), convolutions(published.network, published.batch)
    chip = only_dram(chip) if goal == "dram" else chip
    objective = "latency" if goal == "latency" else "energy"
    found = api.solve(network, chip, objective=objective, workers=WORKERS, seed=SEED)
    least = sum(sum((entry.lower_bounds.compulsory_dram_words or {}).values()) for entry in found.layers)
    assert found.design is not None
    return Modelled(
        published,
        goal,
        found.status.value,
        off_chip_words(found.design) / network.macs,
        1000 * published.batch / found.design.latency_ms,
        least / network.macs,
    )


def markdown(found: Iterable[Modelled]) -> str:
    """One row per network and goal."""
    return lines(
        [
            (
                "network, batch",
                "least",
                "status",
                "DRAM words per MAC",
                "published",
                "ratio",
                "every word once",
                "frames/s",
                "published",
                "ratio",
            ),
            *_rows(found),
        ]
    )


def _rows(found: Iterable[Modelled]) -> Iterator[tuple[str, ...]]:
    for one in found:
        chip = one.published
        yield (
            f"{chip.network}, {chip.batch}",
            one.goal,
            one.status,
            f"{one.words_per_mac:.4f}",
            f"{chip.words_per_mac:.4f}",
            f"{one.words_per_mac / chip.words_per_mac:.2f}",
            f"{one.compulsory_per_mac:.4f}",
            f"{one.frames_per_s:.3g}",
            f"{chip.frames_per_s:g}",
            f"{one.frames_per_s / chip.frames_per_s:.2f}",
        )
