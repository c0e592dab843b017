"""``tilewright verify`` and ``tilewright show``."""

from __future__ import annotations

import sys

import click

from optimizer.cli.output import show_on_stdout
from optimizer.errors import SpecError

NOT_VERIFIED = 1


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--thorough", is_flag=True, help="Prove every bound again, not only the design's and a sample.")
@click.option("--seed", type=int, help="Draw the sample of an earlier check again.")
@click.option("--quiet", is_flag=True, help="One line of result, no progress.")
def verify(directory: str, thorough: bool, seed: int | None, quiet: bool) -> None:
    """Check the numbers and the proof of a result again, by other code; or those of an adjustment."""
    from optimizer import result_io  # noqa: PLC0415
    from optimizer.cli.progress import ProgressDisplay  # noqa: PLC0415
    from optimizer.codesign import files  # noqa: PLC0415
    from optimizer.report_checks import checks_table  # noqa: PLC0415
    from optimizer.verify import adjusted, check  # noqa: PLC0415
    from optimizer.verify.joint import verify_joint  # noqa: PLC0415

    with ProgressDisplay(quiet=quiet) as display:
        if adjusted.is_adjustment(directory):
            found = adjusted.verify_adjusted(directory, thorough=thorough, seed=seed, progress=display)
        elif files.is_codesign((result := result_io.load(directory)).data):
            found = verify_joint(files.load(directory), thorough=thorough, seed=seed, progress=display)
        else:
            found = check.verify(result, thorough=thorough, seed=seed, progress=display)
    if not quiet:
        show_on_stdout(checks_table(found.checks))
    click.echo(found.verdict)
    if not found.ok:
        sys.exit(NOT_VERIFIED)


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--layer", "name", help="One layer: limits, loop nest, accesses.")
def show(directory: str, name: str | None) -> None:
    """Tables and loop nests of a saved result."""
    from optimizer import result_io  # noqa: PLC0415
    from optimizer.codesign import files  # noqa: PLC0415
    from optimizer.report import full_report, layer_report  # noqa: PLC0415
    from optimizer.report_codesign import codesign_report  # noqa: PLC0415
    from optimizer.report_study import study_report  # noqa: PLC0415

    data = result_io.load(directory).data
    if files.is_codesign(data) and name is not None:
        raise SpecError(
            "layers are in the results of the networks", field="--layer", value=name, file=directory,
            allowed=f"{directory}/networks/NETWORK or {directory}/alone/NETWORK", remedy="give one of these folders",
        )  # fmt: skip
    whole = codesign_report if files.is_codesign(data) else study_report if "study" in data else full_report
    try:
        show_on_stdout(whole(data) if name is None else layer_report(data, name))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SpecError(
            f"the result is damaged: {type(error).__name__} {error}", file=directory,
            allowed="a result as it was written", remedy="check it with `tilewright verify`, or solve again",
        ) from error  # fmt: skip


