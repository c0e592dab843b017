"""Fields in the files of a folder that no check reads; they are named in the report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optimizer.results import folder as result_folder
from optimizer.results import formats

Data = dict[str, Any]
UNREAD = ("versions", "seed", "wall_s", "search")
"""What a run was, not what it found."""

_HEAD = (
    "format",
    "status",
    "termination",
    "objective",
    "accounting",
    "space",
    "network",
    "training",
    "serving",
    "architecture",
    "warnings",
    "problem",
    "problem_hash",
    *UNREAD,
)
_DESIGN = ("hardware", "device", "area_um2", "energy_pj", "latency_cycles", "latency_ms", "power_w", "layers", "groups")
_CERTIFICATE = (
    "format",
    "problem_hash",
    "status",
    "objective",
    "accounting",
    "space",
    "padding",
    "value",
    "bound",
    "master_optimum",
    "design",
    "menus",
    "layers",
    "boxes",
)

READ = {
    formats.RESULT_FILE: (
        *_HEAD,
        *_DESIGN,
        "hardware_points",
        "comparison",
        "dropped",
        "infeasible",
        "study",
        "energy_unit",
        "networks",
        "cross",
    ),
    formats.CERTIFICATE_FILE: (*_CERTIFICATE, "tolerance", "aggregate", "weights", "powers", "networks", "cross"),
    formats.EVALUATION_FILE: (*_HEAD, *_DESIGN, "dram_words", "comparison", "layer_by_layer"),
    formats.MEMORY_FILE: (*_HEAD, "macs", "budgets", "keep_all", "chosen", "least_peak", "tensors", "over_time"),
    formats.ADJUST_FILE: (
        *_HEAD,
        "accuracy",
        "request",
        "resolution",
        "limits",
        "classes",
        "before",
        "after",
        "layers",
        "hardware",
        "onnx",
        "effort",
    ),
}
"""By file, fields that may be there; those of :data:`UNREAD` are not checked, wherever they stand."""


def unread_fields(folder: Path, names: Iterable[str]) -> list[str]:
    """Fields at the top of these files that no check reads: those of :data:`UNREAD` once, others with their file."""
    usual: set[str] = set()
    found: list[str] = []
    for name in names:
        known = READ.get(Path(name).name)
        if known is None or not result_folder.holds(folder, name):
            continue
        data = result_folder.load_data(folder, name)
        usual |= set(UNREAD) & set(data)
        unknown = [key for key in data if key not in known]
        found += [f"{name}: {', '.join(unknown)}"] if unknown else []
    return ([", ".join(key for key in UNREAD if key in usual)] if usual else []) + found
