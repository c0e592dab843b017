"""The best mapping of a layer on arrays of several sizes, as independent tasks.

    python examples/sweep.py                        # one after the other
    python examples/sweep.py 4                      # four local processes
    python examples/sweep.py tcp://10.0.0.1:8786    # the workers of a Dask scheduler

A second run has nothing to do: the store in the folder `results`, beside this file, knows all outcomes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import optimizer
from optimizer.architecture.selection import select
from optimizer.scaling.opening import open_pool
from optimizer.scaling.tasks import run_tasks
from optimizer.workload.layer import conv


def best_mapping(payload: dict[str, Any], cache_dir: Path | None) -> dict[str, Any]:
    """The work on one task: plain data in, plain data out, on one thread."""
    architecture = select(optimizer.load_architecture("edge_small"), payload["choices"])
    result = optimizer.map_layer(
        conv("layer", payload["dims"]),
        architecture,
        workers=1,
        cache_dir=cache_dir,
        time_limit_s=payload.get("time_limit_s"),
    )
    return {"status": result.status, "energy_pj": result.objective.value}


def main(where: str = "1") -> None:
    """Run the tasks and print their outcomes."""
    sizes = [(x, y) for x in (8, 16) for y in (8, 12, 16)]
    payloads = [
        {
            "label": f"array {x} x {y}",
            "dims": {"K": 16, "C": 8, "P": 14, "Q": 14, "R": 3, "S": 3},
            "choices": {"array.x": str(x), "array.y": str(y), "GLB.size": "64KiB"},
        }
        for x, y in sizes
    ]
    local = where.isdigit()
    with open_pool(int(where) if local else 1, None if local else where, task_time_limit_s=600) as pool:
        folder = Path(__file__).parent / "results"
        outcomes = run_tasks("sweep", best_mapping, payloads, pool=pool, cache_dir=folder)
    for payload, outcome in zip(payloads, outcomes, strict=True):
        print(f"{payload['label']:14s} {outcome['status']:8s} {outcome['energy_pj']:,.0f} pJ")


if __name__ == "__main__":
    main(*sys.argv[1:])
