"""A folder that a command wrote, as tables and text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from optimizer.errors import SpecError
from optimizer.report.adjust import adjust_report
from optimizer.report.codesign import codesign_report
from optimizer.report.memory import memory_report
from optimizer.report.solve import full_report, layer_report
from optimizer.report.sparse import sparse_report
from optimizer.report.study import study_report
from optimizer.results import folder as result_folder
from optimizer.results import formats
from optimizer.results.codesign_folder import is_codesign
from optimizer.results.load import MAIN_FILES

Data = dict[str, Any]
Report = Callable[[Data], RenderableType]
REPORTS: dict[object, Report] = {
    formats.STUDY_FORMAT: study_report,
    formats.CODESIGN_FORMAT: codesign_report,
    formats.ADJUST_FORMAT: adjust_report,
    formats.MEMORY_FORMAT: memory_report,
    formats.SPARSE_FORMAT: sparse_report,
}
"""By format; all others are designs of one network."""
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
        result_folder.load(folder)
    if layer is not None:
        return _layer(folder, layer)
    others = [name for name in MAIN_FILES if name != formats.RESULT_FILE and result_folder.holds(folder, name)]
    found = [_report(result_folder.load_data(folder, name)) for name in others]
    if result_folder.holds(folder, formats.RESULT_FILE) or not found:
        found.append(_report(result_folder.load(folder).data))
    return Group(*(part for one in found for part in (one, Text()))) if len(found) > 1 else found[0]


def _report(data: Data) -> RenderableType:
    return REPORTS.get(data.get("format"), full_report)(data)


def _layer(folder: Path, name: str) -> RenderableType:
    """A layer of the result, or of the evaluation."""
    main = next((name for name in WITH_LAYERS if result_folder.holds(folder, name)), formats.RESULT_FILE)
    whole = main == formats.RESULT_FILE
    data = result_folder.load(folder).data if whole else result_folder.load_data(folder, main)
    if is_codesign(data):
        raise SpecError(
            "layers are in the results of the networks",
            field="--layer",
            value=name,
            file=str(folder),
            allowed=f"{folder}/networks/NETWORK or {folder}/alone/NETWORK",
            remedy="give one of these folders",
        )
    return layer_report(data, name)
