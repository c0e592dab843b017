"""Keeps the test run out of the user's home: another home in its place, and a guard that sees who goes there still.

What a test reads or writes in this process is seen; other processes that tests start inherit the other home.
"""

from __future__ import annotations

import os
import site
import sys
import tempfile
from pathlib import Path

import pytest

HOMES = ("HOME", "USERPROFILE")
INSIDE = {
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_STATE_HOME": "state",
    "APPDATA": "roaming",
    "LOCALAPPDATA": "local",
    "MPLCONFIGDIR": "matplotlib",
}
"""Folders of a user by the variable that names them, and their places in the other home."""

USERS = "TILEWRIGHT_TESTS_USER"
"""Variable that tells processes of the test run where the user's own folders are."""

LOOKS = frozenset(("open", "sqlite3.connect", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename"))


def leave_home() -> Path:
    """Make another home and point this process, and those that it starts, there."""
    own = [str(Path.home()), *(os.environ[name] for name in INSIDE if os.environ.get(name))]
    os.environ[USERS] = os.pathsep.join(own)
    os.environ.setdefault("PYTHONUSERBASE", site.getuserbase())
    home = Path(tempfile.mkdtemp(prefix="tilewright-home-")).resolve()
    os.environ.update(dict.fromkeys(HOMES, str(home)))
    os.environ.update({name: str(home / place) for name, place in INSIDE.items()})
    return home


class Guard:
    """Remembers every file of the user that is looked at, but for those of Python, its packages and the tests.

    Parameters
    ----------
    own : list of str
        The user's folders.
    allowed : list of str
        Folders that are no business of the user: the checkout, the interpreter, temporary files. Of folders inside of
        one another the inner one counts.
    """

    def __init__(self, own: list[str], allowed: list[str]) -> None:
        self.own, self.allowed, self.seen = _ends(own), _ends(allowed), list[str]()

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """An audit hook."""
        if event in LOOKS and arguments and isinstance(arguments[0], (str, bytes, os.PathLike)):
            name = os.fsdecode(arguments[0])
            path = f"{name if name.startswith(os.sep) else Path(name).absolute()}{os.sep}"
            own = _nearest(path, self.own)
            if own and own > _nearest(path, self.allowed):
                self.seen.append(f"{event} {path}")


GUARD = pytest.StashKey[Guard]()
"""Where the guard of a test run is kept."""


def watch_home(checkout: Path) -> Guard:
    """A guard of the user's folders in this process, from now on."""
    places = [checkout, tempfile.gettempdir(), sys.prefix, sys.base_prefix, *filter(None, sys.path)]
    places += [os.environ[name] for name in ("NUMBA_CACHE_DIR", "TILEWRIGHT_REFERENCE") if os.environ.get(name)]
    guard = Guard(os.environ[USERS].split(os.pathsep), [str(place) for place in places])
    sys.addaudithook(guard)
    return guard


def _nearest(path: str, folders: tuple[str, ...]) -> int:
    """Length of the longest of these folders that holds the path."""
    return max((len(folder) for folder in folders if path.startswith(folder)), default=0)


def _ends(folders: list[str]) -> tuple[str, ...]:
    """Absolute paths that end with a separator, as written and with links resolved."""
    paths = [way for folder in folders for way in (Path(folder).absolute(), Path(folder).resolve())]
    return tuple(f"{path}{os.sep}" for path in paths if path.parent != path)
