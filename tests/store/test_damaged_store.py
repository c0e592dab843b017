"""Stores that are damaged, forged or imported: no result rests on them, and nothing fails."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from formulations.engines import PathEngine
from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.nest_check import is_nest_of
from optimizer import load_architecture
from optimizer import solve as solve_network
from optimizer.checker.again import verify
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.pricing.lowering import lower
from optimizer.store import database
from optimizer.store.contents import Selection, entries, export_lines, groups, import_lines, prune
from optimizer.store.database import CONTENT, STORE_FILE, sealed
from optimizer.store.recall import Question, recalled
from optimizer.store.store import Store, task_key
from optimizer.workload.layer import conv
from optimizer.workload.reader import load_network
from tests.support.choices import slow_if
from tests.support.layer_cases import cases
from tests.support.profiles import examples
from tests.support.runs import written
from tests.support.store_cases import solution

DAMAGE = [
    "UPDATE layers SET bound = bound * 102 / 100",
    "UPDATE layers SET bound = 'much' WHERE bound",
    "UPDATE layers SET bound = 1e300 WHERE bound",
    "UPDATE layers SET entry = substr(entry, 1, length(entry) / 2)",
    "UPDATE layers SET entry = replace(entry, '[', '')",
    "UPDATE layers SET entry = x'ff00fe' WHERE kind = 'optimum'",
    "UPDATE layers SET kind = 'optimum', entry = 'null'",
    "UPDATE layers SET entry = (SELECT entry FROM layers WHERE key = 'third') WHERE key = 'some'",
    "UPDATE layers SET key = 'fourth' WHERE key = 'some'",
    "UPDATE layers SET created = 'yesterday', label = x'ff'",
    "UPDATE tasks SET outcome = replace(outcome, 'OPTIMAL', 'OPTIMUM')",
    "UPDATE tasks SET outcome = '[', payload = 'null'",
    "UPDATE tasks SET seal = 1",
]
TASK = {"n": 1}


def filled(folder: Path) -> Store:
    store = Store(folder)
    store.note_optimum("some", solution(5))
    store.note_optimum("third", solution(6))
    store.note_bound("other", 1000)
    store.note_outcome("study", TASK, {"status": "OPTIMAL"})
    return store


def known(store: Store) -> dict[str, object]:
    """What a store says, where it says anything."""
    said = {key: store.optimum(key) for key in ("some", "third", "other", "fourth")}
    bounds = {f"bound {key}": store.bound(key) for key in said}
    outcome = {"outcome": store.outcome(task_key("study", TASK))}
    return {name: value for name, value in (said | bounds | outcome).items() if value not in (0, None, (False, None))}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_rows_are_as_if_they_were_not_there(tmp_path, damage) -> None:
    store = filled(tmp_path)
    whole = known(store)
    with store.database() as database:
        touched = database.execute(damage).rowcount
        left = sum(database.execute(f"SELECT count(*) FROM sound_{table}").fetchone()[0] for table in CONTENT)
    assert touched and left < 4 and known(store).items() <= whole.items()
    assert sum(group.entries for group in groups(store)) == len(entries(store, Selection())) == left
    assert len(list(export_lines(store, Selection()))) == 1 + left
    for arguments in (["list", "--all"], ["show", "a"], ["export", str(tmp_path / "file")], ["prune", "--dry-run"]):
        outcome = CliRunner().invoke(main, ["store", *arguments, "--cache", str(tmp_path)])
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit)
    assert prune(store, Selection(stale=True), dry_run=True)[0] == 4 - left
    filled(tmp_path)
    assert known(store) == whole


def test_prune_removes_what_is_damaged(tmp_path) -> None:
    store = filled(tmp_path)
    with store.database() as database:
        database.execute("UPDATE layers SET bound = 1 WHERE bound")
    assert prune(store, Selection(kind="study"))[0] == 2
    assert prune(store, Selection(stale=True))[0] == 0 and set(known(store)) == {"some", "third"}


def test_files_whose_bytes_are_changed(tmp_path) -> None:
    """What can still be read is what was written; a file that cannot be read is an error that names it."""
    store = filled(tmp_path)
    for number in range(30):
        store.note_optimum(f"more{number}", solution(number))
    whole = known(store)
    store.close()
    content, chance = (tmp_path / STORE_FILE).read_bytes(), random.Random(1)
    used = [n for n, byte in enumerate(content) if byte]
    refused = 0
    for turn in range(50):
        changed, path = bytearray(content), tmp_path / str(turn) / STORE_FILE
        for _ in range(chance.choice((1, 1, 3, 20))):
            changed[chance.choice(used)] = chance.randrange(256)
        path.parent.mkdir()
        path.write_bytes(changed)
        try:
            damaged = Store(path.parent)
            assert known(damaged).items() <= whole.items()
            list(export_lines(damaged, Selection()))
            assert len(entries(damaged, Selection())) == sum(group.entries for group in groups(damaged))
            filled(path.parent).close()
            assert known(damaged) == whole
            prune(damaged, Selection())
            damaged.close()
        except SpecError as error:
            refused += 1
            assert str(path) in str(error)
    assert 0 < refused < 25


def test_files_of_an_earlier_layout_are_emptied(tmp_path) -> None:
    filled(tmp_path).close()
    store = Store(tmp_path)
    with store.database() as database:
        database.execute("DROP TABLE tasks")
        database.execute("CREATE TABLE tasks (key TEXT)")
        database.execute("PRAGMA user_version = 1")
    store.close()
    assert known(Store(tmp_path)) == {} and len(known(filled(tmp_path))) == 4


LAYER = conv("layer", {"K": 4, "C": 4, "P": 6, "R": 3})
POINT = next(load_architecture("edge_small").points())
PROBLEM = lower(LAYER, POINT)


@cache
def optimum() -> Nest:
    found = PathEngine().solve(PROBLEM)
    assert found is not None
    return found


def mutants(found: Nest) -> list[Nest]:
    """Nests that are none of the problem."""
    items = found.items
    loop = next(n for n, item in enumerate(items) if isinstance(item, LoopItem) and item.trips > 1)
    fan = next(n for n, item in enumerate(items) if isinstance(item, FanOutItem))
    node = next(n for n, item in enumerate(items) if isinstance(item, NodeItem) and item.level == 2)

    def nest(place: int, *instead: Item) -> Nest:
        return replace(found, items=(*items[:place], *instead, *items[place + 1 :]))

    trips, dim = items[loop].trips, items[loop].dim  # type: ignore[union-attr]
    return [
        replace(found, items=()),
        replace(found, items=items[1:]),
        replace(found, energy=-1),
        replace(found, latency=0),
        replace(found, items=(*items, LoopItem(0, 2))),
        replace(found, items=(NodeItem(0, 1), *items)),
        nest(loop),
        nest(loop, LoopItem(dim, 2 * trips)),
        nest(loop, LoopItem(dim, -trips)),
        nest(loop, LoopItem(4, trips)),
        nest(loop, LoopItem(-1, trips)),
        nest(loop, items[loop], items[loop]),
        nest(node),
        nest(node, NodeItem(3, 2)),
        nest(node, NodeItem(-1, 2)),
        nest(node, NodeItem(items[node].tensor, 3)),  # type: ignore[union-attr]
        nest(node, items[node], items[node]),
        nest(fan, FanOutItem(9, (1,) * 4)),
        nest(fan, FanOutItem(0, (2**40,) * 4)),
        nest(fan, FanOutItem(0, ())),
    ]


@pytest.mark.parametrize("number", range(20))
def test_optima_that_do_not_fit_the_problem_are_searched_again(number) -> None:
    """However well they are sealed."""
    store, question, right = Store(), Question(PROBLEM, "energy"), optimum()
    store.note_optimum(question.key, mutants(right)[number])
    asked: list[int] = []

    def search(limit: int) -> Nest:
        asked.append(limit)
        return right

    assert recalled(store, question, 2**60, search) == right and asked == [2**60]
    assert recalled(store, question, 2**60, search) == right and len(asked) == 1


def test_entries_whose_json_is_no_solution_are_not_there() -> None:
    store = Store()
    for entry in (
        '{"items": 3}',
        '{"items": [[]]}',
        "3",
        '"text"',
        "[",
        "[" * 10**5,
        '{"items": [{}]}',
        '{"levels": []}',
    ):
        store.note_optimum("key", None)
        with store.database() as database:
            database.execute("UPDATE layers SET entry = ?", (entry,))
            database.execute(f"UPDATE layers SET seal = {sealed(CONTENT['layers'])}")
        assert store.optimum("key") == (False, None)


@settings(max_examples=examples(10))
@given(st.data())
def test_every_optimum_fits_its_problem(data) -> None:
    problem = data.draw(cases(pins=True, small=True)).problem
    for objective in ("energy", "latency"):
        found = PathEngine().solve(problem, objective)
        assert found is None or is_nest_of(problem, found)


NETWORK = """\
name: small
layers:
  - {name: c1, type: conv, dims: {K: 8, C: 4, P: 6, Q: 6, R: 3}}
  - {name: fc, type: matmul, dims: {M: 4, N: 10, K: 24}}
"""
MACHINE = """\
name: machine
technology: generic45
clock_mhz: 500
word_bits: 16
mac: {type: int, bits: 16}
array: {x: [2, 4], y: [2]}
levels:
  - {name: DRAM, component: dram, bandwidth: {shared: 8 GB/s}}
  - {name: GLB, component: sram, size: [1 KiB, 2 KiB, 4 KiB], bandwidth: {read: 32 words/cycle, write: 32 words/cycle}}
  - {name: RF, component: regfile, size: [16 words, 32 words], must_keep: [W, I, O]}
"""


def solved(folder: Path, store: Path, objective: str = "energy"):
    (folder / "network.yaml").write_text(NETWORK)
    (folder / "machine.yaml").write_text(MACHINE)
    network, machine = load_network(folder / "network.yaml"), load_architecture(folder / "machine.yaml")
    return solve_network(network, machine, objective=objective, cache_dir=store)


@pytest.fixture(scope="module", params=slow_if(["latency"], ["energy", "latency"]))
def right(request, tmp_path_factory):
    """The objective, the result of an empty store, and what is in the store then."""
    folder = tmp_path_factory.mktemp("right")
    result = solved(folder, folder, request.param)
    return request.param, result, list(export_lines(Store(folder), Selection()))


def forged(line: dict, factor: tuple[int, int]) -> dict:
    """A line whose bound or optimum is off by a factor."""
    up, down = factor
    if line["kind"] == "bound":
        return line | {"bound": line["bound"] * up // down}
    if line["kind"] == "optimum" and line["entry"] is not None:
        entry = line["entry"]
        worse = {name: max(1, entry[name] * up // down) for name in ("energy", "latency")}
        return line | {"entry": entry | worse}
    return line


@pytest.mark.slow
@pytest.mark.parametrize(
    "factor", [(1, 1), (102, 100), *(pytest.param(pair, marks=pytest.mark.slow) for pair in ((1, 10**9), (10**9, 1)))]
)
def test_no_result_rests_on_an_import(tmp_path, right, factor) -> None:
    """Bounds and optima of others, true ones and false ones: design and values are those of an empty store."""
    objective, result, (header, *lines) = right
    assert len(lines) > 4 and any('"bound"' in line for line in lines)
    store = Store(tmp_path)
    taken, _ = import_lines(store, [header, *(json.dumps(forged(json.loads(line), factor)) for line in lines)], "file")
    store.close()
    found = solved(tmp_path, tmp_path, objective)
    assert taken and found.status == result.status == "OPTIMAL"
    for name in ("energy_pj", "latency_cycles", "hardware", "layers"):
        assert found.to_json()[name] == result.to_json()[name]


@pytest.mark.slow
def test_verify_opens_no_store_on_disk(tmp_path, right, monkeypatch) -> None:
    written(right[1], tmp_path)
    opened, connect = [], database.connect

    def watched(folder: Path | None):
        opened.append(folder)
        return connect(folder)

    monkeypatch.setattr("optimizer.store.store.connect", watched)
    assert verify(tmp_path).ok and set(opened) <= {None}
