"""Results on disk: folders, whose files appear together.

All files of a result are first written into a temporary folder, with a list of the files that go. That folder is
renamed to :data:`NEXT` in one step. Then its files are moved to their final places, and those that go are removed; the
list goes last. After a kill in between, the files in place may be of two results, and nothing shows that whoever filled
:data:`NEXT` was the writer. So every reader refuses such a folder and says how to finish it; whatever writes into the
folder finishes it first. What is read is always what stands in the folder itself.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from optimizer.errors import SpecError
from optimizer.files.arguments import check_path
from optimizer.files.json_text import parse_json
from optimizer.files.records import Json
from optimizer.results.result import Files

NEXT = ".next"
REMOVED = ".removed"
"""The list of the files that go, in :data:`NEXT`: a JSON list of paths."""


def write_files(files: Files, directory: str | Path, removed: Iterable[str] = ()) -> Path:
    """Write files into a folder, which is created if needed; they appear together.

    Parameters
    ----------
    files : dict of str to bytes
        Contents by path inside of the folder.
    removed : iterable of str
        Paths inside of the folder that go, if they are there.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    SpecError
        If the folder cannot be made or written.
    """
    folder = _made(directory)
    finish_writing(folder)
    try:
        aside = Path(tempfile.mkdtemp(prefix=".part", dir=folder))
        try:
            for name, content in files.items():
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                _write_parts(aside / name, [content])
            _write_parts(aside / REMOVED, [json.dumps(sorted(set(removed) - set(files))).encode()])
            aside.rename(folder / NEXT)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    except OSError as error:
        raise _unwritable(folder, error) from None
    finish_writing(folder)
    return folder


def finish_writing(folder: Path) -> None:
    """Move the files that a killed command left in :data:`NEXT` to their final places, and remove those that go.

    Raises
    ------
    SpecError
        If the folder cannot be written.
    """
    waiting = folder / NEXT
    if not waiting.is_dir():
        return
    try:
        going = _going(waiting)
        for path in sorted(path for path in waiting.rglob("*") if path.is_file() and path != waiting / REMOVED):
            place = folder / path.relative_to(waiting)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        for place in (folder / name for name in going):
            place.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty: something else is there
                place.parent.rmdir()
        shutil.rmtree(waiting)
    except OSError as error:
        raise _unwritable(folder, error) from None


def _going(waiting: Path) -> list[str]:
    """Paths of the files that go, none of them outside of the folder.

    Raises
    ------
    SpecError
        If the list is damaged.
    """
    path = waiting / REMOVED
    if not path.is_file():
        return []
    try:
        names = parse_json(path.read_text(encoding="utf-8"), str(path))
    except (ValueError, RecursionError):
        names = None
    inside = isinstance(names, list) and all(
        isinstance(name, str) and not Path(name).is_absolute() and ".." not in Path(name).parts for name in names
    )
    if not inside:
        raise SpecError(
            "the list of files that go is damaged",
            file=str(path),
            allowed="a JSON list of paths inside of the folder",
            remedy=f"name another folder, or remove {waiting}",
        )
    found: list[str] = names
    return found


def check_finished(folder: Path) -> None:
    """Refuse to read a folder of which files still wait in :data:`NEXT`, its own or that of a folder around it.

    Raises
    ------
    SpecError
    """
    where = folder.resolve()
    for around in (where, *where.parents):
        waiting = around / NEXT / where.relative_to(around)
        files = sorted(path.relative_to(waiting).as_posix() for path in waiting.rglob("*") if path.is_file())
        if files:
            raise SpecError(
                "the folder is being written, or a command was stopped while it wrote it",
                file=str(folder),
                field=NEXT,
                value=files,
                allowed=f"a folder without waiting files in {around / NEXT}",
                remedy="run the command again with the same --out, which finishes it",
            )


def place_of(folder: Path, name: str) -> Path:
    """Path of a file of a finished folder; the file may be missing.

    Raises
    ------
    SpecError
        If the folder is not finished (:func:`check_finished`).
    """
    check_finished(folder)
    return folder / name


def holds(folder: Path, name: str) -> bool:
    """True if a folder has such a file; errors are those of :func:`place_of`."""
    return place_of(folder, name).is_file()


def names_in(folder: Path) -> set[str]:
    """Names of all files in and below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def check_writable(directory: str | Path) -> None:
    """Test that a result can be saved in a folder; a missing folder is created and removed again.

    Raises
    ------
    SpecError
        If it is a file, or cannot be made or written.
    """
    check_path(directory)
    folder = Path(directory)
    missing = list(itertools.takewhile(lambda path: not path.exists(), (folder, *folder.parents)))
    try:
        _made(folder)
    finally:
        for path in missing:
            with contextlib.suppress(OSError):  # never made, or another run has put something there
                path.rmdir()


def _made(directory: str | Path) -> Path:
    check_path(directory)
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise SpecError(
            "the output folder is an existing file",
            file=str(folder),
            allowed="a folder, new or existing",
            remedy="name another folder, or move the file away",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None
    return folder


def load_data(directory: str | Path, name: str, expected: str | None = None) -> Json:
    """Read a JSON file of a folder; `expected` are the files that the folder should hold.

    Raises
    ------
    SpecError
        If it is missing, unreadable, no JSON object, or has a key twice.
    """
    path = Path(directory) / name
    try:
        data = parse_json(place_of(Path(directory), name).read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise SpecError(
            "there is no such file",
            file=str(path),
            allowed=expected or name,
            remedy="give the folder that --out wrote",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise SpecError(
            f"cannot read the file: {error}",
            file=str(path),
            allowed="JSON in UTF-8",
            remedy="solve again into this folder",
        ) from None
    if not isinstance(data, dict):
        raise SpecError(
            "not a result of Tilewright",
            file=str(path),
            value=type(data).__name__,
            allowed="a JSON object",
            remedy="solve again into this folder",
        )
    return data


def save_lines(lines: Iterable[str], path: Path) -> None:
    """Write a text file of these lines; it appears whole or not at all.

    Raises
    ------
    SpecError
        If it cannot be written.
    """
    save_parts((f"{line}\n".encode() for line in lines), path)


def save_parts(parts: Iterable[bytes], path: Path) -> None:
    """Write a file made of these parts, as :func:`save_lines` does."""
    try:
        _write_parts(path, parts)
    except OSError as error:
        raise SpecError(
            f"cannot write the file: {error.strerror or error}",
            file=str(path),
            allowed="a file in a folder that exists and may be written",
            remedy="name another file",
        ) from None


def _write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write to a neighbour file first, then rename."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        _give_usual_permissions(temporary)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _give_usual_permissions(path: str) -> None:
    """Temporary files are private; results are as readable as any file the user writes."""
    mask = os.umask(0)
    os.umask(mask)
    Path(path).chmod(0o666 & ~mask)


def _unwritable(folder: Path, error: OSError) -> SpecError:
    return SpecError(
        f"cannot write the output folder: {error.strerror or error}",
        file=str(folder),
        allowed="a folder that may be written",
        remedy="name another folder, or change its permissions",
    )
