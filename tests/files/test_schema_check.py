"""Data are checked against a schema once, and what differs in anything is checked again."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from optimizer.errors import SpecError
from optimizer.files import schema_check
from optimizer.files.schema_check import check_schema

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was checked by the validator."""
    seen: list[object] = []
    validator = schema_check.Draft202012Validator

    def counted(schema: dict[str, Any]) -> Any:
        seen.append(schema)
        return validator(schema)

    monkeypatch.setattr(schema_check, "Draft202012Validator", counted)
    monkeypatch.setattr(schema_check, "_FITTING", set())
    return seen


def test_what_fits_is_checked_once(checks: list[object]) -> None:
    for _ in range(3):
        check_schema({"a": 1}, SCHEMA)
    assert len(checks) == 1
    check_schema({"a": 1}, {**SCHEMA, "required": ["a"]})
    assert len(checks) == 2


@pytest.mark.parametrize("other", [True, "1", 1.0, Fraction(3, 2), [1], None])
def test_other_data_is_checked_again(checks: list[object], other: object) -> None:
    check_schema({"a": 1}, SCHEMA)
    for _ in range(2):
        with pytest.raises(SpecError):
            check_schema({"a": other}, SCHEMA)


def test_data_that_changes_is_checked_again(checks: list[object]) -> None:
    data = {"a": 1}
    check_schema(data, SCHEMA)
    data["b"] = 2
    with pytest.raises(SpecError, match="unknown key"):
        check_schema(data, SCHEMA)


def test_what_cannot_be_written_down_is_checked_every_time(checks: list[object]) -> None:
    for _ in range(2):
        with pytest.raises(SpecError, match="does not fit"):
            check_schema({"a": lambda: 1}, SCHEMA)
    anything: dict[str, Any] = {"type": "object"}
    for number in range(2):
        check_schema({"a": lambda: 1}, anything)
        assert len(checks) == 3 + number


def test_few_are_kept(checks: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_check, "MOST_KEPT", 2)
    for number in (1, 2, 3, 3):
        check_schema({"a": number}, SCHEMA)
    assert len(checks) == 3 and len(schema_check._FITTING) == 1
