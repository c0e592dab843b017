"""The database file of the store: its tables, its connection, and its errors.

One SQLite file holds two tables: ``layers``, optima and bounds of layer problems, and ``tasks``, outcomes of tasks.
Many processes may use it at once. On a local disk it is kept in WAL mode (readers and the writer do not wait for one
another), on a network file system, where WAL does not work, with a rollback journal. Every statement is a transaction,
so a process that is killed leaves the file sound.

Every row has a seal: a hash of its contents. A row whose seal does not match is damaged. Everything is read through the
views ``sound_layers`` and ``sound_tasks``, which hide damaged rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from optimizer.errors import SpecError
from optimizer.store.network_mounts import on_network

STORE_FILE = "store.sqlite"
FORMER_FILE = "layers.sqlite"
"""Of earlier versions, which kept no versions and kinds: it is not read any more."""

APPLICATION = 0x54574C53
"""The file's ``application_id``: no other program's database is written to."""

LAYOUT = 2
"""The file's ``user_version``: changes with the tables, and with it the version of the model, so that a file of an
earlier layout holds nothing that is of use."""

PATIENCE_S = 60
"""Seconds to wait for other processes that write."""

CONTENT = {
    "layers": ("key", "version", "kind", "created", "label", "bound", "entry"),
    "tasks": ("key", "version", "kind", "created", "label", "payload", "outcome"),
}
"""Columns of the tables; each has its ``seal`` besides."""

_HEAD = (
    "key TEXT PRIMARY KEY, version TEXT NOT NULL, kind TEXT NOT NULL, created INTEGER NOT NULL, label TEXT NOT NULL,"
    " seal TEXT NOT NULL"
)
_TABLES = (
    "DROP TABLE IF EXISTS layers",
    "DROP TABLE IF EXISTS tasks",
    f"CREATE TABLE layers ({_HEAD}, bound INTEGER, entry TEXT)",
    f"CREATE TABLE tasks ({_HEAD}, payload TEXT NOT NULL, outcome TEXT NOT NULL)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {LAYOUT}",
)


def seal(*values: bytes | None) -> str:
    """The seal of a row whose columns (see :data:`CONTENT`), as SQLite casts them to bytes, are these."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def sealed(columns: Iterable[str]) -> str:
    """SQL for the correct seal of these columns, or of placeholders for their values."""
    return f"seal_of({', '.join(f'CAST({column} AS BLOB)' for column in columns)})"


def sound(table: str) -> str:
    """SQL condition: the seal of a row matches its contents."""
    return f"{table}.seal IS {sealed(f'{table}.{column}' for column in CONTENT[table])}"


def note(table: str, replaces: str = "1") -> str:
    """SQL that inserts a row, and replaces one of the same key if that is damaged or meets the condition `replaces`."""
    columns = (*CONTENT[table], "seal")
    values = [f"?{number}" for number, _ in enumerate(CONTENT[table], start=1)]
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)}, {sealed(values)})"
        f" ON CONFLICT (key) DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in columns)}"
        f" WHERE {replaces} OR NOT {sound(table)}"
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
        _make_views(database)
        return database
    path = folder / STORE_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(
            f"cannot make the folder of the store: {error.strerror or error}",
            file=str(folder),
            allowed="a folder that may be written",
            remedy="name another folder with --cache, or use --no-cache",
        ) from error
    with faults(path):
        database = sqlite3.connect(path, check_same_thread=False, timeout=PATIENCE_S, isolation_level=None)
        try:
            if _marks(database) != (APPLICATION, LAYOUT):
                _make_tables(database, path)
            _choose_journal(database, "delete" if on_network(folder) else "wal")
            _make_views(database)
        except BaseException:
            database.close()
            raise
    return database


def _make_tables(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables in an empty file or one of an earlier layout, unless another process has just done so."""
    database.execute("BEGIN IMMEDIATE")
    with database:
        found = _marks(database)
        empty = found == (0, 0) and not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        earlier = found[0] == APPLICATION and found[1] < LAYOUT
        for statement in _TABLES if empty or earlier else ():
            database.execute(statement)
    if empty or earlier or found == (APPLICATION, LAYOUT):
        return
    ours = found[0] == APPLICATION
    raise SpecError(
        "the store is of another version of Tilewright" if ours else "the file is not a store of Tilewright",
        file=str(path),
        field="user_version" if ours else "application_id",
        value=found[1] if ours else found[0],
        allowed=f"{LAYOUT if ours else APPLICATION}, or a new file",
        remedy="name another folder with --cache, or move the file away: what it held is computed again",
    )


def _make_views(database: sqlite3.Connection) -> None:
    """The views of this connection on the rows that are not damaged."""
    database.create_function("seal_of", -1, seal, deterministic=True)
    for table in CONTENT:
        database.execute(f"CREATE TEMP VIEW sound_{table} AS SELECT * FROM {table} WHERE {sound(table)}")


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
            f"cannot use the store: {error}",
            file=str(path),
            allowed="a store that other processes leave free for a moment" if busy else "a file that may be written",
            remedy="wait for the process that holds it, or name another folder with --cache"
            if busy
            else "free space or change permissions, name another folder with --cache, or use --no-cache",
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.ProgrammingError):
            raise
        raise SpecError(
            f"the store is damaged, or no store: {error}",
            file=str(path),
            allowed="a file that Tilewright wrote",
            remedy="move the file away: what it held is computed again",
        ) from error
