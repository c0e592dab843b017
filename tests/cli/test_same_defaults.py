"""Options of the command line and parameters of the Python interface have the same names and defaults."""

from __future__ import annotations

import inspect
from fractions import Fraction
from typing import Any

import click
import pytest

import optimizer
from optimizer.cli import main

TASKS = {
    "solve": (optimizer.solve,),
    "map": (optimizer.map_layer,),
    "codesign": (optimizer.codesign,),
    "study": (optimizer.study, optimizer.front),
    "adjust": (optimizer.adjust,),
    "memory": (optimizer.plan_memory,),
    "sparse size": (optimizer.size_engine,),
}
SAME_NAME = {"time_limit": "time_limit_s"}
"""Options whose unit is in the name of the parameter only."""
NOT_SAID = {("study", "objective"), ("memory", "goal"), ("memory", "recompute"), ("sparse size", "objective")}
"""The command line asks for these by other means: a second function in Python, a flag, a field of the request."""


def options_of(command: str) -> dict[str, Any]:
    """Default of every option by the name of its parameter."""
    found: click.Command = main
    for word in command.split():
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), word)
        assert inner is not None
        found = inner
    context = click.Context(found, resilient_parsing=True)
    given = found.make_context(command, [], resilient_parsing=True, help_option_names=["-h", "--help"]).params
    options = [option for option in found.get_params(context) if isinstance(option, click.Option)]
    return {
        SAME_NAME.get(str(option.name), str(option.name)): given[str(option.name)]
        for option in options
        if option.name in given
    }


def plain(value: Any) -> Any:
    """A default as both sides write it: numbers by value; nothing, zero and a flag that is not set as None."""
    if isinstance(value, bool) or value is None:
        return value or None
    try:
        return Fraction(str(value)) or None
    except ValueError:
        return value


@pytest.mark.parametrize("command", TASKS)
def test_defaults_are_the_same(command: str) -> None:
    options, compared = options_of(command), 0
    for function in TASKS[command]:
        for name, parameter in inspect.signature(function).parameters.items():
            if name in options and (command, name) not in NOT_SAID and parameter.default is not parameter.empty:
                assert plain(options[name]) == plain(parameter.default), name
                compared += 1
    assert compared >= 3, "hardly a parameter has an option"
