"""Rules for mappings, and the search of every nest, in studies, co-designs and adjusted networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import optimizer
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import select
from optimizer.network_adjustment.request import WidthChanges, parse_range, parse_tolerance
from optimizer.workload.network import Network
from optimizer.workload.reader import parse_network
from tests.support.command_line import good

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
STATIONARY = {"stationary": "W", "level": "RF", "name": "ws"}
IMPOSSIBLE = {"spatial": "M", "level": "GLB", "equals": 7, "name": "seven"}
NETWORK = """
name: NAME
layers:
  - {name: a, type: matmul, dims: {M: 8, N: 12, K: 16}}
  - {name: b, type: matmul, dims: {M: 8, N: 4, K: 12}}
"""
TALL = [optimizer.Range("area-mm2")]


def chip(*rules: dict[str, Any]) -> Architecture:
    return parse_architecture(CHIP | ({"mapping": list(rules)} if rules else {}))


def network(name: str = "net", more: str = "") -> Network:
    return parse_network(NETWORK.replace("NAME", name) + more)


def values(result: optimizer.StudyResult) -> list[int]:
    return [int(step.objective.exact) for step in result.body.study.designs]


@pytest.mark.slow
def test_a_staircase_under_rules_holds_the_optimum_of_every_limit(tmp_path: Path) -> None:
    found = optimizer.study(network(), chip(STATIONARY), TALL)
    every = optimizer.study(network(), chip(), TALL, engine="path")
    assert "engine" not in found.body.problem and "engine" not in every.body.problem
    assert all(a >= b for a, b in zip(values(found), values(every), strict=False))
    for step in found.body.study.designs:
        alone = optimizer.solve(
            network(), select(chip(STATIONARY), {path: str(entry) for path, entry in step.choices.items()})
        )
        assert int(alone.certificate.value) == int(step.objective.exact)
    optimizer.save(found, tmp_path)
    assert optimizer.verify(tmp_path).ok


@pytest.mark.slow
def test_a_front_under_rules_is_verified(tmp_path: Path) -> None:
    found = optimizer.front(network(), chip(STATIONARY))
    assert found.status == "OPTIMAL" and "engine" not in found.body.problem
    least = optimizer.solve(network(), chip(STATIONARY))
    assert min(design.exact.energy for design in found.body.study.designs) == int(least.certificate.value)
    optimizer.save(found, tmp_path)
    assert optimizer.verify(tmp_path).ok


@pytest.mark.slow
def test_no_design_under_rules() -> None:
    found = optimizer.study(network(), chip(IMPOSSIBLE), TALL)
    assert found.status == "INFEASIBLE" and found.body.study.least == ()
    joint = optimizer.codesign([network("one"), network("two")], chip(IMPOSSIBLE))
    assert joint.status == "INFEASIBLE" and joint.body.infeasible is not None
    for reason in joint.body.infeasible.alone.values():
        assert reason.constraints == ("seven",) == reason.removable
    assert optimizer.verify(joint).ok


@pytest.mark.slow
def test_a_co_design_under_rules(tmp_path: Path) -> None:
    ruled = network("ruled", "mapping: [{bypass: I, level: GLB}]\n")
    found = optimizer.codesign([ruled, network("free")], chip(STATIONARY))
    assert not any("engine" in one for one in found.body.problem["networks"])
    assert found.status == "OPTIMAL"
    for name, subject in (("ruled", ruled), ("free", network("free"))):
        alone = optimizer.solve(subject, chip(STATIONARY))
        assert found.alone[name].certificate.value == alone.certificate.value
    optimizer.save(found, tmp_path)
    assert optimizer.verify(tmp_path).ok


CONVS = """
name: convs
MORE
layers:
  - {name: c1, type: conv, dims: {K: WIDTH, C: 3, P: 4, R: 3}}
  - {name: c2, type: conv, dims: {K: 4, C: WIDTH, P: 4}}
"""
CHANGES = WidthChanges(
    multiple=2,
    low=parse_range("0.5:1.5", "range")[0],
    high=parse_range("0.5:1.5", "range")[1],
    parameters=parse_tolerance("50%", "params"),
    macs=parse_tolerance("50%", "macs"),
    freeze=("c2",),
)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", pytest.param("both", marks=pytest.mark.slow)])
def test_adjusted_widths_cost_least_under_rules(engine: str) -> None:
    more = "mapping: [{keep: I, level: GLB, layers: c1}]" if engine == "both" else ""

    def convs(width: int) -> Network:
        return parse_network(CONVS.replace("WIDTH", str(width)).replace("MORE", more))

    point = select(chip(STATIONARY), {"array.x": "4", "GLB.size": "1 KiB"})
    found = optimizer.adjust(convs(8), point, CHANGES, engine=engine)
    costs = {width: optimizer.solve(convs(width), point, engine=engine) for width in (4, 6, 8, 10, 12)}
    best = min(costs, key=lambda width: int(costs[width].certificate.value))
    assert found.adjusted is not None and found.status == "OPTIMAL"
    assert found.adjusted.certificate.value == costs[best].certificate.value
    assert found.original is not None and found.original.certificate.value == costs[8].certificate.value
    assert optimizer.verify(found).ok


@pytest.mark.slow
def test_the_commands_have_the_option(tmp_path: Path) -> None:
    """By CP-SAT alone they find what the shortest path finds."""
    layer = "layers: [{name: a, type: matmul, dims: {M: 4, N: 6, K: 4}}]"
    (tmp_path / "net.yaml").write_text(f"name: net\n{layer}\n", encoding="utf-8")
    (tmp_path / "rules.yaml").write_text("mapping: [{order: [K, M], level: GLB}]", encoding="utf-8")
    (tmp_path / "chip.yaml").write_text(yaml.safe_dump(CHIP), encoding="utf-8")
    asked = (
        tmp_path / "net.yaml",
        "-a",
        tmp_path / "chip.yaml",
        "--constraints",
        tmp_path / "rules.yaml",
        "--no-cache",
    )
    for command in (("study", *asked, "--pareto", "energy,latency"), ("codesign", *asked)):
        values = []
        for engine in ("path", "cp-sat"):
            good(*command, "--engine", engine, "--out", tmp_path / engine / command[0], "--quiet")
            values.append(optimizer.load_result(tmp_path / engine / command[0]).to_dataframe())
        assert values[0].equals(values[1])
