"""Check of the stated reason why the search ended, against the open boxes of the certificate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optimizer.problem.status import Termination

Data = dict[str, Any]


def ending_faults(data: Data, certificate: Data, *parts: Data) -> Iterator[str]:
    """Faults of the stated end; `parts` are the results that the whole consists of.

    Raises
    ------
    ValueError, KeyError
        If it is not a known end.
    """
    ended = Termination(data["termination"])
    left = any(box["closed_by"] == "open" for box in certificate["boxes"])
    left |= any(part["termination"] != Termination.COMPLETE for part in parts)
    if ("disagreements" in data) != (ended is Termination.DISAGREEMENT):
        yield f"termination is {ended.value!r}, and there are {'' if 'disagreements' in data else 'no '}disagreements"
    elif ended is not Termination.DISAGREEMENT and left != (ended is not Termination.COMPLETE):
        yield f"termination is {ended.value!r}, and {'something' if left else 'nothing'} is left open"
