"""Verification of a folder written by a command's ``--out``, file by file; what is not checked is named.

================== ==================================================== ===============================================
main file          other files                                          written by
================== ==================================================== ===============================================
``adjust.json``    ``result.json``, ``certificate.json``, adjusted      ``adjust``
                   networks, ``original/``
``result.json``    ``certificate.json``; of a study ``steps.csv``,      ``solve``, ``map``, ``study``, ``codesign``
                   ``cells.csv``; of a co-design ``cross.csv``,
                   ``networks/``, ``alone/``; ``layer_by_layer/``
``evaluation.json``                                                     ``evaluate --groups``
``memory.json``                                                         ``memory``
``sparse.json``                                                         ``sparse size``, ``interleave``, ``simulate``,
                                                                        ``report``, ``accuracy``
================== ==================================================== ===============================================

A folder may hold several kinds. Files of no kind, and fields that no check reads, are named.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from optimizer.bodies.codesign import CodesignBody
from optimizer.checker import adjust as adjusted
from optimizer.checker import csv_files as texts
from optimizer.checker.codesign import verify_joint
from optimizer.checker.effort import drawn
from optimizer.checker.evaluation import evaluation_checks
from optimizer.checker.outcome import NOT_CHECKED, Check
from optimizer.checker.searches import Searches
from optimizer.checker.solve import DAMAGED, damaged, teller, verify
from optimizer.checker.stored import load, load_codesign
from optimizer.checker.unread_fields import unread_fields
from optimizer.checker.verification import Verification
from optimizer.errors import SpecError, TilewrightError
from optimizer.files.records import from_json
from optimizer.problem.progress import Watch
from optimizer.results import codesign_folder, formats, study_csv
from optimizer.results import folder as result_folder
from optimizer.results.load import load_file

Data = dict[str, Any]
RESULT_FILES = (formats.RESULT_FILE, formats.CERTIFICATE_FILE)


@dataclass(frozen=True)
class Way:
    """Options of a verification: the searches, the effort, and the receiver of progress messages."""

    again: Searches | None
    thorough: bool
    seed: int
    progress: Watch | None
    started: float

    def say(self, message: str) -> None:
        """Report progress."""
        teller(self.progress, self.started)(message)


@dataclass(frozen=True)
class Kind:
    """Files that belong together: the names of those beside the main file, and their checks."""

    main: str
    files: Callable[[Data], list[str]]
    check: Callable[[Path, Way], Verification]


def verify_folder(
    directory: str | Path,
    again: Searches | None,
    *,
    thorough: bool = False,
    seed: int | None = None,
    progress: Watch | None = None,
) -> Verification:
    """Check everything in a folder that a command wrote.

    Parameters
    ----------
    directory : str or Path
    again : Searches or None
        Proves again what the bounds rest on. Without it this is named as not checked, and files that need a search for
        most of their checks are undecided.
    thorough : bool
        Prove everything again, not only samples.
    seed : int, optional
        Draws the samples; without one a fresh seed.
    progress : callable, optional
        Called with a :class:`Progress` that says what is being checked.

    Raises
    ------
    SpecError
        If no command wrote this folder, or a file is missing or unreadable.
    """
    chosen = drawn(seed)
    folder, way = Path(directory), Way(again, thorough, chosen, progress, time.perf_counter())
    kinds = kinds_of(folder)
    parts = [_checked(kind, folder, way) for kind in kinds]
    checks = []
    for kind, part in zip(kinds, parts, strict=True):
        label = f"{kind.main}: " if len(kinds) > 1 else ""
        checks += [
            check if check.name == NOT_CHECKED else check._replace(name=label + check.name) for check in part.checks
        ]
    known = {name for kind in kinds for name in _files(kind, folder)}
    found = sorted(result_folder.names_in(folder))
    checks += [Check(NOT_CHECKED, True, name) for name in found if name not in known]
    return Verification(
        checks,
        tuple(tally for part in parts for tally in part.proofs),
        chosen,
        time.perf_counter() - way.started,
        "; ".join(part.checked for part in parts),
        tuple(text for part in parts for text in part.unproved),
    )


def kinds_of(folder: Path) -> list[Kind]:
    """The kinds of files in a folder; a main file that is part of another kind is not counted by itself.

    Raises
    ------
    SpecError
        If it holds none.
    """
    if not folder.is_dir():
        raise SpecError(
            "there is no such folder",
            file=str(folder),
            allowed=f"a folder with {', '.join(k.main for k in KINDS)}",
            remedy="give the folder that --out wrote",
        )
    found: list[Kind] = []
    for kind in KINDS:
        if result_folder.holds(folder, kind.main) and not any(kind.main in _files(other, folder) for other in found):
            found.append(kind)
    if not found:
        raise SpecError(
            "no command wrote this folder",
            file=str(folder),
            remedy="give the folder that --out wrote",
            allowed=f"one of {', '.join(kind.main for kind in KINDS)} in it",
        )
    return found


def states_problem(directory: str | Path) -> bool:
    """True if the first main file of a folder states a problem of networks."""
    main = kinds_of(Path(directory))[0].main
    problem = result_folder.load_data(directory, main).get("problem")
    return isinstance(problem, dict) and bool({"network", "networks"} & set(problem))


def stated_problem(directory: str | Path) -> Data:
    """The problem that the first main file of a folder states.

    Raises
    ------
    SpecError
        If it states none.
    """
    main = kinds_of(Path(directory))[0].main
    data = result_folder.load_data(directory, main)
    if not states_problem(directory):
        raise SpecError(
            "it states no problem of networks",
            file=str(Path(directory) / main),
            field="problem",
            value=data.get("problem"),
            allowed="a result of solve, map, codesign, study, adjust, evaluate or memory",
            remedy="leave --network and --architecture out",
        )
    problem: Data = data["problem"]
    return problem


def _checked(kind: Kind, folder: Path, way: Way) -> Verification:
    """The checks of one kind; unreadable files fail."""
    try:
        found = kind.check(folder, way)
    except TilewrightError:
        raise
    except DAMAGED as error:
        found = Verification([damaged(kind.main, error)])
    unread = [Check(NOT_CHECKED, True, fields) for fields in unread_fields(folder, _files(kind, folder))]
    return replace(found, checks=[*found.checks, _typed(folder, kind), *unread])


def _typed(folder: Path, kind: Kind) -> Check:
    """Whether the folder can be loaded and shown: every field is of its type, also one that no check reads."""
    try:
        load_file(folder, kind.main)
    except SpecError as error:
        return Check("fields", False, " ".join(str(error).split()))
    return Check("fields", True, "all there, known and of their types")


def _files(kind: Kind, folder: Path) -> list[str]:
    """The files of a kind; only the main file if it is damaged, so that its check fails."""
    data = result_folder.load_data(folder, kind.main)
    try:
        return [kind.main, *kind.files(data)]
    except (KeyError, TypeError, AttributeError):
        return [kind.main]


def _result_files(data: Data) -> list[str]:
    """Files of a result, a study or a co-design."""
    found = [formats.CERTIFICATE_FILE]
    if codesign_folder.is_codesign(data):
        places = codesign_folder.places([str(entry["name"]) for entry in data.get("networks") or []]).values()
        parts = codesign_folder.PARTS if "hardware" in data else ("alone",)
        found += [f"{part}/{place}/{name}" for part in parts for place in places for name in RESULT_FILES]
        found.append(codesign_folder.CROSS_FILE)
    beside = formats.folder_beside(data)
    if beside is not None:
        found += [f"{beside}/{name}" for name in RESULT_FILES]
    if "study" in data:
        found += study_csv.file_names(data["study"]["kind"])
    return found


def _check_result(folder: Path, way: Way) -> Verification:
    result = load(folder)
    data = result.data
    if codesign_folder.is_codesign(data):
        found = verify_joint(
            load_codesign(folder), way.again, thorough=way.thorough, seed=way.seed, progress=way.progress
        )
    else:
        found = verify(result, way.again, thorough=way.thorough, seed=way.seed, progress=way.progress)
    return replace(found, checks=[*found.checks, *texts.text_checks(folder, _texts(data))])


def _texts(data: Data) -> list[texts.Made]:
    """The CSV files that belong to a result, made again from its data."""
    if codesign_folder.is_codesign(data):
        return [(codesign_folder.CROSS_FILE, lambda: codesign_folder.cross_csv(from_json(CodesignBody, data)))]
    if "study" not in data:
        return []
    kind = data["study"]["kind"]
    made = {name: partial(_study_text, data, number) for number, name in enumerate(study_csv.file_names(kind))}
    return list(made.items())


def _study_text(data: Data, number: int) -> str:
    """One of the files beside a study."""
    body = study_csv.study_body(data)
    return study_csv.study_files(body)[number][1](body)


def _adjust_files(data: Data) -> list[str]:
    if "after" not in data:
        return []
    own = [*RESULT_FILES, formats.ADJUSTED_YAML, *(f"{formats.ORIGINAL}/{name}" for name in RESULT_FILES)]
    return [*own, formats.ADJUSTED_ONNX] if "onnx" not in data else own


def _check_adjustment(folder: Path, way: Way) -> Verification:
    return adjusted.verify_adjusted(folder, way.again, thorough=way.thorough, seed=way.seed, progress=way.progress)


def _check_evaluation(folder: Path, way: Way) -> Verification:
    data = result_folder.load_data(folder, formats.EVALUATION_FILE)
    return Verification(list(evaluation_checks(data, way.say, way.again)), checked="both designs and what follows")


def _check_memory(folder: Path, way: Way) -> Verification:
    data = result_folder.load_data(folder, formats.MEMORY_FILE)
    if way.again is None:
        return _undecided(formats.MEMORY_FILE)
    checks = way.again.memory(data, thorough=way.thorough, say=way.say)
    return Verification(list(checks), checked="the plan of memory, its figures and its proof")


def _check_sparse(folder: Path, way: Way) -> Verification:
    data = result_folder.load_data(folder, formats.SPARSE_FILE)
    if way.again is None:
        return _undecided(formats.SPARSE_FILE)
    return Verification(list(way.again.sparse(data, way.say)), checked="the engine and its figures")


def _undecided(main: str) -> Verification:
    """The outcome for a file whose checks all need a search, if none is given."""
    return Verification([Check(main, None, "its checks solve again, and nothing was searched")])


def _alone(data: Data) -> list[str]:
    return []


KINDS = (
    Kind(formats.ADJUST_FILE, _adjust_files, _check_adjustment),
    Kind(formats.RESULT_FILE, _result_files, _check_result),
    Kind(formats.EVALUATION_FILE, _alone, _check_evaluation),
    Kind(formats.MEMORY_FILE, _alone, _check_memory),
    Kind(formats.SPARSE_FILE, _alone, _check_sparse),
)
