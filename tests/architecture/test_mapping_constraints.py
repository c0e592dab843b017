"""Constraints on mappings: what is read, what is refused, what solve, evaluate and verify make of them."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import optimizer
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.bodies.study import CONSTRAINT
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.golden.rules import broken_rules
from optimizer.mapping.reader import from_items, nest_from_items
from optimizer.problem.layer_rules import ruled_layer
from optimizer.workload.layer import Layer, matmul
from optimizer.workload.reader import parse_network

CHIP: dict[str, Any] = {
    "name": "chip",
    "technology": "generic45",
    "clock_mhz": 500,
    "array": {"x": [2, 4], "y": 2},
    "levels": [
        {"name": "DRAM", "component": "dram", "bandwidth": {"shared": "8 GB/s"}},
        {"name": "GLB", "component": "sram", "size": ["1 KiB", "4 KiB"]},
        {"name": "RF", "component": "regfile", "size": "16 words", "must_keep": ["W", "I", "O"]},
    ],
}
LAYER = matmul("fc", {"M": 8, "N": 12, "K": 16})
RULES: tuple[dict[str, Any], ...] = (
    {"stationary": "W", "level": "RF"},
    {"stationary": "O", "level": "RF"},
    {"keep": ["W", "O"], "level": "GLB"},
    {"bypass": "I", "level": "GLB"},
    {"unroll": ["M"], "level": "GLB"},
    {"unroll": ["K"], "level": "GLB", "axis": "x"},
    {"spatial": "N", "level": "GLB", "at_least": 2},
    {"temporal": "K", "level": "DRAM", "equals": 4},
    {"temporal": "M", "level": "RF", "at_most": 2},
    {"tile": "W", "level": "RF", "dim": "K", "multiple_of": 2},
    {"tile": "I", "level": "GLB", "at_most": 32},
    {"order": ["N", "M"], "level": "GLB"},
    {"order": ["K", "M", "N"], "level": "RF"},
    {"utilization": 1},
)


def chip(*rules: Mapping[str, Any]) -> Architecture:
    return parse_architecture(copy.deepcopy(CHIP) | ({"mapping": list(rules)} if rules else {}), file="chip.yaml")


def mapping_of(result: optimizer.SolveResult, architecture: Architecture) -> list[str]:
    """Rules that the design of a result breaks, by the reference model."""
    hardware = next(p for p in architecture.points() if dict(p.choices) == dict(result.design.hardware.choices))
    layer = ruled_layer(LAYER, architecture.mapping, architecture)
    nest = nest_from_items([dict(item) for item in result.design.layers[0].mapping], layer, hardware)
    return list(broken_rules(layer, hardware, nest))


OFTEN = (0, 7, 9)
"""Rules of which designs are made in the fast tests."""
CASES = [
    pytest.param(rule, id=f"{next(iter(rule))}-{n}", marks=[] if n in OFTEN else pytest.mark.slow)
    for n, rule in enumerate(RULES)
]


@pytest.mark.parametrize("rule", CASES)
def test_designs_keep_a_rule_cost_no_less_and_are_verified(rule: Mapping[str, Any], tmp_path: Path) -> None:
    free = optimizer.map_layer(LAYER, chip(), engine="path")
    bound = optimizer.map_layer(LAYER, chip(rule), engine="path")
    assert bound.status == "OPTIMAL"
    assert bound.certificate.value >= free.certificate.value
    assert not mapping_of(bound, chip(rule))
    kept = not mapping_of(free, chip(rule))
    if kept:
        assert bound.certificate.value == free.certificate.value
    optimizer.save(bound, tmp_path)
    assert optimizer.verify(tmp_path).ok


@pytest.mark.parametrize("dim", ["M", "N"])
def test_loops_behind_the_last_node_may_stand_in_every_region(dim: str) -> None:
    """The level inside of the fan-out keeps nothing; a nest that costs no more has the loop outside of it."""
    data: dict[str, Any] = {
        "name": "m",
        "technology": "generic45",
        "clock_mhz": 1000,
        "word_bits": 16,
        "mac": {"energy": 1, "area_um2": 10},
        "array": {"x": 2, "y": 1, "below": "L0"},
        "levels": [
            {"name": "L0", "energy": {"access": 50}, "access_bits": 16},
            {"name": "L1", "energy": {"access": 5}, "access_bits": 16, "size": "64 words", "area_um2": 8},
        ],
    }
    bypass = {"bypass": ["W", "I", "O"], "level": "L1"}
    layer = matmul("mm", {"M": 3, "N": 2, "K": 2})
    free, ruled = (
        optimizer.map_layer(layer, parse_architecture(data | {"mapping": rules}, file="m.yaml"), engine="path")
        for rules in ([bypass], [bypass, {"temporal": dim, "level": "L1", "at_most": 1}])
    )
    assert ruled.status == "OPTIMAL" and ruled.certificate.value == free.certificate.value


@pytest.mark.slow
@pytest.mark.parametrize("rule", CASES)
def test_cp_sat_takes_every_rule_and_agrees_with_the_shortest_path(rule: Mapping[str, Any]) -> None:
    """The engine `both` stops where the two differ."""
    bound = optimizer.map_layer(LAYER, chip(rule), engine="both")
    assert bound.status == "OPTIMAL" and not mapping_of(bound, chip(rule))


def test_a_share_of_multipliers_is_that_of_every_point() -> None:
    """The ideal hardware of a box has the most multipliers; shares are of the fewest."""
    odd = matmul("odd", {"M": 7, "N": 2, "K": 5})
    whole = optimizer.map_layer(odd, chip({"utilization": Fraction(1, 2)}), engine="path")
    values = []
    for point in chip().points():
        choices = dict(point.choices)
        single = copy.deepcopy(CHIP) | {"array": {"x": choices["array.x"], "y": 2}}
        single["levels"][1]["size"] = choices["GLB.size"]
        one = parse_architecture(single | {"mapping": [{"utilization": Fraction(1, 2)}]})
        found = optimizer.map_layer(odd, one, engine="path")
        values += [] if found.certificate.value is None else [found.certificate.value]
    assert len(values) == 2 and whole.certificate.value == min(values)


def test_rules_are_for_layers_by_name_and_dim() -> None:
    rules = chip(
        {"temporal": "K", "level": "DRAM", "equals": 1, "layers": ["f*", "x?"]}, {"order": ["M", "N"], "level": "RF"}
    )
    assert [rule.title for rule in ruled_layer(LAYER, rules.mapping, rules).rules] == [
        "temporal K around DRAM: 1 (f*, x?)",
        "order M, N around RF",
    ]
    other = replace(LAYER, name="a")
    assert len(ruled_layer(other, rules.mapping, rules).rules) == 1
    assert ruled_layer(other, rules.mapping, rules).shape_key() != other.shape_key()
    network = parse_network("layers:\n  - {name: a, type: matmul, dims: {M: 4, N: 4, K: 4}}\n")
    idle = optimizer.solve(network, chip({"stationary": "W", "level": "RF", "layers": "conv*"}))
    assert (
        idle.warnings == ("the constraint stationary W at RF (conv*) is for no layer of network",)
        or len(idle.warnings) == 1
    )


BAD: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"level": "RF"}, "mapping[0]", "an entry states one rule"),
    ({"keep": "W", "bypass": "I", "level": "RF"}, "mapping[0]", "an entry states one rule"),
    ({"stationary": "W", "level": "L9"}, "mapping[0].level", "no such level"),
    ({"stationary": "W"}, "mapping[0].level", "names no level"),
    ({"bypass": "W", "level": "DRAM"}, "mapping[0].level", "no such level"),
    ({"spatial": "K", "level": "GLB"}, "mapping[0]", "states no numbers"),
    ({"spatial": "K", "level": "GLB", "at_least": 5, "at_most": 4}, "mapping[0]", "no number is in this range"),
    ({"spatial": "K", "level": "GLB", "equals": 4, "at_most": 4}, "mapping[0]", "stated already"),
    ({"order": ["K", "M"], "level": "GLB", "at_most": 4}, "mapping[0]", "has no key at_most"),
    ({"utilization": 1.5}, "mapping[0].utilization", "mapping"),
    ({"order": ["K"], "level": "GLB"}, "mapping[0].order", "mapping"),
    ({"stationary": "X", "level": "RF"}, "mapping[0].stationary", "mapping"),
    ({"unroll": ["k"], "level": "RF"}, "mapping[0].unroll", "mapping"),
)


@pytest.mark.parametrize(("rule", "field", "problem"), BAD)
def test_what_makes_no_sense_is_refused(rule: Mapping[str, Any], field: str, problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        chip(_exact(rule))
    assert problem in str(caught.value) and caught.value.file == "chip.yaml"
    assert str(caught.value.field).startswith(field)


def _exact(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as YAML files have them."""
    return {key: Fraction(str(value)) if isinstance(value, float) else value for key, value in rule.items()}


def test_a_rule_stated_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="stated twice"):
        chip(RULES[0], RULES[0])
    with pytest.raises(SpecError, match="stated twice"):
        optimizer.with_constraints(chip(RULES[0]), [RULES[0]])


@pytest.mark.slow
def test_rules_that_exclude_each_other_are_blamed(tmp_path: Path) -> None:
    few, many = (
        {"name": "few", "spatial": "K", "level": "GLB", "at_most": 1},
        {"name": "many", "spatial": "K", "level": "GLB", "at_least": 2},
    )
    result = optimizer.map_layer(LAYER, chip(few, RULES[0], many), engine="path")
    assert result.status == "INFEASIBLE"
    reason = result.body.infeasible
    assert reason is not None and reason.complete and reason.layer == "fc"
    assert (reason.constraints, reason.removable) == (("few", "many"), ("few", "many"))
    optimizer.save(result, tmp_path)
    assert optimizer.verify(tmp_path).ok


def test_orders_that_exclude_each_other_leave_no_loops_over_one_of_the_dims() -> None:
    orders = [{"order": list(dims), "level": level} for dims, level in (("MN", "DRAM"), ("NM", "GLB"))]
    result = optimizer.map_layer(LAYER, chip(*orders), engine="path")
    assert result.status == "OPTIMAL" and not mapping_of(result, chip(*orders))


@pytest.mark.slow
def test_a_file_of_constraints_for_commands_and_python(tmp_path: Path) -> None:
    architecture, layer, rules = tmp_path / "chip.yaml", tmp_path / "fc.yaml", tmp_path / "rules.yaml"
    architecture.write_text(yaml.safe_dump(CHIP))
    layer.write_text("layers:\n  - {name: fc, type: matmul, dims: {M: 8, N: 12, K: 16}}\n")
    rules.write_text("constraints: [array.x == 4]\nmapping:\n  - {stationary: W, level: RF}\n  - {utilization: 1}\n")
    asked = ["map", str(layer), "-a", str(architecture), "--constraints", str(rules), "--no-cache", "--quiet"]
    run = CliRunner().invoke(main, [*asked, "--engine", "path", "--out", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    assert CliRunner().invoke(main, ["verify", str(tmp_path / "out")]).exit_code == 0
    by_itself = CliRunner().invoke(main, asked)
    assert by_itself.exit_code == 0 and by_itself.output.splitlines()[0] == run.output.splitlines()[0]
    alone = CliRunner().invoke(main, [*asked, "--engine", "cp-sat"])
    assert alone.exit_code == 0 and alone.output.splitlines()[0] == run.output.splitlines()[0]
    with_them = optimizer.with_constraints(chip(), rules)
    assert [one.title for one in with_them.mapping] == ["stationary W at RF", "utilization at least 1"]
    listed = optimizer.with_constraints(chip(), ["array.x == 4", {"stationary": "W", "level": "RF"}])
    assert (len(listed.constraints), len(listed.mapping)) == (1, 1)


@pytest.mark.parametrize("rule", RULES)
def test_evaluate_refuses_a_mapping_that_breaks_a_rule(rule: Mapping[str, Any], tmp_path: Path) -> None:
    architecture = chip(rule)
    hardware = next(iter(architecture.points()))
    layer: Layer = ruled_layer(LAYER, architecture.mapping, architecture)
    loops = [{"for": dim, "bound": extent, "level": "RF"} for dim, extent in LAYER.dims]
    for order in itertools.permutations(loops):
        keeps = [{"keep": role, "level": level} for level in ("DRAM", "RF") for role in "WIO"]
        mapping = [*keeps[:3], *order, *keeps[3:]]
        broken = list(broken_rules(layer, hardware, nest_from_items(mapping, layer, hardware)))
        if broken:
            with pytest.raises(SpecError, match="breaks the constraint"):
                from_items(mapping, layer, hardware)
        else:
            from_items(mapping, layer, hardware)


def test_trips_in_a_fan_out_of_one_child_are_none() -> None:
    """Whatever is sought, also where nothing is left to search."""
    for rule in ({"spatial": "K", "level": "DRAM", "at_least": 2}, {"spatial": "K", "level": "GLB", "equals": 7}):
        for objective in ("energy", "latency"):
            found = optimizer.map_layer(LAYER, chip(rule), objective=objective)
            assert found.status == "INFEASIBLE" and found.body.infeasible is not None
            assert len(found.body.infeasible.constraints) == 1


def test_a_level_that_must_both_keep_and_bypass_a_tensor_leaves_no_mapping() -> None:
    both = {"keep": "W", "level": "GLB"}, {"bypass": "W", "level": "GLB"}
    for objective in ("energy", "latency"):
        assert optimizer.map_layer(LAYER, chip(*both), objective=objective).status == "INFEASIBLE"


def test_a_tile_of_extent_one_excludes_keeping_only() -> None:
    layer = matmul("thin", {"M": 1, "N": 4, "K": 4})
    rule = {"tile": "I", "level": "GLB", "dim": "M", "multiple_of": 2}
    found = optimizer.map_layer(layer, chip(rule))
    assert found.status == "OPTIMAL"
    assert not any(item == {"keep": "I", "level": "GLB"} for item in found.design.layers[0].mapping)


def test_rules_on_tiles_are_for_layers_whose_tensor_has_the_dim() -> None:
    assert ruled_layer(LAYER, chip({"tile": "W", "level": "RF", "dim": "M", "at_most": 1}).mapping, chip()).rules == ()
    assert (
        len(ruled_layer(LAYER, chip({"tile": "I", "level": "RF", "dim": "M", "at_most": 1}).mapping, chip()).rules) == 1
    )


def test_brackets_in_patterns_stand_for_themselves() -> None:
    rule = {"stationary": "W", "level": "RF", "layers": "[t]*"}
    assert not ruled_layer(replace(LAYER, name="t1"), chip(rule).mapping, chip()).rules
    assert ruled_layer(replace(LAYER, name="[t]1"), chip(rule).mapping, chip()).rules


def test_huge_numbers_are_refused_and_the_blame_ends_in_time() -> None:
    with pytest.raises(SpecError, match="2\\^62"):
        chip({"temporal": "K", "level": "GLB", "multiple_of": 2**63})
    few = {"spatial": "K", "level": "GLB", "at_most": 1}
    many = {"name": "many", "spatial": "K", "level": "GLB", "at_least": 2}
    for seconds in (0.001, 0.05, 0.2):
        result = optimizer.map_layer(LAYER, chip(few, many), time_limit_s=seconds)
        assert result.status in ("UNKNOWN", "INFEASIBLE")


def test_a_study_says_what_it_does_not_drop() -> None:
    architecture = chip({"keep": "W", "level": "GLB"})
    network = parse_network("layers:\n  - {name: a, type: matmul, dims: {M: 4, N: 4, K: 4}}\n")
    with pytest.raises(SpecError, match="this constraint is on mappings"):
        optimizer.study(network, architecture, [optimizer.Range(f"{CONSTRAINT}keep W at GLB")])
