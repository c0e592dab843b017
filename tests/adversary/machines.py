"""Random machines with everything that an architecture file may say, as parsed files."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import yaml

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.files.exact_yaml import load_exact

File = dict[str, Any]
SIZES = (4, 8, 12, 16, 24, 32, 48, 64, 100, 128, 200, 256, 512)
ROLES = ("W", "I", "O")


def _energy(r: Random, base: float) -> File:
    def times(*factors: float) -> float:
        return round(base * r.choice(factors), 3)

    form = r.random()
    if form < 0.5:
        return {"access": base}
    if form < 0.8:
        return {"read": base, "write": times(0.5, 1, 1.5, 2)}
    return {"read": base, "fill": times(0.25, 1, 2), "update": times(0.5, 1, 3)}


def _ports(r: Random) -> File:
    def rate() -> str:
        return f"{r.choice([1, 2, 3, 4, 6, 8, 16, '2.5'])} words/cycle"

    form = r.random()
    if form < 0.35:
        return {}
    ports = {"bandwidth": {"shared": rate()} if form < 0.7 else {"read": rate(), "write": rate()}}
    return ports | ({"ports": 2} if r.random() < 0.1 else {})


def _tensors(r: Random, free: bool) -> File:
    """What a level keeps; `free`: nothing may be said of it."""
    form = r.random()
    if form < 0.3:
        return {"must_keep": list(ROLES)}
    if form < 0.6 and free:
        return {}
    draws = {role: r.random() * (1 if free else 0.6) for role in ROLES}
    keep, bypass = [t for t in ROLES if draws[t] < 0.25], [t for t in ROLES if 0.25 <= draws[t] < 0.5]
    return {"must_keep": keep, "must_bypass": bypass}


def _inner(r: Random, number: int, base: float, free: bool) -> File:
    words = r.choice(SIZES[(0 if number > 1 else 3) :])
    access = [bits for bits in (8, 16, 32, 64) if bits <= 4 * words]
    level = (
        {
            "name": f"L{number}",
            "energy": _energy(r, base),
            "access_bits": r.choice(access),
            "size": f"{words} words",
            "area_um2": words,
        }
        | _ports(r)
        | _tensors(r, free)
    )
    if r.random() < 0.2:
        level["double_buffered"] = True
    if r.random() < 0.25:
        level["leakage"] = r.choice([0.01, 0.5, 2])
    return level


def _separate(r: Random, levels: list[File]) -> None:
    """The two innermost levels become scratchpads beside one another, for different tensors."""
    own = [r.choice(ROLES)]
    others = [role for role in ROLES if role not in own]
    for level, mine, foreign in ((levels[-2], own, others), (levels[-1], others, own)):
        level["must_keep"], level["must_bypass"] = [], foreign
        if r.random() < 0.5:
            level["must_keep"] = mine


def _array(r: Random, levels: list[File], dims: Sequence[str], menus: bool) -> File:
    """Where fan-outs are, how wide, and what may run along them."""
    x, y = r.choice([1, 2, 3, 4, 4, 6, 8]), r.choice([1, 2, 3, 4, 4])
    below = r.randrange(len(levels))
    array: File = {"x": x, "y": y, "below": levels[below]["name"]}
    if below >= 1 and r.random() < 0.35:  # a second fan-out further out
        widths = {"x": x, "y": y}
        instances = {axis: r.choice([n for n in (1, 2, 3, 4) if width % n == 0]) for axis, width in widths.items()}
        for level in levels[r.randint(1, below) : below + 1]:
            level["instances"] = instances
    elif menus and r.random() < 0.4:
        array["x"] = sorted({x, x + 2})
    if r.random() < 0.35:
        mixed = r.sample(list(dims), len(dims))
        cut = r.randint(1, len(mixed))
        unroll = {"x": mixed[:cut], "y": mixed[max(0, cut - 1) :]}
        (array if r.random() < 0.5 else levels[below])["unroll"] = unroll
    return array


def random_machine(r: Random, dims: Sequence[str], *, blocks: bool, menus: bool, most_levels: int = 4) -> File:
    """A machine for layers with these dims; `blocks`: its multipliers take N:M blocks."""
    count = min(most_levels, r.choice([1, 2, 2, 3, 3, 3, 4]))
    outer = r.choice([50, 100, 200])
    levels: list[File] = [
        {"name": "L0", "energy": _energy(r, outer), "access_bits": r.choice([16, 32, 64])} | _ports(r)
    ]
    base = 20.0
    for number in range(1, count):
        levels.append(_inner(r, number, base, free=count < 4))
        base = round(base * r.choice([0.1, 0.3, 0.6]), 3)
    if menus and count > 1:
        level = r.choice(levels[1:])
        words = int(level["size"].split()[0])
        level["size"] = [level["size"], f"{r.choice([2 * words, words + 20])} words"]
    if count >= 3 and r.random() < 0.25:
        _separate(r, levels)
    if r.random() < 0.3:
        levels[0]["leakage"] = 0.5
    return {
        "name": "machine",
        "technology": "generic45",
        "clock_mhz": 1000,
        "word_bits": 16,
        "mac": {"energy": r.choice([0, 1, 2.5]), "area_um2": 10},
        "array": _array(r, levels, dims, menus),
        "accounting": r.choice(["timeloop", "timeloop", "looptree"]),
        "levels": levels,
    } | ({"sparsity": {"mode": r.choice(["skip", "gate"])}} if blocks else {})


def machine_of(file: File) -> Architecture:
    """The architecture that a parsed file describes."""
    return parse_architecture(load_exact(yaml.safe_dump(file)))
