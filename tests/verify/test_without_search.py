"""Verification without a search: numbers are checked all the same, what was not proved is named, kernels stay away."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.checker.again import SearchAgain, verify
from optimizer.checker.claims.solve import hash_of
from optimizer.checker.folder import verify_folder
from optimizer.checker.outcome import NOT_CHECKED
from optimizer.checker.solve import verify as verify_with
from optimizer.checker.stored import StoredResult
from optimizer.checker.verification import Verification
from tests.support.choices import slow_if, slow_unless
from tests.support.folder_cases import COMMANDS
from tests.support.pair_results import make
from tests.support.tampering import changed, leaves, put, replaced, shift_floor

Folders = Callable[[str], Path]
SOLVED_AGAIN = ("memory", "no_memory", "kept", "size", "no_size", "interleave", "simulate", "report")
"""Kinds of folders whose checks all need a search."""
LIMITS = [{"area_mm2": "0.001"}, {"latency_ms": "0.0001"}, {"energy_mj": "0.00001"}]
MORE_THAN_FLOORS = [{"objective": "edp"}, {"objective": "energy", "latency_ms": "0.0008"}]
NOTHING_TO_PROVE = ("nothing", "no_widths")
UNSEARCHED = "nothing was searched again"


def names(found: Verification) -> set[str]:
    """Checks that were made."""
    return {check.name for check in found.checks if check.name != NOT_CHECKED}


@pytest.mark.parametrize("kind", [kind for kind in COMMANDS if kind not in SOLVED_AGAIN])
def test_only_proofs_are_missing_and_named(folders: Folders, kind: str) -> None:
    alone, whole = verify_folder(folders(kind), None, seed=1), verify_folder(folders(kind), SearchAgain(), seed=1)
    assert alone.ok, [check for check in alone.checks if not check.ok]
    assert names(alone) <= names(whole)
    assert all("again" in name or name == "groups as given" for name in names(whole) - names(alone))
    if kind not in NOTHING_TO_PROVE:
        assert names(whole) - names(alone) and UNSEARCHED in alone.verdict
    assert alone.share < 1 or not any(tally.whole for tally in whole.proofs)
    assert all(one.proved <= other.proved for one, other in zip(alone.proofs, whole.proofs, strict=True))


@pytest.mark.parametrize("kind", SOLVED_AGAIN)
def test_what_needs_a_search_is_undecided(folders: Folders, kind: str) -> None:
    found = verify_folder(folders(kind), None)
    assert not found.ok and not found.failed
    assert found.verdict.startswith("CANNOT DECIDE: ")


@pytest.mark.slow
@pytest.mark.parametrize("padding", slow_unless(["none"], ["none", "auto"]))
@pytest.mark.parametrize("limits", slow_if([MORE_THAN_FLOORS[1]], MORE_THAN_FLOORS), ids=str)
def test_bounds_that_rest_on_more_than_floors_are_named(limits: dict[str, str], padding: str) -> None:
    """The bound of a product, and a cap that only the trade of energy against cycles breaks."""
    result = make(padding=padding, **limits)
    alone, whole = verify_with(result, None, seed=1), verify(result, seed=1)
    assert alone.ok and whole.ok
    assert [(tally.what, tally.total, tally.whole) for tally in alone.proofs] == [
        (tally.what, tally.total, tally.whole) for tally in whole.proofs
    ]
    points = next(tally for tally in alone.proofs if tally.what == "bounds of single points")
    assert points.proved == 0 and f"certificate.json: {points.total} bounds of single points" in alone.verdict


@pytest.mark.slow
@pytest.mark.parametrize("limits", slow_if(LIMITS[2:], LIMITS))
def test_that_there_is_no_design(limits: dict[str, str]) -> None:
    """Chips are counted; what only a search shows is named."""
    result = make("energy", **limits)
    assert result.status == "INFEASIBLE"
    alone, whole = verify_with(result, None, seed=1), verify(result, seed=1)
    assert alone.ok and whole.ok and names(alone) <= names(whole)
    assert ("no design" in names(alone)) != ("that there is no design" in alone.verdict)
    lie = copy.deepcopy(result.data)
    lie["infeasible"]["relaxations"][0]["least"] *= 2
    assert "area_mm2" not in limits or verify_with(StoredResult(lie, result.certificate), None).failed == ["infeasible"]


@pytest.fixture(scope="module")
def energy() -> StoredResult:
    """A small result."""
    return make("energy", area_mm2="0.06", latency_ms="1", dram_gbps="1.5")


@pytest.mark.slow
@pytest.mark.parametrize("step", slow_unless([5], [1, 5]))
def test_a_changed_number_fails(energy: StoredResult, step: int) -> None:
    paths = list(leaves(energy.data["layers"]))[::step]
    assert len(paths) > 20
    for path in paths:
        lie = copy.deepcopy(energy.data)
        put(lie, ("layers", *path), lambda value: replaced(value, 1))
        assert not verify_with(StoredResult(lie, energy.certificate), None).ok, path


def test_a_floor_that_lies_is_named_not_praised(energy: StoredResult) -> None:
    """Its bound follows from it, so only a proof refutes it."""
    bad = changed(energy, shift_floor(10**9, 0))
    found = verify_with(bad, None)
    assert found.ok and found.share < 1 and not found.complete
    assert "not checked: certificate.json: " in found.verdict and f"({UNSEARCHED})" in found.verdict
    assert verify(bad, thorough=True).failed == ["proof again"]


SHOW_AND_VERIFY = """
import sys
from optimizer.cli import main
from optimizer.checker.folder import verify_folder
for folder in sys.argv[1:]:
    print(verify_folder(folder, None).verdict)
    main(["show", folder], standalone_mode=False)
print("kernels:", *(name for name in sys.modules if name.split(".")[0] in ("numba", "llvmlite")))
"""


@pytest.mark.slow
def test_no_kernel_is_loaded(folders: Folders) -> None:
    """In a fresh process, on folders of every kind."""
    arguments = [str(folders(kind)) for kind in COMMANDS]
    told = subprocess.run(
        [sys.executable, "-c", SHOW_AND_VERIFY, *arguments], capture_output=True, text=True, check=True
    )
    assert told.stdout.count(UNSEARCHED) + told.stdout.count("CANNOT DECIDE") >= len(COMMANDS) - len(NOTHING_TO_PROVE)
    assert told.stdout.splitlines()[-1].strip() == "kernels:"


def test_a_damaged_file_fails(folders: Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders("evaluate"), tmp_path / "copy")
    data = json.loads((folder / "evaluation.json").read_text())
    data["problem"]["objective"] = "latency"
    data["problem_hash"] = hash_of(data["problem"])
    (folder / "evaluation.json").write_text(json.dumps(data))
    assert not verify_folder(folder, None).ok
