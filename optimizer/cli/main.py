"""The command group: commands are loaded when they are used, and errors become exit codes."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import Any

import click

from optimizer.cli.process_memory import limit_memory, limits_restored, ran_out
from optimizer.cli.signals import stopping_like_ctrl_c
from optimizer.cli.streams import exit_code, make_tolerant
from optimizer.cli.usage_errors import told
from optimizer.errors import InternalDisagreementError, TilewrightError, UnavailableError

BAD_INPUT, MISSING, INTERNAL = 2, 3, 70
EPILOG = (
    "Exit codes: 0 a design (OPTIMAL, FEASIBLE) or a passed check; 1 INFEASIBLE, UNKNOWN or a failed "
    "verification; 2 bad input; 3 something that is needed is missing; 70 parts of Tilewright disagree: a design may "
    "be written, nothing is proved; 74 standard output could not be written."
)
COMMANDS = {
    "solve": ("solving", "Best hardware and best mapping of every layer of a network, with a proof."),
    "map": ("solving", "Best mapping of one layer."),
    "codesign": ("codesign", "Best hardware for several networks, each with its own best mappings."),
    "study": ("study", "What limits cost: the optimum for every limit in a range, or a front."),
    "adjust": ("adjust", "Channel widths and input resolution that cost least on hardware."),
    "evaluate": ("evaluating", "Costs of a mapping, or of fused groups, given by hand."),
    "memory": ("memory", "Memory of a training step over time, and what to compute again."),
    "verify": ("inspection", "Check the numbers and the proof of whatever --out wrote."),
    "show": ("inspection", "Tables and loop nests of whatever --out wrote."),
    "inspect": ("inspecting", "Layers of a network: dims, bits, work, parameters, bytes."),
    "networks": ("listing", "The built-in networks."),
    "architectures": ("listing", "The built-in architectures."),
    "devices": ("listing", "The built-in FPGA devices."),
    "schema": ("listing", "JSON Schema of the input files."),
    "sparse": ("sparse", "Engines that train networks of fixed degrees."),
    "store": ("store", "The store of results: list, show, prune, export, import."),
}
"""Module of :mod:`optimizer.cli` and short help of every command, so that help and errors load none of them."""


class LazyGroup(click.Group):
    """Loads a command when it is used. Errors that a user can act on become a message on stderr and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself."""
        if cmd_name not in COMMANDS:
            return None
        name = {"map": "map_command"}.get(cmd_name, cmd_name)
        command: click.Command = getattr(import_module(f"optimizer.cli.{COMMANDS[cmd_name][0]}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run as a program: on streams that cannot fail, within memory, and with SIGTERM and SIGHUP like Ctrl-C."""
        raw = make_tolerant()
        try:
            with stopping_like_ctrl_c(), limits_restored():
                if raw is not None:
                    limit_memory(None)
                return super().main(*args, **extra)
        except SystemExit as end:
            raise SystemExit(exit_code(raw, end.code)) from None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments of the group itself; errors of click are shown like those of Tilewright."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            click.echo(f"error: {told(error)}", err=True)
            raise click.exceptions.Exit(BAD_INPUT) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that Tilewright raises becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except TilewrightError as error:
            click.echo(f"error: {error}", err=True)
            codes = {InternalDisagreementError: INTERNAL, UnavailableError: MISSING}
            ctx.exit(next((code for kind, code in codes.items() if isinstance(error, kind)), BAD_INPUT))
        except click.UsageError as error:
            click.echo(f"error: {told(error, ctx)}", err=True)
            ctx.exit(BAD_INPUT)
        except ModuleNotFoundError as error:
            package = str(error.name).split(".")[0]
            if package in ("optimizer", "formulations"):
                raise
            click.echo(f"error: {package} is not installed: pip install {package}", err=True)
            ctx.exit(MISSING)
        except Exception as error:
            if not ran_out(error):
                raise
            click.echo(
                "error: memory has run out, and there is nothing to keep\n  remedy:  a larger --memory-limit", err=True
            )
            ctx.exit(MISSING)


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    try:
        text = metadata.version("tilewright")
    except metadata.PackageNotFoundError:
        text = "not installed"
    click.echo(f"tilewright {text}")
    ctx.exit()


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def main() -> None:
    """Provably optimal accelerators for neural networks: hardware sizes and mappings, with a certificate."""
