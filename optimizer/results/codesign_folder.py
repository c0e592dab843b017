"""A co-design on disk: a folder with results of the single networks inside.

``result.json`` and ``certificate.json`` of the joint design, ``cross.csv``, ``networks/NAME`` (every network on the
joint design) and ``alone/NAME`` (its own best design); these are results of their own, as a solve writes them.
"""

from __future__ import annotations

import csv
import io
import re

from optimizer.bodies.codesign import CodesignBody
from optimizer.files.records import Json
from optimizer.results.formats import CODESIGN_FORMAT

CROSS_FILE = "cross.csv"
PARTS = ("networks", "alone")
FIGURES = ("energy_pj", "latency_cycles", "latency_ms", "power_w", "value", "loss_percent")


def is_codesign(data: Json) -> bool:
    """True for the contents of a co-design's ``result.json``."""
    return data.get("format") == CODESIGN_FORMAT


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


def cross_csv(body: CodesignBody) -> str:
    """The cross table, a line per design and network."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["design", "network", "area_um2", "status", *FIGURES, "aggregate", "improvement_percent"])
    for entry in body.cross:
        joint = [_plain(entry.aggregate), _plain(entry.improvement_percent)]
        for name, cell in entry.networks.items():
            figures = [_plain(getattr(cell.figures, key, None)) for key in FIGURES]
            writer.writerow([entry.design, name, entry.area_um2, cell.status or "", *figures, *joint])
    return text.getvalue()


def _plain(value: object) -> object:
    return "" if value is None else value
