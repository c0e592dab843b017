"""The database file of the store: its tables, how it is opened, and what its faults mean.

One SQLite file holds two tables: ``layers``, optima and bounds of layer problems, and ``tasks``, outcomes of tasks.
Many processes may use it at once. On a local disk it is kept in WAL mode (readers and the writer do not wait for one
another), on a network file system, where WAL does not work, with a rollback journal. Every statement is a transaction,
so a process that is killed leaves the file sound.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from optimizer.errors import SpecError
from optimizer.filesystem import on_network

STORE_FILE = "store.sqlite"
FORMER_FILE = "layers.sqlite"
"""Of earlier versions, which kept no versions and kinds: it is not read any more."""

APPLICATION = 0x54574C53
"""The file's ``application_id``: no other program's database is written to."""

LAYOUT = 1
"""The file's ``user_version``: changes with the tables."""

PATIENCE_S = 60
"""Seconds to wait for other processes that write."""

_TABLES = (
    "CREATE TABLE layers (key TEXT PRIMARY KEY, version TEXT NOT NULL, kind TEXT NOT NULL, created INTEGER NOT NULL,"
    " label TEXT NOT NULL, bound INTEGER, entry TEXT)",
    "CREATE TABLE tasks (key TEXT PRIMARY KEY, version TEXT NOT NULL, kind TEXT NOT NULL, created INTEGER NOT NULL,"
    " label TEXT NOT NULL, payload TEXT NOT NULL, outcome TEXT NOT NULL)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {LAYOUT}",
)


def connect(folder: Path | None) -> sqlite3.Connection:
    """The database in a folder, which is made if need be, or one in memory; every statement commits by itself.

    Raises
    ------
    SpecError
        If the folder cannot be made, the file is damaged, belongs to another program or to another version of
        Tilewright, or cannot be read or written.
    """
    if folder is None:
        database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        _make_tables(database, Path())
        return database
    path = folder / STORE_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(
            f"cannot make the folder of the store: {error.strerror or error}", file=str(folder),
            allowed="a folder that may be written", remedy="name another folder with --cache, or use --no-cache",
        ) from error  # fmt: skip
    with faults(path):
        database = sqlite3.connect(path, check_same_thread=False, timeout=PATIENCE_S, isolation_level=None)
        try:
            if _marks(database) != (APPLICATION, LAYOUT):
                _make_tables(database, path)
            _choose_journal(database, "delete" if on_network(folder) else "wal")
        except BaseException:
            database.close()
            raise
    return database


def _make_tables(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables in an empty file, unless another process has just done so."""
    database.execute("BEGIN IMMEDIATE")
    with database:
        found = _marks(database)
        empty = found == (0, 0) and not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        for statement in _TABLES if empty else ():
            database.execute(statement)
    if empty or found == (APPLICATION, LAYOUT):
        return
    ours = found[0] == APPLICATION
    raise SpecError(
        "the store is of another version of Tilewright" if ours else "the file is not a store of Tilewright",
        file=str(path), field="user_version" if ours else "application_id", value=found[1] if ours else found[0],
        allowed=f"{LAYOUT if ours else APPLICATION}, or a new file",
        remedy="name another folder with --cache, or move the file away: what it held is computed again",
    )  # fmt: skip


def _marks(database: sqlite3.Connection) -> tuple[int, int]:
    names = "application_id", "user_version"
    application, layout = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return application, layout


def _choose_journal(database: sqlite3.Connection, wanted: str) -> None:
    """Set the journal mode, which the file remembers; where others keep it busy, the mode it has works as well."""
    mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != wanted:
        with contextlib.suppress(sqlite3.OperationalError):
            mode = database.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0]
    if mode == "wal":
        database.execute("PRAGMA synchronous = NORMAL")


@contextlib.contextmanager
def faults(path: Path) -> Iterator[None]:
    """Faults of a database become errors that a user can act on.

    Raises
    ------
    SpecError
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        busy = "locked" in str(error)
        raise SpecError(
            f"cannot use the store: {error}", file=str(path),
            allowed="a store that other processes leave free for a moment" if busy else "a file that may be written",
            remedy="wait for the process that holds it, or name another folder with --cache" if busy
            else "free space or change permissions, name another folder with --cache, or use --no-cache",
        ) from error  # fmt: skip
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:
            raise
        raise SpecError(
            f"the store is damaged, or no store: {error}", file=str(path), allowed="a file that Tilewright wrote",
            remedy="move the file away: what it held is computed again",
        ) from error  # fmt: skip
