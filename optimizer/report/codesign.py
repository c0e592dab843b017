"""A co-design as tables and text; functions take the contents of ``result.json``."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.report.solve import (
    device_table,
    hardware_table,
    hash_text,
    headline,
    infeasible_text,
    plain_table,
    points_text,
)
from optimizer.report.units import energy_text, energy_unit, number_text

Data = dict[str, Any]
LOSS = "percent above the network's own best design; the columns are designs, `joint` is the proved one"


def codesign_headline(data: Data) -> Text:
    """Status, aggregate, bound and gap in one line."""
    goal = data["objective"]
    text = headline(data | {"objective": goal | {"name": f"{goal['aggregate']} of {goal['name']}"}})
    improved = [entry["improvement_percent"] for entry in data["cross"] if entry.get("improvement_percent")]
    if improved and not _unproved(data):
        text.append(f"  up to {max(improved):.2f} % better than designs for one network", style="default")
    return text


def codesign_report(data: Data) -> Group:
    """Everything about a co-design: headline, networks, cross table, hardware, warnings."""
    parts: list[RenderableType] = [codesign_headline(data)]
    if data.get("infeasible"):
        parts.append(exclusion_text(data["infeasible"]))
    parts += [Text(), _summary(data), Text(), networks_table(data)]
    if data["cross"]:
        parts += [Text(), cross_table(data), Text(LOSS, style="dim")]
        if _unproved(data):
            parts.append(Text(f"not proved to be the own best design: {', '.join(_unproved(data))}", style="yellow"))
    if data.get("hardware"):
        parts += [Text(), hardware_table(data)]
    if data.get("device"):
        parts += [Text(), device_table(data)]
    parts += [Text(), Text(f"Space: {data['space']['text']}", style="dim")]
    parts += [Text(f"warning: {line}", style="yellow") for line in data.get("warnings") or []]
    parts += [Text(line, style="red") for line in data.get("disagreements") or []]
    return Group(*parts)


def _unproved(data: Data) -> list[str]:
    """Networks whose own search was stopped: the losses are against the best design known."""
    return [entry["name"] for entry in data["networks"] if entry["alone"]["status"] in ("FEASIBLE", "UNKNOWN")]


def _summary(data: Data) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    goal = data["objective"]
    weights = ", ".join(f"{name} {weight:g}" for name, weight in goal["weights"].items() if weight != 1)
    rows = [
        ("networks", f"{len(data['networks'])}"),
        ("weights", weights),
        ("values", "relative to each network's own best design" if goal["relative"] else ""),
        ("area", f"{data['area_um2'] / 1e6:.4g} mm2" if data.get("area_um2") else ""),
        ("hardware points", points_text(data) if data.get("hardware_points") else ""),
        ("accounting", data["accounting"]),
        ("problem", hash_text(data)),
        ("time", f"{data['wall_s']:.1f} s, seed {data['seed']}"),
    ]
    for name, value in rows:
        if value:
            table.add_row(Text(name, style="bold"), Text(value))
    return table


def networks_table(data: Data) -> Table:
    """Every network on the joint design, and its own best design."""
    objective = data["objective"]["name"]
    table = plain_table(
        "Networks",
        "network",
        "caps",
        "energy",
        "latency",
        objective,
        "loss",
        f"own best {objective}",
        "own status",
        left=2,
    )
    for entry in data["networks"]:
        joint, alone = entry["joint"] or {}, entry["alone"]
        latency = joint.get("latency_ms")
        caps = ", ".join(f"{name} <= {limit}" for name, limit in entry["caps"].items())
        table.add_row(
            Text(entry["name"]),
            Text(caps),
            energy_text(joint.get("energy_pj"), energy_unit(data)),
            "-" if latency is None else f"{latency:.4g} ms",
            number_text(joint.get("value")),
            _percent(joint.get("loss_percent")),
            number_text(alone.get("value")),
            alone["status"],
        )
    return table


def cross_table(data: Data) -> Table:
    """Losses of all networks on all designs, and how much better the joint design is."""
    cross = data["cross"]
    table = plain_table("Cross table", "network", *(entry["design"] for entry in cross))
    for network in data["networks"]:
        cells = [entry["networks"][network["name"]] for entry in cross]
        table.add_row(Text(network["name"]), *(_cell(cell) for cell in cells))
    table.add_section()
    kind = data["objective"]["aggregate"]
    table.add_row(Text(kind), *(number_text(entry["aggregate"]) for entry in cross))
    table.add_row(Text("joint is better by"), *(_percent(entry["improvement_percent"]) for entry in cross))
    return table


def _cell(cell: Data) -> str:
    if "value" not in cell:
        return str(cell["status"]).lower()
    return _percent(cell.get("loss_percent"))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} %"


def exclusion_text(reason: Data) -> Text:
    """Which networks exclude a common design, and what would let one through."""
    if reason["alone"]:
        text = Text()
        for name, why in reason["alone"].items():
            text.append(f"{name} alone: ")
            text.append_text(infeasible_text({"infeasible": why}))
            text.append("\n")
        text.right_crop()
        return text
    names = reason["networks"]
    lines = [f"There is no design for {' and '.join(names)} together; every one of them has one without the others."]
    if len(names) == 1:
        lines = [f"There is no design for {names[0]}."]
    if reason["relaxations"]:
        lines.append("Any one of these would make it feasible:")
    for relaxation in reason["relaxations"]:
        limit = number_text(relaxation["limit"])
        lines.append(f"  - {relaxation['budget']} of {relaxation['network']} ({limit}): {relaxation['text']}")
    if not reason["complete"]:
        lines.append("The search for the reason was stopped: fewer networks may be to blame.")
    return Text("\n".join(lines))
