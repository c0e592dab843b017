"""Commands run in this process."""

from __future__ import annotations

from click.testing import CliRunner
from click.testing import Result as Outcome

from optimizer.cli import main


def run(*arguments: object) -> Outcome:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def good(*arguments: object) -> Outcome:
    outcome = run(*arguments)
    assert outcome.exit_code == 0, outcome.output
    return outcome


def bad(*arguments: object) -> str:
    """What a refused command says on stderr."""
    outcome = run(*arguments)
    assert outcome.exit_code == 2, outcome.output
    assert isinstance(outcome.exception, SystemExit)
    assert not outcome.stdout
    return outcome.stderr
