"""Architectures: menus, points, areas and energies by hand, budgets, and every error of a file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from optimizer.architecture.budgets import Budgets
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.reader import load_architecture, parse_architecture
from optimizer.architecture.schema import json_schema
from optimizer.architecture.technology_schema import technology_schema
from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.files.presets import preset_names, presets

MINIMAL = """
name: mine
technology: generic45
clock_mhz: 500
array: {x: [4, 8], y: 4}
levels:
  - name: DRAM
    component: dram
    bandwidth: {shared: [4 GB/s, 8 GB/s]}
  - name: GLB
    component: sram
    size: [32 KiB, 64 KiB]
  - name: RF
    component: regfile
    size: 64 words
    must_keep: [W, I, O]
"""


def points(text: str) -> list[Hardware]:
    return list(parse_architecture(load_exact(text)).points())


def failure(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_architecture(load_exact(text), file="mine.yaml")
    return str(caught.value)


@pytest.mark.parametrize("name", preset_names("architectures"))
def test_presets_yield_valid_points(name: str) -> None:
    architecture = load_architecture(name)
    found = list(architecture.points())
    assert len(found) == len(architecture) == len({point.choices for point in found})
    scales = {(point.energy_scale, point.energy_unit_pj) for point in found}
    assert len(scales) == 1
    for point in found:
        assert point.levels[0].size_bits is None and point.levels[0].mesh == (1, 1)
        assert point.area_um2 > 0 and point.mac_energy > 0
        for index, level in enumerate(point.levels):
            x, y = point.fanout(index)
            inner = point.levels[index + 1].mesh if index + 1 < len(point.levels) else point.mac_mesh
            assert (x * level.mesh[0], y * level.mesh[1]) == inner
            assert not level.must_keep & level.must_bypass
            assert min(level.read_energy, level.fill_energy, level.update_energy) > 0


def test_number_of_points() -> None:
    counts = {name: len(load_architecture(name)) for name, _ in presets()}
    assert counts == {
        "datacenter": 3 * 3 * 3 * 4 * 4,
        "datacenter_hbm3e": 2 * 2 * 2 * 2,
        "edge": 6 * 6 * 3 * 7 * 5,
        "edge_lpddr5x": 2 * 2 * 3 * 2,
        "edge_gate": 2 * 3 * 4 * 4,
        "edge_skip": 2 * 3 * 4 * 4,
        "edge_small": 2 * 3 * 4 * 4,
        "eyeriss": 1,
        "eyeriss_rs": 1,
        "nvdla": 3 * 3 * 3 * 4 * 3,
        "tpu": 3 * 3 * 4,
        "vwa": 1,
    }
    assert all(description and "\n" not in description for _, description in presets())


def test_eyeriss_by_hand() -> None:
    architecture = load_architecture("eyeriss")
    (point,) = architecture.points()
    assert point.mac_mesh == (14, 12) and point.macs_per_cycle == 168 and point.choices == ()
    energies = [(level.read_energy, level.fill_energy, level.update_energy) for level in point.levels]
    assert energies == [(200, 200, 200), (6, 6, 6), (1, 1, 1)]
    assert (point.mac_energy, point.energy_scale, point.energy_unit_pj) == (1, 1, None)
    dram, glb, regfile = point.levels
    assert dram.shared_bits_per_cycle == Fraction(64 * 90, 200)
    assert glb.size_bits == 108 * 1024 * 8 and glb.must_bypass == {"W"}
    assert regfile.size_bits == 260 * 16 and regfile.mesh == (14, 12)
    assert (glb.spatial_x, glb.spatial_y) == (("P", "K", "M"), ("R", "C", "K"))
    buffer_um2 = 12507 + Fraction("0.922") * 108 * 1024 * 8
    pe_um2 = 2639 + 3849 + Fraction("5.805") * 4160
    assert point.area_um2 == math.ceil(buffer_um2 + 168 * pe_um2 + 8730 + 6_200_000)
    assert abs(point.area_um2 - 12_250_000) < 125_000  # the published core, within 1 %


def test_edge_point_by_hand() -> None:
    architecture = load_architecture("edge")
    wanted = {
        "array.x": 14,
        "array.y": 12,
        "DRAM.bandwidth.shared": "8 GB/s",
        "GLB.size": "128 KiB",
        "RF.size": "256 words",
    }
    (point,) = (p for p in architecture.points() if dict(p.choices) == wanted)
    dram, glb, regfile = point.levels
    assert point.energy_unit_pj == Fraction(1, 1000) and point.mac_energy == 900
    assert (dram.read_energy, glb.read_energy, regfile.read_energy) == (1_280_000, 38_100, 900)
    assert dram.shared_bits_per_cycle == 128 and glb.read_bits_per_cycle == 512
    pes_um2 = 14 * 12 * (1265 + 1845 + Fraction("11395.072"))
    assert point.area_um2 == math.ceil(pes_um2 + 469_412 + 16 * 4184 + 500_000)


def test_area_is_monotone() -> None:
    found = {point.choices: point.area_um2 for point in load_architecture("edge_small").points()}
    architecture = load_architecture("edge_small")
    for menu in architecture.menus:
        labels = [entry.label for entry in menu.entries]
        for small, large in pairwise(labels):
            for choices, area in found.items():
                if (menu.path, small) in choices:
                    other = tuple((p, large if p == menu.path else v) for p, v in choices)
                    assert area < found[other]


def test_menu_forms_and_order() -> None:
    found = points(MINIMAL)
    assert [dict(point.choices) for point in found[:2]] == [
        {"array.x": 4, "DRAM.bandwidth.shared": "4 GB/s", "GLB.size": "32 KiB"},
        {"array.x": 4, "DRAM.bandwidth.shared": "4 GB/s", "GLB.size": "64 KiB"},
    ]
    ranged = MINIMAL.replace("[32 KiB, 64 KiB]", "{from: 48 KiB, to: 0.1875 MiB, factor: 2}")
    assert [p.choices[-1][1] for p in points(ranged)[:3]] == ["48 KiB", "96 KiB", "192 KiB"]
    stepped = MINIMAL.replace("x: [4, 8]", "x: {from: 4, to: 12, step: 4}")
    assert sorted({p.mac_mesh[0] for p in points(stepped)}) == [4, 8, 12]


def test_ties_advance_together() -> None:
    square = MINIMAL.replace("x: [4, 8], y: 4", "x: {values: [4, 8], tie: s}, y: {from: 4, to: 8, step: 4, tie: s}")
    assert sorted({point.mac_mesh for point in points(square)}) == [(4, 4), (8, 8)]


def test_instances_ports_buffering_and_explicit_energies() -> None:
    text = (
        MINIMAL.replace("array: {x: [4, 8], y: 4}", "array: {x: 8, y: 4, below: DRAM}")
        .replace(
            "    component: sram\n    size: [32 KiB, 64 KiB]",
            "    energy: {read: 0.3, fill: 0.25, update: 1}\n    area_um2: 100\n    size: 1 KiB\n"
            "    bandwidth: {read: 2 words/cycle}\n    ports: 2\n    double_buffered: true\n"
            "    leakage: 0.0001\n    instances: {x: 2, y: array}\n    unroll: {x: [K]}\n    access_bits: 32",
        )
        .replace("[4 GB/s, 8 GB/s]", "8 GB/s")
    )
    architecture = parse_architecture(load_exact(text))
    (point,) = architecture.points()
    glb = point.levels[1]
    assert [level.mesh for level in point.levels] == [(1, 1), (2, 4), (8, 4)] and point.mac_mesh == (8, 4)
    assert point.energy_scale == 10_000
    assert (glb.read_energy, glb.fill_energy, glb.update_energy, glb.leak_energy) == (3000, 2500, 10_000, 1)
    assert (glb.buffering, glb.usable_bits, glb.access_bits) == (2, 4096, 32)
    assert glb.read_bits_per_cycle == 64 and glb.write_bits_per_cycle is None
    assert (glb.spatial_x, glb.spatial_y) == (("K",), None)
    chosen = {menu.path: menu.entries[0] for menu in architecture.menus}
    assert architecture.area_parts_um2(chosen)["GLB"] == 8 * 100


def test_leakage_from_the_technology(tmp_path: Path) -> None:
    technology = """
name: leaky
description: d
node_nm: 45
energy_unit: pJ
units_per_energy: 1000
clock_mhz: 500
sources: {s: a paper}
mac: [{type: int, bits: 16, energy: 0.3, source: s}]
pe_overhead: {area_um2: 1, source: s}
vector: {energy: 1, lane_um2: 1, source: s}
components:
  dram: {kind: constant, word_bits: 64, read: 1280, write: 1280, source: s}
  mem:
    kind: table
    word_bits: 16
    rows:
      - {size: 64 B, read: 1, write: 2, area_um2: 10, leakage_uw: 500, source: s}
      - {size: 64 KiB, read: 2, write: 3, area_um2: 20, leakage_uw: 1000, source: s}
"""
    (tmp_path / "leaky.yaml").write_text(technology)
    text = MINIMAL.replace("generic45", "leaky.yaml").replace("component: sram", "component: mem")
    text = text.replace("component: regfile", "component: mem\n    leakage: technology").replace("64 words", "64 B")
    (tmp_path / "arch.yaml").write_text(text)
    point = next(load_architecture(str(tmp_path / "arch.yaml")).points())
    assert point.levels[2].leak_energy == 1000  # 500 uW at 500 MHz is 1 pJ per cycle
    assert point.levels[1].leak_energy == 0 and point.levels[2].fill_energy == 2000


def test_dram_budget_removes_entries_and_lowers_values() -> None:
    base = parse_architecture(load_exact(MINIMAL))
    capped = base.with_budgets(Budgets(dram_gbps=Fraction(4)))
    assert len(base) == 8 and len(capped) == 4
    assert {p.levels[0].shared_bits_per_cycle for p in capped.points()} == {Fraction(64)}
    scalar = parse_architecture(load_exact(MINIMAL.replace("[4 GB/s, 8 GB/s]", "8 GB/s")))
    lowered = scalar.with_budgets(Budgets(dram_gbps=Fraction("2.5")))
    assert {p.levels[0].shared_bits_per_cycle for p in lowered.points()} == {Fraction(40)}
    split = parse_architecture(load_exact(MINIMAL.replace("shared:", "read:") + "budgets: {dram_gbps: 6}\n"))
    dram = next(split.points()).levels[0]
    assert len(split) == 4 and dram.read_bits_per_cycle == Fraction(64)
    assert dram.shared_bits_per_cycle == Fraction(96)


def test_dram_budget_below_all_entries() -> None:
    message = failure(MINIMAL + "budgets: {dram_gbps: 1.5}\n")
    words = ["mine.yaml: levels[0].bandwidth.shared", "'4 GB/s'", "at most 1.5 GB/s", "remedy"]
    assert all(word in message for word in words), message


def test_area_budget_drops_no_point() -> None:
    architecture = load_architecture("edge_small").with_budgets(Budgets(area_mm2=Fraction(2)))
    limit = architecture.budgets.area_um2
    assert limit == 2_000_000
    areas = [point.area_um2 for point in architecture.points()]
    assert len(areas) == 96 and any(area > limit for area in areas) and any(area <= limit for area in areas)


def test_budgets_are_exact_and_positive() -> None:
    wrong: Any = 2.5
    for value in (wrong, Fraction(0)):
        with pytest.raises(SpecError, match=r"(?s)^area_mm2.*allowed: int or Fraction > 0.*remedy"):
            Budgets(area_mm2=value)


INLINE = """{name: t, description: d, node_nm: 45, energy_unit: pJ, units_per_energy: 1000, clock_mhz: 500,
  sources: {s: a paper}, mac: [{type: int, bits: 16, energy: 0.3, source: s}], pe_overhead: {area_um2: 1, source: s},
  vector: {energy: 1, lane_um2: 1, source: s}, components: {
    dram: {kind: constant, word_bits: 64, read: 1280, write: 1280, source: s},
    sram: {kind: constant, word_bits: 64, read: 8.3, write: 8.3, source: s},
    regfile: {kind: constant, word_bits: 16, read: 0.2, write: 0.2, source: s}}}"""


def test_a_technology_inside_of_the_architecture(tmp_path: Path) -> None:
    architecture = parse_architecture(load_exact(MINIMAL.replace("generic45", INLINE)))
    assert next(architecture.points()).mac_energy == 300
    (tmp_path / "t.yaml").write_text(INLINE)
    (tmp_path / "mine.yaml").write_text(MINIMAL.replace("generic45", "t.yaml"))
    named = load_architecture(tmp_path / "mine.yaml")
    assert named.source == architecture.source
    assert named.technology == architecture.technology
    assert parse_architecture(named.source) == replace(named, file=None)
    Draft202012Validator(json_schema()).validate({**named.source, "technology": "generic45"})


RF = "  - name: RF\n    component: regfile\n"
ERRORS = [  # what to replace, by what, what the message must say: field, value, allowed, remedy
    ("32 KiB", "32 KB", ["levels[1].size", "'32 KB'", "KiB", "write e.g. 108 KiB"]),
    ("size: 64 words", "size: 64", ["levels[2].size", "64", "a size with a unit", "write e.g. 108 KiB"]),
    ("64 words", "0 words", ["levels[2].size", "'0 words'", "a number and one of", "write e.g."]),
    ("64 words", "-64 words", ["levels[2].size", "'-64 words'", "a size with a unit", "write e.g."]),
    ("64 words", "0.3 B", ["levels[2].size", "'0.3 B'", "whole bits", "multiple of one bit"]),
    ("64 words", "1 MiB", ["levels[2].size", "'1 MiB'", "16 to 16384 bits", "choose a size in the table"]),
    (
        "64 words",
        "2 B\n    access_bits: 32",
        ["levels[2].size", "'2 B'", "at least 32 bits", "smaller access_bits"],
    ),
    ("    size: 64 words\n", "", ["levels[2].size", "'RF'", "a size with a unit", "size: 108 KiB"]),
    ("[32 KiB, 64 KiB]", "[]", ["levels[1].size", "[]", "at least one entry", "add an entry"]),
    (
        "[32 KiB, 64 KiB]",
        "[32 KiB, 32768 B]",
        ["levels[1].size", "'32768 B'", "different entries", "remove one"],
    ),
    (
        "[32 KiB, 64 KiB]",
        "{from: 64 KiB, to: 32 KiB, factor: 2}",
        ["levels[1].size", "'to': '32 KiB'", "from <= to", "swap"],
    ),
    (
        "[32 KiB, 64 KiB]",
        "{from: 32 KiB, to: 65 KiB, factor: 2}",
        ["levels[1].size", "'to': '65 KiB'", "to: 64 KiB or 128 KiB", "end on a value"],
    ),
    (
        "[32 KiB, 64 KiB]",
        "{from: 32 KiB, to: 64 KiB, factor: 1}",
        ["levels[1].size", "'factor': 1", "factor > 1", "factor: 2"],
    ),
    (
        "[32 KiB, 64 KiB]",
        "{from: 32 KiB}",
        ["levels[1].size", "{'from': '32 KiB'}", "{from, to, factor}", "write e.g."],
    ),
    ("x: [4, 8]", "x: {from: 5, to: 10, factor: 1.25}", ["array.x", "whole numbers", "use a whole factor"]),
    (
        "x: [4, 8]",
        "x: {from: 1, to: 90000, step: 1}",
        ["array.x", "90000", "at most 10000 entries", "larger step"],
    ),
    ("x: [4, 8]", "x: [4, 8.5]", ["array.x", "8.5", "an integer >= 1", "write e.g. 16"]),
    ("x: [4, 8]", "x: 0", ["array.x", "0", "an integer >= 1", "write e.g. 16"]),
    (
        "x: [4, 8], y: 4",
        "x: {values: [4, 8], tie: s}, y: {values: [4], tie: s}",
        ["array.x", "'array.x': 2, 'array.y': 1", "equally many", "drop `tie`"],
    ),
    ("y: 4}", "y: 4, below: L2}", ["array.below", "'L2'", "DRAM, GLB, RF", "name the level"]),
    ("y: 4}", "y: 4, unroll: {x: [k]}}", ["array.unroll.x[0]", "'k'", "pattern", "remedy"]),
    ("y: 4}", "y: 4, unroll: {x: []}}", ["levels[1].unroll.x", "[]", "at least one dim", "list dims"]),
    ("[W, I, O]", "[W, X]", ["levels[2].must_keep[1]", "'X'", "W, I, O", "allowed one"]),
    ("[W, I, O]", "[W, W]", ["levels[2].must_keep", "['W', 'W']", "a list of W", "write e.g. [I, O]"]),
    (
        "[W, I, O]",
        "[W]\n    must_bypass: [W]",
        ["levels[2].must_bypass", "['W']", "not in must_keep", "remove it"],
    ),
    ("name: RF", "name: GLB", ["levels[2].name", "'GLB'", "different names", "rename"]),
    ("name: RF", "name: array", ["levels[2].name", "'array'", "none of array", "rename"]),
    (
        "component: dram",
        "component: dram\n    size: 1 GiB",
        ["levels[0].size", "'1 GiB'", "unbounded", "off-chip level"],
    ),
    (
        "component: dram",
        "component: dram\n    must_bypass: [W]",
        ["levels[0].must_bypass", "['W']", "allowed: nothing", "remove `must_bypass`"],
    ),
    (
        "component: dram",
        "component: dram\n    instances: {x: 2}",
        ["levels[0].instances", "(2, 1)", "1 along x and y", "remove `instances`"],
    ),
    (
        "component: sram",
        "component: sram\n    instances: {x: 3}",
        ["array", "not integral", "multiples of 3", "tie their menus"],
    ),
    (
        RF,
        RF + "    instances: {x: 6}\n",
        ["array.x", "from RF to the array is not integral", "4", "multiples of 6", "change the instances"],
    ),
    (
        "component: sram",
        "component: edram",
        ["levels[1].component", "'edram'", "dram, hbm2, sram", "use one of these"],
    ),
    ("    component: sram\n", "", ["levels[1].component", "'GLB'", "dram, hbm2", "add `component:`"]),
    (
        "component: sram",
        "energy: {access: 6}",
        ["levels[1].area_um2", "'GLB'", "um2 of one instance", "state area_um2"],
    ),
    (
        "component: sram",
        "component: sram\n    energy: {access: 0.00000000001}",
        ["levels", "100000000000", "at most 1000000000 units per pJ", "round the energies"],
    ),
    (
        "component: sram",
        "component: sram\n    energy: {access: 6 pJ}",
        ["levels[1].energy", "'6 pJ'", "energies >= 0", "without units"],
    ),
    (
        "component: sram",
        "componnt: sram",
        ["levels[1].componnt", "'componnt'", "component", "did you mean 'component'"],
    ),
    ("8 GB/s", "8 GB", ["levels[0].bandwidth.shared", "'8 GB'", "words/cycle", "write e.g. 4 words/cycle"]),
    ("clock_mhz: 500", "clock_mhz: -1", ["clock_mhz", "-1", "a number > 0", "plain number"]),
    ("clock_mhz: 500", "word_bits: 8.0", ["word_bits", "8.0", "an integer >= 1", "without a decimal point"]),
    ("clock_mhz: 500", "mac: {bits: 12}", ["mac", "'int12'", "int8, int16", "mac.energy"]),
    (
        "clock_mhz: 500",
        "accounting: maestro",
        ["accounting", "'maestro'", "timeloop, looptree", "allowed one"],
    ),
    (
        "clock_mhz: 500",
        "budgets: {area: 5}",
        ["budgets.area", "'area'", "area_mm2", "did you mean 'area_mm2'"],
    ),
    ("clock_mhz: 500", "budgets: {power_w: 0}", ["budgets.power_w", "0", "a number > 0", "plain number"]),
    (
        "generic45",
        "generic",
        ["technology", "'generic'", "eyeriss_normalized, fpga45, generic45", "did you mean 'generic45'"],
    ),
    (
        "generic45",
        "{name: t}",
        ["technology.description", "missing", "['name']", "required here", "add `description:`"],
    ),
    (
        "generic45",
        INLINE.replace("source: s}]", "source: x}]"),
        ["technology.mac[0].source", "'x'", "allowed: s", "add `x:`"],
    ),
    ("generic45", "no.yaml", ["technology: there is no file no.yaml", "'no.yaml'", "a preset", "starts from"]),
    ("levels:", "levles:", ["levles: unknown key", "'levles'", "levels", "did you mean 'levels'"]),
    ("generic45", "45", ["technology", "45", "a technology preset", "write a text"]),
    ("array: {x: [4, 8], y: 4}\n", "", ["array", "missing", "required here", "add `array:`"]),
]


@pytest.mark.parametrize(("old", "new", "words"), ERRORS, ids=[f"{e[2][0]}-{i}" for i, e in enumerate(ERRORS)])
def test_errors_say_file_field_value_allowed_and_remedy(old: str, new: str, words: list[str]) -> None:
    assert old in MINIMAL
    message = failure(MINIMAL.replace(old, new))
    assert message.startswith(f"mine.yaml: {words[0]}"), message
    assert [word for word in [*words, "value:", "allowed:", "remedy:"] if word not in message] == [], message


def test_binary_floats_are_refused() -> None:
    data = load_exact(MINIMAL)
    data["clock_mhz"] = 500.5
    with pytest.raises(SpecError, match=r'(?s)clock_mhz: a binary float.*500.5.*Fraction.*write Fraction\("500.5"\)'):
        parse_architecture(data)


def test_unknown_preset_names_a_close_one() -> None:
    with pytest.raises(SpecError, match=r"(?s)'eyeris'.*allowed: datacenter, .*edge, .*did you mean 'eyeriss'"):
        load_architecture("eyeris")


def test_schemas_are_valid_and_serializable() -> None:
    for schema in (json_schema(), technology_schema()):
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema
