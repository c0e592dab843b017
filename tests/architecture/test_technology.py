"""Technologies: exact numbers, interpolation, rounding, sources, and errors of their files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optimizer.architecture.technology import TableComponent, to_units
from optimizer.architecture.technology_reader import load_technology, parse_technology
from optimizer.errors import SpecError
from optimizer.files.exact_yaml import dump_exact, load_exact
from optimizer.files.presets import preset_names, read_spec

KIB = 8 * 1024
WORDS = st.text(st.characters(exclude_categories=("C", "Z")))
SRAM_45NM = load_technology("generic45").component("sram")


def test_decimals_are_exact() -> None:
    data = load_exact("{a: 0.1, b: 1e3, c: 12, d: 0.003515625, e: -.5}")
    assert data == {"a": Fraction(1, 10), "b": 1000, "c": 12, "d": Fraction(9, 2560), "e": Fraction(-1, 2)}
    assert not any(isinstance(value, float) for value in data.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: .nan", ["spec.yaml", ".nan", "finite decimals", "leave the field out"]),
        ("a: 1\na: 2", ["spec.yaml", "line 2, column 1", "twice", "'a'", "every key once", "remove or rename"]),
        ("a: [1", ["spec.yaml", "line 1", "not valid YAML", "YAML 1.1", "mend the syntax"]),
        ("a: 2001-99-99", ["spec.yaml", "line 1, column 4", "tag !!timestamp", "a date, into quotes"]),
        ("a: &a [*a]", ["spec.yaml", "line 1, column 4", "contains itself", "without an alias"]),
        ("a: " + 1200 * "[", ["spec.yaml", "not valid YAML", "mend the syntax"]),
        ("{[1]: 2}", ["spec.yaml", "line 1, column 2", "must be text", "[1]", "key: value", "quotes"]),
        ("a: 1\nno: 2", ["spec.yaml", "line 2, column 1", "must be text", "False", "key: value", "quotes"]),
    ],
)
def test_bad_yaml(text: str, words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        load_exact(text, file="spec.yaml")
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(8), "8.0"),
        (Fraction(1, 10), "0.1"),
        (Fraction(1, 3), "'1/3'"),
        (Fraction(10**400), "1" + 299 * "0"),
        ({"to": (Fraction(5, 2), [Fraction(1, 4)])}, "{'to': (2.5, [0.25])}"),
    ],
)
def test_errors_show_numbers_as_written(value: object, text: str) -> None:
    shown = str(SpecError("too large", value=value)).splitlines()[1].removeprefix("  value:   ")
    assert shown.removesuffix(" ...") == text
    assert len(shown) < 310


def test_merged_keys_are_not_overridden_in_silence() -> None:
    assert load_exact("a: &x {b: 1, c: 2}\nd: {<<: *x, e: 3}")["d"] == {"b": 1, "c": 2, "e": 3}
    with pytest.raises(SpecError, match="twice, here and by a merge"):
        load_exact("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}")


@given(
    st.recursive(
        st.integers() | WORDS | st.from_regex(r"[-+]?[0-9]*\.?[0-9]+e[-+]?[0-9]+", fullmatch=True),
        lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner),
    )
)
@example({"name": "1e5", "tensor": ".inf", "1.5e3": "+1.e3"})
@example(["ab\x85c"])  # kept by the writer in C alone
def test_dumped_text_comes_back(data: object) -> None:
    assert load_exact(dump_exact(data)) == data


@pytest.mark.parametrize("name", preset_names("technologies"))
def test_presets_cite_every_number(name: str) -> None:
    technology = load_technology(name)
    data, _ = read_spec("technologies", name)
    cited = dict(technology.sources)
    assert cited and all(cited.values())
    entries = [*data["mac"], data["vector"], data["pe_overhead"]]
    entries += [row for raw in data["components"].values() for row in raw.get("rows", [raw])]
    assert all(entry["source"] for entry in entries)


def test_horowitz_anchors() -> None:
    technology = load_technology("generic45")
    for size_kib, read_pj in ((8, 10), (32, 20), (1024, 100)):
        assert SRAM_45NM.at(size_kib * KIB).read_energy == read_pj
    assert technology.mac("int", 8).energy == Fraction(3, 10)
    assert technology.mac("float", 32).energy == Fraction(46, 10)
    dram = technology.component("dram").at(None)
    assert 1300 - 20 <= dram.read_energy <= 2600  # pJ per 64 bits


def test_eyeriss_ratios_do_not_depend_on_size() -> None:
    technology = load_technology("eyeriss_normalized")
    assert technology.mac("int", 16).energy == 1 and not technology.in_picojoules
    for name, ratio in (("regfile", 1), ("inter_pe", 2), ("sram", 6), ("dram", 200)):
        component = technology.component(name)
        assert component.at(512).read_energy == component.at(10**6).read_energy == ratio
    sram = technology.component("sram")
    assert sram.at(2000).area_um2 - sram.at(1000).area_um2 == 922


def test_interpolation_by_hand() -> None:
    # 108 KiB lies 44/64 of the way from 64 KiB (27.6 pJ) to 128 KiB (38.1 pJ).
    cell = SRAM_45NM.at(108 * KIB)
    assert cell.read_energy == Fraction("27.6") + Fraction(44, 64) * Fraction("10.5")
    assert cell.area_um2 == 237703 + Fraction(44, 64) * (469412 - 237703)


@given(st.lists(st.integers(1 * KIB, 32 * 1024 * KIB), min_size=2, max_size=2))
def test_energy_and_area_grow_with_size(sizes: list[int]) -> None:
    small, large = (SRAM_45NM.at(size) for size in sorted(sizes))
    assert small.read_energy <= large.read_energy and small.area_um2 <= large.area_um2


@given(st.fractions(0, 1000), st.integers(1, 1000))
def test_rounding_error_is_half_a_unit(energy: Fraction, scale: int) -> None:
    assert abs(to_units(energy, scale) - energy * scale) <= Fraction(1, 2)


@pytest.mark.parametrize("size_bits", [1 * KIB - 1, 32 * 1024 * KIB + 1, None])
def test_sizes_outside_the_table_are_refused(size_bits: int | None) -> None:
    with pytest.raises(SpecError, match=r"(?s)no such size.*allowed: 8192 to 268435456 bits.*remedy"):
        SRAM_45NM.at(size_bits)


def test_unknown_component_and_precision() -> None:
    technology = load_technology("generic45")
    with pytest.raises(SpecError, match=r"(?s)no such component.*'edram'.*dram, hbm2, sram, regfile"):
        technology.component("edram")
    with pytest.raises(SpecError, match=r"(?s)no int multiplier of 4 bits.*int8, int16.*mac.energy"):
        technology.mac("int", 4)


MINIMAL = """
name: t
description: d
node_nm: 45
energy_unit: pJ
units_per_energy: 1000
clock_mhz: 500
sources: {s: a paper}
mac: [{type: int, bits: 8, energy: 0.3, source: s}]
pe_overhead: {area_um2: 1, source: s}
vector: {energy: 1, lane_um2: 1, source: s}
components:
  sram:
    kind: table
    word_bits: 8
    rows:
      - {size: 1 KiB, read: 1, write: 2, area_um2: 10, leakage_uw: 5, source: s}
      - {size: 2 KiB, read: 2, write: 3, area_um2: 20, leakage_uw: 7, source: s}
"""


def test_minimal_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINIMAL)
    component = load_technology(path).component("sram")
    assert isinstance(component, TableComponent)
    assert component.at(12 * 1024).leakage_uw == 6


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("write: 3", "writ: 3", ["components.sram.rows[1]", "write", "remedy"]),
        ("source: s}\n  ", "source: x}\n  ", ["source", "'x'", "allowed: s", "remedy:  add `x:`"]),
        (
            "2 KiB",
            "1 KiB",
            ["components.sram.rows[1].size", "'1 KiB'", "more than 8192 bits", "sort the rows"],
        ),
        ("0.3", "-0.3", ["mac[0].energy", "-0.3", "a number >= 0", "without a unit"]),
        ("bits: 8,", "bits: 8.5,", ["mac[0].bits", "8.5", "an integer >= 1", "without a decimal point"]),
        ("kind: table", "kind: tabel", ["components.sram.kind", "'tabel'", "constant, table", "remedy"]),
        ("clock_mhz: 500", "clock_mhz: 0", ["clock_mhz", "0", "a number > 0", "remedy"]),
        ("clock_mhz: 500\n", "", ["clock_mhz", "missing", "required here", "add `clock_mhz:`"]),
        (
            "mac: [",
            "mac: [{type: int, bits: 8, energy: 1, source: s}, ",
            ["mac[1]", "twice", "once", "remove"],
        ),
    ],
)
def test_errors_of_files(old: str, new: str, words: list[str]) -> None:
    assert old in MINIMAL
    with pytest.raises(SpecError) as caught:
        parse_technology(load_exact(MINIMAL.replace(old, new)), file="mine.yaml")
    message = str(caught.value)
    assert message.startswith("mine.yaml: ")
    assert [word for word in words if word not in message] == [], message


def test_unknown_preset_and_missing_file() -> None:
    with pytest.raises(
        SpecError, match=r"(?s)'generic54'.*eyeriss_normalized, fpga45, generic45.*did you mean 'generic45'"
    ):
        load_technology("generic54")
    with pytest.raises(SpecError, match=r"(?s)missing.yaml: no such file.*check the path"):
        load_technology("missing.yaml")
