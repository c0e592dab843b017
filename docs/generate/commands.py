"""The command line, from click's own description of it."""

from __future__ import annotations

from collections.abc import Iterator

import click
from markdown_parts import cell, code, table

from optimizer.cli import main

PROGRAM = "tilewright"


def reference() -> str:
    """Every command with its arguments and options."""
    return "\n".join(_described(main, PROGRAM, 2))


def commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """The commands of a group by their names; they are loaded."""
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        yield word, command


def leaves(group: click.Group = main, name: str = PROGRAM) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name."""
    for word, command in commands(group):
        if isinstance(command, click.Group):
            yield from leaves(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def _described(group: click.Group, name: str, level: int) -> Iterator[str]:
    for word, command in commands(group):
        whole = f"{name} {word}"
        yield f"{'#' * level} {whole}\n"
        yield f"{cell(command.help or '')}\n"
        if isinstance(command, click.Group):
            yield from _described(command, whole, level + 1)
            continue
        context = click.Context(command, info_name=whole, **main.context_settings)
        yield f"```text\n{' '.join([whole, *command.collect_usage_pieces(context)])}\n```\n"
        records = (parameter.get_help_record(context) for parameter in command.params)
        yield table(["option", "meaning"], ([code(record[0]), cell(record[1])] for record in records if record))
