"""Fused groups beside layer by layer and beside groups by a rule, on the presets, as tables that can be continued."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.fused_case import Case, compare, rule_gap
from benchmarks.table import lines

PRESETS = ("vwa", "eyeriss_rs")
NETWORKS = ("vgg16", "resnet34", "googlenet", "mobilenet_v1", "yolov2", "fsrcnn")

FIGURES = {"dram_mb": "DRAM traffic (MB)", "latency_ms": "latency (ms)", "energy_mj": "energy (mJ)"}
PUBLISHED = {"dram_mb": 0.556, "latency_ms": 0.367, "energy_mj": 0.492}
"""Reductions by fusion: of memory bandwidth, latency and energy.

Yang and Chang, Pre-RTL DNN hardware evaluator with fused layer support, ISOCC 2021 (arXiv:2205.01729).
"""
NOTE = (
    "Published: Yang and Chang 2021 (arXiv:2205.01729). Their workload is not public and the presets are our stand-ins "
    "for their hardware, so only direction and size are compared. Groups by rule that are longer than those searched "
    "may cost less than the proved ones; the last column is of groups no longer than these."
)

Data = dict[str, Any]


def cases(presets: Iterable[str], networks: Iterable[str], **options: Any) -> list[Case]:
    """All networks on all presets."""
    return [Case(preset, network, **options) for preset, network in product(presets, networks)]


def read(file: Path) -> list[Data]:
    """Entries written so far."""
    if not file.exists():
        return []
    found: list[Data] = json.loads(file.read_text(encoding="utf-8"))
    return found


def finished(case: Case, entry: Data) -> bool:
    """Is an entry of this case, and nothing to be gained by more of the time that is allowed?"""
    if any(entry[name] != value for name, value in case.key.items()):
        return False
    spent = entry["time_limit_s"]
    stopped = entry["proof"]["status"] in ("FEASIBLE", "UNKNOWN")
    return not stopped or spent is None or (case.time_limit_s is not None and spent >= case.time_limit_s)


def fill(file: Path, wanted: list[Case], note: Callable[[str], None], cache_dir: Path | None = None) -> list[Data]:
    """Compare what is not in the file yet; every entry is written as soon as it is there.

    Returns the entries of the cases, in their order.
    """
    for case in wanted:
        entries = read(file)
        if any(finished(case, entry) for entry in entries):
            note(f"{case.preset} {case.network}: in {file} already")
            continue
        entry = compare(case, cache_dir)
        kept = [other for other in entries if any(other[name] != value for name, value in case.key.items())]
        _write(file, [*kept, entry])
        note(f"{case.preset} {case.network}: {entry['proof']['status']}, {entry['proof']['wall_s']:g} s")
    known = {json.dumps({name: entry[name] for name in wanted[0].key}): entry for entry in read(file)}
    return [known[json.dumps(case.key)] for case in wanted]


def _write(file: Path, entries: list[Data]) -> None:
    """Replace the file at once, so that it is never half written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(file.suffix + ".part")
    draft.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    draft.replace(file)


def markdown(entries: Iterable[Data]) -> str:
    """Tables of the entries: per preset one per figure and one of the proofs."""
    found = list(entries)
    parts = []
    for preset in dict.fromkeys(entry["preset"] for entry in found):
        here = [entry for entry in found if entry["preset"] == preset]
        goals = ", ".join(dict.fromkeys(f"least {entry['objective']}" for entry in here))
        parts.append(f"**{preset}**, {goals}")
        parts += [lines(list(_figure_rows(name, here))) for name in FIGURES]
        parts.append(lines(list(_proof_rows(here))))
    return "\n\n".join([*parts, NOTE])


def _figure_rows(name: str, entries: list[Data]) -> Iterator[tuple[str, ...]]:
    yield (FIGURES[name], "layer by layer", "by rule", "fused", "by rule, change", "fused, change")
    for entry in entries:
        before, *after = (entry[way] and entry[way][name] for way in ("layer_by_layer", "rule", "fused"))
        numbers = ("-" if value is None else f"{value:,.4g}" for value in (before, *after))
        yield (entry["network"], *numbers, *(_percent(value and value / before - 1) for value in after))
    yield ("published", "", "", "", "", _percent(-PUBLISHED[name]))


def _proof_rows(entries: list[Data]) -> Iterator[tuple[str, ...]]:
    yield (
        "proof",
        "groups of at most",
        "status",
        "gap",
        "seconds",
        "groups by rule (longest)",
        "groups proved (longest)",
        "rule of such groups above the bound",
    )
    for entry in entries:
        proof, gap = entry["proof"], rule_gap(entry)
        yield (
            entry["network"],
            str(entry["max_group"]),
            proof["status"],
            _share(proof["gap"]),
            f"{proof['wall_s']:.3g}",
            _groups(entry["rule"]),
            _groups(entry["fused"]),
            _share(gap),
        )


def _groups(figures: Data | None) -> str:
    if figures is None:
        return "-"
    return f"{len(figures['groups'])} ({max(map(len, figures['groups']), default=0)})"


def _percent(change: float | None) -> str:
    return "-" if change is None else f"{100 * change:+.1f} %"


def _share(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.1f} %"
