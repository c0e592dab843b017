"""Cases of other tools: a mapping with all its counts, or a problem with the best value known for it.

The formats are ``tlneutral/1``, ``optimum/1`` and ``fused-optimum/1``: JSON files in any folder and of any name. All
decimals become exact fractions; the energies of a case become integers with one common scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping as Fields
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.architecture.hardware import Hardware, Level
from optimizer.errors import SpecError
from optimizer.files.json_text import parse_json
from optimizer.mapping.cost import Accounting
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY_WINDOW, View, Window, hull

VARIABLE = "TILEWRIGHT_REFERENCE"
"""Environment variable that names a folder of cases."""


@dataclass(frozen=True)
class CountCase:
    """A fixed mapping with all its expected counts (``tlneutral/1``)."""

    name: str
    layer: Layer
    hardware: Hardware
    mapping: Mapping
    expected: dict[str, Any]


@dataclass(frozen=True)
class OptimumCase:
    """A problem with the best value known for it (``optimum/1``).

    ``best_known`` holds energy (declared units), cycles and edp as fractions.
    """

    name: str
    layer: Layer
    hardware: Hardware
    accounting: Accounting
    objective: str
    best_known: dict[str, Fraction]
    best_known_by: str
    proved_optimal: bool


@dataclass(frozen=True)
class FusedCase:
    """A network with the best value known for it, layers fused or not (``fused-optimum/1``).

    ``best_known`` holds energy (declared units), cycles and edp as fractions.
    """

    name: str
    network: Network
    hardware: Hardware
    accounting: Accounting
    objective: str
    fusion_allowed: bool
    best_known: dict[str, Fraction]
    best_known_by: str
    proved_optimal: bool


def count_cases(folder: Path) -> list[CountCase]:
    """All ``tlneutral/1`` cases below a folder, in the order of their paths."""
    return [read_count_case(data) for data in _files(folder, "tlneutral/1")]


def optimum_cases(folder: Path) -> list[OptimumCase]:
    """All ``optimum/1`` cases below a folder, in the order of their paths."""
    return [read_optimum_case(data) for data in _files(folder, "optimum/1")]


def fused_cases(folder: Path) -> list[FusedCase]:
    """All ``fused-optimum/1`` cases below a folder, in the order of their paths."""
    return [read_fused_case(data) for data in _files(folder, "fused-optimum/1")]


def read_count_case(data: Fields[str, Any]) -> CountCase:
    """A parsed ``tlneutral/1`` file as a case."""
    names = [level["name"] for level in data["arch"]["levels"]]
    return CountCase(
        data["name"],
        read_layer(data),
        read_hardware(data),
        read_mapping(data["mapping"], names),
        data["expected"],
    )


def read_optimum_case(data: Fields[str, Any]) -> OptimumCase:
    """A parsed ``optimum/1`` file as a case."""
    return OptimumCase(
        data["name"],
        read_layer(data),
        read_hardware(data),
        data["accounting"],
        data["objective"],
        _best_known(data),
        data.get("best_known_by", ""),
        data.get("proved_optimal", False),
    )


def _best_known(data: Fields[str, Any]) -> dict[str, Fraction]:
    """The best value without the file's further constraints, which are not part of the space."""
    name = "best_known_any_pes" if data.get("constraints") else "best_known"
    return {quantity: Fraction(value) for quantity, value in data[name].items() if not isinstance(value, str)}


def read_fused_case(data: Fields[str, Any]) -> FusedCase:
    """A parsed ``fused-optimum/1`` file as a case."""
    return FusedCase(
        data["name"],
        read_network(data),
        read_hardware(data),
        data["accounting"],
        data["objective"],
        data["fusion_allowed"],
        {quantity: Fraction(value) for quantity, value in data["best_known"].items()},
        data.get("best_known_by", ""),
        data.get("proved_optimal", False),
    )


def read_network(data: Fields[str, Any]) -> Network:
    """The layers of a case; a tensor connects the layer that writes it to those that read it as input or weight.

    Convolutions have no padding: the rows and columns they read are those of the layer before.
    """
    network, producers = Network(data["name"]), {entry["output"]: entry["name"] for entry in data["layers"]}
    for entry in data["layers"]:
        problem = {"problem": entry, "arch": data["arch"], "name": entry["name"]}
        plain = read_layer(problem)
        names = {"W": entry["weight"], "I": entry["input"], "O": entry["output"]}
        operands = (replace(operand, tensor=names[operand.role]) for operand in plain.operands)
        layer = replace(plain, operands=tuple(operands))  # type: ignore[arg-type]
        sources = {role: producers[names[role]] for role in "IW" if names[role] in producers}
        if "W" in sources:
            layer = replace(layer, parameters=0)
        views: dict[str, View] = {}
        for role, producer in sources.items():
            view = _read_view(layer, role)
            views[producer] = hull(views[producer], view) if producer in views else view
        after = {producer: names[role] for role, producer in sources.items()}
        network.add(layer, after=after, views=views)
    return network


def _read_view(layer: Layer, role: str) -> View:
    """The windows of an operand's axes over the layer's tile dims."""
    windows: list[Window | None] = []
    for dim in layer.tile_dims:
        axis = next((axis for axis in layer.operand(role).axes if dim in dict(axis.terms)), None)
        if dim is None:
            windows.append(IDENTITY_WINDOW)
        elif axis is None:
            windows.append(None)
        else:
            reach = 1 + sum(c * (layer.extents[other] - 1) for other, c in axis.terms if other != dim)
            windows.append(Window(dict(axis.terms)[dim], reach))
    return windows[0], windows[1], windows[2]


def read_layer(data: Fields[str, Any]) -> Layer:
    """The problem of a case; every operand has the word length of the multipliers."""
    problem, word_bits = data["problem"], int(data["arch"]["mac"]["word_bits"])
    bits = dict.fromkeys(ROLES, word_bits)
    dims = {dim: int(extent) for dim, extent in problem["dims"].items()}
    if problem["type"] == "matmul":
        return matmul(data["name"], dims, bits=bits)
    if problem["type"] not in ("conv", "dwconv"):
        raise SpecError(
            "unknown type of problem", field="problem.type", value=problem["type"], allowed="matmul, conv, dwconv"
        )
    if int(problem.get("groups", 1)) > 1 and "G" not in dims:
        raise SpecError("a grouped convolution needs its dim G", field="problem.dims", value=dims)
    stride, dilation = problem.get("stride", (1, 1)), problem.get("dilation", (1, 1))
    return conv(
        data["name"],
        dims,
        stride=(int(stride[0]), int(stride[1])),
        dilation=(int(dilation[0]), int(dilation[1])),
        bits=bits,
        kind=problem["type"],
    )


def read_hardware(data: Fields[str, Any]) -> Hardware:
    """The architecture of a case; `energy_scale` energy units are one unit of the file."""
    arch, spatial = data["arch"], data.get("spatial_dims") or {}
    decimals = [Fraction(arch["mac"]["energy"])]
    for level in arch["levels"]:
        decimals += [Fraction(value) for value in level["energy"].values()]
    scale = math.lcm(*(value.denominator for value in decimals))
    levels = [
        _read_level(level, scale, spatial.get(level["name"]), outermost=index == 0)
        for index, level in enumerate(arch["levels"])
    ]
    return Hardware(
        tuple(levels),
        (int(arch["mac"]["meshX"]), int(arch["mac"]["meshY"])),
        int(Fraction(arch["mac"]["energy"]) * scale),
        energy_scale=scale,
    )


def read_mapping(mapping: Fields[str, Any], names: list[str]) -> Mapping:
    """An even mapping: per level its nodes, then its temporal and its spatial loops."""
    items: list[Item] = []
    for entry in mapping["levels"]:
        level = names.index(entry["level"])
        items += [Node(role, level) for role in ROLES if role in entry["keep"]]
        items += [Loop(dim, int(bound), level) for dim, bound in entry.get("temporal", [])]
        items += [Loop(dim, int(bound), level, axis) for dim, bound, axis in entry.get("spatial", [])]
    return Mapping(tuple(items))


def _read_level(
    level: Fields[str, Any], scale: int, spatial: Fields[str, list[str]] | None, *, outermost: bool
) -> Level:
    word_bits, entries = int(level["word_bits"]), level.get("entries")
    must_keep, must_bypass = frozenset(level.get("must_keep", ())), frozenset(level.get("must_bypass", ()))
    if "keep" in level:
        must_keep, must_bypass = frozenset(level["keep"]), frozenset(ROLES) - frozenset(level["keep"])
    if outermost:
        must_keep, must_bypass = frozenset(ROLES), frozenset()

    def energy(*actions: str) -> int:
        given = [level["energy"][action] for action in actions if action in level["energy"]]
        return int(Fraction(given[0]) * scale) if given else 0

    def bits_per_cycle(port: str) -> Fraction | None:
        words = level.get(port)
        return None if words is None else Fraction(words) * word_bits

    return Level(
        level["name"],
        size_bits=None if entries is None else int(entries) * word_bits,
        mesh=(int(level["meshX"]), int(level["meshY"])),
        access_bits=int(level["block_size"]) * word_bits,
        read_energy=energy("read", "access"),
        fill_energy=energy("fill", "write", "access"),
        update_energy=energy("update", "write", "access"),
        leak_energy=energy("leak"),
        read_bits_per_cycle=bits_per_cycle("read_bw"),
        write_bits_per_cycle=bits_per_cycle("write_bw"),
        shared_bits_per_cycle=bits_per_cycle("shared_bw"),
        must_keep=must_keep,
        must_bypass=must_bypass,
        buffering=int(level.get("multiple_buffering") or 1),
        spatial_x=None if spatial is None else tuple(spatial.get("X", ())),
        spatial_y=None if spatial is None else tuple(spatial.get("Y", ())),
    )


def _files(folder: Path, file_format: str) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.json")):
        data = parse_json(path.read_text(encoding="utf-8"), str(path), Fraction)
        if isinstance(data, dict) and data.get("format") == file_format:
            yield data
