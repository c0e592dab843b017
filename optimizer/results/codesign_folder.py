"""A co-design on disk: a folder with results of the single networks inside.

``result.json`` and ``certificate.json`` of the joint design, ``cross.csv``, ``networks/NAME`` (every network on the
joint design) and ``alone/NAME`` (its own best design); these are results of their own, as a solve writes them.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

from optimizer.results import folder as result_folder
from optimizer.results.formats import CODESIGN_FORMAT
from optimizer.results.result import CodesignResult

Data = dict[str, Any]
CROSS_FILE = "cross.csv"
PARTS = ("networks", "alone")
FIGURES = ("energy_pj", "latency_cycles", "latency_ms", "power_w", "value", "loss_percent")


def is_codesign(data: Data) -> bool:
    """True for the contents of a co-design's ``result.json``."""
    return data.get("format") == CODESIGN_FORMAT


def load(directory: str | Path) -> CodesignResult:
    """Read a co-design back.

    Raises
    ------
    SpecError
        If a file is missing, unreadable or no result.
    """
    folder, main = Path(directory), result_folder.load(directory)
    places_of = places([str(entry["name"]) for entry in main.data["networks"]])
    alone = {name: result_folder.load(folder / "alone" / place) for name, place in places_of.items()}
    design = {} if "hardware" not in main.data else places_of
    networks = {name: result_folder.load(folder / "networks" / place) for name, place in design.items()}
    return CodesignResult(main.data, main.certificate, networks=networks, alone=alone)


def places(names: list[str]) -> dict[str, str]:
    """A folder name for every network: letters, digits, ``._-``, with a number where two would be the same."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.-]", "_", name).strip(".") or "_"
        place, number = plain, 1
        while place.casefold() in taken:
            number += 1
            place = f"{plain}-{number}"
        taken.add(place.casefold())
        found[name] = place
    return found


def cross_csv(data: Data) -> str:
    """The cross table, a line per design and network."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["design", "network", "area_um2", "status", *FIGURES, "aggregate", "improvement_percent"])
    for entry in data["cross"]:
        for name, cell in entry["networks"].items():
            figures = [_plain(cell.get(key)) for key in FIGURES]
            joint = [_plain(entry[key]) for key in ("aggregate", "improvement_percent")]
            writer.writerow([entry["design"], name, entry["area_um2"], cell.get("status", ""), *figures, *joint])
    return text.getvalue()


def _plain(value: object) -> object:
    return "" if value is None else value
