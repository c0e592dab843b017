"""Results as their files hold them: JSON data that nobody has read yet. The checks trust nothing in them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import SpecError
from optimizer.results.codesign_folder import places
from optimizer.results.folder import load_data
from optimizer.results.formats import CERTIFICATE_FILE, RESULT_FILE, folder_beside
from optimizer.results.kinds import CodesignResult, SolveResult
from optimizer.results.result import Result

Data = dict[str, Any]


@dataclass
class StoredResult:
    """Contents of ``result.json`` and ``certificate.json``; ``beside`` is the result that a comparison is with."""

    data: Data
    certificate: Data = field(default_factory=dict)
    beside: StoredResult | None = None

    @property
    def status(self) -> object:
        """The status that it states."""
        return self.data["status"]


@dataclass
class StoredCodesign(StoredResult):
    """A co-design, with the results of every network on the joint design and by itself."""

    networks: dict[str, StoredResult] = field(default_factory=dict)
    alone: dict[str, StoredResult] = field(default_factory=dict)


def as_stored(data: Data) -> Data:
    """The data as read back from a file."""
    stored: Data = json.loads(json.dumps(data))
    return stored


def stored(result: Result) -> StoredResult:
    """A result of a solve, a study or a co-design as its files would hold it."""
    files = result.files()
    data, certificate = (json.loads(files[name]) for name in (RESULT_FILE, CERTIFICATE_FILE))
    if isinstance(result, CodesignResult):
        networks, alone = ({n: stored(one) for n, one in part.items()} for part in (result.networks, result.alone))
        return StoredCodesign(data, certificate, networks=networks, alone=alone)
    beside = result.beside if isinstance(result, SolveResult) else None
    return StoredResult(data, certificate, None if beside is None else stored(beside))


def opened(source: str | Path | Result | StoredResult) -> StoredResult:
    """The stored form of a result in memory, or of the one in a folder; errors are those of :func:`load`."""
    if isinstance(source, StoredResult):
        return source
    return stored(source) if isinstance(source, Result) else load(source)


def load(directory: str | Path) -> StoredResult:
    """Read ``result.json`` and ``certificate.json`` from a folder.

    Raises
    ------
    SpecError
        If the folder or one of its files is missing, unreadable or no result.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise SpecError(
            "there is no such folder",
            file=str(folder),
            allowed=f"a folder with {RESULT_FILE}",
            remedy="give the folder that --out wrote",
        )
    expected = f"{RESULT_FILE} and {CERTIFICATE_FILE}"
    data = load_data(folder, RESULT_FILE, expected)
    if not isinstance(data.get("status"), str):
        raise SpecError(
            "not a result of Tilewright",
            file=str(folder / RESULT_FILE),
            field="status",
            value=data.get("status"),
            allowed="OPTIMAL, FEASIBLE, INFEASIBLE, UNKNOWN",
            remedy="solve again into this folder",
        )
    place = folder_beside(data)
    beside = None if place is None or not (folder / place).is_dir() else load(folder / place)
    return StoredResult(data, load_data(folder, CERTIFICATE_FILE, expected), beside)


def opened_codesign(source: str | Path | CodesignResult | StoredCodesign) -> StoredCodesign:
    """The stored form of a co-design in memory, or of the one in a folder."""
    found = source if isinstance(source, str | Path) else opened(source)
    return found if isinstance(found, StoredCodesign) else load_codesign(str(found))


def load_codesign(directory: str | Path) -> StoredCodesign:
    """Read a co-design with the results inside of its folder; errors are those of :func:`load`."""
    folder, main = Path(directory), load(directory)
    places_of = places([str(entry["name"]) for entry in main.data["networks"]])
    alone = {name: load(folder / "alone" / place) for name, place in places_of.items()}
    design = {} if "hardware" not in main.data else places_of
    networks = {name: load(folder / "networks" / place) for name, place in design.items()}
    return StoredCodesign(main.data, main.certificate, networks=networks, alone=alone)
