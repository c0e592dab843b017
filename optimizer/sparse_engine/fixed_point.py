"""Fixed-point words: sign, integer and fraction bits; rounding, clipping, and the tables of the sigmoid.

Numbers are integers of ``2^-fraction``. A product is rounded half up to a word and clipped; sums are exact and clipped
when they are complete, so their order does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import SpecError
from optimizer.sparse_engine.device_use import TABLE_BITS

Words = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Format:
    """A word of ``1 + integer + fraction`` bits.

    Parameters
    ----------
    integer, fraction : int
        Bits left and right of the point, without the sign.
    """

    integer: int
    fraction: int

    @property
    def width(self) -> int:
        """Bits with the sign."""
        return 1 + self.integer + self.fraction

    @property
    def one(self) -> int:
        """The word of 1."""
        return 1 << self.fraction

    @property
    def most(self) -> int:
        """The largest word."""
        return (1 << (self.width - 1)) - 1

    def clip(self, numbers: Words) -> Words:
        """The numbers, those out of range replaced by the largest or the smallest word."""
        return np.clip(numbers, -self.most - 1, self.most)

    def words(self, reals: Reals) -> Words:
        """Real numbers rounded half up and clipped."""
        return self.clip(np.floor(np.asarray(reals) * self.one + 0.5).astype(np.int64))

    def product(self, first: Words, second: Words) -> Words:
        """Products of words as words: rounded half up and clipped."""
        return self.clip(shifted(first * second, self.fraction))

    @cached_property
    def sigmoid(self) -> SigmoidTable:
        """The tables of this format."""
        return SigmoidTable(self)


def shifted(numbers: Words, bits: int) -> Words:
    """``numbers / 2^bits`` rounded half up."""
    return (numbers + (1 << bits >> 1)) >> bits


class SigmoidTable:
    """Sigmoid and its derivative at the words of a format, addressed by at most 12 leading bits of the word.

    Entry v holds ``s = 1 / (1 + e^-x)`` and ``s (1 - s)`` of the real number x in the middle of its words.
    """

    def __init__(self, form: Format) -> None:
        self._dropped = max(0, form.width - TABLE_BITS)
        self._least = (-form.most - 1) >> self._dropped
        entries = np.arange(self._least, -self._least)
        middle = (entries << self._dropped) + ((1 << self._dropped) - 1) / 2
        values = 1 / (1 + np.exp(-middle / form.one))
        self._values, self._slopes = form.words(values), form.words(values * (1 - values))

    def __call__(self, words: Words) -> tuple[Words, Words]:
        """Sigmoid and derivative of words, as words; all of one shape."""
        address = (words >> self._dropped) - self._least
        return self._values[address], self._slopes[address]


FORMATS = {8: Format(2, 5), 10: Format(3, 6), 12: Format(3, 8), 16: Format(4, 11)}
"""Format by width; 10 bits are also split 1 + 2 + 7."""


def parse_format(text: str) -> Format:
    """``12``, or ``3.8`` for sign + 3 integer + 8 fraction bits.

    Raises
    ------
    SpecError
        If it is neither.
    """
    parts = text.strip().split(".")
    if all(part.isdecimal() and len(part) < 3 for part in parts):
        numbers = [int(part) for part in parts]
        if len(numbers) == 1 and numbers[0] in FORMATS:
            return FORMATS[numbers[0]]
        if len(numbers) == 2 and numbers[1] >= 1 and sum(numbers) <= 23:
            return Format(*numbers)
    raise SpecError(
        "not a fixed-point format",
        field="--format",
        value=text,
        allowed=f"{', '.join(map(str, FORMATS))}, or INTEGER.FRACTION of up to 23 bits",
        remedy="write e.g. 12 or 3.8",
    )
