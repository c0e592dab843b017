"""Check that a result answers a given problem: its stated problem is compared with that one, field by field.

Whole networks and architectures are compared, not their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from optimizer.checker.claims.solve import hash_of
from optimizer.checker.outcome import Check
from optimizer.problem.exact_json import decode_exact

Data = dict[str, Any]
NAME = "question"
SHOWN = 3
MISSING = "nothing"


def question_check(stated: Data, asked: Sequence[Data], *, whole: bool) -> Check:
    """Check that a stated problem agrees with one of the given problems.

    Parameters
    ----------
    stated : dict
        The ``problem`` of a result.
    asked : sequence of dict
        Acceptable problems, as made by :func:`optimizer.search.prepared_problem.prepare`.
    whole : bool
        Compare all fields; otherwise fields that no given problem has are skipped.
    """
    found = [list(differing(stated if whole else _part(stated, one), one)) for one in asked]
    faults = min(found, key=len)
    if faults:
        more = f" (and {len(faults) - SHOWN} more)" if len(faults) > SHOWN else ""
        return Check(NAME, False, "; ".join(faults[:SHOWN]) + more)
    if whole:
        return Check(NAME, True, f"this is the problem asked about, hash {hash_of(stated)[:16]}")
    return Check(NAME, True, f"{', '.join(sorted(asked[0]))}: as asked about; the other fields were not asked about")


def _part(stated: Any, asked: Any) -> Any:
    """The fields of a stated value that the given one has too; of a list of problems, for each of them."""
    if isinstance(asked, dict) and isinstance(stated, dict) and "networks" in asked:
        rows = stated.get("networks") or []
        first = asked["networks"][0]
        return {"networks": [{key: row.get(key) for key in first} for row in rows]}
    return {key: stated[key] for key in asked if key in stated}


def differing(stated: Data, asked: Data) -> Iterator[str]:
    """Fields in which two problems differ, with both values."""
    yield from _differences(_readable(stated), _readable(asked), "")


def _readable(problem: Any) -> Any:
    """The problem with networks and architectures as plain data, and named entries keyed by their names."""
    if isinstance(problem, list):
        return [_readable(one) for one in problem]
    known = dict(problem)
    if "networks" in known:
        known["networks"] = _readable(known["networks"])
    if "network" in known:
        known["network"] = _named(decode_exact(known["network"]))
    if "architecture" in known:
        known["architecture"] = _named(decode_exact(known["architecture"]))
    return known


def _named(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _named(value) for key, value in data.items()}
    if isinstance(data, list):
        names = [entry.get("name") if isinstance(entry, dict) else None for entry in data]
        if names and None not in names and len(set(names)) == len(names):
            return {name: _named(entry) for name, entry in zip(names, data, strict=True)}
        return [_named(entry) for entry in data]
    return data


def _differences(stated: Any, asked: Any, place: str) -> Iterator[str]:
    if isinstance(stated, dict) and isinstance(asked, dict):
        for key in dict.fromkeys([*asked, *stated]):
            path = f"{place}.{key}" if place else str(key)
            yield from _differences(stated.get(key, MISSING), asked.get(key, MISSING), path)
        if list(stated) != list(asked) and stated == asked and place.endswith(("layers", "levels")):
            yield f"{place} stand in another order"
    elif isinstance(stated, list) and isinstance(asked, list) and len(stated) == len(asked):
        for number, (one, other) in enumerate(zip(stated, asked, strict=True)):
            yield from _differences(one, other, f"{place}[{number}]")
    elif stated != asked:
        yield f"{place} is {_text(stated)}, asked for is {_text(asked)}"


def _text(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
