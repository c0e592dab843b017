"""``tilewright verify`` and ``tilewright show``."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import click

from optimizer.cli.option_types import Place
from optimizer.cli.output import show_on_stdout
from optimizer.cli.question import question_checks, question_options

NOT_VERIFIED = 1


@click.command()
@click.argument("directory", metavar="DIR", type=Place())
@click.option("--thorough", is_flag=True, help="Prove every bound again, not only the design's and a sample.")
@click.option("--seed", type=click.IntRange(min=0), help="Draw the sample of an earlier check again.")
@click.option("--quiet", is_flag=True, help="One line of result, no progress.")
@question_options
def verify(directory: str, thorough: bool, seed: int | None, quiet: bool, **options: Any) -> None:
    """Check the numbers and the proof of whatever a command's --out wrote, by other code.

    With --network and --architecture, and the other options that the command was given: also that it is about this very
    problem. Names of networks in a folder are no evidence. What is not checked is named.
    """
    from optimizer.checker.again import verify_folder  # noqa: PLC0415
    from optimizer.checker.verification import Verification  # noqa: PLC0415
    from optimizer.cli.progress import ProgressDisplay  # noqa: PLC0415
    from optimizer.report.checks import checks_table  # noqa: PLC0415

    found = Verification(question_checks(directory, options))
    if found.ok:  # what answers another problem is not looked at any further
        with ProgressDisplay(quiet=quiet) as display:
            whole = verify_folder(directory, thorough=thorough, seed=seed, progress=display)
        found = replace(whole, checks=[*found.checks, *whole.checks])
    if not quiet:
        show_on_stdout(checks_table(found.checks))
    click.echo(found.verdict)
    if not found.ok:
        sys.exit(NOT_VERIFIED)


@click.command()
@click.argument("directory", metavar="DIR", type=Place())
@click.option("--layer", "name", help="One layer: limits, loop nest, accesses.")
def show(directory: str, name: str | None) -> None:
    """Tables and loop nests of whatever a command's --out wrote."""
    from optimizer.report.folder import folder_report  # noqa: PLC0415

    show_on_stdout(folder_report(directory, name))
