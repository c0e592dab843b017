"""JSON texts, of which every object has every key once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from optimizer.errors import SpecError


def parse_json(text: str, file: str | None = None, parse_float: Callable[[str], Any] | None = None) -> Any:
    """The value of a JSON text.

    Of two equal keys Python keeps the last and other readers the first, so that one file would say two things.

    Raises
    ------
    SpecError
        If an object has a key twice.
    ValueError
        If it is no JSON.
    """

    def entries(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise SpecError(
                "the same key is given twice",
                file=file,
                field=twice,
                value=[value for key, value in pairs if key == twice],
                allowed="every key of an object once",
                remedy="remove one of the two, or make the file again",
            )
        return found

    return json.loads(text, object_pairs_hook=entries, parse_float=parse_float)
