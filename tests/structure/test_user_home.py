"""No test reads or writes the user's home: where everything points instead, and what sees it if something does."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from optimizer.cli.inputs import default_cache_folder
from optimizer.store.store import Store
from tests.support.user_home import GUARD, HOMES, INSIDE, USERS, Guard


def users_folders() -> list[Path]:
    return [Path(folder) for folder in os.environ[USERS].split(os.pathsep)]


def test_all_folders_of_a_user_are_elsewhere() -> None:
    home = Path.home()
    assert home.name.startswith("tilewright-home-") and home not in users_folders()
    for name in (*HOMES, *INSIDE):
        assert Path(os.environ[name]).is_relative_to(home)
    assert default_cache_folder().is_relative_to(home) and not default_cache_folder().exists()


def test_processes_that_tests_start_have_the_same_home() -> None:
    command = "from optimizer.cli.inputs import default_cache_folder; print(default_cache_folder())"
    said = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    assert Path(said.strip()) == default_cache_folder()


@pytest.mark.parametrize("number", range(2))
def test_every_test_has_an_empty_cache(number) -> None:
    assert not default_cache_folder().exists()
    Store(default_cache_folder()).note_bound("key", number)


def test_the_guard_sees_what_is_read_and_written(tmp_path) -> None:
    home, checkout = tmp_path / "home", tmp_path / "home" / "checkout"
    checkout.mkdir(parents=True)
    guard = Guard([str(home)], [str(tmp_path), str(checkout)])
    sys.addaudithook(guard)
    (checkout / "file").write_text("")
    (tmp_path / "home2").write_text("")
    assert guard.seen == []
    (home / "file").write_text("")
    sqlite3.connect(home / "store").close()
    list(home.iterdir())
    assert len(guard.seen) == 3 and all(str(home) in line for line in guard.seen)


def test_a_test_that_looks_into_the_users_home_fails(request) -> None:
    """The guard of this run sees a look that finds nothing; it is told to forget it, or this test would fail."""
    guard = request.config.stash[GUARD]
    with pytest.raises(OSError):
        (users_folders()[0] / "tilewright-no-such-file").read_text()
    assert len(guard.seen) == 1
    guard.seen.clear()
