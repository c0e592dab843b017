"""Lies about whole folders: a number changed wherever it stands, in one place, or in a table; sections gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

Place = tuple[Any, ...]
FolderLie = Callable[[Path, Random], str | None]
"""Changes a folder; the name of the field that was changed, or None if there was nothing to change."""
UNREAD = {"versions", "seed", "wall_s", "search", "workers"}
"""What a run was, not what it found: named, not checked."""
WEAKER = (("complete", True), ("proved", True))
"""That something is not known to be so, where it is, is true still."""
QUESTION = {"problem", "request"}
"""Another question with its own true answer is no forgery; ``verify --network`` compares questions."""


def leaves(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """All numbers and texts of a file, but those that nobody can check and those of the question."""
    if isinstance(data, dict | list):
        for key, inner in data.items() if isinstance(data, dict) else enumerate(data):
            if key not in UNREAD | QUESTION and (key, inner) not in WEAKER:
                yield from leaves(inner, (*place, key))
    elif data is not None:
        yield place, data


def replace(data: Any, place: Place, value: Any) -> None:
    """Put another value at a place."""
    for key in place[:-1]:
        data = data[key]
    data[place[-1]] = value


def moved(value: Any, random: Random) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        words = ("OPTIMAL", "FEASIBLE", "INFEASIBLE")
        return random.choice([w for w in words if w != value]) if value in words else value + "x"
    return random.choice([value * 3 + 1, value // 2 - 1, value + 1]) if isinstance(value, int) else value * 1.5 + 1e-3


def json_files(folder: Path) -> list[Path]:
    """The JSON files of a folder and those inside of it."""
    return sorted(folder.rglob("*.json"))


def everywhere(folder: Path, random: Random) -> str | None:
    """A number of one file is another one, in all files, wherever the same number stands."""
    path = random.choice(json_files(folder))
    place, value = random.choice([(p, v) for p, v in leaves(json.loads(path.read_text())) if type(v) in (int, float)])
    new = moved(value, random)
    for other in json_files(folder):
        data = json.loads(other.read_text())
        for found, stated in list(leaves(data)):
            if type(stated) is type(value) and stated == value:
                replace(data, found, new)
        other.write_text(json.dumps(data))
    return _name(place)


def one_place(folder: Path, random: Random) -> str | None:
    """A number or a word of one file."""
    path = random.choice(json_files(folder))
    data = json.loads(path.read_text())
    place, value = random.choice(list(leaves(data)))
    replace(data, place, moved(value, random))
    path.write_text(json.dumps(data))
    return _name(place)


def lost(folder: Path, random: Random) -> str | None:
    """A section of a file is gone."""
    path = random.choice(json_files(folder))
    data = json.loads(path.read_text())
    key = random.choice(sorted(key for key, stated in data.items() if key not in UNREAD and stated is not None))
    del data[key]
    path.write_text(json.dumps(data))
    return str(key)


def table(folder: Path, random: Random) -> str | None:
    """A cell of a CSV file."""
    paths = sorted(folder.rglob("*.csv"))
    if not paths:
        return None
    path = random.choice(paths)
    lines = path.read_text().splitlines()
    row = random.randrange(len(lines))
    cells = lines[row].split(",")
    column = random.randrange(len(cells))
    cells[column] = cells[column] + "1"
    lines[row] = ",".join(cells)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path.name


def _name(place: Place) -> str:
    return ".".join(str(key) for key in place if not isinstance(key, int))


FOLDER_LIES: list[FolderLie] = [everywhere, everywhere, one_place, lost, table]
FOLDER_KINDS = (
    "adjust",
    "no_widths",
    "memory",
    "no_memory",
    "kept",
    "size",
    "no_size",
    "evaluate",
    "interleave",
    "report",
)
