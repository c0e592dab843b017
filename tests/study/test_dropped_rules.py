"""What a constraint on mappings costs: the optimum with it and without it, both proved; and rules that cannot bind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import optimizer
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.checker.again import verify as checked
from optimizer.checker.stored import stored
from optimizer.checker.verification import Verification
from optimizer.errors import SpecError
from optimizer.workload.network import Network
from optimizer.workload.reader import parse_network
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
  - {temporal: K, level: DRAM, equals: 4, name: quarters}
  - {bypass: [W, I, O], level: GLB, name: direct}
"""
NET = """
name: net
mapping: [{tile: W, level: RF, dim: K, at_most: 1, layers: a, name: thin}]
layers:
  - {name: a, type: matmul, dims: {M: 8, N: 12, K: 16}}
  - {name: b, type: matmul, dims: {M: 8, N: 4, K: 12}}
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {"chip.yaml": CHIP, "rules.yaml": RULES, "net.yaml": NET}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


ASKED = ("net.yaml", "-a", "chip.yaml", "--constraints", "rules.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["direct", pytest.param("thin", marks=pytest.mark.slow)])
def test_a_study_gives_the_optimum_with_a_rule_and_without_it(files: Path, rule: str) -> None:
    shown = good("study", *ASKED, "--constraint", rule, "--no-cache", "--out", "out").stdout
    found = optimizer.load_result("out")
    assert isinstance(found, optimizer.Result) and found.beside is not None  # type: ignore[attr-defined]
    dropped, free = found.body.dropped, found.beside  # type: ignore[attr-defined]
    assert dropped.constraint == rule and rule in found.body.space.text and rule not in free.body.space.text
    assert "engine" not in found.body.problem and "engine" not in free.body.problem
    assert dropped.kept.objective == found.body.objective.value
    assert dropped.without.objective == free.body.objective.value
    assert dropped.binds is (found.certificate.value > free.certificate.value)
    assert dropped.increase.objective == pytest.approx(found.certificate.value / free.certificate.value - 1)
    assert f"What the constraint {rule} costs" in shown and "bind" in shown
    text = good("verify", "out", "--network", *ASKED, "--constraint", rule).stdout
    assert "without the constraint" in text
    assert run("verify", "out", "--network", *ASKED).exit_code == 1, "another question"
    good("verify", "out/without")


def subject() -> tuple[Network, Architecture]:
    return parse_network(NET), optimizer.with_constraints(parse_architecture(parsed()), rules())


def parsed() -> Any:
    from optimizer.files.exact_yaml import load_exact  # noqa: PLC0415

    return load_exact(CHIP)


def rules() -> list[Any]:
    from optimizer.files.exact_yaml import load_exact  # noqa: PLC0415

    found: list[Any] = load_exact(RULES)["mapping"]
    return found


@pytest.fixture(scope="module")
def compared() -> optimizer.Result:
    return optimizer.compare(*subject(), without="direct")


def verified(data: dict[str, Any], result: optimizer.Result) -> Verification:
    return checked(replace(stored(result), data=data))


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another cost": lambda data: data["dropped"]["increase"].update(objective=0.5),
    "it binds, or does not": lambda data: data["dropped"].update(binds=not data["dropped"]["binds"]),
    "another figure": lambda data: data["dropped"]["without"].update(energy_pj=1.0),
    "another constraint": lambda data: data["dropped"].update(constraint="thin"),
    "nothing is stated": lambda data: data.pop("dropped"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LIES))
def test_a_lie_about_the_cost_is_found(compared: optimizer.Result, name: str) -> None:
    data = json.loads(json.dumps(stored(compared).data))
    assert verified(data, compared).ok
    LIES[name](data)
    assert not verified(data, compared).ok


@pytest.mark.slow
def test_the_result_beside_must_be_about_the_problem_without_the_rule(compared: Any) -> None:
    other = optimizer.solve(*subject())
    assert not optimizer.verify(replace(compared, beside=other)).ok
    assert not optimizer.verify(replace(compared, beside=None)).ok


@pytest.mark.slow
def test_where_only_the_rule_excludes_every_design(tmp_path: Path) -> None:
    network, architecture = subject()
    seven = optimizer.with_constraints(architecture, [{"spatial": "M", "level": "GLB", "equals": 7, "name": "seven"}])
    found = optimizer.compare(network, seven, without="seven")
    assert found.status == "INFEASIBLE" and found.body.dropped is not None and found.body.dropped.binds is True
    assert found.body.dropped.kept.objective is None and found.body.dropped.without.objective is not None
    optimizer.save(found, tmp_path)
    assert optimizer.verify(tmp_path).ok


def test_what_does_not_go_together_is_refused(files: Path) -> None:
    study = ("study", *ASKED, "--no-cache", "--constraint", "direct")
    assert "alone" in bad(*study, "--vary", "area-mm2")
    assert "alone" in bad(*study, "--constraint", "thin")
    assert "--plot" in bad(*study, "--plot", "x.svg")
    assert "--processes" in bad(*study, "--processes")
    assert "direct" in bad("study", *ASKED, "--no-cache", "--constraint", "wide"), "known names are listed"
    with pytest.raises(SpecError, match="no constraint on mappings of this name"):
        optimizer.compare(*subject(), without="wide")
    with pytest.raises(SpecError, match="nothing to compare with"):
        optimizer.compare(*subject())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "idle"),
    [
        ({"keep": ["W", "I"], "level": "RF"}, True),
        ({"keep": "W", "level": "GLB"}, False),
        ({"keep": "W", "level": "DRAM"}, True),
        ({"unroll": ["M", "N", "K"], "level": "GLB"}, True),
        ({"unroll": ["M", "N"], "level": "GLB"}, False),
        ({"order": ["K", "C"], "level": "GLB"}, True),
        ({"order": ["K", "M"], "level": "GLB"}, False),
        ({"temporal": "K", "level": "GLB", "at_least": 1}, True),
        ({"utilization": 1}, False),
    ],
)
def test_rules_that_exclude_nothing_are_named(rule: dict[str, Any], idle: bool) -> None:
    network = parse_network("layers: [{name: a, type: matmul, dims: {M: 4, N: 4, K: 8}}]")
    architecture = optimizer.with_constraints(parse_architecture(parsed()), [rule])
    ruled = optimizer.solve(network, architecture, engine="path")
    assert any("does not bind" in line for line in ruled.body.warnings) is idle
    if idle:
        free = optimizer.solve(network, parse_architecture(parsed()), engine="path")
        assert free.certificate.value == ruled.certificate.value
    assert optimizer.verify(ruled).ok
