"""Progress as one line of text."""

from __future__ import annotations

from optimizer.problem.progress import Progress
from optimizer.results.units import energy_text


def progress_line(progress: Progress) -> str:
    """Time, incumbent, bound, gap and points in one line."""
    parts = [f"{progress.elapsed_s:.1f} s"]
    parts += [f"best {_value(progress, progress.incumbent)}"] if progress.incumbent is not None else []
    parts += [f"bound {_value(progress, progress.bound)}"] if progress.bound is not None else []
    parts += [f"gap {100 * progress.gap:.1f} %"] if progress.gap is not None else []
    if progress.points_total:
        parts.append(
            f"hardware points {progress.points_closed:,}/{progress.points_total:,} closed"
            f" ({progress.points_solved:,} solved)"
        )
    parts += [progress.message] if progress.message else []
    return "  ".join(parts)


def _value(progress: Progress, value: float) -> str:
    return energy_text(value) if progress.unit == "pJ" else f"{value:.5g} {progress.unit}".rstrip()
