"""Records: JSON data and back, by the types of the fields; damaged data are refused with their place."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar, Literal

import pytest

from optimizer.errors import SpecError
from optimizer.files.records import INLINE, Forms, Json, Order, from_json, key, to_json
from optimizer.files.rules import NOT_EMPTY, POSITIVE
from optimizer.problem.status import Status


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A record inside of another one."""

    energy: int
    power: float | None
    device: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entry(Forms):
    """A record of two forms."""

    name: str
    group: int | None = None
    kind: str = field(metadata=key("type"))

    @classmethod
    def form_of(cls, data: Mapping[str, object]) -> type[Entry]:
        """By its group."""
        return Member if "group" in data else Entry


@dataclass(frozen=True, kw_only=True)
class Member(Entry):
    """The other form."""

    ORDER: ClassVar[Order] = ("group", ...)
    group: int = field()


@dataclass(frozen=True, kw_only=True)
class Body:
    """All kinds of fields."""

    format: Literal["one/1"]
    status: Status
    value: Fraction | None
    seconds: float
    figures: Figures | None = field(default=None, metadata=INLINE)
    entries: tuple[Entry, ...]
    choices: Mapping[str, object]
    pair: tuple[int, int]
    names: tuple[str, ...] = field(metadata=NOT_EMPTY)
    width: int | None = field(default=None, metadata=POSITIVE)
    more: tuple[str, ...] | None = None
    problem: Json


DATA: dict[str, Any] = {
    "format": "one/1",
    "status": "OPTIMAL",
    "value": "1/3",
    "seconds": 2,
    "energy": 5,
    "power": None,
    "entries": [{"name": "a", "type": "conv"}, {"group": 0, "name": "b", "type": "relu"}],
    "choices": {"x": 4, "y": "4 KiB"},
    "pair": [1, 2],
    "names": ["a"],
    "problem": {"network": {"layers": [1, None]}},
}


def without(*names: str) -> dict[str, Any]:
    """The data without some keys."""
    return {name: value for name, value in DATA.items() if name not in names}


@pytest.mark.parametrize("data", [DATA, without("energy", "power"), DATA | {"value": None, "seconds": 0.5}])
def test_data_read_and_written_again_are_the_same_bytes(data: dict[str, Any]) -> None:
    body = from_json(Body, data)
    assert json.dumps(to_json(body)) == json.dumps(data)
    assert from_json(Body, to_json(body)) == body


def test_values_have_the_types_of_their_fields() -> None:
    body = from_json(Body, DATA)
    assert (body.status, body.value, body.figures) == (Status.OPTIMAL, Fraction(1, 3), Figures(energy=5, power=None))
    assert [type(entry) for entry in body.entries] == [Entry, Member] and body.pair == (1, 2)
    assert from_json(Body, without("energy", "power")).figures is None


DAMAGED = [
    ("format", "one/2", "format", "one/1"),
    ("status", "BEST", "status", "OPTIMAL, FEASIBLE, INFEASIBLE, UNKNOWN, EVALUATED"),
    ("value", 3, "value", "Fraction"),
    ("seconds", True, "seconds", "float"),
    ("energy", None, "energy", "int"),
    ("entries", "ab", "entries", "Entry"),
    ("entries", [{"name": "a", "type": 3}], "entries.0.type", "str"),
    ("pair", [1], "pair", "tuple"),
    ("names", [], "names", "one entry or more"),
    ("seconds", float("inf"), "seconds", "finite numbers"),
    ("width", 0, "width", "numbers > 0"),
    ("width", "1", "width", "int"),
    ("beside", 1, "beside", "as it was written"),
]


@pytest.mark.parametrize(("name", "value", "place", "allowed"), DAMAGED)
def test_damaged_data_are_refused_with_their_place(name: str, value: object, place: str, allowed: str) -> None:
    data = copy.deepcopy(DATA) | {name: value}
    with pytest.raises(SpecError, match="damaged") as caught:
        from_json(Body, data, "result.json")
    error = caught.value
    assert (error.file, error.field) == ("result.json", place) and allowed in str(error.allowed) and error.remedy


@pytest.mark.parametrize("name", ["status", "power", "problem"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(SpecError, match="it is missing") as caught:
        from_json(Body, without(name), "result.json")
    assert caught.value.field == name


def test_something_else_is_refused() -> None:
    with pytest.raises(SpecError, match="not a JSON object"):
        from_json(Body, [1])
