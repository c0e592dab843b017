"""Constraints on mappings in the file of a network: read, kept by every command, part of the problem, verified."""

from __future__ import annotations

from pathlib import Path

import pytest

import optimizer
from optimizer.errors import SpecError
from optimizer.problem.layer_rules import rules_of
from optimizer.workload.reader import dump_network, load_network, network_data, network_from_data, parse_network
from tests.support.command_line import bad, good, run

CHIP = """
name: chip
technology: generic45
clock_mhz: 500
array: {x: [2, 4], y: 2}
levels:
  - {name: DRAM, component: dram, bandwidth: {shared: 8 GB/s}}
  - {name: GLB, component: sram, size: [1 KiB, 4 KiB]}
  - {name: RF, component: regfile, size: 16 words, must_keep: [W, I, O]}
"""
RULES = """
mapping:
  - {stationary: W, level: RF, layers: "a*"}
  - {utilization: 0.75, layers: b, name: busy}
"""
LAYERS = """
layers:
  - {name: a1, type: matmul, dims: {M: 8, N: 12, K: 16}}
  - {name: b, type: matmul, dims: {M: 6, N: 4, K: 8}}
"""
SINGLE = "name: fc\ntype: matmul\ndims: {M: 8, N: 12, K: 16}\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts = {"chip.yaml": CHIP, "net.yaml": RULES + LAYERS, "free.yaml": LAYERS}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_they_are_part_of_the_network_and_written_with_it() -> None:
    network = parse_network(RULES + LAYERS)
    assert len(network.mapping) == 2
    assert parse_network(dump_network(network)).mapping == network.mapping
    assert network_from_data(network_data(network)).mapping == network.mapping
    assert "mapping" not in network_data(parse_network(LAYERS))
    assert parse_network(SINGLE + "mapping: [{keep: W, level: GLB}]").mapping == ({"keep": "W", "level": "GLB"},)


def test_solve_keeps_them_and_verify_reads_them_off_again(files: Path) -> None:
    quiet = ("--no-cache", "--quiet")
    good("solve", "net.yaml", "-a", "chip.yaml", "--out", "ruled", *quiet)
    good("solve", "free.yaml", "-a", "chip.yaml", "--engine", "path", "--out", "free", *quiet)
    ruled, free = optimizer.load_result("ruled"), optimizer.load_result("free")
    assert "engine" not in ruled.to_json()["problem"]
    assert int(ruled.certificate.value) >= int(free.certificate.value)
    assert ruled.body.problem_hash != free.body.problem_hash
    assert "stationary W at RF (a*); busy" in ruled.body.space.text
    assert "busy" in good("show", "ruled").stdout
    asked = ("--network", "net.yaml", "-a", "chip.yaml")
    good("verify", "ruled", *asked)
    other = run("verify", "ruled", "--network", "free.yaml", "-a", "chip.yaml", "--engine", "path")
    assert other.exit_code == 1, "another question"


def test_map_and_evaluate_keep_them(files: Path) -> None:
    good("map", "net.yaml", "--layer", "b", "-a", "chip.yaml", "--no-cache", "--quiet", "--out", "b")
    result = optimizer.load_result("b")
    assert result.body.design.layers[0].utilization >= 0.75  # type: ignore[union-attr]
    nest = "levels:\n  - {level: DRAM, keep: [W, I, O], temporal: [[M, 6], [N, 4], [K, 8]]}\n"
    nest += "  - {level: RF, keep: [W, I, O]}\n"
    (files / "nest.yaml").write_text(nest, encoding="utf-8")
    chosen = ("-a", "chip.yaml", "--choose", "array.x=2", "--choose", "GLB.size=1 KiB", "--mapping", "nest.yaml")
    assert "breaks the constraint busy" in bad("evaluate", "net.yaml", "--layer", "b", *chosen)
    good("evaluate", "free.yaml", "--layer", "b", *chosen)


def test_they_add_up_with_those_of_the_architecture() -> None:
    architecture = optimizer.with_constraints(
        optimizer.load_architecture("eyeriss"), [{"keep": "O", "level": "GLB", "name": "mine"}]
    )
    network = parse_network("mapping: [{bypass: W, level: GLB}]\n" + LAYERS)
    assert [one.title for one in rules_of(network, architecture)] == ["mine", "bypass W at GLB"]
    again = parse_network("mapping: [{bypass: W, level: GLB, name: mine}]\n" + LAYERS)
    with pytest.raises(SpecError, match="stated twice"):
        rules_of(again, architecture)


@pytest.mark.parametrize(
    ("rules", "field", "problem"),
    [
        ("mapping: 3", "mapping", "what the mappings of layers must keep"),
        ("mapping: [{keep: W, level: GLB, bypass: I}]", "mapping[0]", "one rule"),
        ("mapping: [{keep: X, level: GLB}]", "mapping[0].keep", "W, I, O"),
        ("mapping: [{keep: W}]", "mapping[0].level", "no level"),
        ("mapping: [{temporal: K, level: GLB}]", "mapping[0]", "no numbers"),
        ("mapping: [{temporal: K, level: GLB, at_least: 4, at_most: 3}]", "mapping[0]", "range"),
    ],
)
def test_what_makes_no_sense_is_refused_with_file_and_field(files: Path, rules: str, field: str, problem: str) -> None:
    for text in (f"{rules}\n{LAYERS}", f"{rules}\n{SINGLE}"):
        (files / "wrong.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(SpecError) as caught:
            load_network("wrong.yaml")
        assert (caught.value.file, caught.value.field) == ("wrong.yaml", field)
        assert problem in str(caught.value)


def test_levels_are_compared_with_the_architecture(files: Path) -> None:
    (files / "wrong.yaml").write_text("mapping: [{keep: W, level: L7}]\n" + LAYERS, encoding="utf-8")
    told = bad("solve", "wrong.yaml", "-a", "chip.yaml", "--no-cache")
    assert "wrong.yaml" in told and "mapping[0].level" in told and "DRAM, GLB, RF" in told


def test_dims_to_unroll_that_no_layer_has_are_a_warning(files: Path) -> None:
    (files / "wrong.yaml").write_text(
        "name: net\nmapping:\n  - {unroll: [Z], level: DRAM}\n" + LAYERS, encoding="utf-8"
    )
    assert "names no dim of a layer" in good("solve", "wrong.yaml", "-a", "chip.yaml", "--no-cache").output


def test_a_study_of_an_unknown_constraint_names_those_of_the_network(files: Path) -> None:
    (files / "ruled.yaml").write_text("name: net" + RULES + LAYERS, encoding="utf-8")
    said = bad("study", "ruled.yaml", "-a", "chip.yaml", "--constraint", "nope")
    assert "busy" in said and "nope" in said
