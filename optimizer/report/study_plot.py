"""Studies as pictures: the staircase, or the regions of two limits; needs the extra ``plot``."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.report.figures import new_figure, save_picture

Data = dict[str, Any]


def save_plot(data: Data, path: str | Path) -> None:
    """Draw a study into a file; its name's end decides the format."""
    figure = new_figure(8, 5)
    axes = figure.subplots()
    study = data["study"]
    if study["kind"] == "front":
        _front(axes, data)
    elif len(study["vary"]) == 1:
        _staircase(axes, data)
    else:
        _regions(axes, data)
    save_picture(figure, path)


def _staircase(axes: Any, data: Data) -> None:
    study = data["study"]
    varied = study["vary"][0]
    starts = [float(Fraction(design["needs"][varied["name"]])) for design in study["designs"]]
    end = float(Fraction(varied["high"])) if varied["high"] else max([*starts, 0.0]) * 1.05
    for key, style in (("value", "-"), ("bound", ":")):
        heights = [design["objective"][key] for design in study["designs"]]
        if heights:
            axes.step([*starts, end], [*heights, heights[-1]], style, where="post", label=key)
    axes.set(
        xlabel=f"{varied['name']} ({varied['unit']})",
        title=_title(data),
        ylabel=f"{data['objective']['name']} ({data['objective']['unit']})",
    )
    axes.legend()


def _regions(axes: Any, data: Data) -> None:
    study = data["study"]
    first, second = study["vary"]
    numbers: dict[tuple[Fraction, Fraction], float] = {}
    for cell in study["cells"]:
        place = Fraction(cell["from"][first["name"]]), Fraction(cell["from"][second["name"]])
        numbers[place] = float("nan") if cell["design"] is None else float(cell["design"])
    xs, ys = (sorted({place[axis] for place in numbers}) for axis in (0, 1))
    sides = []
    for edges, varied in ((xs, first), (ys, second)):
        last = Fraction(varied["high"]) if varied["high"] else edges[-1] * Fraction(21, 20)
        sides.append([float(edge) for edge in (*edges, max(last, edges[-1] * Fraction(101, 100)))])
    mesh = axes.pcolormesh(sides[0], sides[1], [[numbers[x, y] for x in xs] for y in ys], cmap="viridis")
    axes.figure.colorbar(mesh, ax=axes, label="design")
    axes.set(
        xlabel=f"{first['name']} ({first['unit']})", ylabel=f"{second['name']} ({second['unit']})", title=_title(data)
    )


def _front(axes: Any, data: Data) -> None:
    designs = data["study"]["designs"]
    energies, latencies = ([design[key] for design in designs] for key in ("energy_pj", "latency_ms"))
    areas = [design["metrics"].get("area-mm2", 0.0) for design in designs]
    dots = axes.scatter(latencies, energies, c=areas, s=12, cmap="viridis")
    axes.figure.colorbar(dots, ax=axes, label="area (mm2)")
    axes.set(xlabel="latency (ms)", ylabel="energy (pJ)", title=_title(data))


def _title(data: Data) -> str:
    return f"{data['network']} on {data['architecture']}"
