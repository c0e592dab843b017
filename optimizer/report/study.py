"""Studies as tables. Every function takes the contents of ``result.json``."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.report.solve import hash_text, plain_table
from optimizer.report.units import energy_text, energy_unit, number_text
from optimizer.results.study_csv import limit_text

Data = dict[str, Any]
STYLES = {"OPTIMAL": "bold green", "FEASIBLE": "bold yellow"}
NOTHING = "-"
MOST_ROWS = 40


def study_report(data: Data) -> Group:
    """Everything about a study."""
    study = data["study"]
    parts: list[RenderableType] = [study_headline(data)]
    if study["kind"] == "front":
        return Group(*parts, Text(), _front(data), Text(), _proof(data))
    if study["designs"]:
        parts += [Text(), _designs(data)]
    if len(study["vary"]) > 1 and study["cells"]:
        parts += [Text(), _grid(data)]
    if study["designs"]:
        parts += [Text(), *_lines(data)]
    parts += [Text(), _proof(data)]
    parts += [Text(f"warning: {line}", style="yellow") for line in data.get("warnings") or []]
    parts += [Text(line, style="red") for line in data.get("disagreements") or []]
    return Group(*parts)


def study_headline(data: Data) -> Text:
    """Status, what was varied, and how many designs there are, in one line."""
    study = data["study"]
    text = Text(study["status"], style=STYLES.get(study["status"], "bold red"))
    names = " and ".join(_range_text(varied) for varied in study["vary"])
    if study["kind"] == "front":
        more = f", {names}" if names else ""
        near = Fraction(study["tolerance"])
        exact = f"within {100 * float(near):g} %" if near else "exact"
        text.append(f"  front of energy, latency{more} ({exact}): ", style="default")
    else:
        text.append(f"  {data['objective']['name']} against {names}: ", style="default")
    count = len(study["designs"])
    text.append(f"{count} design{'' if count == 1 else 's'}", style="default")
    if not count and study["kind"] != "front":
        least = " or ".join(", ".join(f"{n} {limit_text(x)}" for n, x in place.items()) for place in study["least"])
        text.append(f"; the least that lets a design through: {least or 'not known'}", style="default")
    return text


def _range_text(varied: Data) -> str:
    if varied["low"] is None and varied["high"] is None:
        return f"{varied['name']}"
    low, high = (float(Fraction(varied[end])) if varied[end] else None for end in ("low", "high"))
    return f"{varied['name']} {number_text(low)} to {number_text(high)}"


def value_text(data: Data, value: float | None) -> str:
    """An objective with its unit."""
    goal = data["objective"]
    if goal["name"] == "energy":
        return energy_text(value, energy_unit(data))
    return NOTHING if value is None else f"{value:.4g} {goal['unit']}"


def hardware_text(design: Data) -> str:
    """Entries of the menus in short: ``16 x 8, GLB 64 KiB, RF 32 words``."""
    choices = dict(design["choices"])
    array = [choices.pop(f"array.{axis}") for axis in "xy" if f"array.{axis}" in choices]
    shown = [" x ".join(map(str, array))] if array else []
    return ", ".join([*shown, *(f"{path.split('.')[0]} {entry}" for path, entry in choices.items())])


def _designs(data: Data) -> Table:
    study = data["study"]
    limits = [f"{varied['name']} from" for varied in study["vary"]]
    one = len(limits) == 1
    goal = data["objective"]["name"]
    both = [name for name in ("energy", "latency") if name != goal]
    columns = ["", "hardware", *limits, goal, *(["change"] if one else []), *both]
    table = plain_table("Steps" if one else "Designs", *columns, "status", left=2)
    for design in study["designs"]:
        change = design["objective"]["change_percent"]
        costs = {
            "energy": energy_text(design["energy_pj"], energy_unit(data)),
            "latency": f"{design['latency_ms']:.4g} ms",
        }
        table.add_row(
            str(design["number"]),
            Text(hardware_text(design)),
            *(limit_text(x) for x in design["needs"].values()),
            value_text(data, design["objective"]["value"]),
            *([NOTHING if change is None else f"{change:+.2f} %"] if one else []),
            *(costs[name] for name in both),
            design["status"],
        )
    return table


def _front(data: Data) -> Table:
    """The designs of a front, fastest first; of many those at equal distances."""
    study = data["study"]
    limits = [varied["name"] for varied in study["vary"]]
    designs = study["designs"]
    step = -(-len(designs) // MOST_ROWS) or 1
    title = "Front" if step == 1 else f"Front (every {step}th design; all are in steps.csv)"
    table = plain_table(title, "", "hardware", *limits, "energy", "latency", "status", left=2)
    for design in designs[::step]:
        table.add_row(
            str(design["number"]),
            Text(hardware_text(design)),
            *(limit_text(x) for x in design["needs"].values()),
            energy_text(design["energy_pj"], energy_unit(data)),
            f"{design['latency_ms']:.4g} ms",
            design["status"],
        )
    return table


def _grid(data: Data) -> Table:
    """Which design is best where: rows and columns are the ranges of the two limits."""
    study = data["study"]
    first, second = (varied["name"] for varied in study["vary"])
    columns = sorted({cell["from"][second] for cell in study["cells"]}, key=Fraction)
    rows = sorted({cell["from"][first] for cell in study["cells"]}, key=Fraction)
    title = f"Best design by {first} (rows, from) and {second} (columns, from)"
    table = plain_table(title, first, *(limit_text(column) for column in columns))
    marks = {"OPTIMAL": "", "FEASIBLE": "?", "UNKNOWN": "?", "INFEASIBLE": ""}
    cells = {(cell["from"][first], cell["from"][second]): cell for cell in study["cells"]}
    for row in rows:
        found = [cells[row, column] for column in columns]
        table.add_row(limit_text(row), *(f"{cell['design'] or NOTHING}{marks[cell['status']]}" for cell in found))
    return table


def _lines(data: Data) -> list[Text]:
    """What binds each design, and what relaxing that is worth."""
    lines = []
    for design in data["study"]["designs"]:
        told = [_relaxed_text(design, name, step) for name, step in design["relaxed"].items() if step is not None]
        largest = design["at_largest"]
        told += [f"at their largest entry: {', '.join(largest)}"] if largest else []
        if told:
            lines.append(Text(f"{design['number']}: {'; '.join(told)}"))
    return lines


def _relaxed_text(design: Data, name: str, step: Data) -> str:
    menus = ", ".join(f"{path} {one} -> {other}" for path, (one, other) in step["menus"].items())
    return (
        f"{name} from {limit_text(design['needs'][name])} to {limit_text(step['to'])}: "
        f"{step['change_percent']:+.2f} % (design {step['design']}; {menus})"
    )


def _proof(data: Data) -> Text:
    points = data["hardware_points"]
    return Text(
        f"{points['total']:,} hardware points in {points['boxes']:,} boxes: {points['solved']:,} solved, "
        f"{points['open']:,} open; {data['wall_s']:.1f} s; problem {hash_text(data)}",
        style="dim",
    )
