"""The blocks of a tutorial, run one after the other in the current folder.

A fenced block is read by the first word behind its fence:

* ``yaml title="NAME"`` (or another language with a title): written to that file.
* ``python``: executed; all such blocks of a tutorial share their names. A ``text`` block behind it is what it prints.
* ``console``: lines ``$ tilewright ...`` are run, the lines below each are what it prints; ``$ echo $?`` prints the
  exit code of the command before, which has to be 0 where it is not asked for.
* Any other block is shown only.

Of outputs, spaces, frames of tables, progress and seconds do not count. A line ``...`` stands for any lines, ``...``
within a line for any text.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from optimizer.cli import main

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')
FRAME = re.compile(r"[\u2500-\u257f]+")
PROGRESS = re.compile(r"^\d+\.\d s {2}")
SECONDS = re.compile(r"\b\d[\d,.]* s\b")
GAP = "..."


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its title or None, its text."""

    language: str
    title: str | None
    text: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page that have a language."""
    found = []
    for language, rest, text in FENCE.findall(page.read_text(encoding="utf-8")):
        title = TITLE.search(rest)
        found.append(Block(language, title[1] if title else None, text))
    return found


def run(page: Path) -> None:
    """Run a tutorial in the current folder.

    Raises
    ------
    AssertionError
        If a command fails, or does not print what the tutorial shows.
    """
    names: dict[str, object] = {"__name__": "tutorial"}
    printed = None
    for block in blocks(page):
        if block.title is not None:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            printed = _executed(block.text, names)
        elif block.language == "text" and printed is not None:
            check(block.text, printed)
            printed = None
        elif block.language == "console":
            _run_console(block.text)


def _executed(code: str, names: dict[str, object]) -> str:
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        exec(compile(code, "tutorial", "exec"), names)
    return caught.getvalue()


def _run_console(text: str) -> None:
    status, last = 0, ""
    for command, shown in commands(text):
        if command == "echo $?":
            assert shown.strip() == str(status), f"exit code {status}: {last}"
            status = 0
            continue
        assert status == 0, f"exit code {status}: {last}"
        program, *arguments = shlex.split(command)
        assert program == "tilewright", command
        outcome = CliRunner().invoke(main, arguments)
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
        check(shown, outcome.output)
        status, last = outcome.exit_code, f"{command}\n{outcome.output}"
    assert status == 0, f"exit code {status}: {last}"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """(command, what is shown of its output) of a block of the console."""
    _, *parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    for part in parts:
        command, _, shown = part.partition("\n")
        yield command, shown


def check(shown: str, printed: str) -> None:
    """Is what is shown what was printed?"""
    lines = _lines(printed)
    segments = _segments(_lines(shown))
    assert any(segments), "the tutorial shows nothing of the output"
    fits = _begins(lines, segments[0])
    place = len(segments[0])
    for segment in segments[1:-1]:
        place = next((n for n in range(place, len(lines)) if _begins(lines[n:], segment)), len(lines)) + len(segment)
    if len(segments) > 1:
        last = len(lines) - len(segments[-1])
        fits = fits and place <= last and _begins(lines[last:], segments[-1])
    else:
        fits = fits and place == len(lines)
    assert fits, "\n".join(["the tutorial shows", *_lines(shown), "", "but this is printed", *lines])


def _lines(text: str) -> list[str]:
    """Lines without what does not count."""
    kept = (line for line in text.splitlines() if not PROGRESS.match(line))
    plain = (" ".join(SECONDS.sub("# s", FRAME.sub(" ", line)).split()) for line in kept)
    return [line for line in plain if line]


def _segments(lines: list[str]) -> list[list[str]]:
    """Lines between those that stand for any lines."""
    found: list[list[str]] = [[]]
    for line in lines:
        if line == GAP:
            found.append([])
        else:
            found[-1].append(line)
    return found


def _begins(lines: list[str], segment: list[str]) -> bool:
    """Do the lines begin with these?"""
    if len(segment) > len(lines):
        return False
    return all(
        re.fullmatch(".*".join(map(re.escape, wanted.split(GAP))), line)
        for wanted, line in zip(segment, lines, strict=False)
    )
