"""Folders of results: reading any kind, and the rules of writing.

One table maps formats to classes. A folder holds results of one kind. A result with a better status or value is
overwritten only with `force`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from optimizer.errors import SpecError
from optimizer.problem.status import Status
from optimizer.results import codesign_folder, folder, formats
from optimizer.results.result import (
    AdjustResult,
    CodesignResult,
    EvaluationResult,
    MemoryResult,
    Result,
    SparseResult,
    StudyResult,
)

KINDS: tuple[type[Result], ...] = (
    AdjustResult,
    Result,
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
    where = Path(directory)
    name = main_file(where)
    data = folder.load_data(where, name)
    kind = CLASSES.get(str(data.get("format")))
    if kind is None or name != kind.MAIN:
        raise SpecError(
            "not a format of this version",
            file=str(where / name),
            field="format",
            value=data.get("format"),
            allowed=", ".join(known for known, one in CLASSES.items() if name == one.MAIN),
            remedy="make the result again with this version",
        )
    return _read(kind, where, data)


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


def _read(kind: type[Result], where: Path, data: dict[str, Any]) -> Result:
    if kind is CodesignResult:
        return codesign_folder.load(where)
    if kind is AdjustResult:
        if not folder.holds(where, formats.RESULT_FILE):
            return AdjustResult(data)
        onnx, yaml = (folder.place_of(where, name) for name in (formats.ADJUSTED_ONNX, formats.ADJUSTED_YAML))
        return AdjustResult(
            data,
            original=folder.load(where / formats.ORIGINAL),
            adjusted=folder.load(where),
            network_yaml=yaml.read_text(encoding="utf-8") if yaml.is_file() else "",
            network_onnx=onnx.read_bytes() if onnx.is_file() else None,
        )
    if kind.MAIN != formats.RESULT_FILE:
        return kind(data)
    found = folder.load(where)
    return kind(found.data, found.certificate, found.beside)


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
    files = result.files()
    old = set() if before is None else set(before.files()) - set(files)
    found = folder.write_files(files, where)
    for name in old:
        (where / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: something else is there
            (where / name).parent.rmdir()
    return found


def check_kind(where: Path, kind: type[Result], *, force: bool = False) -> None:
    """Refuse a folder that holds a result of another kind, before the work starts.

    Raises
    ------
    SpecError
    """
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
    except (SpecError, KeyError, TypeError, ValueError):
        return None


def _is_worse(result: Result, before: Result) -> bool:
    """True if the new result is worse than the saved one, by status or by value."""
    if "status" not in result.data or "status" not in before.data:
        return False
    now, then = (_RANK.get(one.status, len(_RANK)) for one in (result, before))
    if now != then or result.status is not Status.FEASIBLE or result.problem_hash != before.problem_hash:
        return now < then
    values = [None if one.objective is None else one.objective.value for one in (result, before)]
    return None not in values and values[0] > values[1]  # type: ignore[operator]
