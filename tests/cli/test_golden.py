"""What commands print, word for word: the expected texts lie in ``golden/``, one file per command.

Seconds, versions, seeds and hashes are masked. After a change of the output that is meant,
``python -m pytest tests/cli/test_golden.py --update-golden`` writes the files again; read the difference before it is
committed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from optimizer.cli import main
from tests.support.tiny_problem import ARCHITECTURE, NETWORK

GOLDEN = Path(__file__).parent / "golden"
COLUMNS = {"COLUMNS": "110"}
MASKS = (
    (r"\b\d+(\.\d+)? s\b", "_ s"),
    (r"\btilewright \d+(\.\w+)+", "tilewright _"),
    (r"\bseed \d+", "seed _"),
    (r"\b[0-9a-f]{16}\b", "________________"),
)
SOLVE = ("solve", "net.yaml", "-a", "chip.yaml", "--no-cache", "--workers", "1", "--out", "out")
COMMANDS = {
    "version": ("--version",),
    "networks": ("networks",),
    "architectures": ("architectures",),
    "devices": ("devices",),
    "solve": SOLVE,
    "show": ("show", "out"),
    "verify": ("verify", "out", "--thorough"),
    "infeasible": (*SOLVE[:-1], "nothing", "--area-mm2", "0.01"),
    "codesign": ("codesign", "net.yaml", "other.yaml", "-a", "chip.yaml", "--no-cache", "--workers", "1"),
    "study": ("study", "net.yaml", "-a", "chip.yaml", "--vary", "area-mm2", "--no-cache", "--workers", "1"),
    "sparse_size": ("sparse", "size", "12,8,4", "--device", "xc7a100t"),
}
WRONG = (
    ("solve", "resnet19", "-a", "edge_small"),
    ("solve", "net.yaml", "-a", "edge_smal"),
    ("solve", "net.yaml"),
    ("solve", "broken.yaml", "-a", "chip.yaml"),
    ("solve", "net.yaml", "-a", "negative.yaml"),
    ("solve", "net.yaml", "-a", "chip.yaml", "--objective", "speed"),
    ("solve", "net.yaml", "-a", "chip.yaml", "--area-mm2", "-1"),
    ("show", "nowhere"),
    ("verify", "net.yaml"),
    ("study", "net.yaml", "-a", "chip.yaml", "--vary", "beauty"),
)


def masked(text: str) -> str:
    """Without what differs from run to run, and without spaces at the ends of lines."""
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def printed(*words: str, errors: bool = False) -> str:
    """The command, what it writes (to standard output, or to standard error), and its exit code."""
    outcome = CliRunner().invoke(main, words, env=COLUMNS, prog_name="tilewright")
    text = outcome.stderr if errors else outcome.stdout
    return f"$ tilewright {' '.join(words)}\n{masked(text)}exit code {outcome.exit_code}\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with inputs, and a result in it."""
    folder = tmp_path_factory.mktemp("golden")
    (folder / "net.yaml").write_text(NETWORK)
    (folder / "other.yaml").write_text(NETWORK.replace("pair", "other").replace("K: 11", "K: 9"))
    (folder / "broken.yaml").write_text(NETWORK.replace("dims: {K: 4", "dims: {K: four"))
    (folder / "chip.yaml").write_text(ARCHITECTURE)
    (folder / "negative.yaml").write_text(ARCHITECTURE.replace("size: [1 KiB", "size: [-1 KiB"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert CliRunner().invoke(main, SOLVE).exit_code == 0
    return folder


@pytest.fixture
def expect(request: pytest.FixtureRequest, place: Path, monkeypatch: pytest.MonkeyPatch):
    """Compare a text with the file of a name, or write the file again."""
    monkeypatch.chdir(place)

    def compare(name: str, text: str) -> None:
        file = GOLDEN / f"{name}.txt"
        if request.config.getoption("--update-golden"):
            file.write_text(text, encoding="utf-8")
            pytest.skip(f"{file.name} is written again")
        assert text == file.read_text(encoding="utf-8"), f"see the first lines of {Path(__file__).name}"

    return compare


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """All commands and groups of commands."""
    yield path
    for name in group.list_commands(click.Context(group)):
        inner = group.get_command(click.Context(group), name)
        yield from commands(inner, *path, name) if isinstance(inner, click.Group) else [(*path, name)]


def test_help_of_all_commands(expect) -> None:
    assert isinstance(main, click.Group)
    expect("help", "\n".join(printed(*path, "--help") for path in commands(main)))


@pytest.mark.parametrize("name", COMMANDS)
def test_output(name: str, expect) -> None:
    expect(name, printed(*COMMANDS[name]))


def test_errors(expect) -> None:
    expect("errors", "\n".join(printed(*words, errors=True) for words in WRONG))


def test_every_file_belongs_to_a_command() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {"help", "errors", *COMMANDS}


def test_what_is_masked() -> None:
    assert masked("time 12.4 s, seed 7  \n1 s") == "time _ s, seed _\n_ s\n"
    assert masked("problem 0123456789abcdef of 3 layers") == "problem ________________ of 3 layers\n"
