"""Verification of an adjustment: both designs, the resolution, the ties between widths, the limits, the gain.

Both networks, the original and the adjusted one, are checked with their costs on their hardware. The optimality of the
chosen widths is not proved again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.checker.adjust_data import data_checks, onnx_checks, table_checks
from optimizer.checker.design_checks import plain, verdict
from optimizer.checker.effort import Effort
from optimizer.checker.outcome import NOT_CHECKED, Check, left_out
from optimizer.checker.resolution_check import brought_back, image_faults
from optimizer.checker.searches import Searches
from optimizer.checker.solve import DAMAGED, damaged, examine, teller
from optimizer.checker.stored import StoredResult, load
from optimizer.checker.verification import Verification
from optimizer.checker.width_ties import bottleneck_layers, tie_faults, written
from optimizer.problem.problem import network_of
from optimizer.problem.progress import Watch
from optimizer.results.folder import load_data, place_of
from optimizer.results.formats import ADJUST_FILE, ADJUSTED_YAML, ORIGINAL
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network
from optimizer.workload.reader import dump_network, load_network

CHECKED = "both designs, ties, widths, limits and gain"
UNPROVED = "that no other widths cost less"


def is_adjustment(directory: str | Path) -> bool:
    """True if a folder holds an adjustment."""
    return (Path(directory) / ADJUST_FILE).is_file()


def verify_adjusted(
    directory: str | Path,
    again: Searches | None,
    *,
    thorough: bool = False,
    seed: int | None = None,
    progress: Watch | None = None,
) -> Verification:
    """All checks of what ``tilewright adjust --out`` wrote; parameters as of :func:`optimizer.checker.solve.verify`.

    Raises
    ------
    SpecError
        If a file is missing or no result at all.
    """
    data = load_data(directory, ADJUST_FILE)
    started = time.perf_counter()
    effort = Effort.of(data, thorough=thorough, seed=seed, say=teller(progress, started))
    checks = list(data_checks(data))
    if "after" not in data:
        return Verification.of(checks, effort, started, CHECKED, (UNPROVED,))
    after, before = load(directory), load(Path(directory) / ORIGINAL)
    for number, (label, result) in enumerate((("after", after), ("before", before))):
        found = examine(result, effort.part(2 - number).about(label), again)
        checks += [check._replace(name=f"{label}: {check.name}") for check in found if check.name != NOT_CHECKED]
        checks += left_out(found, label)
    try:
        written_down = load_network(place_of(Path(directory), ADJUSTED_YAML))
        checks += _checks(data, before, after, written_down)
        checks += table_checks(data, before, after)
        checks += onnx_checks(data, Path(directory), written_down)
    except DAMAGED as error:
        checks.append(damaged("adjustment", error))
    return Verification.of(checks, effort, started, CHECKED, (UNPROVED,))


def _checks(data: dict[str, Any], before: StoredResult, after: StoredResult, written_down: Network) -> Iterator[Check]:
    old, new = (network_of(result.data["problem"]) for result in (before, after))
    same = dump_network(written_down) == dump_network(new)
    yield verdict("network", [] if same else [f"{ADJUSTED_YAML} is not the network of the design"], "as solved")
    moved = data.get("resolution")
    if moved is not None:
        yield verdict("resolution", list(_resolution_faults(data, old, new)), "every extent follows from the image")
    same_size = new if moved is None else brought_back(old, new)
    yield verdict("ties", list(tie_faults(old, same_size)), "all layers still fit together")
    yield verdict("widths", list(_width_faults(data, old, new)), "within the range, multiples as asked for")
    yield verdict("limits", list(_limit_faults(data, old, new)), "parameters and multiply-accumulates counted again")
    yield verdict("gain", list(_gain_faults(data, before, after)), "follows from the two designs")


def _resolution_faults(data: dict[str, Any], old: Network, new: Network) -> Iterator[str]:
    """The image chosen is one of those asked for, and the network is built for it."""
    before, after = data["resolution"]["before"], data["resolution"]["after"]
    if after not in data["request"]["resolutions"]:
        yield f"{after} was not asked for"
    yield from image_faults(old, new, (before, after))


def _width_faults(data: dict[str, Any], old: Network, new: Network) -> Iterator[str]:
    low, high = (Fraction(text) for text in data["request"]["range"])
    named = set()
    for entry in data["classes"]:
        was, now = entry["before"], entry["after"]
        named |= set(entry["layers"])
        for name in entry["layers"]:
            stated = tuple(written(network.graph.nodes[name]["layer"]) for network in (old, new))
            if stated != (was, now):
                yield f"{name} has {stated[0]} and {stated[1]} channels, stated are {was} and {now}"
        allowed = not entry["frozen"] and now % data["request"]["multiple"] == 0 and low * was <= now <= high * was
        if "expansion" in entry:
            yield from _ratio_faults(data, entry, old, new)
        elif now != was and not allowed:
            yield f"{', '.join(entry['layers'])}: {was} may not become {now}"
    for layer in new.mac_layers():
        if layer.name not in named and written(layer) != written(old.graph.nodes[layer.name]["layer"]):
            yield f"{layer.name} is in no class, and has other channels"
    known = {name for entry in data["classes"] if "expansion" in entry or entry["frozen"] for name in entry["layers"]}
    for name in bottleneck_layers(old) if data["request"]["expansion"] else ():
        if name not in known:
            yield f"{name} expands its input, and no ratio is stated"
    for name in data["request"]["freeze"]:
        if written(old.graph.nodes[name]["layer"]) != written(new.graph.nodes[name]["layer"]):
            yield f"{name} was to be frozen"


def _ratio_faults(data: dict[str, Any], entry: dict[str, Any], old: Network, new: Network) -> Iterator[str]:
    """The hidden width of a bottleneck is one of the ratios asked for times what its first layer reads."""
    first = entry["layers"][0]
    for label, network in (("before", old), ("after", new)):
        sizes = network.graph.nodes[first]["layer"].extents
        if Fraction(sizes["K"], sizes["C"]) != Fraction(entry["expansion"][label]):
            yield f"{first} expands {sizes['C']} channels to {sizes['K']}, stated is {entry['expansion'][label]} times"
    if entry["frozen"] or entry["expansion"]["after"] not in data["request"]["expansion"]:
        yield f"{first}: a ratio of {entry['expansion']['after']} was not asked for"


def _limit_faults(data: dict[str, Any], old: Network, new: Network) -> Iterator[str]:
    for key in ("parameters", "macs"):
        sides = [Fraction(text) for text in data["request"][key]]
        was, now = (_counted(network)[key] for network in (old, new))
        if (was, now) != (data["before"][key], data["after"][key]):
            yield f"{key} are {was} and {now}, stated are {data['before'][key]} and {data['after'][key]}"
        if not was * (1 + sides[0]) <= now <= was * (1 + sides[1]):
            yield f"{now} {key} are not within the tolerance of {was}"


def _counted(network: Network) -> dict[str, int]:
    words = macs = 0
    for layer in network.layers():
        words += layer.parameter_count * layer.multiplicity
        if isinstance(layer, Layer):
            steps = layer.multiplicity * layer.macs_per_step
            for _, extent in layer.dims:
                steps *= extent
            macs += steps
    return {"parameters": words, "macs": macs}


def _gain_faults(data: dict[str, Any], before: StoredResult, after: StoredResult) -> Iterator[str]:
    goal = data["objective"]
    was, now = (Fraction(result.certificate["value"]) for result in (before, after))
    if float((was - now) / was) != goal["gain"]:
        yield f"the gain is {float((was - now) / was)}, stated is {goal['gain']}"
    for key, result in (("original", before), ("value", after)):
        if result.data["objective"]["value"] != goal[key] or result.data["objective"]["name"] != goal["name"]:
            yield f"the objective {key} is {goal[key]}, the design has {result.data['objective']['value']}"
    if goal["bound"] > goal["value"] or (data["status"] == "OPTIMAL" and goal["bound"] != goal["value"]):
        yield f"status {data['status']} with value {goal['value']} and bound {goal['bound']}"
    for key, result in (("before", before), ("after", after)):
        for name in ("energy_pj", "latency_cycles"):
            if plain(Fraction(result.data[name])) != data[key][name]:
                yield f"{key}: {name} is {data[key][name]}, the design has {result.data[name]}"
