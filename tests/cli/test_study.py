"""``tilewright study``: tables, files, pictures, the check of its results, and its errors."""

from __future__ import annotations

import copy
import csv
import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import load_architecture
from optimizer.checker.claims.solve import rebuild
from optimizer.checker.outcome import Check
from optimizer.checker.staircase import Study
from optimizer.checker.stored import load
from optimizer.cli import main
from optimizer.report.study import limit_text
from optimizer.workload.reader import load_network
from tests.support.study_problem import CHIP, NETWORK


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NETWORK)
    (tmp_path / "chip.yaml").write_text(CHIP)
    (tmp_path / "plain.yaml").write_text(CHIP.replace("[8 GB/s, 16 GB/s]", "8 GB/s"))

    def invoke(*arguments: str, chip: str = "chip.yaml") -> Result:
        fixed = ("net.yaml", "-a", chip, "--no-cache", "--quiet")
        return CliRunner().invoke(main, ["study", *fixed, *arguments])

    return invoke


def verified(folder: str | Path) -> Result:
    return CliRunner().invoke(main, ["verify", str(folder), "--quiet"])


def solved(**limits: Fraction) -> Fraction | None:
    from optimizer.api import solve  # noqa: PLC0415

    architecture = load_architecture("chip.yaml").with_budgets(Budgets(**limits))
    value: Fraction | None = solve(load_network("net.yaml"), architecture, objective="edp").certificate.value
    return value


@pytest.mark.slow
def test_every_step_is_what_solve_finds_under_that_budget(run: Any) -> None:
    pytest.importorskip("matplotlib")
    result = run("--vary", "area-mm2=0.05:5", "--objective", "edp", "--out", "out", "--plot", "steps.svg")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("OPTIMAL  edp against area-mm2 0.05 to 5")
    data = json.loads(Path("out/result.json").read_text())
    designs, cells = data["study"]["designs"], data["study"]["cells"]
    assert len(designs) >= 3
    for design in designs:
        needs = Fraction(design["needs"]["area-mm2"])
        assert solved(area_mm2=needs) == Fraction(design["objective"]["exact"])
    tighter = Fraction(designs[1]["needs"]["area-mm2"]) - Fraction(1, 10**6)
    assert solved(area_mm2=tighter) == Fraction(designs[0]["objective"]["exact"])
    assert [cell["status"] for cell in cells if cell["design"]] == ["OPTIMAL"] * len(designs)
    rows = list(csv.DictReader(Path("out/steps.csv").read_text().splitlines()))
    assert [float(row["value"]) for row in rows] == [float(d["objective"]["value"]) for d in designs]
    assert len(list(csv.DictReader(Path("out/cells.csv").read_text().splitlines()))) == len(cells)
    assert "<svg" in Path("steps.svg").read_text()
    assert verified("out").stdout.startswith("verified: ")
    shown = CliRunner().invoke(main, ["show", "out"])
    assert shown.exit_code == 0 and "Steps" in shown.stdout


TAMPERED = [
    ("designs", 0, "needs", {"area-mm2": "1/2"}),
    ("designs", 1, "status", "FEASIBLE"),
    ("designs", 1, "energy_pj", 1.0),
    ("designs", 1, "latency_cycles", 3),
    ("designs", 1, "certificate_box", 0),
    ("cells", 0, "design", 2),
    ("cells", 1, "exact_bound", "1"),
    ("cells", 1, "status", "FEASIBLE"),
    ("cells", 0, "below", {"area-mm2": None}),
]


def test_a_changed_study_is_found_out(folders: Callable[[str], Path], tmp_path: Path) -> None:
    out = shutil.copytree(folders("study"), tmp_path / "out")
    found = load(out)
    assert all(check.ok for check in staircase_checks(found.data, found.certificate))
    for where, number, key, value in TAMPERED:
        data = copy.deepcopy(found.data)
        assert data["study"][where][number][key] != value
        data["study"][where][number][key] = value
        assert not all(check.ok for check in staircase_checks(data, found.certificate)), (where, key)
    for number in range(len(found.data["study"]["designs"]) - 1):
        data = copy.deepcopy(found.data)
        del data["study"]["designs"][number]
        assert not all(check.ok for check in staircase_checks(data, found.certificate)), "a missing step"
    data = copy.deepcopy(found.data)
    data["study"]["designs"][-1]["objective"]["exact"] = "1"
    (out / "result.json").write_text(json.dumps(data))
    assert verified(out).exit_code == 1


def staircase_checks(data: dict[str, Any], certificate: dict[str, Any]) -> list[Check]:
    """The checks of the study alone, without the sample of points solved again."""
    study = Study(rebuild(data, certificate), Fraction(1, 1000))
    faults = [*study.design_faults(), *study.cell_faults(), *study.status_faults()]
    return [Check("study", not faults, " ".join(faults))]


@pytest.mark.slow
def test_two_limits_make_a_grid(run: Any) -> None:
    result = run("--vary", "dram-gbps=8:16", "--vary", "buffer-kib", "--objective", "edp", "--out", "out")
    assert result.exit_code == 0, result.output
    data = json.loads(Path("out/result.json").read_text())
    for cell in data["study"]["cells"]:
        limit = Fraction(cell["from"]["dram-gbps"])
        chosen = data["study"]["designs"][cell["design"] - 1]
        assert Fraction(chosen["needs"]["dram-gbps"]) <= limit
        if cell["below"]["buffer-kib"] is None:
            assert solved(dram_gbps=limit) == Fraction(chosen["objective"]["exact"])
    assert verified("out").stdout.startswith("verified: ")


@pytest.mark.slow
def test_a_front_and_limits_on_latency_agree(run: Any) -> None:
    assert run("--pareto", "energy,latency", "--out", "front").exit_code == 0
    assert run("--vary", "latency-ms", "--objective", "energy", "--out", "steps").exit_code == 0
    front, steps = (json.loads(Path(f"{name}/result.json").read_text())["study"] for name in ("front", "steps"))
    assert len(front["designs"]) == len(steps["designs"]) > 1
    assert [d["exact"]["energy"] for d in front["designs"]] == [int(d["objective"]["exact"]) for d in steps["designs"]]
    for name in ("front", "steps"):
        assert verified(name).stdout.startswith("verified: ")
    path = Path("front/result.json")
    data = json.loads(path.read_text())
    del data["study"]["designs"][0]
    path.write_text(json.dumps(data))
    assert verified("front").exit_code == 1


@pytest.mark.slow
def test_a_tolerance_thins_a_front_and_is_stated(run: Any) -> None:
    assert run("--pareto", "energy,latency,area", "--out", "exact").exit_code == 0
    result = run("--pareto", "energy,latency,area", "--tolerance", "20%", "--out", "near")
    assert "within 20 %" in result.stdout
    exact, near = (json.loads(Path(f"{name}/result.json").read_text())["study"] for name in ("exact", "near"))
    assert near["tolerance"] == "1/5"
    assert len(near["designs"]) < len(exact["designs"])
    for design in exact["designs"]:
        assert any(
            known["exact"]["energy"] <= Fraction(6, 5) * design["exact"]["energy"]
            and known["exact"]["latency"] <= Fraction(6, 5) * design["exact"]["latency"]
            and Fraction(known["needs"]["area-mm2"]) <= Fraction(design["needs"]["area-mm2"])
            for known in near["designs"]
        )
    assert verified("near").stdout.startswith("verified: ")


def test_nothing_in_the_range_names_the_least_relaxation(run: Any) -> None:
    result = run("--vary", "area-mm2=0.01:0.02", "--out", "out")
    assert result.exit_code == 1
    data = json.loads(Path("out/result.json").read_text())
    assert data["study"]["status"] == "INFEASIBLE"
    least = Fraction(data["study"]["least"][0]["area-mm2"])
    assert solved(area_mm2=least) is not None
    assert solved(area_mm2=least - Fraction(1, 10**6)) is None
    assert f"area-mm2 {limit_text(least)}" in result.stdout


def test_a_time_limit_leaves_bounds(run: Any) -> None:
    result = run("--vary", "area-mm2", "--time-limit", "0.001", "--out", "out")
    assert result.exit_code == 1
    assert result.stdout.startswith("UNKNOWN")
    assert verified("out").stdout.startswith("verified: ")


WRONG = [
    ((), "--vary", "neither", "one of the two"),
    (("--vary", "area-mm2=1"), "--vary", "area-mm2=1", "NAME=LOW:HIGH"),
    (("--vary", "area-mm2=3:2"), "--vary area-mm2", "[3.0, 2.0]", "LOW <= HIGH"),
    (("--vary", "area-mm2=0:2"), "--vary", "'0'", "decimals > 0"),
    (("--vary", "volume=1:2"), "--vary", "volume", "area-mm2, dram-gbps"),
    (("--vary", "power-w=1:2"), "--vary", "power-w", "--power-w"),
    (("--vary", "area-mm2", "--vary", "area-mm2"), "--vary", "area-mm2", "two different"),
    (("--vary", "latency-ms", "--vary", "energy-mj"), "--vary", "latency-ms", "one of latency-ms"),
    (("--vary", "latency-ms", "--objective", "latency"), "--vary latency-ms", "latency", "energy or edp"),
    (("--vary", "latency-ms", "--fusion"), "--fusion", "--fusion", "drop --fusion"),
    (("--vary", "area-mm2", "--tolerance", "1%"), "--tolerance", "0.01", "--pareto energy,latency"),
    (("--pareto", "energy,latency", "--tolerance", "60%"), "tolerance", "0.6", "30 %"),
    (("--pareto", "energy,latency", "--power-w", "1"), "budgets.power_w", "1", "drop the budget"),
    (("--pareto", "energy,speed"), "--pareto", "energy,speed", "bandwidth"),
    (("--pareto", "area,buffer"), "--pareto", "area,buffer", "energy"),
    (("--vary", "area-mm2", "--plot", "steps.bmp"), "--plot", "steps.bmp", ".svg"),
    (("--vary", "area-mm2", "--device", "zcu102"), "--vary area-mm2", "zcu102", "dram-gbps"),
]


@pytest.mark.parametrize(("arguments", "field", "value", "remedy"), WRONG, ids=lambda x: " ".join(x) if x else "none")
def test_errors(run: Any, arguments: tuple[str, ...], field: str, value: str, remedy: str) -> None:
    result = run(*arguments, "--out", "out")
    assert result.exit_code == 2, result.output
    for text in (field, value, remedy, "allowed:", "remedy:"):
        assert text in result.stderr
    assert not Path("out").exists()


def test_a_bandwidth_that_is_no_menu_is_refused(run: Any) -> None:
    result = run("--vary", "dram-gbps=4:8", chip="plain.yaml")
    assert result.exit_code == 2
    assert "make its shared bandwidth a menu" in result.stderr


def test_limits_are_rounded_up() -> None:
    assert limit_text(Fraction("1.234567")) == "1.23457"
    assert limit_text(Fraction("1.234561")) == "1.23457"
    assert limit_text(Fraction(12345678)) == "12345700"
    assert limit_text(Fraction(2)) == "2"
    assert limit_text(None) == "end"
