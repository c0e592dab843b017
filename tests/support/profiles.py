"""How deep random tests go: Hypothesis profiles, and the number of examples that a test takes in each of them.

``dev`` is the default: few examples, the same ones in every run. ``ci`` draws new ones in every run, a quarter of those
that the test names, for 20 s at most; ``nightly`` draws several times as many. ``--hypothesis-profile NAME`` or the
variable ``TILEWRIGHT_PROFILE`` chooses one.
"""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.errors import HypothesisException
from hypothesis.strategies import DataObject

PROFILE = "TILEWRIGHT_PROFILE"
PERCENT = {"dev": 5, "ci": 25, "nightly": 400}
"""Examples of a test in hundredths of those that it names."""

SECONDS = {"dev": math.inf, "ci": 20.0, "nightly": math.inf}
"""A test draws no more examples after this time."""

FEWEST = 3
"""Examples of a test in ``dev``, unless it names fewer."""

PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]
RELAXED = [*PATIENT, HealthCheck.filter_too_much]


def register() -> None:
    """Register the profiles and load the one that the environment names."""
    for name, percent in PERCENT.items():
        settings.register_profile(
            name,
            max_examples=percent,
            deadline=None,
            suppress_health_check=PATIENT,
            derandomize=name == "dev",
            database=None if name == "dev" else settings().database,
            print_blob=name != "dev",
        )
    settings.load_profile(os.environ.get(PROFILE, "dev"))


def timed(inner: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """The body of a random test that passes at once when its time is over, unless an example has failed.

    A test that draws inside of its body goes on: Hypothesis expects the same draws of the same example.
    """
    begun: list[float] = []
    failed: list[bool] = []

    @functools.wraps(inner)
    def body(*arguments: Any, **named: Any) -> Any:
        begun.append(time.monotonic())
        draws = any(isinstance(value, DataObject) for value in (*arguments, *named.values()))
        if not failed and not draws and begun[-1] - begun[0] > seconds:
            return None
        try:
            return inner(*arguments, **named)
        except HypothesisException:
            raise
        except Exception:
            failed.append(True)
            raise

    return body


def seconds() -> float:
    """The time limit of random tests in the profile that is loaded."""
    name = next(name for name, percent in PERCENT.items() if percent == settings().max_examples)
    return SECONDS[name]


def in_depth() -> bool:
    """Is this more than the few examples of ``dev``?"""
    return settings().max_examples >= PERCENT["ci"]


def nightly() -> bool:
    """Is this a run that may take hours?"""
    return settings().max_examples > PERCENT["ci"]


def examples(number: int, dev: int | None = None) -> int:
    """Examples that a test takes: a quarter of `number` in ``ci``, less in ``dev``, several times more in ``nightly``.

    Parameters
    ----------
    number : int
        Examples, of which a profile takes a percentage.
    dev : int, optional
        Examples in ``dev``, where a share of `number` takes too long or shows too little.
    """
    if dev is not None and not in_depth():
        return dev
    return max(min(number, FEWEST), number * settings().max_examples // 100)
