"""Folders of results: one kind each, nothing better overwritten, files that appear together, every kind read back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import optimizer
from optimizer.bodies.sparse import REPORT, EngineReportBody
from optimizer.checker.again import verify_folder
from optimizer.checker.folder import stated_problem as stored_problem
from optimizer.checker.stored import load
from optimizer.errors import SpecError
from optimizer.problem.status import Status, Termination
from optimizer.report.folder import folder_report
from optimizer.results import folder
from optimizer.results.formats import SPARSE_FORMAT
from optimizer.results.kinds import SolveResult, SparseResult
from optimizer.results.load import CLASSES, check_kind, load_design, load_result, save_result
from optimizer.sparse_engine.describe import describe
from optimizer.sparse_engine.engine import Engine
from optimizer.sparse_engine.network import SparseNetwork
from tests.support.choices import slow_unless
from tests.support.folder_cases import COMMANDS
from tests.support.result_cases import design, nothing, result

Folders = Callable[[str], Path]
ENGINE = Engine(SparseNetwork((12, 8, 4), (2, 2)), (4, 4))


def report_of(engine: Engine) -> EngineReportBody:
    """A body without a status."""
    return EngineReportBody(format=SPARSE_FORMAT, kind=REPORT, input_width_bits=8, engine=describe(engine))


QUICK = ("solve", "joint", "evaluate", "memory")


@pytest.mark.parametrize("kind", slow_unless(QUICK, COMMANDS))
def test_every_folder_is_read_back_and_written_again(folders: Folders, kind: str, tmp_path: Path) -> None:
    found = load_result(folders(kind))
    assert CLASSES[found.body.format] is type(found)
    assert isinstance(found.status, Status) and isinstance(found.termination, Termination)
    again = optimizer.save(found, tmp_path / "again")
    for name, content in found.files().items():
        assert (again / name).read_bytes() == content
    assert load_result(again) == found
    assert len(repr(found).splitlines()) == 1 and str(found.status) in repr(found) + "EVALUATED"
    shown = found._repr_html_()
    assert shown.startswith("<p>") and not any(f">{empty}<" in shown for empty in ("NaN", "&lt;NA&gt;", "None"))


def test_values_are_shown_with_prefixes(folders: Folders) -> None:
    found = load_result(folders("solve"))
    assert found.energy_pj is not None
    assert (
        repr(found)
        == f"<SolveResult OPTIMAL  energy {found.energy_pj / 1000:.4g} nJ  small on {found.body.architecture}>"
    )
    assert "  time 2.4 us" in repr(load_result(folders("size")))


def test_networks_and_architectures_are_shown_in_one_line() -> None:
    network, architecture = optimizer.load("alexnet"), optimizer.load_architecture("edge_small")
    assert (
        repr(network) == f"<Network alexnet: 14 layers, {network.macs:,} multiply-accumulates, 60,965,224 parameters>"
    )
    assert repr(architecture) == "<Architecture edge_small: 96 hardware points, levels DRAM, GLB, RF>"


@pytest.mark.slow
@pytest.mark.parametrize("kind", COMMANDS)
def test_tables(folders: Folders, kind: str) -> None:
    found = load_result(folders(kind))
    for table in found.TABLES:
        frame = found.to_dataframe(table)
        assert len(frame.columns) >= 2 or not len(frame)
    with pytest.raises(SpecError, match="no such table"):
        found.to_dataframe("beauty")


def test_typed_parts(folders: Folders) -> None:
    found = load_result(folders("solve"))
    assert found.hardware is not None and found.objective is not None
    assert sum(layer.energy_pj * layer.multiplicity for layer in found.layers) == pytest.approx(found.energy_pj)
    first = next(layer for layer in found.layers if layer.mapping)
    assert set(first.accesses) <= {level.name for level in found.hardware.levels}
    frame = found.to_dataframe("accesses")
    assert frame[frame.layer == first.name].reads.sum() == sum(
        counts.reads for kept in first.accesses.values() for counts in kept.values()
    )
    assert found.to_dataframe().energy_pj.sum() == pytest.approx(sum(layer.energy_pj for layer in found.layers))


@pytest.mark.slow
def test_a_result_in_memory_is_verified(folders: Folders) -> None:
    found = load_result(folders("solve"))
    assert isinstance(found, SolveResult) and found.design is not None
    assert optimizer.verify(found, seed=1).ok
    found.body = replace(found.body, design=replace(found.design, latency_cycles=1))
    assert not optimizer.verify(found, seed=1).ok


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"format": "tilewright-solve/0"}, "agreement"),
        ({"termination": "time limit"}, "agreement"),
        ({"termination": "disagreement"}, "agreement"),
    ],
)
def test_head_of_a_result_is_checked(folders: Folders, change: dict[str, str], check: str) -> None:
    found = load(folders("solve"))
    found.data.update(change)
    from optimizer.checker.again import verify  # noqa: PLC0415

    assert [one.name for one in verify(found, seed=1).checks if one.ok is False] == [check]


def test_another_kind_needs_force(tmp_path: Path) -> None:
    save_result(result(), tmp_path)
    other = SparseResult(report_of(ENGINE))
    with pytest.raises(SpecError, match="another kind"):
        save_result(other, tmp_path)
    assert load_result(tmp_path) == result()
    save_result(other, tmp_path, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sparse.json"]


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("OPTIMAL", "UNKNOWN", True),
        ("OPTIMAL", "FEASIBLE", True),
        ("INFEASIBLE", "UNKNOWN", True),
        ("FEASIBLE", "UNKNOWN", True),
        ("UNKNOWN", "FEASIBLE", False),
        ("FEASIBLE", "OPTIMAL", False),
        ("OPTIMAL", "INFEASIBLE", False),
        ("OPTIMAL", "OPTIMAL", False),
    ],
)
def test_what_is_better_known_stays(tmp_path: Path, before: str, after: str, kept: bool) -> None:
    def made(status: str, seed: int) -> SolveResult:
        return result(design(status=status) if Status(status).has_design else nothing(status), seed=seed)

    save_result(made(before, 1), tmp_path)
    if kept:
        with pytest.raises(SpecError, match="holds a better answer"):
            save_result(made(after, 2), tmp_path)
    else:
        save_result(made(after, 2), tmp_path)
    assert load_result(tmp_path).to_json()["seed"] == (1 if kept else 2)
    save_result(made(after, 3), tmp_path, force=True)
    assert load_result(tmp_path).to_json()["seed"] == 3


def test_a_worse_value_of_the_same_problem_is_not_kept(tmp_path: Path) -> None:
    better, worse = design(status="FEASIBLE"), design(status="FEASIBLE")
    worse["objective"] = better["objective"] | {"value": better["objective"]["value"] + 1}
    save_result(result(better), tmp_path)
    with pytest.raises(SpecError, match="better answer"):
        save_result(result(worse), tmp_path)
    save_result(result(worse, problem_hash="another"), tmp_path)


READERS: list[Callable[[Path], object]] = [load_result, load_design, folder_report, verify_folder, stored_problem]


@pytest.mark.parametrize("moved", range(3))
def test_a_kill_at_any_moment_leaves_one_of_the_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """Killed before the files of the second result are together, or after `moved` of them took their places. Nobody
    reads a mix; who writes next finishes the second result first.
    """
    old, new = (result(number=seed, seed=seed) for seed in (1, 2))
    save_result(old, tmp_path)
    replace, left = Path.replace, [moved]

    def killed(path: Path, target: Path) -> Path:
        if ".next" in path.parts:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    if moved < 2:
        with pytest.raises(KeyboardInterrupt):
            save_result(new, tmp_path)
        for read in READERS:
            with pytest.raises(SpecError, match="a command was stopped while it wrote"):
                read(tmp_path)
    else:
        save_result(new, tmp_path)
    monkeypatch.undo()
    check_kind(tmp_path, SolveResult)
    found = load_result(tmp_path)
    assert isinstance(found, SolveResult) and found.body.seed == found.certificate.master_optimum == 2
    save_result(new, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certificate.json", "result.json"]


@pytest.mark.parametrize("removed", range(3))
def test_a_kill_while_old_files_go_is_finished_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    """Over a result of another kind: killed after `removed` files were gone, nobody reads what is left of it."""
    save_result(result(), tmp_path)
    unlink, left = Path.unlink, [removed]

    def killed(path: Path, missing_ok: bool = False) -> None:
        if path.parent == tmp_path and not left[0]:
            raise KeyboardInterrupt
        left[0] -= path.parent == tmp_path
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", killed)
    other = SparseResult(report_of(ENGINE))
    with pytest.raises(KeyboardInterrupt):
        save_result(other, tmp_path, force=True)
    monkeypatch.undo()
    for read in READERS:
        with pytest.raises(SpecError, match="was stopped"):
            read(tmp_path)
    check_kind(tmp_path, SparseResult)
    assert load_result(tmp_path) == other
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sparse.json"]


@pytest.mark.parametrize("damaged", ['{"format": "tilewright-adjust/0"}', "{", "[]"])
def test_force_over_what_cannot_be_read_leaves_the_new_result(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "adjust.json").write_text(damaged)
    save_result(result(), tmp_path, force=True)
    assert load_result(tmp_path) == result()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certificate.json", "result.json"]


@pytest.mark.parametrize("going", ['["../kept.txt"]', '["/kept.txt"]', "5", "{", "[5]"])
def test_files_outside_of_a_folder_never_go(tmp_path: Path, going: str) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    waiting = tmp_path / "out" / ".next"
    waiting.mkdir(parents=True)
    (waiting / ".removed").write_text(going)
    with pytest.raises(SpecError, match="list of files that go"):
        save_result(result(), tmp_path / "out")
    assert (tmp_path / "kept.txt").read_text() == "mine"


def test_a_list_of_files_that_go_has_every_key_once(tmp_path: Path) -> None:
    waiting = tmp_path / ".next"
    waiting.mkdir()
    (waiting / ".removed").write_text('{"a": 1, "a": 2}')
    with pytest.raises(SpecError, match="the same key is given twice"):
        save_result(result(), tmp_path)


@pytest.mark.parametrize("inside", ["", "alone/small"])
def test_no_reader_takes_other_files_than_those_in_place(tmp_path: Path, inside: str) -> None:
    """Honest files that wait beside others, in the folder or in one around it, are not read in their place."""
    shown, honest = tmp_path / "out" / inside, tmp_path / "out" / ".next" / inside
    save_result(result(seed=1), shown)
    save_result(result(seed=2), honest)
    for read in READERS:
        with pytest.raises(SpecError, match="was stopped") as error:
            read(shown)
        assert error.value.value == ["certificate.json", "result.json"] and "--out" in str(error.value.remedy)


@pytest.mark.parametrize("name", ["result.json", "certificate.json"])
def test_a_key_that_is_given_twice_is_refused(folders: Folders, name: str, tmp_path: Path) -> None:
    """Other readers of JSON may take the first of the two."""
    out = shutil.copytree(folders("solve"), tmp_path / "out")
    text = (out / name).read_text()
    (out / name).write_text('{"status": "INFEASIBLE",' + text.lstrip()[1:])
    for read in (load_result, verify_folder):
        with pytest.raises(SpecError, match="the same key is given twice") as error:
            read(out)
        assert error.value.file == str(out / name) and error.value.field == "status"
        assert error.value.value == ["INFEASIBLE", "OPTIMAL"]


def test_a_failure_while_writing_leaves_the_old_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = result(seed=1)
    save_result(old, tmp_path)
    written = folder._write_parts

    def full(path: Path, parts: list[bytes]) -> None:
        if path.name == "certificate.json":
            raise OSError(28, "No space left on device")
        written(path, parts)

    monkeypatch.setattr(folder, "_write_parts", full)
    with pytest.raises(SpecError, match="No space left"):
        save_result(result(number=2, seed=2), tmp_path)
    found = load_result(tmp_path)
    assert isinstance(found, SolveResult) and found.body.seed == found.certificate.master_optimum == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certificate.json", "result.json"]


def test_older_formats_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text(json.dumps({"format": "tilewright-memory/0"}))
    with pytest.raises(SpecError, match="not a format of this version") as error:
        load_result(tmp_path)
    assert error.value.value == "tilewright-memory/0" and error.value.allowed == "tilewright-memory/1"
    with pytest.raises(SpecError, match="no such folder"):
        load_result(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecError, match="no command wrote"):
        load_result(tmp_path / "empty")


def test_what_is_only_counted_is_evaluated() -> None:
    found = SparseResult(report_of(ENGINE))
    assert found.status is Status.EVALUATED and found.termination is Termination.COMPLETE
