"""The bookkeeping of the benchmarks; skipped where only the wheel is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("benchmarks.registry")

from benchmarks import registry
from benchmarks.environment import environment
from benchmarks.runner import summarize
from benchmarks.table import markdown


def report(seconds: list[float], target: float) -> dict[str, object]:
    runs = [{"figures": {"wall_time": value}} for value in seconds]
    summary = {figure: {**values, "unit": "s", "target": target} for figure, values in summarize(runs).items()}
    return {"benchmark": "one", "summary": summary, "runs": runs, "environment": environment()}


def test_summary_is_median_and_range() -> None:
    assert summarize([{"figures": {"a": value}} for value in (3.0, 1.0, 9.0)]) == {
        "a": {"median": 3.0, "min": 1.0, "max": 9.0}
    }


@pytest.mark.parametrize(("target", "verdict"), [(2.0, "met"), (1.9, "missed")])
def test_table_compares_the_median_with_the_target(target: float, verdict: str) -> None:
    row = markdown([report([1.0, 2.0, 5.0], target)]).splitlines()[2]
    assert row == f"| one | wall time | 2 s | 1 s | 5 s | 3 | {target:g} s | {verdict} |"


def test_machine_is_named_once() -> None:
    text = markdown([report([1.0], 1.0), report([1.0], 1.0)])
    assert text.count("Python") == 1
    assert "ortools" in text and f"seed {registry.SEED}" in text


def test_names_are_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTRY", {})

    @registry.benchmark("one", target={"wall": 1})
    def one(folder: Path) -> registry.Measured:
        """First line"""
        return registry.Measured({"wall": 0.5})

    found = registry._REGISTRY["one"]
    assert (found.description, found.unit_of("wall"), found.unit_of(registry.MEMORY)) == ("First line", "s", "GB")
    with pytest.raises(ValueError, match="two benchmarks"):
        registry.register("one", one, description="again")
