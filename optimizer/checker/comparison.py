"""Check of a comparison with the layer-by-layer design, which is checked as a result of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.outcome import Check, left_out
from optimizer.results.comparison import figures, reductions
from optimizer.results.result import Result

Data = dict[str, Any]
Examine = Callable[[Result], list[Check]]


def beside_checks(result: Result, examine: Examine) -> Iterator[Check]:
    """All checks of the section ``comparison``; none if it is missing.

    Parameters
    ----------
    result : Result
        A fused result with the layer-by-layer result beside it.
    examine : callable
        All checks of a result.
    """
    data, beside = result.data, result.beside
    if "comparison" not in data:
        return
    if beside is None:
        yield Check("comparison", False, "the result layer by layer, which it is about, is missing")
        return
    yield verdict("comparison", list(_faults(data, beside.data)), "figures of both results, and what follows from them")
    found = examine(beside)
    faults = [f"{check.name}: {check.detail}" for check in found if check.ok is False]
    undecided = [check.name for check in found if check.ok is None]
    if undecided and not faults:
        yield Check("layer by layer", None, f"undecided: {', '.join(undecided)}")
    else:
        yield verdict("layer by layer", faults, f"all {len(found)} checks of a result pass")
    yield from left_out(found, "layer by layer")


def _faults(data: Data, beside: Data) -> Iterator[str]:
    fused = dict(data["problem"])
    if fused.pop("fusion", None) is None:
        yield "the result is not fused"
    if beside["problem"] != fused:
        yield "the result layer by layer is about another problem"
    yield from comparison_faults(data["comparison"], beside, data)


def comparison_faults(stated: Data, before: Data, after: Data) -> Iterator[str]:
    """Check the figures of a comparison against its two designs."""
    expected = {"layer_by_layer": figures(before), "fused": figures(after)}
    expected["reduction"] = reductions(expected["layer_by_layer"], expected["fused"])
    yield from differences(stated, expected, "comparison")
