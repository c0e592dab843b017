"""``tilewright verify`` and ``tilewright show``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.output import show_on_stdout
from optimizer.cli.question import question_checks, question_options
from optimizer.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimizer.verify.claim import Check

NOT_VERIFIED = 1


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--thorough", is_flag=True, help="Prove every bound again, not only a sample.")
@click.option("--quiet", is_flag=True, help="One line of result, no progress.")
@question_options
def verify(directory: str, thorough: bool, quiet: bool, **options: Any) -> None:
    """Check the numbers and the proof of whatever a command's --out wrote, by other code.

    With --network and --architecture, and the other options that the command was given: also that it is about this very
    problem. Names of networks in a folder are no evidence. What is not checked is named.
    """
    from optimizer.cli.progress import ProgressDisplay  # noqa: PLC0415
    from optimizer.report_checks import checks_table  # noqa: PLC0415
    from optimizer.verify.folder import verify_folder  # noqa: PLC0415

    checks = question_checks(directory, options)
    if all(check.ok for check in checks):  # what answers another problem is not looked at any further
        with ProgressDisplay(quiet=quiet) as display:
            checks += verify_folder(directory, thorough=thorough, progress=display).checks
    if not quiet:
        show_on_stdout(checks_table(checks))
    click.echo(_verdict(checks))
    if not all(check.ok for check in checks):
        sys.exit(NOT_VERIFIED)


def _verdict(checks: Iterable[Check]) -> str:
    """Whether all checks passed, which did not, and what was not checked."""
    from optimizer.verify.claim import NOT_CHECKED  # noqa: PLC0415

    checks = list(checks)
    failed = [name for name, ok, _ in checks if not ok]
    left_out = [detail for name, _, detail in checks if name == NOT_CHECKED]
    text = f"NOT VERIFIED: {', '.join(failed)}" if failed else "verified"
    return f"{text}; not checked: {'; '.join(left_out)}" if left_out else text


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--layer", "name", help="One layer: limits, loop nest, accesses.")
def show(directory: str, name: str | None) -> None:
    """Tables and loop nests of whatever a command's --out wrote."""
    from optimizer.report_folder import folder_report  # noqa: PLC0415

    try:
        show_on_stdout(folder_report(directory, name))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SpecError(
            f"the result is damaged: {type(error).__name__} {error}", file=directory,
            allowed="a result as it was written", remedy="check it with `tilewright verify`, or solve again",
        ) from error  # fmt: skip
