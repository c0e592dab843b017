"""JSON texts, of which every object has every key once, and no text is a number of millions of digits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from optimizer.errors import SpecError
from optimizer.files.numbers import LARGEST_EXPONENT, MOST_DIGITS, is_too_long


def parse_json(text: str, file: str | None = None, parse_float: Callable[[str], Any] | None = None) -> Any:
    """The value of a JSON text.

    Of two equal keys Python keeps the last and other readers the first, so that one file would say two things. Exact
    numbers stand in texts; one such as ``1e999999999`` would take hours to read.

    Raises
    ------
    SpecError
        If an object has a key twice, or a text is a number with too many digits.
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

    data = json.loads(text, object_pairs_hook=entries, parse_float=parse_float)
    long = next((text for text in _texts(data) if is_too_long(text)), None)
    if long is not None:
        raise SpecError(
            "a number has too many digits",
            file=file,
            value=long,
            allowed=f"exponents up to {LARGEST_EXPONENT}, up to {MOST_DIGITS} digits",
            remedy="make the file again",
        )
    return data


def _texts(data: Any) -> Iterator[str]:
    """All texts of parsed JSON, keys too."""
    waiting = [data]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
