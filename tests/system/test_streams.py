"""Standard streams that are closed, full, unread, narrow or without UTF-8: quiet and right."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.cli.streams import UNWRITTEN, TolerantWriter

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
PROGRAM = f'{sys.executable} -c "from optimizer.cli import main; main()"'
Folders = Callable[[str], Path]


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line in which TILEWRIGHT stands for the program."""
    text = command.replace("TILEWRIGHT", PROGRAM)
    return subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, check=False, env=dict(os.environ) | environment
    )


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        (">/dev/full", UNWRITTEN, "error: standard output: No space left on device\n"),
        (">/dev/full 2>/dev/full", UNWRITTEN, ""),
        ("| true; exit ${PIPESTATUS[0]}", 0, ""),
    ],
)
def test_streams_that_take_nothing(redirection: str, code: int, said: str) -> None:
    done = shell(f"TILEWRIGHT --help {redirection}")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def test_an_error_keeps_its_exit_code() -> None:
    done = shell("TILEWRIGHT show there-is-none >/dev/full")
    assert done.returncode == 2 and "there is no such folder" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_the_result_is_written_all_the_same(folders: Folders, tmp_path: Path, redirection: str) -> None:
    place = folders("solve").parent
    out = tmp_path / "out"
    shell(f"cd {place} && TILEWRIGHT solve net.yaml -a chip.yaml --out {out} {redirection}")
    done = shell(f"TILEWRIGHT verify {out} {redirection}")
    assert {path.name for path in out.iterdir()} == {"result.json", "certificate.json"}
    assert done.returncode == (0 if redirection == ">&-" else UNWRITTEN)


def test_encodings_without_a_character_and_narrow_terminals(folders: Folders) -> None:
    plain = shell(f"TILEWRIGHT show {folders('solve')}", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert plain.returncode == 0 and plain.stdout.isascii() and "OPTIMAL" in plain.stdout
    narrow = shell(f"TILEWRIGHT show {folders('solve')}", COLUMNS="40")
    assert narrow.returncode == 0 and "OPTIMAL" in narrow.stdout


def test_a_fault_is_kept_and_the_rest_dropped() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        writer = TolerantWriter(descriptor)
        assert writer.write(b"abc") == 3 and writer.fault is not None
        assert writer.write(b"more") == 4 and not writer.isatty() and writer.fileno() == descriptor
    finally:
        os.close(descriptor)
