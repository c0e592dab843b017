"""Partial nests: what they fix is kept, what is open is completed best, and what rules cannot say is refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizer
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.errors import SpecError
from optimizer.golden.rules import broken_rules
from optimizer.mapping.held import priced
from optimizer.mapping.mapping import Loop
from optimizer.mapping.mapping import Mapping as LoopNest
from optimizer.mapping.reader import from_items, load_mapping, nest_from_items
from optimizer.mapping.rule_check import breaches
from optimizer.problem.layer_rules import ruled_layer
from optimizer.workload.layer import Layer, matmul
from optimizer.workload.reader import load_network
from tests.support.choices import slow_if
from tests.support.command_line import bad, good
from tests.support.profiles import examples

EXAMPLES = Path(__file__).parents[2] / "examples"
CHIP: dict[str, Any] = {
    "name": "chip",
    "technology": "generic45",
    "clock_mhz": 500,
    "array": {"x": 4, "y": 2},
    "levels": [
        {"name": "DRAM", "component": "dram", "bandwidth": {"shared": "8 GB/s"}},
        {"name": "GLB", "component": "sram", "size": "64 KiB"},
        {"name": "RF", "component": "regfile", "size": "512 words"},
    ],
}
LAYER = matmul("fc", {"M": 8, "N": 12, "K": 16})
SPATIAL = {"M": "X", "N": "Y", "K": "X"}


def chip(*rules: Mapping[str, Any]) -> Architecture:
    return parse_architecture(CHIP | ({"mapping": list(rules)} if rules else {}), file="chip.yaml")


HARDWARE = next(iter(chip().points()))


def ruled(partial: list[dict[str, Any]], layer: Layer = LAYER) -> Layer:
    architecture = chip({"partial": partial, "name": "mine"})
    return ruled_layer(layer, architecture.mapping, architecture)


@st.composite
def written(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A nest by levels, as a mapping file states it."""
    levels: list[dict[str, Any]] = [
        {"level": "DRAM", "keep": ["W", "I", "O"], "temporal": []},
        {"level": "GLB", "keep": draw(st.lists(st.sampled_from("WIO"), unique=True)), "temporal": [], "spatial": []},
        {"level": "RF", "keep": draw(st.lists(st.sampled_from("WIO"), unique=True)), "temporal": []},
    ]
    for dim, extent in LAYER.extents.items():
        left = extent
        along = draw(st.sampled_from([n for n in (1, 2, 4) if left % n == 0 and (n <= 2 or dim != "N")]))
        used = math.prod(trips for _, trips, axis in levels[1]["spatial"] if axis == SPATIAL[dim])
        if along > 1 and used * along <= (4 if SPATIAL[dim] == "X" else 2):
            levels[1]["spatial"].append([dim, along, SPATIAL[dim]])
            left //= along
        for number in (0, 1, 2):
            trips = left if number == 2 else draw(st.sampled_from([n for n in range(1, left + 1) if left % n == 0]))
            if trips > 1:
                levels[number]["temporal"].append([dim, trips])
            left //= trips
    for level in levels:
        level["temporal"] = draw(st.permutations(level["temporal"]))
    return levels


@st.composite
def parts(draw: st.DrawFn, levels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some of what a nest says."""
    found = []
    for level in levels:
        keys = draw(st.sets(st.sampled_from(sorted(set(level) - {"level"}))))
        part = {"level": level["level"], **{key: level[key] for key in sorted(keys)}}
        if "temporal" in part:
            loops = [[dim, draw(st.sampled_from([trips, trips, "open"]))] for dim, trips in part["temporal"]]
            part["temporal"] = loops if draw(st.booleans()) else dict(loops)
        found.append(part)
    return draw(st.lists(st.sampled_from(found), min_size=1, unique_by=lambda part: part["level"]))


def block(nest: LoopNest, *, inner: bool) -> dict[str, int]:
    """Trips by dim of the temporal loops inside, or outside, of the used fan-outs."""
    fans = [n for n, item in enumerate(nest.items) if isinstance(item, Loop) and item.axis and item.bound > 1]
    trips = dict.fromkeys(LAYER.extents, 1)
    for place, item in enumerate(nest.items):
        if isinstance(item, Loop) and item.axis is None and (place > max(fans, default=-1)) is inner:
            trips[item.dim] *= item.bound
    return trips


@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_a_nest_keeps_the_rules_of_its_parts_and_others_that_do_are_like_it(data: st.DataObject) -> None:
    levels = data.draw(written())
    partial = data.draw(parts(levels))
    try:
        layer = ruled(partial)
    except SpecError:
        return
    nest = from_items({"levels": levels}, LAYER, HARDWARE)
    assert not list(breaches(layer, HARDWARE, nest))
    assert not list(broken_rules(layer, HARDWARE, nest))
    other = from_items({"levels": data.draw(written())}, LAYER, HARDWARE)
    if list(breaches(layer, HARDWARE, other)):
        return
    for entry in partial:
        number = [level["level"] for level in levels].index(entry["level"])
        if "keep" in entry:
            assert {role for role in "WIO" if number in other.keepers(role)} == set(entry["keep"])
        if "spatial" in entry:
            mine = {loop.dim: loop.bound for loop in other.loops if loop.axis and loop.bound > 1}
            assert mine == {dim: trips for dim, trips, _ in entry["spatial"]}
        if "temporal" in entry and number == 2 and any(loop.axis and loop.bound > 1 for loop in other.loops):
            loops = dict(entry["temporal"])
            found = block(other, inner=True)
            assert all(loops.get(dim, 1) in (trips, "open") for dim, trips in found.items())


@pytest.mark.slow
def test_a_nest_that_is_stated_whole_is_found_again() -> None:
    layer = load_network(EXAMPLES / "conv.yaml").mac_layers()[0]
    eyeriss = optimizer.load_architecture("eyeriss")
    hardware = next(iter(eyeriss.points()))
    nest = load_mapping(EXAMPLES / "mapping.yaml", layer, hardware)
    levels = [
        {"level": "DRAM", "temporal": {"P": 4, "K": 2, "C": 4}},
        {"level": "GLB", "keep": ["I", "O"], "temporal": [["K", 2], ["Q", 56]]},
        {"level": "RF", "keep": ["W", "I", "O"], "temporal": [["K", 16], ["C", 4], ["S", 3]]},
    ]
    levels[1]["spatial"] = [["P", 14, "X"], ["R", 3, "Y"], ["C", 4, "Y"]]
    found = optimizer.map_layer(layer, optimizer.with_constraints(eyeriss, [{"partial": levels}]))
    assert found.status == "OPTIMAL"
    assert int(found.certificate.value) == priced(layer, hardware, nest, "held", "timeloop")[1].energy
    assert optimizer.verify(found).ok


PARTIAL: list[list[dict[str, Any]]] = [
    [{"level": "GLB", "keep": ["I"]}],
    [{"level": "GLB", "spatial": [["K", 4, "X"], ["N", "open", "Y"]]}],
    [{"level": "GLB", "spatial": [["K", 4, "X"]]}, {"level": "RF", "temporal": [["M", 2], ["K", "open"]]}],
    [{"level": "DRAM", "temporal": {"K": 2, "M": "open"}}, {"level": "GLB", "spatial": [["N", 2, "Y"]]}],
]


@pytest.mark.slow
@pytest.mark.parametrize("partial", slow_if([PARTIAL[0], PARTIAL[2]], PARTIAL))
def test_what_is_open_is_completed_best(partial: list[dict[str, Any]]) -> None:
    free = optimizer.map_layer(LAYER, chip(), engine="path")
    found = optimizer.map_layer(LAYER, chip({"partial": partial}))
    assert found.status == "OPTIMAL" and found.certificate.value >= free.certificate.value
    nest = nest_from_items([dict(item) for item in found.design.layers[0].mapping], LAYER, HARDWARE)
    assert not list(broken_rules(ruled(partial), HARDWARE, nest))
    best = nest_from_items([dict(item) for item in free.design.layers[0].mapping], LAYER, HARDWARE)
    if not list(broken_rules(ruled(partial), HARDWARE, best)):
        assert found.certificate.value == free.certificate.value
    assert optimizer.verify(found).ok


WRONG: list[tuple[list[dict[str, Any]], str, str]] = [
    ([{"level": "GLB", "temporal": [["K", 5]], "spatial": [["M", 2, "X"]]}], "[0].temporal", "multiply to 5"),
    ([{"level": "GLB", "temporal": [["K", 2]]}], "[0].temporal", "fan-out below GLB is used"),
    ([{"level": "GLB", "spatial": [["K", 2, "X"], ["K", 2, "Y"]]}], "[0].spatial", "both axes"),
    ([{"level": "DRAM", "spatial": [["K", 2, "X"]]}], "[0].spatial", "no fan-out below DRAM"),
    ([{"level": "DRAM", "keep": ["W"]}], "[0].keep", "keeps everything"),
    ([{"level": "RF", "temporal": [["C", 2]]}], "[0].temporal", "no such dim"),
    (
        [{"level": "GLB", "temporal": {"K": 2}, "spatial": [["M", 2, "X"]]}, {"level": "RF", "keep": ["W"]}],
        "[0].temporal",
        "cannot be held",
    ),
    (
        [
            {"level": "DRAM", "temporal": [["K", 2], ["M", 2]]},
            {"level": "GLB", "temporal": [["K", 2]], "spatial": [["N", 2, "Y"]]},
        ],
        "[0].temporal",
        "the order of K and M",
    ),
]


@pytest.mark.parametrize(("partial", "field", "problem"), WRONG, ids=[problem for _, _, problem in WRONG])
def test_what_rules_cannot_say_is_refused(partial: list[dict[str, Any]], field: str, problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        ruled(partial)
    error = caught.value
    assert (error.file, error.field) == ("chip.yaml", f"mapping[0].partial{field}")
    assert problem in error.problem and error.problem.startswith("mine: ")
    assert error.value is not None and error.allowed and error.remedy


@pytest.mark.parametrize(
    ("partial", "field"),
    [
        ("[]", "partial"),
        ("[{level: L9}]", "partial[0].level"),
        ("[{level: GLB}, {level: GLB}]", "partial[1].level"),
        ("[{level: GLB, temporal: [[K]]}]", "partial[0].temporal"),
        ("[{level: GLB, temporal: {K: 0}}]", "partial[0].temporal"),
        ("[{level: GLB, spatial: [[K, 2, Z]]}]", "partial[0].spatial[0][2]"),
        ("[{level: GLB, hold: [W]}]", "partial[0].hold"),
    ],
)
def test_bad_entries_are_refused_by_file_and_field(tmp_path: Path, partial: str, field: str) -> None:
    (tmp_path / "nest.yaml").write_text(f"mapping: [{{partial: {partial}}}]", encoding="utf-8")
    told = bad("map", EXAMPLES / "conv.yaml", "-a", "eyeriss", "--constraints", tmp_path / "nest.yaml", "--no-cache")
    assert "nest.yaml" in told and f"mapping[0].{field}" in told


@pytest.mark.slow
def test_commands_and_networks_take_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    partial = "{level: GLB, keep: [I, O], spatial: [[P, 14, X], [R, 3, Y], [C, 4, Y]]}"
    rows = "{level: RF, keep: [W, I, O], temporal: {K: 16, C: 4, S: 3}}"
    text = (EXAMPLES / "conv.yaml").read_text(encoding="utf-8")
    Path("net.yaml").write_text(f"{text}\nmapping: [{{partial: [{partial}, {rows}], name: rows}}]\n", encoding="utf-8")
    good("map", "net.yaml", "-a", "eyeriss", "--no-cache", "--quiet", "--out", "out")
    good("verify", "out", "--network", "net.yaml", "-a", "eyeriss")
    assert "rules" in good("show", "out").stdout
    good("evaluate", "net.yaml", "-a", "eyeriss", "--mapping", EXAMPLES / "mapping.yaml")
    other = rows.replace("K: 16", "K: 8")
    Path("net.yaml").write_text(f"{text}\nmapping: [{{partial: [{partial}, {other}], name: rows}}]\n", encoding="utf-8")
    told = bad("evaluate", "net.yaml", "-a", "eyeriss", "--mapping", EXAMPLES / "mapping.yaml")
    assert "breaks the constraint rows" in told and "16" in told


@pytest.mark.slow
def test_a_nest_without_a_completion_is_blamed() -> None:
    tiny = replace(LAYER, name="tiny")
    architecture = parse_architecture(
        CHIP | {"levels": [*CHIP["levels"][:2], {**CHIP["levels"][2], "size": "4 words"}]}
    )
    whole = {"partial": [{"level": "RF", "keep": ["W"], "temporal": {"M": 8, "K": 16, "N": 12}}], "name": "all inside"}
    found = optimizer.map_layer(tiny, optimizer.with_constraints(architecture, [whole]))
    assert found.status == "INFEASIBLE" and found.body.infeasible.constraints == ("all inside",)
    assert optimizer.verify(found).ok
    assert list(itertools.islice(architecture.points(), 1))
