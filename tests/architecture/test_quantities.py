"""Sizes with units."""

from __future__ import annotations

import pytest

from optimizer.errors import SpecError
from optimizer.files.quantities import size_units, split_quantity


@pytest.mark.parametrize("text", ["128.5 words", "0.5 word", "1.5 bits", "7.25 bit"])
def test_parts_of_words_and_bits_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match="not cut") as caught:
        split_quantity(text, size_units(16), file="chip.yaml", field="levels[1].size")
    assert (caught.value.field, caught.value.value) == ("levels[1].size", text)


@pytest.mark.parametrize(("text", "bits"), [("128.0 words", 2048), ("1.5 KiB", 12288), ("0.125 B", 1)])
def test_whole_numbers_are_not(text: str, bits: int) -> None:
    amount, unit = split_quantity(text, size_units(16), file=None, field="size")
    assert amount * size_units(16)[unit] == bits
