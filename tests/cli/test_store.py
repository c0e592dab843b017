"""``tilewright store``: what it shows, removes, writes and reads, how it fails; options of commands that use pools."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome
from hypothesis import given
from hypothesis import strategies as st

from formulations.nest import FanOutItem, LoopItem, Nest, NodeItem
from optimizer.cli import main
from optimizer.cli.inputs import asked_pool
from optimizer.cli.options import scaling_options
from optimizer.errors import SpecError
from optimizer.problem.versions import MODEL_VERSION
from optimizer.scaling.pool import SerialPool
from optimizer.scaling.process_pool import ProcessPool
from optimizer.store import store as store_module
from optimizer.store.contents import Selection, export_lines, import_lines
from optimizer.store.database import CONTENT, STORE_FILE, sealed
from optimizer.store.store import Store, entry_of, task_key
from tests.support import store_cases
from tests.support.store_cases import solution

OPTIMUM, BOUND, NOTHING_FITS = "aa00", "aa11", "bb00"
PAYLOAD = {"network": "alexnet", "label": "alexnet at 3 mm2"}


def run(*arguments: str | Path) -> Outcome:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def good(*arguments: str | Path) -> str:
    outcome = run(*arguments)
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A store with layers and tasks of this version of the model and of a former one."""
    found = tmp_path / "cache"
    store = Store(found)
    store.note_optimum(OPTIMUM, solution(1234567), "K=4 C=3, energy")
    store.note_optimum(NOTHING_FITS, None, "K=8, latency")
    store.note_bound(BOUND, 7654321, "K=5, energy")
    store.note_outcome("study", PAYLOAD, {"status": "OPTIMAL", "area": 3})
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "MODEL_VERSION", "4")
        store.note_bound("cc00", 3, "K=6, energy")
        store.note_outcome("study", {"network": "old", "label": "old study"}, {})
    store.close()
    return found


def test_list(folder) -> None:
    shown = good("store", "list", "--cache", folder)
    assert str(folder / STORE_FILE) in shown.replace("\n", "")
    for word in ("optimum", "bound", "study", "4 (stale)", "alexnet at 3 mm2", "old study"):
        assert word in shown
    assert "K=4 C=3" not in shown and "earlier version" not in shown
    assert task_key("study", PAYLOAD)[:12] in shown


def test_list_of_a_kind_and_of_all(folder) -> None:
    shown = good("store", "list", "--cache", folder, "--kind", "bound")
    assert "K=5, energy" in shown and "K=6, energy" in shown and "study" not in shown
    shown = good("store", "list", "--cache", folder, "--all")
    assert all(word in shown for word in ("K=4 C=3, energy", "K=5, energy", "K=8, latency", "old study"))


def test_long_lists_are_cut(folder) -> None:
    store = Store(folder)
    for number in range(30):
        store.note_outcome("sweep", {"number": number}, {})
    assert "and 12 more" in good("store", "list", "--cache", folder)
    assert "and 10 more" in good("store", "list", "--cache", folder, "--kind", "sweep")
    assert " more" not in good("store", "list", "--cache", folder, "--all")


def test_show(folder) -> None:
    shown = good("store", "show", "aa0", "--cache", folder)
    for word in (
        "aa00",
        "K=4 C=3, energy",
        "1,234,567",
        "keep W at level 0",
        "for d1 in 3",
        "d0 by 2",
        "keep O at level 1",
    ):
        assert word in shown
    assert "7,654,321" in good("store", "show", BOUND, "--cache", folder)
    assert "no mapping fits" in good("store", "show", "b", "--cache", folder)
    shown = good("store", "show", task_key("study", PAYLOAD)[:12], "--cache", folder)
    assert '"network": "alexnet"' in shown and '"area": 3' in shown and "alexnet at 3 mm2" in shown


def test_show_of_a_loop_nest(tmp_path) -> None:
    store = Store(tmp_path)
    items = (NodeItem(0, 0), LoopItem(1, 3), FanOutItem(0, (2, 1)), NodeItem(2, 1))
    store.note_optimum("cc00", Nest(items, 12345, 7))
    store.close()
    shown = good("store", "show", "cc00", "--cache", tmp_path)
    for line in ("12,345", "keep W at level 0", "for d1 in 3", "fan-out of level 0: d0 by 2", "keep O at level 1"):
        assert line in shown


def _left(folder: Path) -> set[str]:
    with Store(folder).database() as database:
        return {row[0] for row in database.execute("SELECT label FROM layers UNION ALL SELECT label FROM tasks")}


NOW = {"K=4 C=3, energy", "K=8, latency", "K=5, energy", "alexnet at 3 mm2"}
STALE = {"K=6, energy", "old study"}


@pytest.mark.parametrize(
    ("options", "removed"),
    [
        ([], STALE),
        (["--stale"], STALE),
        (["--kind", "bound"], {"K=6, energy"}),
        (["--kind", "bound", "--all"], {"K=6, energy", "K=5, energy"}),
        (["--all"], NOW | STALE),
        (["--older-than", "1"], {"K=4 C=3, energy", "old study"}),
        (["--older-than", "1", "--stale"], {"old study"}),
        (["--older-than", "1", "--kind", "optimum"], {"K=4 C=3, energy"}),
        (["--older-than", "1000"], set()),
    ],
)
def test_prune(folder, options, removed) -> None:
    with Store(folder).database() as database:
        for table, label in (("layers", "K=4 C=3, energy"), ("tasks", "old study")):
            database.execute(f"UPDATE {table} SET created = created - 200000 WHERE label = ?", (label,))
            database.execute(f"UPDATE {table} SET seal = {sealed(CONTENT[table])}")
    count = f"{len(removed)} {'entry' if len(removed) == 1 else 'entries'}"
    assert f"would remove {count}" in good("store", "prune", "--cache", folder, "--dry-run", *options)
    assert _left(folder) == NOW | STALE
    assert f"removed {count}" in good("store", "prune", "--cache", folder, *options)
    assert _left(folder) == (NOW | STALE) - removed


def test_prune_gives_space_back_and_removes_the_file_of_earlier_versions(folder) -> None:
    store, former = Store(folder), folder / "layers.sqlite"
    for number in range(2000):
        store.note_optimum(f"key{number}", solution(number))
    store.close()
    former.write_text("")
    assert "earlier version" in good("store", "list", "--cache", folder)
    good("store", "prune", "--cache", folder, "--all", "--kind", "optimum", "--dry-run")
    before = (folder / STORE_FILE).stat().st_size
    good("store", "prune", "--cache", folder, "--all", "--kind", "optimum")
    assert (folder / STORE_FILE).stat().st_size < before / 5 and former.exists()
    assert str(former) in good("store", "prune", "--cache", folder).replace("\n", "")
    assert not former.exists()


def test_prune_while_another_process_writes(tmp_path) -> None:
    """Nothing fails on either side, and what was noted after the last time is there."""
    command = [sys.executable, store_cases.__file__, str(tmp_path), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(5):
            writer.stdout.readline()
            good("store", "prune", "--cache", tmp_path, "--all")
        store, since = Store(tmp_path), 0
        while since < 3:
            assert writer.poll() is None
            with store.database() as database:
                (since,) = database.execute("SELECT count(*) FROM tasks").fetchone()
        writer.kill()
        last = int(writer.stdout.read().rpartition("\n")[0].rpartition("\n")[2])
    with store.database() as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert store.optimum(f"optimum{last}") == (True, solution(last))


def test_import_takes_optima_of_this_version_as_starts(folder, tmp_path) -> None:
    """Nothing else is of use, since results rest on nothing that is imported."""
    first, second, new = tmp_path / "first.jsonl", tmp_path / "second.jsonl", tmp_path / "new"
    good("store", "export", first, "--cache", folder)
    assert len(first.read_text().splitlines()) == 7
    said = good("store", "import", first, "--cache", new)
    assert "read 1 mapping to start searches from" in said and "left out 5: bounds, outcomes of tasks" in said
    store = Store(new)
    assert store.start(OPTIMUM) == solution(1234567) and store.optimum(OPTIMUM) == (False, None)
    assert store.optimum(NOTHING_FITS) == (False, None) and store.bound(BOUND) == 0
    assert store.outcome(task_key("study", PAYLOAD)) is None
    assert "nothing rests on it" in good("store", "show", OPTIMUM, "--cache", new)
    assert "start" in good("store", "list", "--cache", new)
    good("store", "export", second, "--cache", new)
    assert "read 1 mapping" in good("store", "import", second, "--cache", tmp_path / "newest")
    assert Store(tmp_path / "newest").start(OPTIMUM) == solution(1234567)


def test_export_of_a_kind(folder, tmp_path) -> None:
    good("store", "export", tmp_path / "file", "--cache", folder, "--kind", "study")
    lines = [json.loads(line) for line in (tmp_path / "file").read_text().splitlines()]
    assert lines[0] == {"tilewright_store": 1} and [line["kind"] for line in lines[1:]] == ["study", "study"]


NOTES = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 9)), max_size=6)


@given(NOTES, NOTES)
def test_an_import_changes_nothing_that_is_known(own, others) -> None:
    def filled(notes) -> Store:
        store = Store()
        for key, optimal, value in notes:
            if optimal:
                store.note_optimum(key, solution(ord(key)))
            else:
                store.note_bound(key, value)
        return store

    merged, before, other = filled(own), filled(own), filled(others)
    import_lines(merged, list(export_lines(other, Selection())), "file")
    known = {key for key, _, _ in own}
    for key in "abc":
        assert (merged.optimum(key), merged.bound(key)) == (before.optimum(key), before.bound(key))
        assert merged.start(key) == (None if key in known else other.optimum(key)[1])
        merged.note_bound(key, 100)
        assert merged.bound(key) == (0 if before.optimum(key)[0] else 100) and merged.start(key) is None


def test_long_exports_go_in_steps(monkeypatch) -> None:
    monkeypatch.setattr("optimizer.store.contents.AT_ONCE", 3)
    store = Store()
    for number in range(10):
        store.note_bound(f"{number}", number)
    lines = list(export_lines(store, Selection()))
    assert [json.loads(line)["bound"] for line in lines[1:]] == list(range(10))


GOOD = {
    "table": "layers",
    "key": "ab",
    "version": MODEL_VERSION,
    "kind": "optimum",
    "created": 1,
    "label": "",
    "entry": entry_of(solution(3)),
}


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        "{}",
        "[" * 10**5,
        *(
            json.dumps(GOOD | change)
            for change in (
                {"entry": {"items": 3}},
                {"kind": "other"},
                {"created": None},
                {"key": 3},
                {"table": "rows"},
                {"entry": GOOD["entry"] | {"energy": 2**130}},
                {"entry": GOOD["entry"] | {"latency": 1.5}},
                {"entry": GOOD["entry"] | {"items": [[0, "W", 1]]}},
                {"entry": GOOD["entry"] | {"items": [[7, 1, 1]]}},
            )
        ),
    ],
)
def test_a_bad_line_imports_nothing(line) -> None:
    store = Store()
    with pytest.raises(SpecError, match="not a line of a store") as caught:
        import_lines(store, [json.dumps({"tilewright_store": 1}), json.dumps(GOOD), line], "some.jsonl")
    assert caught.value.file == "some.jsonl" and caught.value.field == "line 3"
    assert store.start("ab") is None


@pytest.mark.parametrize("text", ["", "{}", '{"tilewright_store": 99}', "\x00"])
def test_files_that_are_no_export(folder, tmp_path, text) -> None:
    (tmp_path / "file").write_text(text)
    outcome = run("store", "import", tmp_path / "file", "--cache", folder)
    assert outcome.exit_code == 2 and "not a line of a store" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("list --kind nothing", ["--kind", "'nothing'", "bound, optimum, study"]),
        ("list --cache elsewhere", ["--cache", "there is no store", "solve something first"]),
        ("list", ["there is no store"]),
        ("show xyz", ["KEY", "'xyz'", "hexadecimal"]),
        ("show aa", ["several entries", "aa00, aa11", "give more digits"]),
        ("show dd", ["no entry has a key", "copy one from"]),
        ("prune --all --stale", ["--all", "contradicts", "leave --all out"]),
        ("prune --older-than 0", ["--older-than", "not a positive number"]),
        ("prune --kind nothing", ["--kind", "bound, optimum, study"]),
        ("export missing/file", ["missing", "cannot write the file", "name another file"]),
        ("export .", ["cannot write the file"]),
        ("import missing", ["missing", "cannot read the file", "store export"]),
    ],
)
def test_errors(folder, tmp_path, monkeypatch, arguments, words) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    own = [] if "--cache" in arguments or arguments == "list" else ["--cache", str(folder)]
    outcome = run("store", *arguments.split(), *own)
    assert outcome.exit_code == 2, outcome.output
    for word in words:
        assert word in outcome.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_store(tmp_path) -> None:
    (tmp_path / STORE_FILE).write_bytes(b"no database" * 1000)
    for arguments in (["list"], ["show", "a"], ["prune"], ["export", str(tmp_path / "file")]):
        outcome = run("store", *arguments, "--cache", tmp_path)
        assert outcome.exit_code == 2 and "damaged" in outcome.stderr and "move the file away" in outcome.stderr
    assert not (tmp_path / "file").exists()


def test_pools_of_commands() -> None:
    opened = []

    @click.command()
    @click.option("--workers", default=1)
    @click.option("--memory-limit", type=int)
    @scaling_options
    def command(**options) -> None:
        with asked_pool(options) as pool:
            opened.append(pool)

    processes = ["--workers", "2", "--processes", "--task-time-limit", "2.5"]
    for arguments, kind in (([], type(None)), (["--processes"], SerialPool), (processes, ProcessPool)):
        assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
        assert isinstance(opened[-1], kind)
    with pytest.raises(SpecError, match="limit their memory themselves"):
        CliRunner().invoke(command, ["--scheduler", "tcp://x:1", "--memory-limit", "5"], catch_exceptions=False)
    with pytest.raises(SpecError, match="only processes have this limit"):
        CliRunner().invoke(command, ["--task-time-limit", "5"], catch_exceptions=False)


def test_a_line_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"store": "a", "store": "b"}\n')
    outcome = CliRunner().invoke(main, ["store", "import", str(tmp_path / "lines"), "--cache", str(tmp_path)])
    assert outcome.exit_code == 2 and "line 1: store: the same key is given twice" in outcome.stderr
