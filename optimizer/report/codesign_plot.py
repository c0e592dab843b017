"""The cross table as a heat map; needs the extra ``plot``."""

from __future__ import annotations

from pathlib import Path

from optimizer.bodies.codesign import CodesignBody, CrossCellEntry
from optimizer.report.figures import new_figure, save_picture

DARKEST = 100.0
"""Losses of this many percent and more have the darkest colour; smaller ones if none is as large."""


def save_plot(body: CodesignBody, path: str | Path) -> None:
    """Draw the cross table: a row per network, a column per design, coloured by the loss against the own optimum.

    Raises
    ------
    SpecError
        As :func:`optimizer.report.figures.save_picture`.
    """
    cross = body.cross
    names = [entry.name for entry in body.networks]
    losses = [[_loss(entry.networks[name]) for entry in cross] for name in names]
    figure = new_figure(2.4 + 0.9 * len(cross), 1.6 + 0.45 * len(names))
    axes = figure.subplots()
    darkest = min(DARKEST, max((loss for row in losses for loss in row if loss is not None), default=0)) or DARKEST
    shades = [[float("nan") if loss is None else min(loss, darkest) for loss in row] for row in losses]
    image = axes.imshow(shades, cmap="YlOrRd", vmin=0, vmax=darkest, aspect="auto")
    for row, values in enumerate(losses):
        for column, loss in enumerate(values):
            dark = loss is not None and loss > 0.6 * darkest
            text = "-" if loss is None else f"{loss:.3g}"
            axes.text(column, row, text, ha="center", va="center", fontsize="small", color="white" if dark else "black")
    axes.set_xticks(range(len(cross)), [entry.design for entry in cross], rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="design made for", ylabel="network")
    axes.set_title(f"{body.objective.name}: percent above the network's own best design", fontsize="medium")
    figure.colorbar(image, ax=axes, label="percent")
    save_picture(figure, path)


def _loss(cell: CrossCellEntry) -> float | None:
    return None if cell.figures is None else cell.figures.loss_percent
