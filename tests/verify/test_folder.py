"""Folders that commands wrote: untouched they pass, and no edit of what a reader may quote goes unseen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizer.checker.again import verify_folder
from optimizer.errors import SpecError
from optimizer.results.load import load_result
from tests.support.choices import slow_unless
from tests.support.folder_cases import COMMANDS, run

Data = dict[str, Any]
Folders = Callable[[str], Path]
Edit = Callable[[Path], None]


@pytest.mark.parametrize("kind", slow_unless(["solve", "study", "memory", "size", "report"], COMMANDS))
def test_untouched_folders_pass_and_are_shown(folders: Folders, kind: str) -> None:
    found = verify_folder(folders(kind))
    assert found.ok, [check for check in found.checks if not check.ok]
    assert len([check for check in found.checks if check.name != "not checked"]) > 0
    shown = run("show", folders(kind))
    assert shown.exit_code == 0 and shown.stdout.strip(), shown.output


def edited(name: str, change: Callable[[Data], object]) -> Edit:
    """A change of a JSON file."""

    def edit(folder: Path) -> None:
        path = folder / name
        data = json.loads(path.read_text())
        before = json.dumps(data)
        change(data)
        assert json.dumps(data) != before
        path.write_text(json.dumps(data))

    return edit


def replaced(name: str, number: int, old: str, new: str) -> Edit:
    """A change of a line of a text file."""

    def edit(folder: Path) -> None:
        path = folder / name
        lines = path.read_text().splitlines(keepends=True)
        assert old in lines[number]
        lines[number] = lines[number].replace(old, new)
        path.write_text("".join(lines))

    return edit


def times(data: Data, key: str, factor: int = 3) -> None:
    data[key] *= factor


def tripled(folder: Path) -> None:
    """Figures layer by layer times three, with reductions that follow."""
    path = folder / ("result.json" if (folder / "result.json").exists() else "evaluation.json")
    data = json.loads(path.read_text())
    both = data["comparison"]
    for key in ("energy_pj", "latency_cycles", "dram_words"):
        both["layer_by_layer"][key] *= 3
        both["reduction"][key] = 1 - both["fused"][key] / both["layer_by_layer"][key]
    both["layer_by_layer"]["objective"] *= 3
    path.write_text(json.dumps(data))


def tripled_beside(folder: Path) -> None:
    """The same, and in the result layer by layer too."""
    tripled(folder)
    path = folder / "layer_by_layer" / "result.json"
    data = json.loads(path.read_text())
    for key in ("energy_pj", "latency_cycles", "latency_ms"):
        data[key] *= 3
    data["objective"]["value"] *= 3
    data["objective"]["bound"] *= 3
    path.write_text(json.dumps(data))


def without_beside(folder: Path) -> None:
    shutil.rmtree(folder / "layer_by_layer")


def later_optimum(data: Data) -> None:
    data["study"]["designs"][0]["latency_cycles"] += 1
    data["study"]["front"][0]["latency_cycles"] += 1


def other_question(data: Data) -> None:
    data["study"]["vary"][0]["high"] = "3"


def reached(data: Data) -> None:
    data["status"], data["objective"]["gap"] = "OPTIMAL", 0.0
    data["objective"]["value"] = data["objective"]["bound"] = data["objective"]["value"] - 1


EDITS: list[tuple[str, Edit]] = [
    ("solve", edited("result.json", lambda d: times(d, "energy_pj"))),
    ("study", replaced("steps.csv", 1, "OPTIMAL", "FEASIBLE")),
    ("study", replaced("steps.csv", 0, "status", "state")),
    ("study", replaced("cells.csv", 1, "1", "2")),
    ("study", lambda folder: (folder / "steps.csv").unlink()),
    ("study", lambda folder: (folder / "cells.csv").write_bytes((folder / "cells.csv").read_bytes() + b"\n")),
    ("study", edited("result.json", other_question)),
    ("nothing", edited("result.json", lambda d: d["study"]["least"][0].update({"area-mm2": "1/100"}))),
    ("nothing", edited("result.json", lambda d: d["study"].update(least=[]))),
    ("front", replaced("steps.csv", 1, "OPTIMAL", "FEASIBLE")),
    ("front", edited("result.json", lambda d: d.update(network="alexnet"))),
    ("front", edited("result.json", lambda d: d["study"]["designs"][0].update(status="FEASIBLE"))),
    ("front", edited("certificate.json", lambda d: d.update(space="all"))),
    ("limits", edited("result.json", lambda d: times(d["study"]["designs"][0], "energy_pj"))),
    ("limits", edited("result.json", lambda d: times(d["study"]["designs"][-1]["objective"], "value"))),
    ("limits", edited("result.json", lambda d: d["study"]["designs"][0].update(at_largest=["GLB.size"] * 2))),
    ("limits", edited("result.json", later_optimum)),
    ("joint", replaced("cross.csv", 1, "joint", "other")),
    ("joint", edited("alone/small/result.json", lambda d: times(d, "latency_ms"))),
    ("fused", tripled),
    ("fused", tripled_beside),
    ("fused", without_beside),
    ("fused", edited("result.json", lambda d: d["comparison"]["fused"].update(energy_pj=1.0))),
    ("fused", edited("result.json", lambda d: d["comparison"]["layer_by_layer"].update(status="FEASIBLE"))),
    ("evaluate", tripled),
    ("evaluate", edited("evaluation.json", lambda d: times(d, "energy_pj"))),
    ("evaluate", edited("evaluation.json", lambda d: times(d["layer_by_layer"], "latency_cycles"))),
    ("evaluate", edited("evaluation.json", lambda d: times(d["groups"][0], "buffer_bits"))),
    ("evaluate", edited("evaluation.json", lambda d: times(d["objective"], "value"))),
    ("evaluate", edited("evaluation.json", lambda d: d["problem"]["groups"][0]["tile"]["parts"].update(rows=4))),
    ("evaluate", edited("evaluation.json", lambda d: d["space"].update(text="all"))),
    ("adjust", edited("adjust.json", lambda d: times(d["layers"][0]["after"], "energy_pj"))),
    ("adjust", edited("adjust.json", lambda d: times(d["objective"], "largest_gain"))),
    ("adjust", edited("adjust.json", lambda d: d.update(accuracy="The accuracy is the same."))),
    ("adjust", edited("adjust.json", lambda d: times(d["after"], "latency_ms"))),
    ("adjust", edited("adjust.json", lambda d: d["hardware"].update(array=[8, 8]))),
    ("adjust", lambda folder: (folder / "adjusted.onnx").write_bytes((folder / "adjusted.onnx").read_bytes()[:-1])),
    ("adjust", edited("original/result.json", lambda d: times(d, "latency_ms"))),
    ("no_widths", edited("adjust.json", lambda d: d["limits"].update(macs=[1, 2]))),
    ("no_widths", edited("adjust.json", lambda d: d.update(status="OPTIMAL"))),
    ("memory", edited("memory.json", lambda d: times(d["chosen"], "peak_off_chip_bits"))),
    ("memory", edited("memory.json", lambda d: d["chosen"].update(macs=d["chosen"]["macs"] + 1))),
    ("memory", edited("memory.json", lambda d: d["keep_all"]["peak_by_kind_bits"].update(weights=1))),
    ("memory", edited("memory.json", lambda d: d["budgets"].update(off_chip_bits=1))),
    ("memory", edited("memory.json", lambda d: times(d["tensors"][0], "bits"))),
    ("memory", edited("memory.json", lambda d: times(d["problem"]["costs"], "total"))),
    ("memory", edited("memory.json", lambda d: d["objective"].update(bound=d["objective"]["value"] + 1))),
    ("memory", edited("memory.json", reached)),
    ("no_memory", edited("memory.json", lambda d: times(d["least_peak"], "bits"))),
    ("no_memory", edited("memory.json", lambda d: d["least_peak"].update(bits=d["least_peak"]["bits"] - 8))),
    ("kept", edited("memory.json", lambda d: d["keep_all"]["moments"][3].__setitem__(2, 1))),
    ("size", edited("sparse.json", lambda d: times(d["design"], "inputs_per_s"))),
    ("size", edited("sparse.json", lambda d: times(d["objective"], "value"))),
    ("no_size", edited("sparse.json", lambda d: d["infeasible"].update(blame=["dsp"]))),
    ("no_size", edited("sparse.json", lambda d: d["infeasible"]["relaxations"][0].update(least=200))),
    ("no_size", edited("sparse.json", lambda d: d["infeasible"].update(relaxations=[]))),
    ("interleave", edited("sparse.json", lambda d: d["junctions"][0].update(spread=7))),
    ("interleave", edited("sparse.json", lambda d: d["junctions"][0]["patterns"].update({"1": "12"}))),
    ("interleave", edited("sparse.json", lambda d: d["junctions"][1].update(infeasible=["distinct"]))),
    ("simulate", edited("sparse.json", lambda d: times(d, "clocks"))),
    ("report", edited("sparse.json", lambda d: times(d, "time_us"))),
]


OFTEN = ("solve", "study", "evaluate", "memory")
QUICK = [edit for n, edit in enumerate(EDITS) if edit[0] in OFTEN and edit[0] not in {kind for kind, _ in EDITS[:n]}]
"""The first one of some kinds of folder."""


@pytest.mark.parametrize(
    ("kind", "edit"), slow_unless(QUICK, EDITS), ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(EDITS)]
)
def test_edited_folders_fail(folders: Folders, tmp_path: Path, kind: str, edit: Edit) -> None:
    folder = shutil.copytree(folders(kind), tmp_path / "copy")
    edit(folder)
    assert not verify_folder(folder).ok


def not_checked(folder: Path) -> Iterator[str]:
    yield from (check.detail for check in verify_folder(folder).checks if check.name == "not checked")


def test_what_is_not_checked_has_its_name(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("solve"), tmp_path / "copy")
    (folder / "notes.txt").write_text("three times better")
    edited("result.json", lambda data: data.update(speed_up=3))(folder)
    assert list(not_checked(folder)) == ["versions, seed, wall_s, search", "result.json: speed_up", "notes.txt"]


def test_several_commands_may_write_into_one_folder(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("solve"), tmp_path / "copy")
    shutil.copy(folders("kept") / "memory.json", folder)
    found = verify_folder(folder)
    assert found.ok and {"result.json: totals", "memory.json: all kept"} <= {check.name for check in found.checks}
    edited("memory.json", lambda data: data["keep_all"].update(peak_at="nowhere"))(folder)
    assert not verify_folder(folder).ok


def test_a_file_of_a_study_beside_a_plain_result_is_named(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("solve"), tmp_path / "copy")
    shutil.copy(folders("study") / "steps.csv", folder)
    assert "steps.csv" in list(not_checked(folder))


def test_a_folder_of_no_command(tmp_path: Path) -> None:
    for folder, problem in ((tmp_path, "no command wrote this folder"), (tmp_path / "none", "there is no such folder")):
        outcome = run("verify", folder)
        assert outcome.exit_code == 2 and problem in outcome.output and "remedy" in outcome.output


def test_damaged_files_fail_instead_of_raising(folders: Folders, tmp_path: Path) -> None:
    for kind, name in (("memory", "memory.json"), ("evaluate", "evaluation.json"), ("adjust", "adjust.json")):
        folder = shutil.copytree(folders(kind), tmp_path / kind)
        edited(name, lambda data: data.pop("problem"))(folder)
        assert not verify_folder(folder).ok
    for key, value in (("networks", [1, 2]), ("networks", None), ("cross", 3), ("problem", [])):
        folder = shutil.copytree(folders("joint"), tmp_path / f"{key}{value}")
        edited("result.json", lambda data, key=key, value=value: data.update({key: value}))(folder)
        assert not verify_folder(folder).ok


@pytest.mark.parametrize("text", ["1e999999999", "-2.5E-0099999 "])
def test_numbers_with_too_many_digits_are_refused(folders: Folders, tmp_path: Path, text: str) -> None:
    folder = shutil.copytree(folders("solve"), tmp_path / "long")
    data = json.loads((folder / "result.json").read_text())
    data["problem"]["architecture"]["name"] = {"fraction": text}
    (folder / "result.json").write_text(json.dumps(data))
    with pytest.raises(SpecError, match="too many digits"):
        verify_folder(folder)


WRONG_TYPES: list[tuple[str, str, Callable[[Data], object], str]] = [
    ("solve", "result.json", lambda data: data.update(wall_s=False), "wall_s"),
    ("solve", "result.json", lambda data: data["versions"].update(numba=0), "versions"),
    ("solve", "certificate.json", lambda data: data.update(format=1), "format"),
    ("size", "sparse.json", lambda data: data["versions"].update(numba=0), "versions"),
    ("joint", "alone/small/result.json", lambda data: data.update(seed="1"), "seed"),
    ("memory", "memory.json", lambda data: data.update(seed=None), "seed"),
]


@pytest.mark.parametrize(("kind", "name", "change", "field"), WRONG_TYPES)
def test_what_cannot_be_loaded_is_not_verified(
    folders: Folders, kind: str, name: str, change: Callable[[Data], object], field: str, tmp_path: Path
) -> None:
    """Also fields that no other check reads."""
    folder = shutil.copytree(folders(kind), tmp_path / "out")
    edited(name, change)(folder)
    with pytest.raises(SpecError, match="the file is damaged"):
        load_result(folder)
    found = verify_folder(folder, seed=1)
    assert not found.ok
    told = [check.detail for check in found.checks if check.ok is False and check.name == "fields"]
    assert len(told) == 1 and field in told[0] and "damaged" in told[0]


UNSHOWABLE: list[tuple[str, str, Callable[[Data], object], str]] = [
    ("solve", "result.json", lambda data: data["hardware"].update(levels=[]), "hardware.levels"),
    ("evaluate", "evaluation.json", lambda data: data["hardware"].update(levels=[]), "hardware.levels"),
    ("adjust", "adjust.json", lambda data: data["classes"][0].update(candidates=[]), "classes.0.candidates"),
    ("adjust", "adjust.json", lambda data: data["before"].update(parameters=0), "before.parameters"),
    ("adjust", "adjust.json", lambda data: data["before"].update(macs=0), "before.macs"),
    ("adjust", "adjust.json", lambda data: data["before"].update(latency_cycles=0), "before.latency_cycles"),
    ("memory", "memory.json", lambda data: data["keep_all"].update(peak_off_chip_bits=0), "peak_off_chip_bits"),
    ("front", "result.json", lambda data: data["study"].update(kind="frontx"), "study.kind"),
    ("solve", "result.json", lambda data: data.update(wall_s=float("nan")), "wall_s"),
    ("memory", "memory.json", lambda data: data["tensors"][0].update(choice="keepx"), "tensors.0.choice"),
    ("memory", "memory.json", lambda data: data["keep_all"]["moments"][0].__setitem__(0, "x"), "keep_all.moments.0.0"),
    ("memory", "memory.json", lambda data: data["over_time"].update(steps=[]), "over_time.steps"),
    ("evaluate", "evaluation.json", lambda data: data["groups"][0]["tile"].update(parts={}), "groups.0.tile.parts"),
    ("study", "result.json", lambda data: data["study"]["designs"][0].update(needs={}), "study.designs.0.needs"),
    ("limits", "result.json", lambda data: data["study"]["cells"][0].update(below={}), "study.cells.0.below"),
    ("joint", "result.json", lambda data: data["cross"][0].update(networks={}), "cross.0.networks"),
]


@pytest.mark.parametrize(("kind", "name", "change", "field"), UNSHOWABLE)
def test_what_reports_rely_on_is_read_with_its_place(
    folders: Folders, kind: str, name: str, change: Callable[[Data], object], field: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(folders(kind), tmp_path / "out")
    edited(name, change)(folder)
    outcome = run("show", folder)
    assert outcome.exit_code == 2 and isinstance(outcome.exception, SystemExit), outcome.output
    assert f"{field}: the file is damaged: " in outcome.stderr
    assert "allowed: " in outcome.stderr


@pytest.mark.parametrize(("kind", "designs"), [("front", True), ("limits", True), ("nothing", False)])
def test_a_verdict_says_that_there_is_no_design_only_where_there_is_none(
    folders: Folders, kind: str, designs: bool
) -> None:
    study = json.loads((folders(kind) / "result.json").read_text())["study"]
    assert bool(study["designs"]) == designs
    assert ("there is no design" in verify_folder(folders(kind), seed=1).verdict) != designs


@pytest.mark.parametrize(
    "item", [{}, {"keep": "Wx", "level": "RF"}, {"for": "Z", "bound": 2}, {"for": "M", "bound": 0}]
)
def test_a_damaged_loop_nest_is_named(folders: Folders, item: Data, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("solve"), tmp_path / "out")
    edited("result.json", lambda data: data["layers"][0]["mapping"].insert(0, item))(folder)
    outcome = run("show", folder)
    assert outcome.exit_code == 2 and "a.mapping[0]: the result is damaged: not an item" in outcome.stderr, (
        outcome.output
    )


def test_a_damaged_problem_is_named(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("solve"), tmp_path / "out")
    edited("result.json", lambda data: data["problem"]["network"].update(layers=5))(folder)
    outcome = run("show", folder)
    assert outcome.exit_code == 2 and isinstance(outcome.exception, SystemExit), outcome.output


def test_a_group_of_no_layer_is_named(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("evaluate"), tmp_path / "out")
    edited("evaluation.json", lambda data: data["groups"][0]["layers"].__setitem__(0, "x"))(folder)
    outcome = run("show", folder)
    assert outcome.exit_code == 2 and "problem.network: the result does not hold" in outcome.stderr, outcome.output
