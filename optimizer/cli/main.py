"""The command group and its error handling."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import click

from optimizer.cli.adjust import adjust
from optimizer.cli.codesign import codesign
from optimizer.cli.evaluating import evaluate
from optimizer.cli.inspection import show, verify
from optimizer.cli.listing import architectures, devices, networks, schema
from optimizer.cli.memory import memory
from optimizer.cli.solving import map_command, solve
from optimizer.cli.sparse import sparse
from optimizer.cli.store import store
from optimizer.cli.study import study
from optimizer.errors import InternalDisagreementError, TilewrightError

BAD_INPUT = 2
INTERNAL = 70
EPILOG = (
    "Exit codes: 0 a design (OPTIMAL, FEASIBLE) or a passed check; 1 INFEASIBLE, UNKNOWN or a failed "
    "verification; 2 bad input; 70 parts of Tilewright disagree: a design may be written, nothing is proved."
)


class _Group(click.Group):
    """Errors that a user can act on become a message on stderr and exit code 2, faults of Tilewright code 70."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InternalDisagreementError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(INTERNAL)
        except TilewrightError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(BAD_INPUT)


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    try:
        text = metadata.version("tilewright")
    except metadata.PackageNotFoundError:
        text = "not installed"
    click.echo(f"tilewright {text}")
    ctx.exit()


@click.group(cls=_Group, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
)
def main() -> None:
    """Provably optimal accelerators for neural networks: hardware sizes and mappings, with a certificate."""


COMMANDS = (
    solve, map_command, codesign, study, adjust, evaluate, memory, verify, show, networks, architectures, devices,
    schema, sparse, store,
)  # fmt: skip
for command in COMMANDS:
    main.add_command(command)
