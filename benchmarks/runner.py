"""Repeated runs, each in a process of its own, and their summary."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.registry import Benchmark

Report = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]


def run_once(name: str, folder: Path) -> dict[str, Any]:
    """One run in a fresh process.

    Raises
    ------
    RuntimeError
        If the process fails; the message holds what it wrote to its error stream.
    """
    command = [sys.executable, "-m", "benchmarks.child", name, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"benchmark {name} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def summarize(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Median, least and largest of every figure that all runs have."""
    common = [figure for figure in runs[0]["figures"] if all(figure in run["figures"] for run in runs)]
    figures = {figure: [run["figures"][figure] for run in runs] for figure in common}
    return {
        figure: {"median": statistics.median(values), "min": min(values), "max": max(values)}
        for figure, values in figures.items()
    }


def measure(benchmark: Benchmark, repeat: int, note: Callable[[str], None]) -> Report:
    """Run a benchmark `repeat` times; `note` gets a line after every run."""
    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder)
        if benchmark.warm:
            run_once(benchmark.name, shared)
            note(f"{benchmark.name}: cache filled")
        runs = []
        for number in range(repeat):
            place = shared if benchmark.warm else shared / str(number)
            place.mkdir(exist_ok=True)
            runs.append(run_once(benchmark.name, place))
            figures = ", ".join(f"{figure} {value:.3g}" for figure, value in runs[-1]["figures"].items())
            note(f"{benchmark.name}: run {number + 1} of {repeat}: {figures}")
    summary = {
        figure: {**values, "unit": benchmark.unit_of(figure), "target": benchmark.target.get(figure)}
        for figure, values in summarize(runs).items()
    }
    series, size = benchmark.place or (None, None)
    return {
        "benchmark": benchmark.name,
        "description": benchmark.description,
        "series": series,
        "size": size,
        "summary": summary,
        "runs": runs,
        "environment": environment(),
    }
