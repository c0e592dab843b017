"""The picture of README: the loop nest of a solved layer, with the memory level that every line belongs to.

``python docs/generate/picture.py results/alexnet conv1 docs/assets/nest.svg``, after the first command of README.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from optimizer.report.layers import find_layer, layer_nest, network_in
from optimizer.results.load import load_result

ROW, STEP, WIDTH, LEFT = 0.24, 0.22, 5.4, 0.9
"""Inches: height of a line, indentation per loop, width, place of the nest."""
BANDS = ("#eceff1", "#e3f2fd", "#fff3e0", "#f3e5f5")
TENSORS = {"W": "#1565c0", "I": "#2e7d32", "O": "#ef6c00"}
LOOP, SPATIAL = "#455a64", "#7b1fa2"
FIXED = {"svg.fonttype": "path", "svg.hashsalt": "tilewright", "font.family": "DejaVu Sans", "font.size": 8}


def draw(lines: list[str], levels: list[str]) -> Figure:
    """Lines of a nest, outermost first, on bands of their levels."""
    figure = Figure(figsize=(WIDTH, ROW * len(lines)))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(ROW * len(lines), 0))
    axes.set_axis_off()
    for number, level in enumerate(dict.fromkeys(levels)):
        first, count = levels.index(level), levels.count(level)
        colour = BANDS[number % len(BANDS)]
        axes.add_patch(Rectangle((0, ROW * first), WIDTH, ROW * count, facecolor=colour))
        axes.text(0.1, ROW * (first + count / 2), level, va="center", weight="bold", size=10)
    for number, line in enumerate(lines):
        _draw_line(axes, line, ROW * (number + 0.5))
    return figure


def _draw_line(axes: Any, line: str, y: float) -> None:
    text = line.strip()
    x = LEFT + STEP * (len(line) - len(line.lstrip())) / 2
    word, *rest = text.split()
    if word == "keep":
        box = FancyBboxPatch((x, y - 0.38 * ROW), 0.2, 0.76 * ROW, "round,pad=0,rounding_size=0.04")
        box.set(facecolor=TENSORS[rest[0]], edgecolor="none")
        axes.add_patch(box)
        axes.text(x + 0.1, y, rest[0], va="center", ha="center", color="white", weight="bold")
        axes.text(x + 0.28, y, text[text.index("[") + 1 : -1], va="center", color=TENSORS[rest[0]])
    else:
        colour = SPATIAL if word == "par" else LOOP
        axes.text(x, y, text, va="center", color=colour, weight="bold" if word != "for" else "normal")


def main(folder: str, layer: str, picture: str) -> None:
    """Draw a layer of a result."""
    result = load_result(folder)
    entry = find_layer(result.layers, layer)
    lines = layer_nest(entry, network_in(result.body)).splitlines()
    levels = [item["level"] for item in entry.mapping]
    with rc_context(FIXED):
        draw(lines, [*levels, levels[-1]]).savefig(Path(picture), metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
