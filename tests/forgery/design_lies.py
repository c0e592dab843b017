"""Lies about the design of a result: mappings, counts, totals, hardware, the problem, words."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from optimizer.checker.design_checks import plain
from optimizer.golden.legality import limits, structural
from optimizer.golden.walk import walk
from optimizer.mapping.mapping import Mapping
from optimizer.mapping.reader import nest_from_items

from .forger import Data, Forgery
from .proof_lies import Lie, designs, take

TRIES = 40


def mac_entries(f: Forgery) -> list[Data]:
    """Layers with a loop nest of their own."""
    return [entry for entry in f.data.get("layers", ()) if entry["mapping"]]


def point_of(f: Forgery) -> Any:
    """The chosen hardware point."""
    return f.claim.points.points[tuple(f.certificate["design"])]


def rewalk(f: Forgery, entry: Data) -> Mapping:
    """The numbers of a layer as its loop nest makes them, whether or not it keeps the rules."""
    layer, hardware = f.claim.network.graph.nodes[entry["name"]]["layer"], point_of(f)
    mapping = nest_from_items(entry["mapping"], layer, hardware)
    steps = walk(layer, hardware, mapping, accounting=f.claim.accounting, reuse="innermost")
    accesses: dict[str, dict[str, dict[str, int]]] = {}
    for (level, role), count in steps.counts.items():
        accesses.setdefault(hardware.levels[level].name, {})[role] = {
            "reads": count.reads,
            "fills": count.fills,
            "updates": count.updates,
            "tile_words": count.tile_words,
            "instances": count.instances,
        }
    made = mapping.extents(layer.extents)
    entry |= {
        "padded": {dim: extent for dim, extent in made.items() if extent != layer.extents[dim]},
        "energy_pj": hardware.energy_pj(steps.energy),
        "latency_cycles": plain(steps.latency_cycles),
        "compute_cycles": steps.compute_cycles,
        "accesses": accesses,
        "utilization": float(layer.macs / (hardware.macs_per_cycle * steps.latency_cycles)) if steps.sound else 0.0,
    }
    return mapping


def broken(f: Forgery, entry: Data) -> list[str]:
    """What a loop nest breaks."""
    layer, hardware = f.claim.network.graph.nodes[entry["name"]]["layer"], point_of(f)
    mapping = nest_from_items(entry["mapping"], layer, hardware)
    group = next(g for g in f.claim.groups if g.layer.shape_key() == layer.shape_key())
    made = mapping.extents(layer.extents)
    padded = [dim for dim, extent in made.items() if extent not in group.options[dim]]
    return [*structural(layer, hardware, mapping), *limits(layer, hardware, mapping), *padded]


def lower_floors(f: Forgery) -> None:
    """The design's own point has no more than the floors that its value needs, so that all is settled."""
    claim = f.claim
    value = claim.value
    own = next((raw for raw in f.boxes if raw["box"] == f.design), None)
    if own is None or value is None:
        return
    floors = f.floors_of(own)
    while claim.target.objective != "edp" and any(floors):
        f.rebound()
        if Fraction(own["bound"]) <= value:
            break
        over = Fraction(own["bound"]) - value
        layer = max(range(len(floors)), key=floors.__getitem__)
        floors[layer] = max(0, floors[layer] - math.ceil(over / claim.parts[layer][1]))


def first_of(entry: Data) -> object:
    """The first layer of the same shape."""
    return entry.get("same_as", entry["name"])


def restate(f: Forgery) -> bool:
    """All that follows from other numbers of the layers."""
    f.retotal()
    lower_floors(f)
    f.agree()
    return True


def break_mapping(f: Forgery) -> bool:
    """A loop nest that breaks a capacity, a fan-out, the order of nodes or the extents, all counts to match."""
    if not mac_entries(f) or f.data.get("groups"):
        return False
    for _ in range(TRIES):
        entry = f.random.choice(mac_entries(f))
        kept = copy.deepcopy(entry)
        items = entry["mapping"]
        how = f.random.choice(["swap", "factor", "spatial", "up", "drop"])
        n = f.random.randrange(len(items))
        if how == "swap" and n + 1 < len(items):
            items[n : n + 2] = items[n + 1], items[n]
        elif how == "factor" and "bound" in items[n]:
            items[n]["bound"] = max(1, items[n]["bound"] + f.random.choice([-1, 1, items[n]["bound"]]))
        elif how == "spatial" and "for" in items[n]:
            items[n] = {"spatial": items[n]["for"], "bound": items[n]["bound"], "axis": "X", "level": items[n]["level"]}
        elif how == "up" and n >= 3 and "keep" in items[n]:
            items.insert(f.random.randrange(3, n + 1), items.pop(n))
        elif how == "drop" and n >= 3:
            items.pop(n)
        if items != kept["mapping"] and broken(f, entry):
            rewalk(f, entry)
            for other in mac_entries(f):
                if other is not entry and first_of(other) == first_of(entry):
                    own = ("name", "same_as", "multiplicity")
                    other.update(copy.deepcopy({k: entry[k] for k in entry if k not in own}))
            return restate(f)
        entry.clear()
        entry |= kept
    return False


def pad(f: Forgery) -> bool:
    """An extent padded beyond what was asked for, in the loop nest and all counts."""
    if not mac_entries(f) or f.data.get("groups"):
        return False
    entry = f.random.choice(mac_entries(f))
    loops = [item for item in entry["mapping"] if "for" in item]
    if not loops:
        return False
    f.random.choice(loops)["bound"] *= f.random.choice([2, 3])
    rewalk(f, entry)
    return bool(broken(f, entry)) and restate(f)


def scale_layer(f: Forgery) -> bool:
    """A layer costs a part, or a multiple, of what it does."""
    entries = [*f.data.get("layers", ()), *f.data.get("groups", ())]
    if not entries:
        return False
    entry, factor = f.random.choice(entries), f.random.choice([Fraction(n, 10) for n in (5, 9, 20, 30)])
    unit = point_of(f).energy_unit_pj
    if f.random.random() < 0.5:
        units = round(Fraction(entry["energy_pj"]) / unit)
        changed = max(1, round(units * factor))
        if changed == units:
            return False
        entry["energy_pj"] = float(changed * unit)
    else:
        cycles = math.ceil(Fraction(entry["latency_cycles"]) * factor)
        if cycles == entry["latency_cycles"]:
            return False
        entry["latency_cycles"] = cycles
    return restate(f)


def counted(f: Forgery) -> bool:
    """Accesses of a level counted twice, or half."""
    entries = [entry for entry in mac_entries(f) if entry["accesses"]]
    if not entries:
        return False
    levels = f.random.choice(entries)["accesses"].values()
    tally = f.random.choice([tally for level in levels for tally in level.values()])
    key = f.random.choice([key for key, count in tally.items() if count] or ["reads"])
    tally[key] = f.random.choice([2 * tally[key] + 1, tally[key] // 2])
    return True


def other_runs(f: Forgery) -> bool:
    """A layer runs another number of times, in the design and in the certificate."""
    if not mac_entries(f):
        return False
    entry = f.random.choice(mac_entries(f))
    before = entry["multiplicity"]
    entry["multiplicity"] = before + 1 if before == 1 else f.random.choice([before - 1, before + 1])
    for part in f.certificate["layers"]:
        if part["name"] == entry["name"]:
            part["count"] += entry["multiplicity"] - before
    return restate(f)


def other_extents(f: Forgery) -> bool:
    """A layer is said to be smaller."""
    if not mac_entries(f):
        return False
    entry = f.random.choice(mac_entries(f))
    dim = f.random.choice(sorted(entry["dims"]))
    entry["dims"][dim] = max(1, entry["dims"][dim] // 2) if entry["dims"][dim] > 1 else 2
    return True


def other_hardware(f: Forgery) -> bool:
    """A number of the hardware table, and what the area follows from."""
    table = f.data.get("hardware")
    if table is None:
        return False
    level = f.random.choice(table["levels"])
    key = f.random.choice(["size", "energy", "mesh", "array", "clock", "ports", "area", "choice", "buffering", "name"])
    if key == "size":
        level["size_bits"] = 2 * (level["size_bits"] or 512)
    elif key == "energy":
        level[f.random.choice(["read_energy_pj", "fill_energy_pj", "update_energy_pj"])] *= 0.5
    elif key == "mesh":
        level["mesh"][0] += 1
    elif key == "array":
        table["array"][1] *= 2
    elif key == "clock":
        table["clock_mhz"] *= 2
    elif key == "ports":
        level["bits_per_cycle"][f.random.choice(["read", "write", "shared"])] = 4096
    elif key == "area":
        f.data["area_um2"] = f.data["area_um2"] // 2 + 1
    elif key == "choice":
        path = f.random.choice(sorted(table["choices"]))
        table["choices"][path] = "4 words"
    elif key == "buffering":
        level["buffering"] += 1
    else:
        level["name"] += "2"
    return True


def other_total(f: Forgery) -> bool:
    """Power, time, energy or area of the whole."""
    keys = [key for key in ("energy_pj", "latency_cycles", "latency_ms", "power_w", "area_um2") if f.data.get(key)]
    if not keys:
        return False
    f.data[f.random.choice(keys)] *= f.random.choice([0.5, 0.99, 2])
    return True


def other_point(f: Forgery) -> bool:
    """The design is said to be that of another point: the certificate, the hardware, or both."""
    if f.certificate["design"] is None:
        return False
    others = [d for d in designs(f) if d["design"] != f.certificate["design"]]
    if not others:
        return False
    other, layers = f.random.choice(others), copy.deepcopy(f.data["layers"])
    how = f.random.choice(["certificate", "hardware", "both"])
    if how == "certificate":
        f.certificate["design"] = list(other["design"])
        return True
    index = f.certificate["design"]
    take(f, other)
    f.data["layers"] = layers
    if how == "hardware":
        f.certificate["design"] = index
        return True
    own = next((raw for raw in f.boxes if raw["box"] == f.design), None)
    if own is None:
        return True
    own["closed_by"] = "solved"
    return restate(f)


def other_bounds(f: Forgery) -> bool:
    """Physical bounds or the utilization of a layer."""
    entries = mac_entries(f)
    if not entries:
        return False
    entry = f.random.choice(entries)
    if f.random.random() < 0.3 or not entry["lower_bounds"]:
        entry["utilization"] = entry["utilization"] / 2 + 0.5
        return True
    key = f.random.choice(sorted(entry["lower_bounds"]))
    stated = entry["lower_bounds"][key]
    if isinstance(stated, str):
        entry["lower_bounds"][key] = f"another {stated}"
    else:
        entry["lower_bounds"][key] = dict.fromkeys(stated, 1) if isinstance(stated, dict) else 1 + 2 * (stated or 0)
    return True


def words(f: Forgery) -> bool:
    """Accounting, space, names, units, warnings."""
    data, certificate = f.data, f.certificate
    other: dict[str, Callable[[], Any]] = {
        "accounting": lambda: data.update(accounting={"timeloop": "looptree"}.get(data["accounting"], "timeloop")),
        "accounting in both": lambda: [p.update(accounting="exact") for p in (data, certificate)],
        "space": lambda: [
            p.update(space=s)
            for p, s in ((data, data["space"] | {"text": "All mappings."}), (certificate, "All mappings."))
        ],
        "reuse": lambda: data["space"].update(reuse="exact"),
        "padding": lambda: data["space"].update(padding={"fc": {"M": [64]}}),
        "network": lambda: data.update(network="alexnet"),
        "architecture": lambda: data.update(architecture="tpu"),
        "unit": lambda: data["objective"].update(unit="fJ"),
        "objective": lambda: data["objective"].update(name="area"),
        "warning added": lambda: data["warnings"].append("checked by hand"),
        "training": lambda: data.update(training={"optimizer": "adam", "bits": {"weights": 4}}),
        "format": lambda: certificate.update(format="tilewright-certificate/2"),
    }
    if data["warnings"]:
        other["warnings removed"] = data["warnings"].clear
    other[f.random.choice(sorted(other))]()
    return True


def more_sections(f: Forgery) -> bool:
    """Sections that a result of this kind does not have, for a reader to quote."""
    sections: dict[str, Any] = {
        "comparison": {"layer_by_layer": {"energy_pj": 9.0}, "fused": {"energy_pj": 1.0}, "reduction": {}},
        "infeasible": {"budgets": ["area_mm2"], "relaxations": [{"budget": "area_mm2", "limit": 1, "least": 7.186}]},
        "groups": [],
        "device": {"name": "u250", "resources": {}, "memories": {}},
        "networks": [],
        "cross": [],
        "layer_by_layer": {"energy_pj": 9.0},
    }
    missing = [name for name in sections if name not in f.data]
    if f.data["status"] == "INFEASIBLE":
        missing += ["energy_pj", "area_um2"]
    name = f.random.choice(missing)
    f.data[name] = sections.get(name, 1.0)
    return True


def other_problem(f: Forgery) -> bool:
    """The problem is another, with its hash; the answer stays."""
    problem = f.data["problem"]
    how = f.random.choice(["objective", "accounting", "network", "clock", "menu", "cap", "area", "word"])
    architecture = problem["architecture"]
    if how == "objective":
        goal = f.random.choice([g for g in ("energy", "latency", "edp") if g != problem["objective"]])
        problem["objective"] = f.certificate["objective"] = f.data["objective"]["name"] = goal
    elif how == "accounting":
        other = {"timeloop": "looptree"}.get(problem["accounting"], "timeloop")
        for part in (problem, f.data, f.certificate):
            part["accounting"] = other
    elif how == "network":
        text = json.dumps(problem["network"])
        if '"N": 3' not in text:
            return False
        problem["network"] = json.loads(text.replace('"N": 3', '"N": 6'))
    elif how == "clock":
        if "device" in architecture:  # it has a clock of its own
            return False
        architecture["clock_mhz"] = 1000
    elif how == "menu":
        sizes = architecture["levels"][1]["size"]
        if not isinstance(sizes, list):
            return False
        sizes.append("128 words")
    elif how == "word":
        architecture["word_bits"] = 8
    elif f.certificate["design"] is None:
        return False
    elif how == "cap":
        problem["budgets"]["latency_ms"] = str(Fraction(f.data["latency_ms"]) / 2)
    elif "device" in architecture:
        return False
    else:
        problem["budgets"]["area_mm2"] = str(Fraction(f.data["area_um2"] - 1, 10**6))
    f.rehash()
    return True


def other_hash(f: Forgery) -> bool:
    """Both files state another hash."""
    f.data["problem_hash"] = f.certificate["problem_hash"] = "0" * 64
    return True


def lost_section(f: Forgery) -> bool:
    """A section is gone."""
    free = {"versions", "seed", "wall_s", "search", "infeasible", "comparison", "study"}
    keys = sorted(set(f.data) - free)
    del f.data[f.random.choice(keys)]
    return True


def other_device(f: Forgery) -> bool:
    """What the device has, what is used of it, or the kind of its memories."""
    device = f.data.get("device")
    if device is None or "resources" not in device:
        return False
    name = f.random.choice(sorted(device["resources"]))
    how = f.random.choice(["available", "used", "memories", "box", "name"])
    if how in ("available", "used"):
        device["resources"][name][how] += f.random.choice([1, 100])
    elif how == "memories" and device["memories"]:
        memory = device["memories"][f.random.choice(sorted(device["memories"]))]
        memory["blocks"] += 1
    elif how == "box":
        f.random.choice(f.boxes)["resources"][name] += 1
    else:
        device["name"] = "u250"
    return True


DESIGN_LIES: list[Lie] = [
    break_mapping,
    pad,
    scale_layer,
    counted,
    other_runs,
    other_extents,
    other_hardware,
    other_total,
    other_point,
    other_bounds,
    words,
    more_sections,
    other_problem,
    other_hash,
    lost_section,
    other_device,
]
