"""Numbers in exponent form are exact, and those with too many digits are refused at once."""

from __future__ import annotations

from fractions import Fraction

import pytest

from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.files.numbers import is_too_long


@pytest.mark.parametrize(("text", "value"), [("1e30", 10**30), ("2.5e-4", Fraction(1, 4000)), ("1E0007", 10**7)])
def test_exact_values(text: str, value: Fraction) -> None:
    assert load_exact(f"a: {text}") == {"a": value}


@pytest.mark.parametrize("text", ["1e999999999", "16e99999999", "-1.5e-4001", "1E00000000000009999"])
def test_too_many_digits(text: str) -> None:
    with pytest.raises(SpecError, match="too many digits"):
        load_exact(f"a: {text}")


def test_a_hash_is_no_number() -> None:
    assert not is_too_long("49c9eebb7abea64fcc1ff8738aef9cba1a98b2f2ce4df54a6baa9d7f2c3e9563")
    assert is_too_long(" -12.5E+99999 ")
