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

Data = dict[str, Any]
Report = Callable[[Data], RenderableType]
REPORTS: dict[str, Report] = {
    formats.ADJUST_FILE: adjust_report,
    formats.EVALUATION_FILE: full_report,
    formats.MEMORY_FILE: memory_report,
    formats.SPARSE_FILE: sparse_report,
}
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
    found: list[RenderableType] = []
    for name, report in REPORTS.items():
        if (folder / name).is_file():
            found.append(report(result_folder.load_data(folder, name)))
    if (folder / formats.RESULT_FILE).is_file() or not found:
        found.append(_result_report(result_folder.load(folder).data))
    return Group(*(part for one in found for part in (one, Text()))) if len(found) > 1 else found[0]


def _result_report(data: Data) -> RenderableType:
    report = codesign_report if is_codesign(data) else study_report if "study" in data else full_report
    return report(data)


def _layer(folder: Path, name: str) -> RenderableType:
    """A layer of the result, or of the evaluation."""
    main = next((name for name in WITH_LAYERS if (folder / name).is_file()), formats.RESULT_FILE)
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
