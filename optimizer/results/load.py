"""Folders of results: reading any kind, and the rules of writing.

One table maps formats to classes. A folder holds results of one kind. A result with a better status or value is
overwritten only with `force`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from optimizer.bodies.adjust import AdjustBody
from optimizer.bodies.certificates import Certificate, CodesignCertificate, SolveCertificate
from optimizer.bodies.head import Rated
from optimizer.errors import SpecError
from optimizer.files.arguments import check_arguments
from optimizer.files.records import from_json
from optimizer.problem.status import Status
from optimizer.results import folder, formats
from optimizer.results.codesign_folder import places
from optimizer.results.kinds import (
    AdjustResult,
    CodesignResult,
    EvaluationResult,
    MemoryResult,
    SolveResult,
    SparseResult,
    StudyResult,
)
from optimizer.results.result import Result

KINDS: tuple[type[Result], ...] = (
    AdjustResult,
    SolveResult,
    StudyResult,
    CodesignResult,
    EvaluationResult,
    MemoryResult,
    SparseResult,
)
CLASSES: dict[str, type[Result]] = {kind.FORMAT: kind for kind in KINDS}
MAIN_FILES = tuple(dict.fromkeys(kind.MAIN for kind in KINDS))
"""An adjustment holds results of solves too, so its own file comes first."""
_RANK = {Status.UNKNOWN: 0, Status.FEASIBLE: 1}


def load_result(directory: str | Path) -> Result:
    """Read back what :func:`save_result` or a command's ``--out`` wrote.

    Returns
    -------
    Result
        A result of the class for its format.

    Raises
    ------
    SpecError
        If no command wrote this folder, a file is missing or unreadable, or its format is not known to this version.
    """
    check_arguments(directory=(directory, str | Path))
    where = Path(directory)
    return load_file(where, main_file(where))


def load_design(directory: str | Path) -> Result:
    """Read the result of a solve, a study or a co-design, also one that lies beside an adjustment.

    Raises
    ------
    SpecError
        If there is no ``result.json``, or it cannot be read.
    """
    where = Path(directory)
    if not where.is_dir():
        raise SpecError(
            "there is no such folder",
            file=str(where),
            allowed=f"a folder with {formats.RESULT_FILE}",
            remedy="give the folder that --out wrote",
        )
    return load_file(where, formats.RESULT_FILE)


def load_file(where: Path, name: str) -> Result:
    """The result that a main file of a folder holds; errors are those of :func:`load_result`."""
    expected = f"{name} and {formats.CERTIFICATE_FILE}" if name == formats.RESULT_FILE else name
    data = folder.load_data(where, name, expected)
    kind = CLASSES.get(str(data.get("format")))
    if kind is None or name != kind.MAIN:
        raise SpecError(
            "not a format of this version" if "format" in data else "not a result of Tilewright",
            file=str(where / name),
            field="format",
            value=data.get("format"),
            allowed=", ".join(known for known, one in CLASSES.items() if name == one.MAIN),
            remedy="make the result again with this version",
        )
    body: Any = from_json(kind.BODY, data, str(where / name))
    if name != formats.RESULT_FILE:
        return _adjustment(where, body) if kind is AdjustResult else kind(body)
    stated = folder.load_data(where, formats.CERTIFICATE_FILE, expected)
    proof = str(where / formats.CERTIFICATE_FILE)
    if kind is CodesignResult:
        return _codesign(where, CodesignResult(body, from_json(CodesignCertificate, stated, proof)))
    if kind is StudyResult:
        return StudyResult(body, from_json(Certificate, stated, proof))
    place = formats.folder_beside(data)
    beside = None if place is None or not (where / place).is_dir() else _solve(where / place)
    return SolveResult(body, from_json(SolveCertificate, stated, proof), beside)


def _solve(where: Path) -> SolveResult:
    """The result of a solve, inside of the folder of another result."""
    found = load_design(where)
    if not isinstance(found, SolveResult):
        raise SpecError(
            "a result of another kind",
            file=str(where / formats.RESULT_FILE),
            field="format",
            value=found.FORMAT,
            allowed=SolveResult.FORMAT,
            remedy="make the result again with this version",
        )
    return found


def _codesign(where: Path, main: CodesignResult) -> CodesignResult:
    """With the results of the single networks."""
    found = places([entry.name for entry in main.body.networks])
    alone = {name: _solve(where / "alone" / place) for name, place in found.items()}
    design = {} if main.body.chip is None else found
    networks = {name: _solve(where / "networks" / place) for name, place in design.items()}
    return replace(main, networks=networks, alone=alone)


def _adjustment(where: Path, body: AdjustBody) -> AdjustResult:
    """With the designs before and after, and the adjusted network."""
    if not folder.holds(where, formats.RESULT_FILE):
        return AdjustResult(body)
    onnx, yaml = (folder.place_of(where, name) for name in (formats.ADJUSTED_ONNX, formats.ADJUSTED_YAML))
    try:
        network = yaml.read_text(encoding="utf-8") if yaml.is_file() else ""
    except UnicodeDecodeError as error:
        raise SpecError(
            f"cannot read the file: {error}",
            file=str(yaml),
            allowed="YAML in UTF-8",
            remedy="adjust again into this folder",
        ) from None
    model = onnx.read_bytes() if onnx.is_file() else None
    return AdjustResult(
        body,
        original=_solve(where / formats.ORIGINAL),
        adjusted=_solve(where),
        network_yaml=network,
        make_onnx=None if model is None else lambda: model,
    )


def main_file(where: Path) -> str:
    """The main file of a folder.

    Raises
    ------
    SpecError
        If there is none.
    """
    for name in MAIN_FILES:
        if folder.holds(where, name):
            return name
    raise SpecError(
        "no command wrote this folder" if where.is_dir() else "there is no such folder",
        file=str(where),
        allowed=f"a folder with one of {', '.join(MAIN_FILES)}",
        remedy="give the folder that --out wrote",
    )


def save_result(result: Result, directory: str | Path, *, force: bool = False) -> Path:
    """Write all files of a result into a folder; they appear together.

    Parameters
    ----------
    result : Result
    directory : str or Path
        Created if needed. Files of earlier runs in it are removed.
    force : bool
        Overwrite a result of another kind, or one with a better status or value (UNKNOWN over OPTIMAL, a worse value).

    Raises
    ------
    SpecError
        If the folder cannot be written, or holds a result that only `force` overwrites.
    """
    where = Path(directory)
    check_kind(where, type(result), force=force)
    before = _known(where)
    if before is not None and not force and _is_worse(result, before):
        raise SpecError(
            f"the folder holds a better answer: {before.status}, this one is {result.status}",
            file=str(where),
            field="status",
            value=str(result.status),
            allowed=f"an answer that is no worse than {before!r}",
            remedy="name another folder, or use --force (force=True)",
        )
    old = {*MAIN_FILES, formats.CERTIFICATE_FILE, *(() if before is None else before.files())}
    return folder.write_files(result.files(), where, old)


def check_kind(where: Path, kind: type[Result], *, force: bool = False) -> None:
    """Refuse a folder that holds a result of another kind, before the work starts; it is finished first if a command
    was killed while it wrote it.

    Raises
    ------
    SpecError
    """
    folder.finish_writing(where)
    there = next((name for name in MAIN_FILES if folder.holds(where, name)), None)
    if there is None or force:
        return
    stated = folder.load_data(where, there).get("format")
    if stated != kind.FORMAT:
        raise SpecError(
            "the folder holds a result of another kind",
            file=str(where / there),
            field="format",
            value=stated,
            allowed=f"{kind.FORMAT}, or an empty folder",
            remedy="name another folder, or use --force (force=True)",
        )


def _known(where: Path) -> Result | None:
    """The result in a folder; None if there is none, or none that can be read."""
    try:
        return load_result(where)
    except SpecError:
        return None


def _is_worse(result: Result, before: Result) -> bool:
    """True if the new result is worse than the saved one, by status or by value."""
    if not (isinstance(result.body, Rated) and isinstance(before.body, Rated)):
        return False
    now, then = (_RANK.get(one.status, len(_RANK)) for one in (result, before))
    if now != then or result.status is not Status.FEASIBLE or result.problem_hash != before.problem_hash:
        return now < then
    new, old = (None if one.objective is None else one.objective.value for one in (result, before))
    return new is not None and old is not None and new > old
