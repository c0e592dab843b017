"""``tilewright sparse verify``: which check fits which result."""

from __future__ import annotations

from typing import Any

from optimizer.errors import SpecError
from optimizer.sparse_engine import pattern_check, reprove


def verify(data: dict[str, Any], file: str | None = None) -> dict[str, Any]:
    """``faults`` and ``proved``, a sentence about what was proved again.

    Raises
    ------
    SpecError
        If it is no result that can be checked, or its keys are not those of one.
    """
    checks = {"sparse sizing": _sizing, "sparse patterns": _patterns}
    if data.get("kind") not in checks:
        raise SpecError(
            "not a result that can be checked",
            file=file,
            field="kind",
            value=data.get("kind"),
            allowed=", ".join(checks),
            remedy="give the folder that `sparse size` or `sparse interleave` wrote",
        )
    try:
        return checks[data["kind"]](data)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise SpecError(
            f"the result is damaged: {type(error).__name__} {error}",
            file=file,
            allowed="a file as it was written",
            remedy="write it again",
        ) from None


def _sizing(data: dict[str, Any]) -> dict[str, Any]:
    faults, seen = reprove.faults(data)
    proved = "the bound is not proved again" if seen is None else f"every engine looked at: {seen:,}"
    return {"faults": faults, "proved": proved}


def _patterns(data: dict[str, Any]) -> dict[str, Any]:
    faults, proved = [], []
    for number, entry in enumerate(data["junctions"], 1):
        if "starts" not in entry:
            continue
        faults += [f"junction {number}: {fault}" for fault in pattern_check.stored_faults(entry)]
        if pattern_check.spread_is_proved(entry):
            proved.append(str(number))
    return {"faults": faults, "proved": f"spread proved by counting in junctions: {', '.join(proved) or 'none'}"}
