"""Numbers in texts that have too many digits to be read."""

from __future__ import annotations

import re

LARGEST_EXPONENT = 4000
"""Of decimals in exponent form: an exact number has as many digits."""
MOST_DIGITS = 4000
"""Of a number that is written out."""
_EXPONENT = re.compile(r"\s*[-+]?[\d._]+[eE][-+]?([\d_]+)\s*")
_DIGITS = re.compile(r"\s*[-+]?[\d._/]+\s*")


def is_too_long(text: str) -> bool:
    """Does a number have more digits than :data:`LARGEST_EXPONENT` and :data:`MOST_DIGITS` allow?

    Texts are taken as numbers wherever ``Fraction`` does: with underscores, and with digits of any script.
    """
    if len(text) > MOST_DIGITS and _DIGITS.fullmatch(text):
        return True
    found = _EXPONENT.fullmatch(text)
    if found is None:
        return False
    digits = found[1].replace("_", "").lstrip("0") or "0"
    return len(text) > MOST_DIGITS or len(digits) > len(str(LARGEST_EXPONENT)) or int(digits) > LARGEST_EXPONENT
