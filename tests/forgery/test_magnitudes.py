"""A number of a folder that is beyond all measure ends in a verdict, within time and memory."""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import signal
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from optimizer.checker.again import verify_folder
from optimizer.errors import SpecError
from tests.support.folder_cases import COMMANDS
from tests.support.profiles import examples
from tests.support.tampering import leaves, put

Folders = Callable[[str], Path]
BEYOND = (10**6, 10**9, -(10**9), 10**12, -(10**18), 10**40)
BYTES = 6 << 30
SECONDS = 60
QUICK = ["joint", "fused"]


def shifted(value: Any, by: int) -> Any:
    """The number, or the text of one, with something added; nothing for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return value + by
    try:
        return str(Fraction(value) + by)
    except ValueError:
        return None


def change_a_number(folder: Path, random: Random) -> str:
    """Change one number of one file."""
    while True:
        file = random.choice(sorted(folder.rglob("*.json")))
        data = json.loads(file.read_text())
        path, by = random.choice(leaves(data)), random.choice(BEYOND)
        value = data
        for key in path:
            value = value[key]
        if shifted(value, by) is not None:
            put(data, path, partial(shifted, by=by))
            file.write_text(json.dumps(data))
            return f"{file.name} {path} {by:+}"


def look(folder: Path) -> None:
    """Verify a folder with the limits of a small machine."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    signal.alarm(SECONDS)
    try:
        verify_folder(folder)
    except SpecError:
        return


def all_end(folders: Folders, tmp_path: Path, kind: str, seeds: range) -> None:
    for seed in seeds:
        folder = shutil.copytree(folders(kind), tmp_path / str(seed))
        what = change_a_number(folder, Random(f"{kind} {seed}"))
        child = multiprocessing.get_context("fork").Process(target=look, args=(folder,))
        child.start()
        child.join()
        assert child.exitcode == 0, what


@pytest.mark.slow
@pytest.mark.parametrize("kind", QUICK)
def test_a_number_beyond_measure_ends_in_a_verdict(folders: Folders, tmp_path: Path, kind: str) -> None:
    all_end(folders, tmp_path, kind, range(1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", COMMANDS)
def test_many_numbers_beyond_measure_end_in_verdicts(folders: Folders, tmp_path: Path, kind: str) -> None:
    all_end(folders, tmp_path, kind, range(1, 2) if kind in QUICK else range(examples(12)))
