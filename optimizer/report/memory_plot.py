"""Memory of a training step over time as a picture; needs the extra ``plot``."""

from __future__ import annotations

from pathlib import Path

from optimizer.bodies.memory import MemoryBody
from optimizer.recompute.lifetimes import KINDS
from optimizer.report.figures import new_figure, save_picture

PLOT_FILE = "memory.svg"
MIB = 8 * 2**20


def save_plot(body: MemoryBody, folder: str | Path) -> Path:
    """Draw ``memory.svg`` from a plan: all kept by class, and the line of what was chosen.

    Raises
    ------
    SpecError
        If matplotlib is not installed.
    """
    steps = body.over_time.steps
    series = [[bits / MIB for bits in body.over_time.keep_all_bits[kind]] for kind in KINDS]
    figure = new_figure(9, 4)
    axes = figure.subplots()
    axes.stackplot(range(len(steps)), *series, labels=list(KINDS), step="post")
    if body.chosen is not None:
        place = {name: number for number, name in enumerate(steps)}
        last, points = 0, []
        for layer, again, bits, _ in body.chosen.moments:
            last = last if again else place[layer]
            points.append((last, bits / MIB))
        axes.plot(*zip(*points, strict=True), color="black", linewidth=1, label="as chosen")
    axes.set(xlabel="step", ylabel="MiB off chip", xlim=(0, len(steps) - 1), title=f"{body.network}, one step")
    axes.legend(loc="upper right", fontsize="small")
    path = Path(folder) / PLOT_FILE
    save_picture(figure, path)
    return path
