"""Complaints of click in the form of our own: the option or command, the value, what is allowed, the remedy."""

from __future__ import annotations

import re

import click

from optimizer.errors import SpecError

_BAD_VALUE = re.compile(r"(?P<value>.*) is not (?:one of|in the range|a valid|'[^']*'$).*", re.DOTALL)
_ARGUMENT = re.compile(r"Got unexpected extra arguments? \((?P<value>.*)\)", re.DOTALL)


def told(error: click.UsageError, around: click.Context | None = None) -> SpecError:
    """A complaint of click in the form of our own; `around` is the context of the group that calls the command."""
    command = _command(error.ctx, around)
    remedy = f"see `{command} --help`"
    asked = error.param if isinstance(error, click.BadParameter) else None
    if isinstance(error, click.MissingParameter) and asked is not None:
        return SpecError("it is missing", field=_name(asked), allowed=_allowed(asked, error.ctx), remedy=remedy)
    if asked is not None:
        return _bad_value(error, asked, remedy)
    if isinstance(error, click.NoSuchOption):
        near = f"did you mean {' or '.join(error.possibilities)}? " if error.possibilities else ""
        return SpecError(
            "No such option", field=command, value=error.option_name, allowed=_options(error.ctx), remedy=near + remedy
        )
    if isinstance(error, click.BadOptionUsage):
        allowed = f"{command} ... {error.option_name} VALUE"
        return SpecError(error.format_message().rstrip("."), field=error.option_name, allowed=allowed, remedy=remedy)
    return _bad_command(error, command, remedy)


def _command(ctx: click.Context | None, around: click.Context | None) -> str:
    """The command that was called; errors of click's parser do not know it."""
    if ctx is not None:
        return ctx.command_path
    return "tilewright" if around is None else f"{around.command_path} {around.invoked_subcommand or ''}".rstrip()


def _bad_value(error: click.UsageError, asked: click.Parameter, remedy: str) -> SpecError:
    """A value of an option or argument that its type does not take."""
    found, allowed = _BAD_VALUE.fullmatch(error.message), _allowed(asked, error.ctx)
    if found is None:
        return SpecError(error.message.rstrip("."), field=_name(asked), allowed=allowed, remedy=remedy)
    value = found["value"].strip("'")
    return SpecError("not an allowed value", field=_name(asked), value=value, allowed=allowed, remedy=remedy)


def _bad_command(error: click.UsageError, command: str, remedy: str) -> SpecError:
    """A command that does not exist, or arguments that it does not have."""
    message = error.format_message().rstrip(".")
    extra = _ARGUMENT.fullmatch(message)
    if extra is not None:
        value, allowed = extra["value"], _usage(error.ctx)
        return SpecError("unexpected argument", field=command, value=value, allowed=allowed, remedy=remedy)
    group = None if error.ctx is None else error.ctx.command
    if isinstance(group, click.Group) and error.ctx is not None:
        name = re.search(r"'(.*)'", message)
        return SpecError(
            "No such command" if name else message,
            field=command,
            value=name[1] if name else None,
            allowed=", ".join(group.list_commands(error.ctx)),
            remedy=remedy,
        )
    return SpecError(message, field=command, allowed=_usage(error.ctx), remedy=remedy)


def _name(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.metavar or parameter.human_readable_name


def _allowed(parameter: click.Parameter, ctx: click.Context | None) -> str | None:
    """What may be given for an option or argument."""
    from optimizer.files.presets import preset_names  # noqa: PLC0415

    kind = parameter.type
    if isinstance(kind, click.Choice):
        return ", ".join(map(str, kind.choices))
    if isinstance(kind, click.IntRange):
        return f"integers >= {kind.min}" if kind.max is None else f"integers from {kind.min} to {kind.max}"
    if _name(parameter) == "--architecture":
        return f"a .yaml file, or one of {', '.join(preset_names('architectures'))}"
    if _name(parameter).startswith("NETWORK"):
        return "a built-in name (see `tilewright networks`), a .onnx or .yaml file or a config.json"
    return _usage(ctx)


def _usage(ctx: click.Context | None) -> str | None:
    """How the command is called."""
    return None if ctx is None else " ".join([ctx.command_path, *ctx.command.collect_usage_pieces(ctx)])


def _options(ctx: click.Context | None) -> str | None:
    """The options of the command."""
    if ctx is None:
        return None
    return ", ".join(_name(one) for one in ctx.command.get_params(ctx) if isinstance(one, click.Option))
