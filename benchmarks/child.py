"""One run of one benchmark in this process: ``python -m benchmarks.child NAME FOLDER`` prints a line of JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.registry import MEMORY, benchmarks
from benchmarks.warm_up import warm_up


def _peak_memory_gb() -> float:
    """Largest resident memory of this process plus that of its largest child."""
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(peaks) * unit / 1e9


def main(name: str, folder: str) -> None:
    """Warm up, run the benchmark and print its figures."""
    start = time.perf_counter()
    warm_up_s = warm_up()
    measured = benchmarks()[name].run(Path(folder))
    figures = {**measured.figures, MEMORY: _peak_memory_gb()}
    seconds = {"warm_up_s": warm_up_s, "process_s": time.perf_counter() - start}
    run = {"figures": figures, "details": measured.details, **seconds}
    print(json.dumps(run))


if __name__ == "__main__":
    main(*sys.argv[1:])
