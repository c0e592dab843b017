"""Machines that are better than another in one respect, and machines that are the same written otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

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
