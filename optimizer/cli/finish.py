"""What commands that make a result share: how it is run, and how it is saved and shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.inputs import cache_folder
from optimizer.cli.output import fail_on_disagreement, show_on_stdout

if TYPE_CHECKING:
    from rich.console import RenderableType

    from optimizer.problem.progress import Watch
    from optimizer.results.result import Result
    from optimizer.scaling.options import Options
    from optimizer.scaling.pool import Pool

Report = Callable[[Any], "RenderableType"]
NO_DESIGN = 1


def check_out(kind: type[Result], options: Mapping[str, Any]) -> None:
    """Check the output folder before the work starts.

    Raises
    ------
    SpecError
        If it cannot be written, or holds a result of another kind and ``--force`` is not given.
    """
    from optimizer.results.folder import check_writable  # noqa: PLC0415
    from optimizer.results.load import check_kind  # noqa: PLC0415

    if options["out"] is not None:
        check_writable(options["out"])
        check_kind(Path(options["out"]), kind, force=options["force"])


def run_options(options: Mapping[str, Any], progress: Watch | None = None, pool: Pool | None = None) -> Options:
    """How a task is run, from the options of its command."""
    from optimizer.scaling.options import Options  # noqa: PLC0415

    limit = options["time_limit"]
    return Options(
        None if limit is None else float(limit),
        options["workers"],
        options["seed"],
        cache_folder(options) if "cache" in options else None,
        pool,
        progress,
    )


def finish(
    result: Result,
    options: Mapping[str, Any],
    short: Report,
    long: Report,
    *,
    also: tuple[str | None, ...] = (),
    found: bool | None = None,
) -> None:
    """Save, show, and leave with the exit code.

    Parameters
    ----------
    result : Result
    options : mapping
        ``out``, ``force``, and where the command has it ``quiet``.
    short, long : callable
        What is shown with and without ``quiet``, of the result's body.
    also : tuple of str or None
        Other files that were written.
    found : bool, optional
        Is there an answer? By default what the status says.

    Raises
    ------
    InternalDisagreementError
        If the result says that parts of Tilewright disagree; it is saved and shown all the same.
    SpecError
        If the folder holds a better answer; this one is shown all the same.
    """
    quiet = options.get("quiet", False)
    try:
        if options["out"] is not None:
            _save(result, options)
    finally:
        show_on_stdout((short if quiet else long)(result.body))
    for place in (options["out"], *also):
        if place is not None and not quiet:
            click.echo(f"written to {place}", err=True)
    fail_on_disagreement(result)
    if not (result.status.has_design if found is None else found):
        sys.exit(NO_DESIGN)


def _save(result: Result, options: Mapping[str, Any]) -> None:
    from optimizer.results.load import save_result  # noqa: PLC0415

    save_result(result, options["out"], force=options["force"])


def design_kept(options: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Context in which an internal disagreement saves the design found before it; the error is raised again."""
    from optimizer.cli.output import keeping  # noqa: PLC0415

    return keeping(lambda result: _save(result, options) if options["out"] is not None else None)
