"""Works of tasks for the tests of pools: at the top of a module, so that any process can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

Data = dict[str, Any]


def square(payload: Data, cache_dir: Path | None) -> Data:
    """The square of a number."""
    return {"square": payload["number"] ** 2, "limit": payload.get("time_limit_s")}


def map_layer(payload: Data, cache_dir: Path | None) -> Data:
    """The proved best mapping of a small layer on one hardware point, without the time that it took."""
    import optimizer  # noqa: PLC0415
    from optimizer.architecture.selection import select  # noqa: PLC0415
    from optimizer.workload.layer import conv  # noqa: PLC0415

    choices = {"array.x": "8", "array.y": "8", "GLB.size": "64KiB", "RF.size": "64words"}
    result = optimizer.map_layer(
        conv("layer", payload["dims"]),
        select(optimizer.load_architecture("edge_small"), choices),
        workers=1,
        cache_dir=cache_dir,
    )
    return {name: result.to_json()[name] for name in ("status", "objective", "layers")}


def die_first(payload: Data, cache_dir: Path | None) -> Data:
    """Kill this process until it has been done `deaths` times; each run leaves a file in a folder."""
    folder = Path(payload["folder"])
    runs = len(list(folder.glob(f"{payload['number']}-*")))
    (folder / f"{payload['number']}-{runs}").touch()
    if runs < payload["deaths"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"square": payload["number"] ** 2}


def slow_square(payload: Data, cache_dir: Path | None) -> Data:
    """The square of a number, after a moment."""
    time.sleep(0.03)
    return {"square": payload["number"] ** 2}


def hang(payload: Data, cache_dir: Path | None) -> Data:
    """Leave this process's number in a folder, then wait for the end."""
    (Path(payload["folder"]) / str(os.getpid())).touch()
    time.sleep(600)
    return {}


def end_early(payload: Data, cache_dir: Path | None) -> Data:
    """Take Ctrl-C as the sign to give up, as a solve does."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return {"status": "FEASIBLE"}
    return {"status": "OPTIMAL"}


def take_memory(payload: Data, cache_dir: Path | None) -> Data:
    """Take so many bytes."""
    return {"length": len(bytearray(payload["bytes"]))}


def fail(payload: Data, cache_dir: Path | None) -> Data:
    """Fail as on bad input."""
    from optimizer.errors import SpecError  # noqa: PLC0415

    raise SpecError("no such network", field="network", value=payload["number"], remedy="name another")
