"""Fused designs under constraints on mappings: solved, verified, forged, compared, blamed, given by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import optimizer
from optimizer.architecture.selection import select
from optimizer.checker.again import verify
from optimizer.checker.stored import stored
from optimizer.errors import SpecError
from optimizer.inspection import evaluate_groups
from optimizer.mapping.reader import nest_from_items
from optimizer.mapping.rule_check import breaches
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.layer_rules import ruled_network
from optimizer.results.kinds import SolveResult
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_unless
from tests.support.command_line import good
from tests.support.fused_block import ARCHITECTURE, NETWORK, block, tiny

FUSION = Fusion(3)
ONLY_IN_GROUPS = ({"keep": "O", "level": "GLB"}, {"tile": "O", "level": "GLB", "dim": "P", "equals": 5})
"""Rows that no divisor of 8 makes: two tiles of four rows need five of the layer before, where they are recomputed."""


def chip(*rules: dict[str, Any], size: str = "2 KiB", **layers: str) -> Any:
    """The chip with a buffer of a size, and rules; those without layers of their own are for some."""
    found = select(tiny(), {"GLB.size": size})
    return optimizer.with_constraints(found, [rule | layers for rule in rules]) if rules else found


def solved(*rules: dict[str, Any], objective: str = "energy", **layers: str) -> SolveResult:
    return optimizer.solve(block(), chip(*rules, **layers), fusion=FUSION, objective=objective)


def members(result: SolveResult) -> list[str]:
    """Layers in groups."""
    return [name for group in result.to_json()["groups"] for name in group["layers"]]


def check_runs(result: SolveResult, architecture: Any) -> int:
    """Every nest of a group keeps the rules, read off by the cost model's code; the number of nests."""
    network, (hardware,) = ruled_network(block(), architecture), architecture.points()
    runs = [run for group in result.to_json()["groups"] for run in group["runs"]]
    for run in runs:
        part = network.graph.nodes[run["layer"]]["layer"].with_extents(run["extents"])
        assert part.rules
        assert not list(breaches(part, hardware, nest_from_items(run["mapping"], part, hardware)))
    return len(runs)


@pytest.mark.parametrize(
    "rule",
    slow_unless(
        [{"order": ["C", "K"], "level": "RF"}],
        [
            {"order": ["C", "K"], "level": "RF"},
            {"stationary": "W", "level": "RF"},
            {"temporal": "P", "level": "GLB", "at_most": 2},
            {"tile": "I", "level": "GLB", "at_most": 200},
            {"unroll": ["K"], "level": "GLB"},
            {"utilization": 1},
            {"partial": [{"level": "GLB", "keep": ["I", "O"], "spatial": [["K", 2, "X"], ["C", 2, "Y"]]}]},
        ],
    ),
)
@pytest.mark.parametrize("objective", slow_unless(["energy"], ["energy", "edp", "latency"]))
def test_runs_of_groups_keep_the_rules(rule: dict[str, Any], objective: str) -> None:
    result, free = solved(rule, objective=objective), solved(objective=objective)
    assert result.status == "OPTIMAL"
    assert int(result.certificate.value) >= int(free.certificate.value)
    assert not members(result) or check_runs(result, chip(rule))
    found = verify(result)
    assert found.ok, [check for check in found.checks if not check.ok]


@pytest.mark.slow
def test_a_tensor_that_bypasses_the_buffer_is_in_no_group() -> None:
    free = solved()
    assert {"one", "three"} <= set(members(free))
    result = solved({"bypass": "I", "level": "GLB"}, layers="three")
    assert not {"one", "three"} <= set(members(result))
    assert verify(result).ok
    assert solved({"keep": "I", "level": "GLB"}, layers="three").to_json()["groups"]


@pytest.mark.slow
def test_a_tile_rule_counts_what_a_run_reads_or_writes_of_a_tensor_in_the_buffer() -> None:
    """Of 256 words that the layer before computes at most 64: at least four tiles."""
    result = solved({"tile": "O", "level": "GLB", "at_most": 64}, {"keep": "O", "level": "GLB"}, layers="one")
    (group,) = [group for group in result.to_json()["groups"] if "one" in group["layers"]]
    assert group["tile"]["tiles"] >= 4
    for run in (run for run in group["runs"] if run["layer"] == "one"):
        assert 4 * 8 * run["extents"]["P"] <= 64
    assert verify(result).ok


def test_a_rule_that_excludes_nothing_changes_nothing() -> None:
    result, free = solved({"keep": ["W", "I", "O"], "level": "DRAM"}), solved()
    assert result.certificate.value == free.certificate.value
    assert result.to_json()["groups"] == free.to_json()["groups"]
    assert any("does not bind" in line for line in result.body.warnings)


def test_a_design_that_breaks_a_rule_inside_of_a_group_is_refused() -> None:
    """All numbers are right, and so is everything but the rule."""
    free, ruled = stored(solved()), stored(solved({"tile": "O", "level": "GLB", "at_most": 32}, layers="one"))
    assert int(ruled.certificate["value"]) > int(free.certificate["value"])
    forged = replace(
        free,
        data=free.data | {key: ruled.data[key] for key in ("problem", "problem_hash", "space", "warnings")},
        certificate=free.certificate | {key: ruled.certificate[key] for key in ("problem_hash", "space")},
    )
    found = {check.name: check for check in verify(forged).checks if check.ok is False}
    assert set(found) == {"mappings"} and "(one) is broken" in found["mappings"].detail


@pytest.mark.slow
def test_a_layer_without_a_mapping_by_itself_may_run_in_a_group() -> None:
    architecture = chip(*ONLY_IN_GROUPS, layers="one")
    alone = optimizer.solve(block(), architecture)
    assert alone.status == "INFEASIBLE"
    result = optimizer.compare(block(), architecture, fusion=FUSION)
    assert result.status == "OPTIMAL" and {"one", "three"} <= set(members(result))
    data = result.to_json()
    assert data["comparison"]["layer_by_layer"]["objective"] is None
    assert all(run["extents"]["P"] == 5 for group in data["groups"] for run in group["runs"] if run["layer"] == "one")
    found = verify(result)
    assert found.ok, [check for check in found.checks if not check.ok]


@pytest.mark.slow
def test_what_is_to_blame_is_what_no_group_helps() -> None:
    """The first layer has a mapping in a group only; the other one has none at all."""
    impossible = {"name": "odd", "spatial": "K", "level": "GLB", "equals": 3, "layers": "three"}
    rules = [rule | {"layers": "one"} for rule in ONLY_IN_GROUPS]
    result = optimizer.solve(block(), chip(*rules, impossible), fusion=FUSION)
    reason = result.body.infeasible
    assert result.status == "INFEASIBLE" and reason is not None
    assert (reason.layer, reason.constraints, reason.removable) == ("three", ("odd",), ("odd",))
    assert verify(result).ok
    both = optimizer.solve(block(), chip(*rules, {"bypass": "O", "level": "GLB", "layers": "one"}), fusion=FUSION)
    assert both.body.infeasible is not None and both.body.infeasible.layer == "one"
    shut = {"bypass": "I", "level": "GLB", "layers": "three"}
    together = optimizer.solve(block(), chip(*rules, shut), fusion=FUSION).body.infeasible
    assert together is not None and together.layer is None and len(together.constraints) == 3, "no layer by itself"


@pytest.mark.slow
def test_what_a_rule_costs_with_fusion(tmp_path: Path) -> None:
    bypass = {"name": "direct", "bypass": "I", "level": "GLB", "layers": "three"}
    result = optimizer.compare(block(), chip(bypass), fusion=FUSION, without="direct")
    assert result.beside is not None and result.beside.certificate.value == solved().certificate.value
    assert result.body.dropped is not None and result.body.dropped.binds is True
    assert verify(result).ok
    (tmp_path / "net.yaml").write_text(NETWORK)
    (tmp_path / "chip.yaml").write_text(ARCHITECTURE + f"mapping: [{bypass}]\n".replace("'", ""))
    asked = (str(tmp_path / "net.yaml"), "-a", str(tmp_path / "chip.yaml"), "--choose", "GLB.size=2 KiB")
    more = ("--fusion", "--max-group", "3", "--constraint", "direct", "--no-cache", "--quiet")
    good("study", *asked, *more, "--out", str(tmp_path / "out"))
    assert optimizer.load_result(tmp_path / "out").body.dropped == result.body.dropped
    good("verify", str(tmp_path / "out"))


@pytest.mark.slow
def test_groups_given_by_hand_keep_the_rules() -> None:
    rule = {"order": ["C", "K"], "level": "RF"}
    result = solved(rule)
    evaluated = evaluate_groups(block(), chip(rule), {"groups": result.to_json()["groups"]})
    assert evaluated.body.objective.value == result.to_json()["objective"]["value"]
    assert evaluated.body.space.text.endswith(f"keep these constraints: {chip(rule).mapping[0].title}.")
    bypass = chip({"name": "direct", "bypass": "I", "level": "GLB"}, layers="three")
    with pytest.raises(SpecError, match="direct"):
        evaluate_groups(block(), bypass, {"groups": [{"layers": ["one", "three"]}]})
    with pytest.raises(SpecError, match="by itself"):
        evaluate_groups(block(), chip(*ONLY_IN_GROUPS, layers="one"), {"groups": [{"layers": ["one", "three"]}]})


def test_rules_of_a_network_go_with_it() -> None:
    ruled = parse_network(NETWORK + "mapping: [{bypass: I, level: GLB, layers: three}]\n")
    result = optimizer.solve(ruled, chip(), fusion=FUSION)
    assert result.certificate.value == solved({"bypass": "I", "level": "GLB"}, layers="three").certificate.value
    assert verify(result).ok
