"""The `edge` accelerator with menus of a chosen length, with three or four levels of memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.files.presets import read_spec

FILES: dict[int, str | Path] = {3: "edge", 4: Path(__file__).with_name("edge_4_levels.yaml")}
"""Preset or file by number of levels."""


@dataclass(frozen=True)
class Menus:
    """Entries of every menu: sides of the array, off-chip bandwidth, global buffer, register file."""

    x: tuple[int, ...] = (16,)
    y: tuple[int, ...] = (16,)
    dram_gbps: tuple[int, ...] = (8,)
    glb_kib: tuple[int, ...] = (32, 64, 128, 256, 512)
    rf_words: tuple[int, ...] = (32, 64, 128, 256, 512)

    def __len__(self) -> int:
        return math.prod(len(menu) for menu in (self.x, self.y, self.dram_gbps, self.glb_kib, self.rf_words))


def edge(menus: Menus, levels: int = 3) -> Architecture:
    """The `edge` accelerator with these menus in place of its own."""
    data, file = read_spec("architectures", FILES[levels])
    data["array"] |= {"x": list(menus.x), "y": list(menus.y)}
    level = {entry["name"]: entry for entry in data["levels"]}
    level["DRAM"]["bandwidth"]["shared"] = [f"{entry} GB/s" for entry in menus.dram_gbps]
    level["GLB"]["size"] = [f"{entry} KiB" for entry in menus.glb_kib]
    level["RF"]["size"] = [f"{entry} words" for entry in menus.rf_words]
    return parse_architecture(data, file=file)
