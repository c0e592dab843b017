"""Studies as pictures: the staircase, or the regions of two limits; needs the extra ``plot``."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.bodies.study import FRONT, FrontBody, StudyBody
from optimizer.report.figures import new_figure, save_picture

Body = StudyBody | FrontBody


def save_plot(body: Body, path: str | Path) -> None:
    """Draw a study into a file; its name's end decides the format."""
    figure = new_figure(8, 5)
    axes = figure.subplots()
    study = body.study
    if study.kind == FRONT:
        _front(axes, body)
    elif len(study.vary) == 1:
        _staircase(axes, body)
    else:
        _regions(axes, body)
    save_picture(figure, path)


def _staircase(axes: Any, body: Body) -> None:
    study = body.study
    varied = study.vary[0]
    starts = [float(design.needs[varied.name] or 0) for design in study.designs]
    end = float(varied.high) if varied.high else max([*starts, 0.0]) * 1.05
    goals = [design.objective for design in study.designs if design.objective is not None]
    for label, style, heights in (
        ("value", "-", [goal.value for goal in goals]),
        ("bound", ":", [goal.bound for goal in goals]),
    ):
        if heights:
            axes.step([*starts, end], [*heights, heights[-1]], style, where="post", label=label)
    axes.set(
        xlabel=f"{varied.name} ({varied.unit})",
        title=_title(body),
        ylabel=f"{body.objective.name} ({body.objective.unit})",
    )
    axes.legend()


def _regions(axes: Any, body: Body) -> None:
    study = body.study
    first, second = study.vary
    numbers: dict[tuple[Fraction, Fraction], float] = {}
    for cell in study.cells:
        place = Fraction(cell.start[first.name] or 0), Fraction(cell.start[second.name] or 0)
        numbers[place] = float("nan") if cell.design is None else float(cell.design)
    xs, ys = (sorted({place[axis] for place in numbers}) for axis in (0, 1))
    sides = []
    for edges, varied in ((xs, first), (ys, second)):
        last = varied.high or edges[-1] * Fraction(21, 20)
        sides.append([float(edge) for edge in (*edges, max(last, edges[-1] * Fraction(101, 100)))])
    mesh = axes.pcolormesh(sides[0], sides[1], [[numbers[x, y] for x in xs] for y in ys], cmap="viridis")
    axes.figure.colorbar(mesh, ax=axes, label="design")
    axes.set(xlabel=f"{first.name} ({first.unit})", ylabel=f"{second.name} ({second.unit})", title=_title(body))


def _front(axes: Any, body: Body) -> None:
    designs = body.study.designs
    latencies, energies = [design.latency_ms for design in designs], [design.energy_pj for design in designs]
    areas = [design.metrics.get("area-mm2", 0.0) for design in designs]
    dots = axes.scatter(latencies, energies, c=areas, s=12, cmap="viridis")
    axes.figure.colorbar(dots, ax=axes, label="area (mm2)")
    axes.set(xlabel="latency (ms)", ylabel="energy (pJ)", title=_title(body))


def _title(body: Body) -> str:
    return f"{body.network} on {body.architecture}"
