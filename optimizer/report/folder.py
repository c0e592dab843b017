"""A folder that a command wrote, as tables and text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from optimizer.bodies.evaluation import EvaluationBody
from optimizer.bodies.solve import SolveBody
from optimizer.errors import SpecError
from optimizer.report.adjust import adjust_report
from optimizer.report.codesign import codesign_report
from optimizer.report.memory import memory_report
from optimizer.report.solve import full_report, layer_report
from optimizer.report.sparse import sparse_report
from optimizer.report.study import study_report
from optimizer.results import folder as result_folder
from optimizer.results import formats
from optimizer.results.kinds import (
    AdjustResult,
    CodesignResult,
    EvaluationResult,
    MemoryResult,
    SolveResult,
    SparseResult,
    StudyResult,
)
from optimizer.results.load import MAIN_FILES, load_design, load_file
from optimizer.results.result import Result

REPORTS: dict[type[Result], Callable[[Any], RenderableType]] = {
    SolveResult: full_report,
    EvaluationResult: full_report,
    StudyResult: study_report,
    CodesignResult: codesign_report,
    AdjustResult: adjust_report,
    MemoryResult: memory_report,
    SparseResult: sparse_report,
}
"""By the kind of result; each takes its body."""
WITH_LAYERS = (formats.RESULT_FILE, formats.EVALUATION_FILE)


def folder_report(directory: str | Path, layer: str | None = None) -> RenderableType:
    """Everything that a folder holds, or one layer of its result.

    Raises
    ------
    SpecError
        If no command wrote it, or there is no such layer in it.
    """
    folder = Path(directory)
    if not folder.is_dir():
        load_design(folder)
    if layer is not None:
        return _layer(folder, layer)
    names = [name for name in (*MAIN_FILES, formats.RESULT_FILE) if result_folder.holds(folder, name)]
    others = [name for name in dict.fromkeys(names) if name != formats.RESULT_FILE]
    found = [_report(load_file(folder, name)) for name in others]
    if formats.RESULT_FILE in names or not found:
        found.append(_report(load_design(folder)))
    return Group(*(part for one in found for part in (one, Text()))) if len(found) > 1 else found[0]


def _report(result: Result) -> RenderableType:
    return REPORTS[type(result)](result.body)


def _layer(folder: Path, name: str) -> RenderableType:
    """A layer of the result, or of the evaluation."""
    main = next((name for name in WITH_LAYERS if result_folder.holds(folder, name)), formats.RESULT_FILE)
    result = load_file(folder, main)
    if isinstance(result.body, SolveBody | EvaluationBody):
        return layer_report(result.body, name)
    raise SpecError(
        "layers are in the results of the networks",
        field="--layer",
        value=name,
        file=str(folder),
        allowed=f"{folder}/networks/NETWORK or {folder}/alone/NETWORK",
        remedy="give one of these folders",
    )
