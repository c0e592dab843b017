"""One architecture's menus as an ASIC and on FPGA devices, in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import SEED, WORKERS
from benchmarks.table import lines
from optimizer.api import solve
from optimizer.architecture.reader import load_architecture
from optimizer.architecture.retarget import on_device
from optimizer.files.presets import preset_names
from optimizer.networks.load import load
from optimizer.results.units import energy_text, number_text

ASIC = "ASIC"
CHIPS = (ASIC, *preset_names("devices"))
Data = dict[str, Any]


def solved(
    network: str,
    architecture: str,
    chips: Sequence[str],
    objective: str,
    note: Callable[[str], None],
    cache: Path | None,
) -> Iterator[tuple[str, Data]]:
    """The result on every chip; ``ASIC`` is the architecture as its file has it, others are devices."""
    for chip in chips:
        found = load_architecture(architecture)
        found = found if chip == ASIC else on_device(found, chip)
        result = solve(load(network), found, objective=objective, workers=WORKERS, seed=SEED, cache_dir=cache)
        note(f"{network} {architecture} {chip}: {result.status}, {result.wall_s} s")
        yield chip, result.to_json()


def markdown(results: Iterator[tuple[str, Data]]) -> str:
    """One row per chip."""
    head = ("chip", "clock", "status", "hardware", "energy", "latency", "use", "points beyond it", "proved in")
    return lines([head, *(_row(chip, data) for chip, data in results)])


def _row(chip: str, data: Data) -> tuple[str, ...]:
    points, wall = data["hardware_points"], f"{data['wall_s']:.0f} s"
    beyond = f"{number_text(points.get('closed_by_device', 0))} of {number_text(points['total'])}"
    if "hardware" not in data:
        needs = "; ".join(entry["text"] for entry in data.get("infeasible", {}).get("relaxations", []))
        return chip, "", data["status"], needs, "", "", "", beyond, wall
    hardware = data["hardware"]
    chosen = {path: entry for path, entry in hardware["choices"].items() if not path.startswith("array")}
    sizes = [" x ".join(map(str, hardware["array"]))]
    sizes += [f"{path.partition('.')[0]} {entry}" for path, entry in chosen.items()]
    return (
        chip,
        f"{number_text(hardware['clock_mhz'])} MHz",
        data["status"],
        ", ".join(sizes),
        energy_text(data["energy_pj"]),
        f"{data['latency_ms']:.4g} ms",
        _use(data),
        beyond,
        wall,
    )


def _use(data: Data) -> str:
    """Area, or the share of every resource that is used."""
    if "device" not in data:
        return f"{data['area_um2'] / 1e6:.3g} mm2"
    counts = data["device"]["resources"].items()
    return ", ".join(f"{name} {100 * n['used'] / n['available']:.0f} %" for name, n in counts if n["used"])
