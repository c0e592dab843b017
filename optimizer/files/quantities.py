"""Sizes and bandwidths with units, exactly.

Sizes are in bits inside; ``KiB`` is 1024 bytes. Bandwidths are in bits per cycle inside; ``GB/s`` is 10^9
bytes per second and needs the clock.
"""

from __future__ import annotations

import re
from fractions import Fraction

from optimizer.errors import SpecError
from optimizer.files.numbers import is_too_long

_SIZES = (("GiB", 8 * 2**30), ("MiB", 8 * 2**20), ("KiB", 8 * 2**10), ("B", 8))


def size_text(bits: int | None) -> str:
    """A capacity in bytes."""
    if bits is None:
        return "unbounded"
    name, scale = next((pair for pair in _SIZES if bits >= pair[1]), _SIZES[-1])
    return f"{bits / scale:.4g} {name}"


SIZE_BITS = {
    "bit": 1,
    "bits": 1,
    "Kibit": 2**10,
    "Mibit": 2**20,
    "B": 8,
    "KiB": 8 * 2**10,
    "MiB": 8 * 2**20,
    "GiB": 8 * 2**30,
}
"""Bits per unit; ``words`` depends on the level and is added by :func:`size_units`."""

SIZE_PATTERN = r"^[0-9]+(\.[0-9]+)? *(bits?|Kibit|Mibit|B|KiB|MiB|GiB|words?)$"
BANDWIDTH_PATTERN = r"^[0-9]+(\.[0-9]+)? *(words|bits|B)/cycle$|^[0-9]+(\.[0-9]+)? *[GM]B/s$"
WHOLE = ("word", "words", "bit", "bits")
"""Units of which there are no parts."""
_QUANTITY = re.compile(r"^([0-9]+(?:\.[0-9]+)?) *([A-Za-z/]+)$")


def size_units(word_bits: int) -> dict[str, Fraction]:
    """Bits per unit of size, for words of `word_bits` bits."""
    units = {name: Fraction(bits) for name, bits in SIZE_BITS.items()}
    return units | {"word": Fraction(word_bits), "words": Fraction(word_bits)}


def bandwidth_units(word_bits: int, clock_mhz: Fraction) -> dict[str, Fraction]:
    """Bits per cycle per unit of bandwidth; 1 GB/s is ``8000 / clock_mhz`` bits per cycle."""
    return {
        "words/cycle": Fraction(word_bits),
        "bits/cycle": Fraction(1),
        "B/cycle": Fraction(8),
        "GB/s": Fraction(8000) / clock_mhz,
        "MB/s": Fraction(8) / clock_mhz,
    }


def split_quantity(text: object, units: dict[str, Fraction], *, file: str | None, field: str) -> tuple[Fraction, str]:
    """Number and unit of e.g. ``108 KiB``.

    Raises
    ------
    SpecError
        Where there is no number, no unit, an unknown unit, the number is zero, or a part of a word or a bit.
    """
    match = _QUANTITY.match(text) if isinstance(text, str) else None
    if match is None or match[2] not in units or is_too_long(match[1]) or Fraction(match[1]) <= 0:
        raise SpecError(
            "not a positive quantity with a known unit",
            file=file,
            field=field,
            value=text,
            allowed=f"a number and one of {', '.join(units)}",
            remedy="write e.g. '108 KiB' (1024 bytes; KB is ambiguous) or '25.6 GB/s'",
        )
    if Fraction(match[1]).denominator != 1 and match[2] in WHOLE:
        raise SpecError(
            "words and bits are not cut",
            file=file,
            field=field,
            value=text,
            allowed=f"a whole number of {match[2]}",
            remedy="round it, or state the size in B or KiB",
        )
    return Fraction(match[1]), match[2]


def format_number(number: Fraction) -> str:
    """Shortest exact text: an integer, a decimal, or a ratio."""
    if number.denominator == 1:
        return str(number.numerator)
    decimal = str(float(number))
    return decimal if Fraction(decimal) == number else str(number)
