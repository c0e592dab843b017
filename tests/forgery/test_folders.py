"""Forged folders of every kind: none passes, but in fields that the verdict names as not checked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from optimizer.checker.again import verify, verify_folder
from optimizer.checker.claims.solve import hash_of
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.networks.load import load
from optimizer.problem.problem import network_json
from optimizer.workload.reader import dump_network, parse_network
from tests.forgery import problems
from tests.forgery.folder_lies import FOLDER_KINDS, FOLDER_LIES
from tests.forgery.forger import Forgery
from tests.support.choices import slow_unless
from tests.support.folder_cases import run
from tests.support.profiles import examples

Folders = Callable[[str], Path]
FAST, SLOW = 1, examples(50)


def lies_pass(folder: Path, kind: str, seed: int) -> str | None:
    """What was changed, if the folder passes and the verdict does not name it."""
    random = Random(f"{kind} {seed}")
    field = random.choice(FOLDER_LIES)(folder, random)
    if field is None:
        return None
    try:
        found = verify_folder(folder, thorough=True)
    except SpecError:
        return None  # no result at all
    left_out = " ".join(check.detail for check in found.checks if check.name == "not checked")
    named = any(part in left_out for part in field.split("."))
    return field if found.ok and not named else None


def all_fail(folders: Folders, tmp_path: Path, kind: str, seeds: range) -> None:
    for seed in seeds:
        folder = shutil.copytree(folders(kind), tmp_path / str(seed))
        assert lies_pass(folder, kind, seed) is None, seed


@pytest.mark.parametrize("kind", slow_unless(["adjust", "memory", "size", "evaluate"], FOLDER_KINDS))
def test_no_forged_folder_passes(folders: Folders, tmp_path: Path, kind: str) -> None:
    all_fail(folders, tmp_path, kind, range(FAST))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FOLDER_KINDS)
def test_no_forged_folder_of_many_passes(folders: Folders, tmp_path: Path, kind: str) -> None:
    shared = {"adjust": SLOW, "memory": SLOW, "size": SLOW}
    all_fail(folders, tmp_path, kind, range(FAST, FAST + shared.get(kind, SLOW // 5)))


def test_another_least_area_fails() -> None:
    f = Forgery.of(problems.solved("energy", area_mm2="0.01"), Random(0))
    (relaxed,) = f.data["infeasible"]["relaxations"]
    before = relaxed["least"]
    relaxed["least"] = before + 6
    relaxed["text"] = relaxed["text"].replace(f"{before:.4g}", f"{before + 6:.4g}")
    assert f.data["status"] == "INFEASIBLE"
    assert not verify(f.result).ok


@pytest.mark.slow
def test_an_edited_steps_csv_fails(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("study"), tmp_path / "copy")
    path = folder / "steps.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert [check.name for check in verify_folder(folder).checks if not check.ok] == ["steps.csv"]


def test_a_smaller_network_of_the_same_name_fails(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("solve"), tmp_path / "copy")
    head, rest = dump_network(load("alexnet")).split("fc6", 1)
    extent = load("alexnet").graph.nodes["fc6"]["layer"].extents["N"]
    smaller = f"{head}fc6{rest.replace(f'N: {extent}', f'N: {extent // 4}', 1)}"
    assert parse_network(smaller).graph.nodes["fc6"]["layer"].extents["N"] == extent // 4
    result, certificate = (json.loads((folder / name).read_text()) for name in ("result.json", "certificate.json"))
    result["network"] = "alexnet"
    result["problem"] |= network_json(parse_network(smaller))
    result["problem_hash"] = certificate["problem_hash"] = hash_of(result["problem"])
    for name, data in (("result.json", result), ("certificate.json", certificate)):
        (folder / name).write_text(json.dumps(data))
    outcome = CliRunner().invoke(main, ["verify", str(folder), "--network", "alexnet"])
    assert outcome.exit_code == 1 and "NOT VERIFIED: question" in outcome.output
    assert "fc6" in outcome.output


@pytest.mark.slow
def test_fused_figures_layer_by_layer_times_three_fail(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("fused"), tmp_path / "copy")
    path = folder / "result.json"
    data = json.loads(path.read_text())
    both = data["comparison"]
    for key in ("energy_pj", "latency_cycles", "dram_words", "objective"):
        both["layer_by_layer"][key] *= 3
    for key in both["reduction"]:
        both["reduction"][key] = 1 - both["fused"][key] / both["layer_by_layer"][key]
    path.write_text(json.dumps(data))
    assert run("verify", folder, "--quiet").exit_code == 1
