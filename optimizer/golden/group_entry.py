"""The entry of a fused group in a result: its decisions, and the figures computed by walking them."""

from __future__ import annotations

from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.golden.group_claim import ClaimedRun, FusedClaim, RunKey, Stage
from optimizer.golden.group_walk import FusedWalk, walk_fused
from optimizer.golden.walk import Accounting, walk
from optimizer.mapping.mapping import Mapping
from optimizer.mapping.reader import nest_from_items
from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.network import Network
from optimizer.workload.views import TILE_AXES

Data = dict[str, Any]


def claim_of(network: Network, group: Data, hardware: Hardware) -> FusedClaim:
    """The decisions that a group states.

    Raises
    ------
    SpecError, KeyError, TypeError, ValueError
        If something is missing or makes no sense.
    """
    runs: dict[RunKey, ClaimedRun] = {}
    for run in group["runs"]:
        layer = network.graph.nodes[run["layer"]]["layer"]
        tiles = [dim for dim in layer.tile_dims if dim is not None]
        dims = (*tiles, *(dim for dim in run["extents"] if dim not in tiles))
        key = run["layer"], tuple((dim, run["extents"][dim]) for dim in dims), bool(run["resumes"])
        if key in runs:
            raise ValueError(f"the run {key} is stated twice")
        runs[key] = ClaimedRun(_mapping(layer, run, hardware), run["count"])
    parts, halo, slices = group["tile"]["parts"], group["halo"], group["slices"]
    return FusedClaim(
        tuple(group["layers"]),
        (parts["batch"], parts["rows"], parts["columns"]),
        (halo["rows"], halo["columns"]),
        runs,
        frozenset(name for name, how in group["weights"].items() if how == "resident"),
        frozenset(group["held"]),
        dict(group["strips"]),
        *(() if slices is None else (tuple(slices["layers"]), slices["number"], bool(slices["gathers"]))),
    )


def _mapping(layer: Layer, run: Data, hardware: Hardware) -> Mapping:
    mapping = nest_from_items(run["mapping"], layer.with_extents(run["extents"]), hardware)
    made, extents = mapping.extents(layer.extents), layer.extents | run["extents"]
    if made != extents:
        raise ValueError(f"a run of {layer.name} has the extents {extents}, its loops make {made}")
    return mapping


def stated_group(network: Network, group: Data, hardware: Hardware, accounting: Accounting) -> tuple[Data, FusedWalk]:
    """The expected entry of a group, computed from its decisions alone, and its walk."""
    claim = claim_of(network, group, hardware)
    walked, stage = walk_fused(network, hardware, claim, accounting=accounting), Stage(network, claim)
    layers = {name: stage.layer(name) for name in claim.members}
    weights = [name for name, layer in layers.items() if isinstance(layer, Layer) and layer.parameter_count]
    own = [sum(share[n] for share in walked.shares.values()) for n in (0, 1)]
    held = max(walked.held_bits.values(), default=0)
    widest = max(stage.output(name)[1] for name in claim.members)
    return {
        "layers": list(claim.members),
        "tile": {"parts": dict(zip(TILE_AXES, claim.parts, strict=True)), "tiles": _product(claim.parts)},
        "halo": dict(zip(TILE_AXES[1:], claim.halo, strict=True)),
        "weights": {name: "resident" if name in claim.resident else "streamed" for name in weights},
        "held": sorted(claim.held),
        "strips": dict(sorted(claim.strips.items())),
        "slices": slices_entry(claim.chain, claim.slices, gathers=claim.gathers),
        "buffer_bits": held,
        "buffer_words": -(-held // widest),
        "peak_bits": walked.peak_bits,
        "macs": walked.macs,
        "dram_words": walked.dram_words,
        "latency_cycles": walked.latency,
        "energy_pj": hardware.energy_pj(walked.energy),
        "moves": {
            "latency_cycles": walked.latency - own[1],
            "energy_pj": hardware.energy_pj(walked.energy - own[0]),
        },
        "runs": [_stated_run(stage, run, hardware, accounting) for run in group["runs"]],
    }, walked


def slices_entry(chain: tuple[str, ...], number: int, *, gathers: bool) -> Data | None:
    """The entry for layers that take turns on slices of channels."""
    return {"layers": list(chain), "number": number, "gathers": gathers} if chain else None


def _product(parts: tuple[int, ...]) -> int:
    total = 1
    for number in parts:
        total *= number
    return total


def _stated_run(stage: Stage, run: Data, hardware: Hardware, accounting: Accounting) -> Data:
    layer = stage.layer(run["layer"])
    assert isinstance(layer, Layer)
    pinned = stage.pinned(layer)
    walked = walk(
        layer.with_extents(run["extents"]),
        hardware,
        _mapping(layer, run, hardware),
        accounting=accounting,
        reuse="innermost",
        pinned=pinned,
        resumes=bool(run["resumes"]),
    )
    return {
        "layer": layer.name,
        "extents": run["extents"],
        "resumes": bool(run["resumes"]),
        "count": run["count"],
        "pinned": sorted(pinned),
        "mapping": run["mapping"],
        "energy_pj": hardware.energy_pj(walked.energy),
        "latency_cycles": -(-walked.latency_cycles.numerator // walked.latency_cycles.denominator),
    }


def member_entry(layer: AnyLayer, walked: FusedWalk, group: int, hardware: Hardware) -> Data:
    """A layer of a group as a result states it: its share of energy and cycles. Loop nests are with the group."""
    energy, latency = walked.shares.get(layer.name, (0, 0))
    dims, macs = (layer.extents, layer.macs) if isinstance(layer, Layer) else ({}, 0)
    return {
        "name": layer.name,
        "type": layer.kind,
        "dims": dims,
        "multiplicity": 1,
        "mapping": None,
        "group": group,
        "energy_pj": hardware.energy_pj(energy),
        "latency_cycles": latency,
        "accesses": {},
        **({} if isinstance(layer, Layer) else {"operations": layer.operations}),
        **({"sparsity": layer.block.label} if isinstance(layer, Layer) and layer.block is not None else {}),
        "utilization": macs / (hardware.macs_per_cycle * latency) if latency else 0.0,
        "lower_bounds": {},
    }
