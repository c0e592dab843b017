"""Constraints on the sizes of the hardware: what is read, what is refused, which points keep them."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizer
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.boxes import points_of
from optimizer.architecture.reader import load_architecture, parse_architecture
from optimizer.architecture.selection import select, single_point
from optimizer.checker.constraint_use import _holds, _values
from optimizer.errors import SpecError
from tests.support.profiles import examples

DATA: dict[str, Any] = {
    "name": "chip",
    "technology": "generic45",
    "clock_mhz": 500,
    "array": {"x": [8, 14, 16], "y": [8, 16]},
    "levels": [
        {"name": "DRAM", "component": "dram", "bandwidth": {"shared": ["8 GB/s", "16 GB/s"]}},
        {
            "name": "GLB",
            "component": "sram",
            "size": ["32 KiB", "64 KiB", "128 KiB"],
            "bandwidth": {"read": "8 words/cycle"},
            "ports": 2,
        },
        {"name": "RF", "component": "regfile", "size": ["64 words", "128 words"], "must_keep": ["W", "I", "O"]},
    ],
}


def chip(*constraints: object) -> Architecture:
    return parse_architecture(copy.deepcopy(DATA) | {"constraints": list(constraints)}, file="chip.yaml")


def sizes(architecture: Architecture) -> list[dict[str, Any]]:
    """By point: array, bits of GLB and RF, bits per cycle of DRAM and GLB."""
    return [
        {
            "x": point.mac_mesh[0],
            "y": point.mac_mesh[1],
            "glb": point.levels[1].size_bits,
            "rf": point.levels[2].size_bits,
            "dram": point.levels[0].shared_bits_per_cycle,
        }
        for point in architecture.points()
    ]


KEPT = [
    ("array.x == array.y", lambda s: s["x"] == s["y"]),
    ("GLB.size >= 4 * RF.size * array.x", lambda s: s["glb"] >= 4 * s["rf"] * s["x"]),
    ("GLB.size + RF.size*array.x*array.y <= 64.5 KiB", lambda s: s["glb"] + s["rf"] * s["x"] * s["y"] <= 129 * 4096),
    ("  8 < array.x   <= 14", lambda s: s["x"] == 14),
    (
        "GLB.size - 2 * RF.size * (array.x - array.y + 200) > 0",
        lambda s: s["glb"] > 2 * s["rf"] * (s["x"] - s["y"] + 200),
    ),
    ("DRAM.bandwidth.shared > 8 GB/s", lambda s: s["dram"] == 256),
    ("DRAM.bandwidth.shared >= 16 words/cycle", lambda s: s["dram"] >= 256),
    ("-array.x < -0.5 * array.y", lambda s: 2 * s["x"] > s["y"]),
    ("RF.size == 64 words", lambda s: s["rf"] == 1024),
    ("RF.instances.x * RF.instances.y >= 128", lambda s: s["x"] * s["y"] >= 128),
    ("GLB.bandwidth.read == 8 words/cycle", lambda s: True),
]


@pytest.mark.parametrize(("text", "keeps"), KEPT)
def test_the_points_are_those_that_keep_a_relation(text: str, keeps: Any) -> None:
    every = sizes(chip())
    assert sizes(chip(text)) == [point for point in every if keeps(point)]
    assert len(chip(text)) == len(sizes(chip(text)))


def test_constraints_add_up_and_a_table_lists_what_is_allowed() -> None:
    table = {"allowed": [{"array.x": 8, "GLB.size": "64 KiB"}, {"array.x": 16, "GLB.size": "0.125 MiB"}]}
    both = chip(table, "array.x == array.y")
    assert {(s["x"], s["y"], s["glb"]) for s in sizes(both)} == {(8, 8, 8 * 2**16), (16, 16, 8 * 2**17)}
    assert [one.title for one in both.constraints] == ["allowed array.x, GLB.size", "array.x == array.y"]
    assert [one.title for one in chip(table | {"name": "tape-outs"}).constraints] == ["tape-outs"]


REFUSED = [
    ("GLB.size", "not a relation", "compared by"),
    ("GLB.size >= 4", "it compares a size and a number", "64 KiB"),
    ("GLB.size + array.x == 4 KiB", "it adds a size and a number", "64 KiB"),
    ("GLB.size * RF.size == 4 KiB", "it compares a product of sizes and a size", "measure the same"),
    ("DRAM.bandwidth.shared == GLB.size", "it compares a bandwidth and a size", "measure the same"),
    ("GLB.sise >= 4 KiB", "the hardware has no size GLB.sise", "did you mean GLB.size?"),
    ("DRAM.size >= 4 KiB", "the hardware has no size DRAM.size", "GLB.size"),
    ("array.x ** 2 == 64", "not a relation", "+ - *"),
    ("array.x / 2 == 8", "'/' has no meaning in a relation", "+ - *"),
    ("array.x != 8", "'!' has no meaning in a relation", "=="),
    ("array.x = 8", "'=' has no meaning in a relation", "=="),
    ("array.x == 4 KB", "unknown unit KB", "KiB"),
    ("array.x array.y == 8", "not a relation", "compared by"),
    ("(array.x == 8) == 8", "not a relation", "compared by"),
    ("*array.x == 8", "not a relation", "compared by"),
    ("array.x == __import__('os')", "the hardware has no size __import__", "array.x"),
    ("_0 == 8", "the hardware has no size _0", "array.x"),
    ("array.x == 8 " + "+ 0 " * 100, "the relation is too long", "300 characters"),
    ("", "does not fit the schema", "a relation such as"),
    (5, "does not fit the schema", "a relation such as"),
    ({"allowed": []}, "does not fit the schema", "at least one combination"),
    ({"allowed": [{}]}, "does not fit the schema", "mapping of sizes"),
    ({"allowed": [{"array.x": 8}, {"array.y": 8}]}, "do not state the same sizes", "array.x"),
    ({"allowed": [{"array.z": 8}]}, "the hardware has no size array.z", "array.y"),
    ({"allowed": [{"array.x": "8 KiB"}]}, "not a positive whole number", "integers"),
    ({"allowed": [{"GLB.size": 64}]}, "not a positive quantity", "KiB"),
    ({"allowed": [{"array.x": 8}], "name": "power_w"}, "the name is that of a limit", "other names"),
]


@pytest.mark.parametrize(("stated", "problem", "help_"), REFUSED)
def test_what_is_no_constraint_is_refused_with_its_place(stated: object, problem: str, help_: str) -> None:
    with pytest.raises(SpecError) as caught:
        chip("array.x <= 99", stated)
    text = str(caught.value)
    assert text.startswith("chip.yaml: constraints[1]") and problem in text and help_ in text
    assert all(part in text for part in ("value:", "allowed:", "remedy:"))


def test_a_constraint_is_stated_once() -> None:
    with pytest.raises(SpecError, match="stated twice"):
        chip("array.x == array.y", "array.x   ==  array.y")


def test_long_chains_of_signs_are_no_trouble() -> None:
    assert len(chip("-" * 288 + "array.x == 8")) == len([s for s in sizes(chip()) if s["x"] == 8])


class TestFile:
    def test_a_file_adds_to_what_the_architecture_states(self, tmp_path: Path) -> None:
        file = tmp_path / "more.yaml"
        file.write_text("constraints: [RF.size == 64 words]\n")
        own = chip("array.x == array.y").with_budgets(optimizer.Budgets(area_mm2=Fraction(4)))
        more = optimizer.with_constraints(own, file)
        assert [one.title for one in more.constraints] == ["array.x == array.y", "RF.size == 64 words"]
        assert more.budgets == own.budgets
        assert sizes(more) == [s for s in sizes(chip()) if s["x"] == s["y"] and s["rf"] == 1024]
        assert sizes(optimizer.with_constraints(own, ["RF.size == 64 words"])) == sizes(more)
        chosen = select(more, {"array.x": "8"})
        assert sizes(chosen) == [s for s in sizes(more) if s["x"] == 8]

    @pytest.mark.parametrize(
        ("text", "field"),
        [
            ("constraints: [array.x == array.y]", "constraints[0]: the constraint is stated twice"),
            ("constraints: [array.q == 8]", "constraints[0]: the hardware has no size array.q"),
            ("limits: []", "limits: unknown key"),
            ("[array.x == 8]", "does not fit the schema"),
            ("constraints: [{allowed: [{array.x: 8}, {array.x: 9}]}]", "allowed[1].array.x: the hardware has no such"),
        ],
    )
    def test_errors_name_the_file(self, tmp_path: Path, text: str, field: str) -> None:
        file = tmp_path / "more.yaml"
        file.write_text(text)
        with pytest.raises(SpecError) as caught:
            optimizer.with_constraints(chip("array.x == array.y"), str(file))
        assert str(file) in str(caught.value) and field in str(caught.value)

    def test_values_of_a_table_are_entries_of_the_menus(self, tmp_path: Path) -> None:
        file = tmp_path / "chip.yaml"
        file.write_text(
            "{name: c, technology: generic45, array: {x: [8, 16], y: 8}, constraints: [{allowed: [{array.x: 9}]}], "
            "levels: [{name: DRAM, component: dram}]}"
        )
        with pytest.raises(SpecError, match=r"constraints\[0\]\.allowed\[0\]\.array\.x: the hardware has no such size"):
            load_architecture(file)


def test_one_point_and_none() -> None:
    one = chip(
        "array.x * array.y == 256", "RF.size == 64 words", "GLB.size == 32 KiB", "DRAM.bandwidth.shared < 9 GB/s"
    )
    assert single_point(one).mac_mesh == (16, 16)
    with pytest.raises(SpecError, match="no hardware point keeps the constraints"):
        single_point(chip("array.x == 9"))


class TestPoints:
    def test_an_equality_ties_menus(self) -> None:
        points = points_of(chip("array.x == array.y"))
        assert "array.y" not in points.paths
        assert points.labels[points.paths.index("array.x")] == (8, 16), "14 is in no point"
        assert points.is_grid and len(points.points) == 2 * 2 * 3 * 2

    def test_boxes_hold_only_points_that_keep_them(self) -> None:
        architecture = chip("array.x * array.y <= 128", "GLB.size >= 64 * RF.size * array.x")
        points = points_of(architecture)
        assert not points.is_grid
        todo, single = [points.whole], []
        while todo:
            box = todo.pop()
            assert points.count(box) == len(list(points.inside(box))) > 0
            if all(low == high for low, high in box):
                single.append(tuple(low for low, _ in box))
            else:
                todo += points.split(box)
        assert sorted(single) == sorted(points.points)
        assert {point.choices for point in points.points.values()} == {p.choices for p in architecture.points()}

    def test_entries_stay_in_the_order_of_the_menus(self) -> None:
        points = points_of(chip("GLB.size * array.x >= 1024 KiB"))
        assert points.labels[points.paths.index("GLB.size")] == ("64 KiB", "128 KiB")

    def test_nothing_is_left(self) -> None:
        points = points_of(chip("array.x == 9"))
        assert not points.points and points.occupied([points.whole]) == []
        assert points.some in list(chip().points())


@st.composite
def sums(draw: st.DrawFn, depth: int = 2) -> str:
    """Sums and products of numbers of the array: text that is also Python."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["array.x", "array.y", "vector.lanes", "0", "3", "1.5", "16", "0.25"]))
    left, right = draw(sums(depth - 1)), draw(sums(depth - 1))
    sign = draw(st.sampled_from([" + ", "-", " * ", "*-", "- -"]))
    text = f"{left}{sign}{right}"
    return draw(st.sampled_from([text, f"({text})", f"-({text})", f"({left}){sign}({right})"]))


class Array:
    """Names of a relation for Python."""

    def __init__(self, values: Mapping[str, Fraction]) -> None:
        self.x, self.y = values["array.x"], values["array.y"]


class Vector:
    def __init__(self, lanes: Fraction) -> None:
        self.lanes = lanes


@settings(max_examples=examples(600, dev=15))
@given(st.lists(sums(), min_size=2, max_size=3), st.sampled_from(["==", "<=", ">=", "<", ">"]))
def test_a_relation_means_what_it_means_in_python(sides: list[str], sign: str) -> None:
    text = f" {sign} ".join(sides)
    architecture = chip(text)
    kept = {point.choices for point in architecture.points()}
    for point in architecture.menu_points:
        values = _values(DATA, point)
        python = eval(text, {"array": Array(values), "vector": Vector(values["vector.lanes"])})
        assert (point.choices in kept) == python
        assert _holds(text, values, 16, Fraction(16)) == python, "the checker reads it alike"


@settings(max_examples=examples(300, dev=10))
@given(st.data())
def test_the_checker_reads_sizes_and_bandwidths_alike(data: st.DataObject) -> None:
    amounts = st.sampled_from(["64 KiB", "0.5 MiB", "128 words", "300 B", "65536 bits", "GLB.size", "2 * RF.size", "0"])
    rates = st.sampled_from(["8 GB/s", "16000 MB/s", "16 words/cycle", "DRAM.bandwidth.shared", "16 B/cycle"])
    kind = data.draw(st.sampled_from([amounts, rates]))
    left, right = data.draw(kind), data.draw(kind)
    factor = data.draw(st.sampled_from(["", " * array.x", "*2.5", " * (array.x - array.y)"]))
    text = f"{left}{factor} {data.draw(st.sampled_from(['==', '<=', '>']))} {right} + {data.draw(kind)}"
    architecture = chip(text)
    kept = {point.choices for point in architecture.points()}
    for point in architecture.menu_points:
        assert (point.choices in kept) == _holds(text, _values(DATA, point), 16, Fraction(16))


def test_every_pair_of_a_table_and_a_relation_is_the_intersection() -> None:
    tables = [{"allowed": [{"array.x": x, "array.y": y}]} for x, y in itertools.product((8, 14, 16), (8, 16))]
    every = sizes(chip())
    for table in tables:
        row = table["allowed"][0]
        wanted = [s for s in every if (s["x"], s["y"]) == (row["array.x"], row["array.y"]) and s["x"] <= s["y"]]
        assert sizes(chip(table, "array.x <= array.y")) == wanted
