"""YAML and JSON that hang readers, or that say something else than they seem to."""

from __future__ import annotations

import pytest

from optimizer.errors import SpecError
from optimizer.files.exact_yaml import dump_exact, load_exact
from optimizer.files.json_text import parse_json
from optimizer.files.quantities import size_units, split_quantity
from optimizer.files.yaml_limits import MOST_DEPTH

BOMB = "a: &n0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"b{n}: &n{n} [{', '.join([f'*n{n - 1}'] * 9)}]\n" for n in range(1, 90)
)

MERGES = "m0: &m0 {b: 1}\n" + "".join(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}, *m{n - 1}]}}\n" for n in range(1, 30))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "aliases repeat too many values"),
        (MERGES, "too many values"),
        ("a: " + "[" * 101 + "]" * 101, "nested too deeply"),
        ("a: &x {b: [*x]}", "contains itself"),
        ("a: 010", "plain decimal digits"),
        ("a: 1_000", "plain decimal digits"),
        ("a: 0b11", "plain decimal digits"),
        ("a: 0x1F", "plain decimal digits"),
        ("a: 1:30", "plain decimal digits"),
        ("a: !!int [1]", "plain decimal digits"),
        ("a: " + "7" * 4001, "too many digits"),
        ("a: 0." + "7" * 5000, "too many digits"),
        ("a: 2026-11-30", "!!timestamp"),
        ("a: !!binary aGk=", "!!binary"),
        ("a: !!set {x}", "!!set"),
        ("a: !!omap [{x: 1}]", "!!omap"),
        ("a: !!python/object/apply:os.system [ls]", "python/object/apply:os.system"),
        ("a: !own 3", "!own"),
        ("a: !!bool maybe", "!!bool"),
        ("a: !!null 1", "!!null"),
        ("a: !exact 1/0", "no exact value"),
        ("a: !!map x", "not valid YAML"),
    ],
)
def test_refused(text: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        load_exact(text, file="f.yaml")
    assert caught.value.file == "f.yaml" and caught.value.allowed and caught.value.remedy


def test_what_is_harmless_is_read() -> None:
    assert load_exact("a: &x [1, -0, +5]\nb: *x\nc: '010'\nd: !!int 3\ne: ~") == {
        "a": [1, 0, 5],
        "b": [1, 0, 5],
        "c": "010",
        "d": 3,
        "e": None,
    }
    assert load_exact("[" * MOST_DEPTH + "]" * MOST_DEPTH) != []


@pytest.mark.parametrize("text", ["010", "1_000", "0x1F", "1:30", "2026-11-30", "<<", "="])
def test_text_that_looks_like_something_else_is_written_in_quotes(text: str) -> None:
    assert load_exact(dump_exact({"a": text})) == {"a": text}


@pytest.mark.parametrize(
    "number", ["1e999999999", "1e99_9999_999", "-1.5E+0099999", "1e٩٩٩٩٩٩٩", "7" * 5000, "1/" + "7" * 5000]
)
@pytest.mark.parametrize("form", ['{{"bound": "{}"}}', '[{{"{}": 1}}]'])
def test_json_with_numbers_of_too_many_digits(number: str, form: str) -> None:
    with pytest.raises(SpecError, match="too many digits"):
        parse_json(form.format(number), "certificate.json")


def test_a_quantity_of_too_many_digits() -> None:
    with pytest.raises(SpecError, match="not a positive quantity"):
        split_quantity("7" * 5000 + " B", size_units(16), file=None, field="size")
