"""Results of the sparse engine as tables and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.sparse import (
    AccuracyBody,
    AccuracyEntry,
    EngineEntry,
    EngineInfeasibility,
    EngineReportBody,
    PatternsBody,
    SimulationBody,
    SizingBody,
    SparseForms,
)
from optimizer.problem.status import Status
from optimizer.report.tables import plain_table
from optimizer.sparse_engine.verification import SparseVerification


def sparse_report(body: SparseForms) -> RenderableType:
    """Whatever ``sparse.json`` holds."""
    reports: dict[type, Callable[[Any], RenderableType]] = {
        SizingBody: sizing_report,
        PatternsBody: patterns_report,
        SimulationBody: simulation_report,
        EngineReportBody: engine_report,
        AccuracyBody: accuracy_report,
    }
    return reports[type(body)](body)


def sizing_report(body: SizingBody) -> Group:
    """Headline, the design or what excludes every design."""
    parts: list[RenderableType] = [_sizing_headline(body)]
    if body.infeasible is not None:
        parts += _blame(body.infeasible)
    if body.design is not None:
        parts += [Text(), design_report(body.design, body.request.budgets)]
    return Group(*parts)


def _sizing_headline(body: SizingBody) -> Text:
    goal = body.objective
    text = Text(body.status.value)
    if goal.value is not None:
        text.append(f"  {goal.name} {goal.value:.6g} {goal.unit}".rstrip())
    if body.status is Status.FEASIBLE:
        text.append(f"  bound {goal.bound:.6g}")
    if goal.gap is not None:
        text.append(f"  gap {100 * goal.gap:.1f} %")
    return text


def _blame(found: EngineInfeasibility) -> list[RenderableType]:
    lines: list[RenderableType] = [Text(f"to blame: {', '.join(found.blame) or 'the layers themselves'}")]
    lines += [Text(f"  {relaxation.text}") for relaxation in found.relaxations]
    if not found.complete:
        lines.append(Text("time ran out: fewer may be to blame"))
    if found.held:
        lines.append(Text(f"held (too many candidates without): {', '.join(found.held)}"))
    return lines


def engine_report(body: EngineReportBody) -> Group:
    """All about an engine that was asked for."""
    return design_report(body.engine)


def design_report(design: EngineEntry, budgets: Mapping[str, int] | None = None) -> Group:
    """All about an engine."""
    against = design.against_dense
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in (
        ("layers", "-".join(map(str, design.neurons))),
        ("out-degrees, in-degrees", f"{_list(design.out_degrees)}; {_list(design.in_degrees)}"),
        ("density", f"{100 * design.density:.4g} %"),
        ("z", _list(design.z)),
        ("junction cycle C, memory depth D", f"{_list(design.cycles)}; {_list(design.depths)}"),
        ("block cycle", f"{design.block_cycle} clocks (PROCTIME {design.proctime})"),
        ("time per input", f"{design.time_us:.4g} us at {design.clock_mhz:g} MHz"),
        ("throughput", f"{design.inputs_per_s:,.0f} inputs/s"),
        ("against one operation at a time", f"{design.speed_up} x"),
        ("against the dense network: products", f"{against.products:.4g} x fewer"),
        ("against the dense network: words", f"{against.storage:.3g} x fewer"),
    ):
        facts.add_row(name, value)
    return Group(facts, Text(), _use_table(design, budgets or {}), Text(), _words_table(design), *_estimate(design))


def _table(title: str, *columns: str, left: int = 1) -> Table:
    """A table without lines."""
    table = plain_table(title, *columns, left=left)
    table.box, table.padding = None, (0, 2, 0, 0)
    return table


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _use_table(design: EngineEntry, budgets: Mapping[str, int]) -> RenderableType:
    table = _table("Device use", "resource", "used", "budget")
    for name, used in design.device_use.items():
        table.add_row(name, f"{used:,}", f"{budgets[name]:,}" if name in budgets else "-")
    for name, used in design.arithmetic_per_clock.items():
        table.add_row(name, f"{used:,}", "-")
    return table


def _words_table(design: EngineEntry) -> RenderableType:
    table = _table(f"{design.width_bits}-bit words kept", "kind", "words")
    for name, words in design.storage_words.items():
        table.add_row(name, f"{words:,}")
    return table


def _estimate(design: EngineEntry) -> list[RenderableType]:
    early = design.early_estimate
    if early is None:
        return []
    figures = f"{early.multipliers:,} multipliers, {early.dsp:,} DSP, {early.memory_bits / 1e6:.7g} Mbit"
    return [Text(), Text(f"early estimator: {figures}")]


def patterns_report(body: PatternsBody) -> Group:
    """Status and figures of the pattern of every junction."""
    table = _table(
        "Access patterns", "junction", "status", "D", "spread", "bound", "type 1", "type 2", "type 3", left=2
    )
    for number, entry in enumerate(body.junctions, 1):
        goal = entry.objective
        table.add_row(
            str(number),
            entry.status.value,
            str(entry.junction.depth),
            "-" if goal.value is None else str(goal.value),
            str(goal.bound),
            *(entry.patterns[kind] for kind in ("1", "2", "3")),
        )
    parts: list[RenderableType] = [Text(body.status.value), Text(), table]
    for number, entry in enumerate(body.junctions, 1):
        if entry.infeasible is not None:
            parts.append(Text(f"junction {number}, to blame: {', '.join(entry.infeasible) or 'z and the degrees'}"))
    return Group(*parts)


def simulation_report(body: SimulationBody) -> Group:
    """What the clocked simulator has shown."""
    run = body.run
    text = (
        f"{run.inputs} inputs in {run.clocks:,} clocks ({run.blocks} blocks of {run.block_cycle}), "
        f"{run.accesses:,} memory accesses"
    )
    hazards = f"{run.forwarded:,} partial deltas forwarded" if run.forwarding else "no hazard"
    same = "equal" if run.equal else "DIFFER from"
    return Group(
        Text(text),
        Text(f"no bank conflict, {hazards}"),
        Text(f"weights, biases and outputs {same} those of the masked matrices"),
    )


def verification_report(found: SparseVerification) -> Group:
    """Faults, or what was proved again."""
    lines = [Text("FAILED" if found.faults else "PASSED"), Text(found.proved)]
    return Group(*lines, *(Text(f"fault: {fault}") for fault in found.faults))


def accuracy_report(body: AccuracyBody) -> RenderableType:
    """Accuracy by density (rows) and format (columns)."""
    formats = list(dict.fromkeys(entry.format for entry in body.accuracies))
    title = "Test accuracy, % (mean; least-most over seeds)"
    table = _table(title, "out-degrees", "density", "us/input", *formats)
    rows: dict[str, list[AccuracyEntry]] = {}
    for entry in body.accuracies:
        rows.setdefault(_list(entry.out_degrees), []).append(entry)
    for degrees, entries in rows.items():
        cells = [f"{100 * e.mean:.1f} ({100 * e.least:.1f}-{100 * e.most:.1f})" for e in entries]
        table.add_row(degrees, f"{100 * entries[0].density:.4g} %", f"{entries[0].time_us:.3g}", *cells)
    return table
