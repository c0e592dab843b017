"""Pictures of results through matplotlib, the extra ``plot``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from optimizer.errors import SpecError
from optimizer.results.folder import save_parts

FORMATS = (".svg", ".png", ".pdf")


def check_picture(path: str | Path) -> None:
    """Refuse a picture that cannot be drawn, before any work is done.

    Raises
    ------
    SpecError
        On another format, a folder that is not there, or if matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in FORMATS:
        raise SpecError(
            "unknown format of a picture",
            field="--plot",
            value=str(path),
            allowed=", ".join(FORMATS),
            remedy="name the file e.g. plot.svg",
        )
    if not Path(path).absolute().parent.is_dir():
        raise SpecError(
            "there is no such folder",
            field="--plot",
            value=str(path),
            allowed="a file in a folder that exists",
            remedy="make the folder, or name another one",
        )
    new_figure(1, 1)


def new_figure(width: float, height: float) -> Any:
    """An empty figure of this size in inches.

    Raises
    ------
    SpecError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise SpecError(
            "drawing needs matplotlib",
            field="--plot",
            value="not installed",
            allowed="the extra `plot`",
            remedy="pip install 'tilewright[plot]', or leave --plot out",
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def save_picture(figure: Any, path: str | Path) -> None:
    """Write a figure, whole or not at all; the end of the name decides the format.

    Raises
    ------
    SpecError
        As :func:`check_picture`, or if the file cannot be written.
    """
    check_picture(path)
    content = io.BytesIO()
    figure.savefig(content, format=Path(path).suffix.lower().removeprefix("."))
    save_parts([content.getvalue()], Path(path))
