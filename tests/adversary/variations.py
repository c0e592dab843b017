"""Machines that are better than another in one respect, and machines that are the same written otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.mapping.reader import from_items, to_items
from optimizer.workload.layer import Layer
from tests.adversary.machines import ROLES, File


def _with_level(machine: File, number: int, **fields: Any) -> File:
    levels = list(machine["levels"])
    levels[number] = levels[number] | fields
    return machine | {"levels": levels}


def larger(machine: File, r: Random) -> Iterator[tuple[str, File]]:
    """The machine with more room, bandwidth or multipliers, one at a time; energies stay."""
    for number, level in enumerate(machine["levels"]):
        if isinstance(level.get("size"), str):
            words = int(level["size"].split()[0])
            more = r.choice([words + 1, words + 8, 2 * words])
            yield f"size of {level['name']}: {more} words", _with_level(machine, number, size=f"{more} words")
        for port, rate in level.get("bandwidth", {}).items():
            more = f"{float(rate.split()[0]) * r.choice([1.5, 2, 4])} words/cycle"
            wider = level["bandwidth"] | {port: more}
            yield f"{port} bandwidth of {level['name']}: {more}", _with_level(machine, number, bandwidth=wider)
    for axis in ("x", "y"):
        if isinstance(machine["array"][axis], int):
            more = machine["array"][axis] * 2
            yield f"array {axis}: {more}", machine | {"array": machine["array"] | {axis: more}}


def side_by_side(machine: File, r: Random) -> tuple[File, File] | None:
    """The machine with its two innermost levels for different tensors, in both orders; None if it has too few."""
    levels = [{k: v for k, v in level.items() if k not in ("instances", "unroll")} for level in machine["levels"]]
    if len(levels) < 3:
        return None
    mine = r.sample(ROLES, r.choice([1, 2]))
    for level, own in ((levels[-2], mine), (levels[-1], [role for role in ROLES if role not in mine])):
        keeps = {"must_keep": own} if r.random() < 0.5 else {"must_keep": []}
        level.update(keeps | {"must_bypass": [role for role in ROLES if role not in own]})
    outer = [level["name"] for level in levels[:-2]]
    below = r.choice([*outer, None])  # None: below the innermost level
    orders = []
    for names in (levels, [*levels[:-2], levels[-1], levels[-2]]):
        array = {k: v for k, v in machine["array"].items() if k != "unroll"} | {"below": below or names[-1]["name"]}
        orders.append(machine | {"levels": names, "array": array})
    return orders[0], orders[1]


def restated(layer: Layer, mapping: Mapping, hardware: Hardware) -> Iterator[Mapping]:
    """A mapping on a machine whose two innermost levels have traded places: legal nests that are the same.

    Loops between two fan-outs may belong to any level there.
    """
    last = len(hardware.levels) - 1
    trade = {last: last - 1, last - 1: last}
    items = [replace(i, level=trade.get(i.level, i.level)) if isinstance(i, Node) else i for i in mapping.items]
    loops = [item for item in items if isinstance(item, Loop)]
    first = 1 + max((loop.level for loop in loops if loop.axis is not None and loop.level < last - 1), default=-1)
    free = [n for n, i in enumerate(items) if isinstance(i, Loop) and i.axis is None and i.level >= first]
    for owners in itertools.combinations_with_replacement(range(first, last + 1), len(free)):
        changed: list[Item] = list(items)
        for place, level in zip(free, owners, strict=True):
            changed[place] = replace(changed[place], level=level)
        nest = [replace(i, level=last) if isinstance(i, Loop) and i.axis and i.level >= first else i for i in changed]
        try:
            yield from_items(to_items(Mapping(tuple(nest)), hardware), layer, hardware)
        except SpecError:  # not a legal nest with these owners
            continue
