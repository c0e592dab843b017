"""Mappings as plain data: round trips, both forms, and an error for every breach."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.golden.legality import limits, structural
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.mapping.reader import format_nest, from_items, load_mapping, padding_warnings, to_items
from optimizer.workload.layer import conv
from tests.support.nests import Nest, nests, plain_hardware
from tests.support.profiles import examples

LAYER = conv("conv1", {"K": 8, "C": 3, "P": 4, "R": 3})
NEST: list[dict[str, Any]] = [
    {"keep": "W", "level": "L0"},
    {"keep": "I", "level": "L0"},
    {"keep": "O", "level": "L0"},
    {"for": "K", "bound": 2, "level": "L0"},
    {"keep": "O", "level": "L1"},
    {"for": "C", "bound": 3, "level": "L1"},
    {"keep": "W", "level": "L1"},
    {"spatial": "K", "bound": 4, "axis": "X", "level": "L1"},
    {"for": "P", "bound": 4, "level": "L2"},
    {"keep": "I", "level": "L2"},
    {"for": "R", "bound": 3, "level": "L2"},
]


def hardware(**changes: Any) -> Hardware:
    """Three levels with a 4 x 2 fan-out below L1; `changes` go to L1."""
    made = plain_hardware(3, {1: (4, 2)})
    return replace(made, levels=(made.levels[0], replace(made.levels[1], **changes), made.levels[2]))


def nest(**changes: Any) -> list[dict[str, Any]]:
    """The nest above with some items replaced (``i3={...}``) or left out (``i3=None``)."""
    items = [changes.get(f"i{n}", item) for n, item in enumerate(NEST)]
    return [item for item in items if item is not None]


def test_bounds_beyond_a_dim_are_warned_of() -> None:
    assert padding_warnings(from_items(NEST, LAYER, hardware()), LAYER) == []
    larger = from_items(nest(i8={"for": "P", "bound": 5, "level": "L2"}), LAYER, hardware())
    assert padding_warnings(larger, LAYER) == [
        "the bounds of P multiply to 5, the layer has 4: 20.0% of the work along P is padding"
    ]


@settings(max_examples=examples(200))
@given(nest=nests())
def test_round_trip_of_what_the_verifier_accepts(nest: Nest) -> None:
    if structural(nest.layer, nest.hardware, nest.mapping) or limits(nest.layer, nest.hardware, nest.mapping):
        return
    items = to_items(nest.mapping, nest.hardware)
    text = yaml.safe_dump(items)
    assert from_items(yaml.safe_load(text), nest.layer, nest.hardware) == nest.mapping


def test_flat_forms_are_equal() -> None:
    mapping = from_items(NEST, LAYER, hardware())
    assert from_items({"mapping": NEST}, LAYER, hardware()) == mapping
    assert to_items(mapping, hardware()) == NEST


def test_even_form() -> None:
    levels = [
        {"level": "L0", "keep": ["W", "I", "O"], "temporal": [["K", 2]]},
        {"level": "L1", "keep": ["O"], "temporal": [["C", 3]], "spatial": [["K", 4, "X"]]},
        {"level": "L2", "temporal": [["P", 4], ["R", 3]]},
    ]
    assert from_items({"levels": levels}, LAYER, hardware()) == Mapping(
        (
            Node("W", 0),
            Node("I", 0),
            Node("O", 0),
            Loop("K", 2, 0),
            Node("O", 1),
            Loop("C", 3, 1),
            Loop("K", 4, 1, "X"),
            Loop("P", 4, 2),
            Loop("R", 3, 2),
        )
    )


def test_padding_is_allowed() -> None:
    padded = from_items(nest(i8={"for": "P", "bound": 5, "level": "L2"}), LAYER, hardware())
    assert padded.extents("P") == {"P": 5}


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(yaml.safe_dump(NEST))
    assert load_mapping(path, LAYER, hardware()) == from_items(NEST, LAYER, hardware())
    path.write_text(yaml.safe_dump(nest(i3={"for": "Z", "bound": 2, "level": "L0"})))
    with pytest.raises(SpecError) as caught:
        load_mapping(path, LAYER, hardware())
    assert caught.value.file == str(path)
    with pytest.raises(SpecError, match="no such file"):
        load_mapping(tmp_path / "missing.yaml", LAYER, hardware())


def test_nest_text() -> None:
    mapping = from_items(NEST, LAYER, hardware())
    assert format_nest(LAYER, hardware(), mapping).splitlines() == [
        "keep W in L0 [K=8 C=3 R=3: 72 words]",
        "keep I in L0 [C=3 P=4 R=3: 18 words]",
        "keep O in L0 [K=8 P=4: 32 words]",
        "for k in 2",
        "  keep O in L1 [K=4 P=4: 16 words]",
        "  for c in 3",
        "    keep W in L1 [K=4 R=3: 12 words]",
        "    par k in 4 (X)",
        "      for p in 4",
        "        keep I in L2 [R=3: 3 words]",
        "        for r in 3",
        "          mac",
    ]


CHIP = hardware()
BAD: list[tuple[str, Any, Hardware, str | None, str]] = [
    ("unknown level", nest(i3={"for": "K", "bound": 2, "level": "GLB"}), CHIP, "[3].level", "L0, L1, L2"),
    ("missing level", nest(i3={"for": "K", "bound": 2}), CHIP, "[3]", "level"),
    ("unknown dim", nest(i3={"for": "k", "bound": 2, "level": "L0"}), CHIP, "[3].for", "K, C, P, R"),
    ("unhashable dim", nest(i3={"for": ["K"], "bound": 2, "level": "L0"}), CHIP, "[3].for", "K, C, P, R"),
    ("unknown tensor", nest(i4={"keep": "A", "level": "L1"}), CHIP, "[4].keep", "W, I, O"),
    ("unknown axis", nest(i7={"spatial": "K", "bound": 4, "axis": "Z", "level": "L1"}), CHIP, "[7].axis", "X, Y"),
    ("no axis", nest(i7={"spatial": "K", "bound": 4, "level": "L1"}), CHIP, "[7]", "axis"),
    ("zero", nest(i3={"for": "K", "bound": 0, "level": "L0"}), CHIP, "[3].bound", ">= 1"),
    ("negative", nest(i3={"for": "K", "bound": -2, "level": "L0"}), CHIP, "[3].bound", ">= 1"),
    ("fraction", nest(i3={"for": "K", "bound": 2.0, "level": "L0"}), CHIP, "[3].bound", ">= 1"),
    ("boolean", nest(i3={"for": "K", "bound": True, "level": "L0"}), CHIP, "[3].bound", ">= 1"),
    ("no bound", nest(i3={"for": "K", "level": "L0"}), CHIP, "[3]", "bound"),
    ("unknown key", nest(i3={"for": "K", "bound": 2, "level": "L0", "axes": "X"}), CHIP, "[3].axes", "bound"),
    ("no kind", nest(i3={"bound": 2, "level": "L0"}), CHIP, "[3]", "keep"),
    ("too short", nest(i3={"for": "K", "bound": 1, "level": "L0"}), CHIP, "[7].bound", ">= 8"),
    ("no loop", nest(i8=None), CHIP, None, ">= 4"),
    ("too wide", nest(i7={"spatial": "K", "bound": 5, "axis": "X", "level": "L1"}), CHIP, "[7].bound", "at most 4"),
    ("no fan-out", nest(i3={"spatial": "K", "bound": 2, "axis": "Y", "level": "L0"}), CHIP, "[3].bound", "at most 1"),
    ("banned dim", NEST, hardware(spatial_x=("C", "P")), "[7].bound", "C, P"),
    ("capacity", NEST, hardware(size_bits=27 * 16), "[6].keep", "at most 432 bits"),
    ("half capacity", NEST, hardware(size_bits=32 * 16, buffering=2), "[6].keep", "512 / 2"),
    ("must keep", NEST, hardware(must_keep=frozenset("I")), None, "must_keep"),
    ("must bypass", NEST, hardware(must_bypass=frozenset("O")), "[4].keep", "other than O"),
    ("kept twice", nest(i5={"keep": "O", "level": "L1"}), CHIP, "[5].keep", "one node"),
    ("not outermost", nest(i0=None), CHIP, None, "keeps W, I and O"),
    ("loop outside", nest(i0=NEST[3], i3=NEST[0]), CHIP, "[1].keep", "first"),
    ("inner first", nest(i9=NEST[6], i6=NEST[9]), CHIP, "[9].keep", "outside of its spatial loops"),
    ("inside the fan-out", nest(i7=NEST[6], i6=NEST[7]), CHIP, "[7].keep", "outside of its spatial loops"),
    ("not a list", "K4", CHIP, None, "keep"),
    ("not a mapping", ["keep W"], CHIP, "[0]", "key: value"),
    ("nothing", {"other": []}, CHIP, "other", "mapping, levels"),
    ("short loop", {"levels": [{"level": "L0", "temporal": [["K"]]}]}, CHIP, "levels[0].temporal[0]", "[dim, bound]"),
    ("long loop", {"levels": [{"level": "L0", "spatial": [["K", 2]]}]}, CHIP, "levels[0].spatial[0]", "axis"),
    ("even bound", {"levels": [{"level": "L0", "temporal": [["K", 0]]}]}, CHIP, "levels[0].temporal[0].bound", ">= 1"),
    ("even role", {"levels": [{"level": "L0", "keep": ["B"]}]}, CHIP, "levels[0].keep[0]", "W, I, O"),
    (
        "even order",
        {"levels": [{"level": "L1", "keep": ["O"]}, {"level": "L0", "keep": ["W"]}]},
        CHIP,
        "levels[1].keep[0]",
        "all nodes of L0 first",
    ),
]


@pytest.mark.parametrize(
    ("items", "chip", "field", "allowed"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_errors_name_the_field_and_the_remedy(items: Any, chip: Hardware, field: str | None, allowed: str) -> None:
    with pytest.raises(SpecError) as caught:
        from_items(items, LAYER, chip, file="mapping.yaml")
    assert caught.value.file == "mapping.yaml"
    assert caught.value.field == field
    assert allowed in str(caught.value)
    assert caught.value.allowed
    assert caught.value.remedy


def test_what_is_accepted_passes_the_verifier() -> None:
    mapping = from_items(NEST, LAYER, CHIP)
    assert not structural(LAYER, CHIP, mapping)
    assert not limits(LAYER, CHIP, mapping)
