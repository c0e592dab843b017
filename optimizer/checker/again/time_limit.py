"""A time limit for searches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from formulations.stop import Stop


@contextmanager
def limited(seconds: float | None) -> Iterator[Stop]:
    """Searches that are given this ``stop`` are stopped when the time is over (None or infinite: never)."""
    stop = Stop()
    alarm = None if seconds is None or math.isinf(seconds) else Timer(seconds, stop.request)
    if alarm is not None:
        alarm.daemon = True
        alarm.start()
    try:
        yield stop
    finally:
        if alarm is not None:
            alarm.cancel()
