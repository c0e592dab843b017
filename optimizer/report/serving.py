"""What a run means for those who use a language model, as rows of the summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.bodies.solve import ServingEntry
from optimizer.problem.serving_caps import UNITS, caps_in
from optimizer.results.units import energy_text, number_text

BYTES = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("B", 1))


def serving_rows(entry: ServingEntry) -> list[tuple[str, str]]:
    """Phase, time and speed, energy per token, and what stays in memory."""
    sequences = f"{entry.batch} sequence{'s' if entry.batch > 1 else ''}"
    if entry.output_token_ms is not None:
        run = f"decode, {sequences}, context of {number_text(entry.tokens)} tokens"
        time = ("time per output token", f"{entry.output_token_ms:.4g} ms")
    else:
        run = f"prefill, {sequences}, prompt of {number_text(entry.tokens)} tokens"
        time = ("time to first token", f"{entry.first_token_ms:.4g} ms")
    energy = "" if entry.energy_per_token_j is None else energy_text(entry.energy_per_token_j * 1e12)
    per = [] if entry.tokens_per_s_per_w is None else [f"{entry.tokens_per_s_per_w:,.4g} tokens/s/W"]
    per += [] if entry.tokens_per_s_per_mm2 is None else [f"{entry.tokens_per_s_per_mm2:,.4g} tokens/s/mm2"]
    return [
        ("run", run),
        time,
        ("speed", f"{entry.tokens_per_s:,.4g} tokens/s"),
        ("energy per token", energy),
        ("efficiency", ", ".join(per)),
        (
            "memory",
            f"weights {bytes_text(entry.weight_bytes)}, keys, values and states {bytes_text(entry.cache_bytes)}",
        ),
    ]


def caps_line(problem: Mapping[str, Any]) -> str:
    """The caps of a problem in the units of users, in one line."""
    caps = caps_in(problem)
    signs = {"min": ">=", "max": "<="}
    return ", ".join(
        f"{name} {signs[name[:3]]} {number_text(float(limit))} {UNITS[name]}"
        for name, limit in ({} if caps is None else caps.given()).items()
    )


def bytes_text(count: int) -> str:
    """Bytes with the decimal prefix that keeps the number short."""
    name, scale = next((pair for pair in BYTES if count >= pair[1]), BYTES[-1])
    return f"{count / scale:.4g} {name}"
