"""The store: what wins over what, with one process and with many, killed or not; files that are no store."""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formulations.problem import LayerProblem, PortSpec, ProblemLevel
from optimizer.errors import SpecError
from optimizer.store import database
from optimizer.store import store as store_module
from optimizer.store.database import STORE_FILE
from optimizer.store.network_mounts import on_network
from optimizer.store.store import Store, content_key, layer_label, task_content, task_key
from tests.support import store_cases
from tests.support.store_cases import KEYS, SOLVED, bounds_of, solution, write_entries

NOTES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["bound", "optimum", "none"]), st.integers(1, 30)))


@given(NOTES)
def test_an_optimum_stays_and_bounds_only_rise(notes) -> None:
    store, optima, bounds = Store(), {}, {}
    for key, what, value in notes:
        if what == "bound":
            store.note_bound(key, value)
            bounds[key] = max(value, bounds.get(key, 0))
        else:
            optima[key] = solution(value) if what == "optimum" else None
            store.note_optimum(key, optima[key])
        for name in "ab":
            assert store.optimum(name) == (name in optima, optima.get(name))
            assert store.bound(name) == (0 if name in optima else bounds.get(name, 0))


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=4))
def test_outcomes_come_back_as_they_were(payload) -> None:
    store = Store()
    assert store.outcome(task_key("test", payload)) is None
    store.note_outcome("test", payload, {"of": payload})
    assert store.outcome(task_key("test", payload)) == {"of": payload}
    assert store.outcome(task_key("other", payload)) is None
    assert store.outcome(task_key("test", payload | {"time_limit_s": 3, "label": "new"})) == {"of": payload}
    assert store.outcome(task_key("test", payload | {"more": 3})) is None


def test_what_many_tasks_share_is_kept_once_as_its_hash() -> None:
    payload = {"problem": {"network": "long " * 100}, "box": [1, 2], "label": "x", "time_limit_s": 1}
    content = task_content(payload)
    assert set(content) == {"problem", "box"} and len(content["problem"]) < 80
    assert task_content(content) == content and task_key("test", content) == task_key("test", payload)
    assert task_key("test", payload | {"problem": {"network": "other"}}) != task_key("test", payload)


def test_entries_of_another_version_of_the_model_are_not_served(monkeypatch) -> None:
    level = ProblemLevel(None, 16, 1, 1, 1, 0, (PortSpec(),) * 3, ((True, True, True),), (1, 1), (True,), (True,))
    problem = LayerProblem((4,), (0,), (), (8, 8, 8), (8, 8, 8), 1, (level,), 1, False)
    key, task = content_key(problem, "energy", 9), task_key("test", {})
    assert key != content_key(problem, "latency", 9)
    monkeypatch.setattr(store_module, "MODEL_VERSION", "another")
    assert content_key(problem, "energy", 9) != key
    assert task_key("test", {}) == task_key("test", {}, "another") != task


def test_a_second_store_on_the_same_folder_sees_what_the_first_noted(tmp_path) -> None:
    first, second = Store(tmp_path / "new" / "folder"), Store(tmp_path / "new" / "folder")
    first.note_bound("a", 2**59)
    first.note_optimum("b", None)
    assert second.bound("a") == 2**59
    assert second.optimum("b") == (True, None)


def test_labels_name_the_dims_that_a_problem_has() -> None:
    assert layer_label((("K", 4), ("N", 1), ("R", 3)), "energy") == "K=4 R=3, energy"


def test_processes_that_write_the_same_keys_at_once(tmp_path) -> None:
    """They make the file together; in the end the best bound of each key is there, and every optimum."""
    context, writers = multiprocessing.get_context("spawn"), 3
    barrier = context.Barrier(writers)
    processes = [context.Process(target=write_entries, args=(n, tmp_path, barrier)) for n in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * writers
    store = Store(tmp_path)
    for key in KEYS:
        best = max(bound for writer in range(writers) for name, bound in bounds_of(writer) if name == key)
        assert store.optimum(key) == ((True, solution(1000)) if key in SOLVED else (False, None))
        assert store.bound(key) == (0 if key in SOLVED else best)


def _kill_a_writer(folder: Path, start: int, seconds: float) -> int:
    """Start a writer, kill it some time after its first entries; the last number that it said."""
    command = [sys.executable, store_cases.__file__, str(folder), str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = writer.stdout.readline()
        time.sleep(seconds)
        writer.kill()
        said += writer.stdout.read()
    return int(said.splitlines()[-1]) if said.endswith("\n") else int(said.splitlines()[-2])


def _check_after_kills(folder: Path, kills: int) -> None:
    last, chance = -1, random.Random(kills)
    for _ in range(kills):
        first = last + 1
        last = _kill_a_writer(folder, first, chance.random() / 10)
        database = sqlite3.connect(folder / STORE_FILE)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()
        store = Store(folder)
        for number in range(first, last + 1):
            assert store.optimum(f"optimum{number}") == (True, solution(number))
            assert store.outcome(task_key("test", {"number": number})) == {"square": number * number}
        assert all(store.bound(f"bound{number % 7}") >= number for number in range(max(0, last - 6), last + 1))
        store.close()


def test_a_killed_writer_leaves_a_sound_file_with_all_that_it_noted(tmp_path) -> None:
    _check_after_kills(tmp_path, 2)


@pytest.mark.slow
def test_twenty_killed_writers(tmp_path) -> None:
    _check_after_kills(tmp_path, 20)


def test_a_damaged_file_is_an_error_with_its_path(tmp_path) -> None:
    (tmp_path / STORE_FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(SpecError, match="damaged") as caught:
        Store(tmp_path)
    assert str(tmp_path / STORE_FILE) in str(caught.value) and "move the file away" in str(caught.value)


def test_damage_after_the_first_page_is_an_error_when_it_is_met(tmp_path) -> None:
    store = Store(tmp_path)
    for number in range(300):
        store.note_optimum(f"key{number}", solution(number))
    store.close()
    content = (tmp_path / STORE_FILE).read_bytes()
    (tmp_path / STORE_FILE).write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(SpecError, match="damaged"):
        Store(tmp_path).optimum("key7")


@pytest.mark.parametrize("marks", [(0, 0), (12345, 0), (database.APPLICATION, database.LAYOUT + 1)])
def test_files_of_others_are_left_as_they_are(tmp_path, marks) -> None:
    path = tmp_path / STORE_FILE
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mine (x)")
    database.execute(f"PRAGMA application_id = {marks[0]}")
    database.execute(f"PRAGMA user_version = {marks[1]}")
    database.close()
    before = path.read_bytes()
    with pytest.raises(SpecError, match=r"another version|not a store of Tilewright"):
        Store(tmp_path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError, match="cannot make the folder"):
        Store(tmp_path / "file" / "folder")


def test_a_store_that_another_process_holds_too_long(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.05)
    store = Store(tmp_path)
    other = sqlite3.connect(tmp_path / STORE_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SpecError, match="locked") as caught:
        store.note_bound("a", 1)
    assert "wait for the process" in str(caught.value)
    other.execute("COMMIT")
    store.note_bound("a", 1)
    assert store.bound("a") == 1


def test_the_journal_is_what_the_file_system_allows(tmp_path, monkeypatch) -> None:
    def mode() -> str:
        with Store(tmp_path).database() as database:
            return str(database.execute("PRAGMA journal_mode").fetchone()[0])

    assert mode() == ("delete" if on_network(tmp_path) else "wal")
    monkeypatch.setattr(database, "on_network", lambda _path: True)
    assert mode() == "delete"


MOUNTS = """\
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 21 0:40 / /net rw shared:1 - nfs4 server:/export rw
31 30 254:1 / /net/local rw - xfs /dev/vdb rw
32 21 0:41 / /with\\040space rw shared:2 master:1 - fuse.sshfs host: rw
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home", False),
        ("/net", True),
        ("/net/deep/er", True),
        ("/net/local/x", False),
        ("/network", False),
        ("/with space/x", True),
        ("/with", False),
    ],
)
def test_network_file_systems(path, expected) -> None:
    assert on_network(Path(path), MOUNTS) == expected
    assert not on_network(Path(path), "")
