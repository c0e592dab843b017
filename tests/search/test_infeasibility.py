"""Why there is no design: the blame is least, the relaxations suffice and are least, nothing is asked twice."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from optimizer.architecture.reader import parse_architecture
from optimizer.checker.again import verify
from optimizer.files.exact_yaml import load_exact
from optimizer.problem.progress import Progress
from optimizer.report.solve import infeasible_text, points_text
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.exploration import Exploration
from tests.support.choices import slow_if
from tests.support.tiny_problem import ARCHITECTURE, TINY, solve, status_under, under

BUDGETS = [  # the fastest design needs 0.0005 ms and 0.056929 mm2, the most frugal one 0.000162482 mJ and 0.257 W
    {"area_mm2": "0.01"},
    {"latency_ms": "0.0004"},
    {"energy_mj": "0.00016"},
    {"area_mm2": "0.01", "latency_ms": "0.0000001"},
    {"area_mm2": "0.05", "latency_ms": "0.00052"},
    {"area_mm2": "0.07", "latency_ms": "0.00052", "energy_mj": "0.0001625"},
    {"latency_ms": "0.0005", "power_w": "0.3"},
    {"latency_ms": "0.0001", "energy_mj": "0.000001", "power_w": "0.001"},
]


def feasible(budgets: dict[str, str | Fraction]) -> bool:
    status = status_under(**budgets)
    assert status in ("OPTIMAL", "INFEASIBLE")
    return status == "OPTIMAL"


@pytest.mark.parametrize(
    "budgets", slow_if([*BUDGETS[1:3], *BUDGETS[4:7]], BUDGETS), ids=[" ".join(budgets) for budgets in BUDGETS]
)
def test_blame_and_relaxations(budgets: dict[str, Any]) -> None:
    result = solve(under(budgets))
    assert result.status == "INFEASIBLE"
    reason = result.to_json()["infeasible"]
    blamed = reason["budgets"]
    assert reason["complete"] and not feasible({name: budgets[name] for name in blamed})
    for fewer in itertools.combinations(budgets, len(blamed) - 1):
        assert feasible({name: budgets[name] for name in fewer})
    relaxed = {entry["budget"]: entry for entry in reason["relaxations"]}
    for name in blamed:
        others = {other: limit for other, limit in budgets.items() if other != name}
        assert (name in relaxed) == feasible(others)
    for name, entry in relaxed.items():
        assert entry["limit"] == float(Fraction(budgets[name]))
        least = Fraction(str(entry["least"]))
        assert entry["text"].split()[-2] == f"{least.numerator / least.denominator:.12f}".rstrip("0")
        assert feasible(budgets | {name: least})
        assert not feasible(budgets | {name: least * Fraction(9999, 10000)})
    assert verify(result).ok


@pytest.mark.slow
def test_nothing_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    run = Explorer.run

    def noted(self: Explorer, **options: Any) -> Exploration:
        asked.append((self.networks[0].goal, self.area_cap))
        return run(self, **options)

    monkeypatch.setattr(Explorer, "run", noted)
    solve(under({"area_mm2": "0.01"}))
    assert len(asked) == 1, "areas need no search"
    asked.clear()
    solve(under({"latency_ms": "0.0005", "power_w": "0.3", "energy_mj": "1"}))
    assert len(asked) == len(set(asked))


@pytest.mark.slow
def test_a_layer_without_room() -> None:
    small = ARCHITECTURE.replace("[16 words, 32 words]", "[2 words, 4 words], double_buffered: true")
    result = solve(parse_architecture(load_exact(small)))
    assert result.to_json()["infeasible"] == {
        "budgets": ["RF.size"],
        "complete": True,
        "layer": "conv",
        "relaxations": [
            {
                "budget": "RF.size",
                "limit": 64,
                "least": 96,
                "exact": True,
                "text": "RF needs 12 B for layer conv, the largest in the menu is 8 B",
            }
        ],
    }
    assert result.to_json()["hardware_points"]["closed_by_size"] == 8
    assert points_text(result.body.hardware_points) == "8: 8 too small for a layer"
    assert "It needs:\n  - RF.size" in str(infeasible_text(result.body.infeasible))
    assert verify(result).ok


@pytest.mark.slow
def test_tied_sizes_that_never_suffice_together() -> None:
    tied = ARCHITECTURE.replace("[1 KiB, 4 KiB]", "{values: [8 B, 4 KiB], tie: t}, must_keep: [W, I, O]")
    tied = tied.replace("[16 words, 32 words]", "{values: [16 words, 2 words], tie: t}").replace("[2, 4]", "2")
    tied = tied.replace("component: sram", "component: regfile").replace("4 KiB", "1 KiB").replace("8 B", "4 B")
    result = solve(parse_architecture(load_exact(tied)))
    assert result.status == "INFEASIBLE"
    assert result.to_json()["infeasible"]["budgets"] == ["GLB.size", "RF.size"]
    assert result.to_json()["hardware_points"]["closed_by_size"] == 2
    assert verify(result).ok


@pytest.mark.slow
def test_points_beyond_the_caps_are_not_called_bounded() -> None:
    result = solve(under({"latency_ms": "0.00052", "area_mm2": "0.05"}))
    counts = result.to_json()["hardware_points"]
    assert counts["closed_by_caps"] + counts["closed_by_area"] == counts["total"]
    assert counts["closed_by_caps"] and counts["closed_by_area"]
    assert "beyond the caps" in points_text(result.body.hardware_points)
    assert verify(result).ok


def test_the_search_for_the_reason_reports() -> None:
    seen: list[Progress] = []
    solve(under({"latency_ms": "0.0004"}), progress=seen.append)
    assert seen[0].message == "solving a first hardware point" and seen[0].points_total == 8
    asking = [progress for progress in seen if progress.message.startswith("no design; seeking the fastest one")]
    assert asking[0].points_closed == 0 and asking[-1].points_closed == asking[-1].points_total == 8
    assert all(progress.incumbent is None and progress.bound is None for progress in asking)
    assert [progress.elapsed_s for progress in seen] == sorted(progress.elapsed_s for progress in seen)


def test_values_are_reported_with_their_unit() -> None:
    seen: list[Progress] = []
    result = solve(TINY, progress=seen.append)
    last = seen[-1]
    assert (last.incumbent, last.unit) == (result.to_json()["objective"]["value"], "pJ")
    assert last.points_closed == last.points_total == 8 and last.points_solved >= 1
    assert last.bound is not None and not last.message


@pytest.mark.slow
def test_a_stopped_search_for_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Explorer.run

    def stopped(self: Explorer, **options: Any) -> Exploration:
        return run(self, **options) if self.networks[0].goal.capped else replace(run(self, **options), complete=False)

    monkeypatch.setattr(Explorer, "run", stopped)
    result = solve(under({"latency_ms": "0.00055", "energy_mj": "0.00016"}))
    assert result.to_json()["infeasible"]["budgets"] == ["energy_mj"], "this alone is out of reach at once"
    result = solve(under({"area_mm2": "0.07", "latency_ms": "0.00052", "energy_mj": "0.0001625"}))
    reason = result.to_json()["infeasible"]
    assert reason["budgets"] == ["area_mm2", "latency_ms", "energy_mj"] and not reason["complete"]
    assert [entry["exact"] for entry in reason["relaxations"]] == [False] * 3
    assert all("needs at least" in entry["text"] for entry in reason["relaxations"])
    assert "was not sought to the end" in str(infeasible_text(result.body.infeasible))
    assert verify(result).ok
