"""``tilewright sparse verify``: which check fits which result."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.errors import SpecError
from optimizer.files.records import Json
from optimizer.sparse_engine import pattern_check, reprove


@dataclass(frozen=True)
class SparseVerification:
    """Faults found, and a sentence about what was proved again."""

    faults: list[str]
    proved: str


def verify(data: Json, file: str | None = None) -> SparseVerification:
    """Check the contents of ``sparse.json`` by code that shares nothing with what wrote them.

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


def _sizing(data: Json) -> SparseVerification:
    faults, seen = reprove.faults(data)
    proved = "the bound is not proved again" if seen is None else f"every engine looked at: {seen:,}"
    return SparseVerification(faults, proved)


def _patterns(data: Json) -> SparseVerification:
    faults, proved = [], []
    for number, entry in enumerate(data["junctions"], 1):
        if "starts" not in entry:
            continue
        faults += [f"junction {number}: {fault}" for fault in pattern_check.stored_faults(entry)]
        if pattern_check.spread_is_proved(entry):
            proved.append(str(number))
    return SparseVerification(faults, f"spread proved by counting in junctions: {', '.join(proved) or 'none'}")
