"""Many inputs, each of which must end in success or a SpecError, in time."""

from __future__ import annotations

import random
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field

from optimizer.errors import SpecError
from tests.fuzz.targets import TARGETS, Inputs, read_files
from tests.support.time_limit import within

PATIENCE = 20.0
"""Seconds for one input."""


@dataclass
class Outcome:
    """Counts of a run, and the faults by the place where they come from, with an input each.

    What only the last resort of the ONNX import refused is kept too: a check of its own would say more.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, tuple[str, Inputs, str]] = field(default_factory=dict)
    last_resort: dict[str, str] = field(default_factory=dict)

    def fault(self, kind: str, place: str, label: str, files: Inputs, text: str) -> None:
        """Count a fault; the first input of each place is kept."""
        self.counts[kind] += 1
        self.faults.setdefault(f"{kind}: {place}", (label, files, text))


def try_input(outcome: Outcome, name: str, label: str, files: Inputs) -> None:
    """Read one input of a target."""
    started = time.perf_counter()
    outcome.counts["inputs"] += 1
    try:
        with within(2 * PATIENCE):
            read_files(TARGETS[name], files)
        outcome.counts["read"] += 1
    except SpecError as error:
        outcome.counts["refused"] += 1
        if "was not understood (" in error.problem or "failed:" in error.problem:
            outcome.counts["refused by the last resort"] += 1
            outcome.last_resort.setdefault(error.problem[:60], f"{label}\n{error}")
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{type(error).__name__} in {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}"
        outcome.fault("crashes", place, label, files, "".join(traceback.format_exception(error)))
    took = time.perf_counter() - started
    if took > PATIENCE:
        outcome.fault("hangs", f"{took:.0f} s", label, files, f"{took:.1f} s")


def run(name: str, seed: int, *, seconds: float, most: int = 10**9, first: int = 0) -> Outcome:
    """Inputs of a target, as many as the time or the number allows; the input of a number is always the same."""
    outcome, started = Outcome(), time.perf_counter()
    for number in range(first, first + most):
        if time.perf_counter() - started > seconds:
            break
        label = f"{name} --seed {seed} --first {number}"
        files = TARGETS[name].make(random.Random(f"{name} {seed} {number}"))
        try_input(outcome, name, label, files)
    return outcome
