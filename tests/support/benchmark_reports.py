"""Reports of benchmarks, made by hand."""

from __future__ import annotations

from typing import Any

from benchmarks.environment import environment
from benchmarks.runner import summarize


def report(seconds: list[float], target: float | None, **more: object) -> dict[str, Any]:
    runs = [{"figures": {"wall_time": value}, "details": {"status": "OPTIMAL"}, "warm_up_s": 2.0} for value in seconds]
    summary = {figure: {**values, "unit": "s", "target": target} for figure, values in summarize(runs).items()}
    return {"benchmark": "one", "summary": summary, "runs": runs, "environment": environment(), **more}
