"""Caps in the units of users: what they stand for, what is refused, who is to blame, and that all is checked again."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import optimizer
from optimizer.architecture.budgets import Budgets
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.problem.cap_blame import Needed, blamed_caps
from optimizer.problem.serving_caps import BUDGET, ServingCaps, as_budget, in_unit_of, tightened
from optimizer.report.infeasible import infeasible_text
from optimizer.report.serving import caps_line
from optimizer.workload.network import Network
from optimizer.workload.reader import parse_network
from optimizer.workload.serving import Serving
from tests.support.tiny_problem import ARCHITECTURE, NETWORK, TINY

STATED = "serving: {phase: PHASE, batch: 2, tokens: 5, weight_bits: 9, cache_bits: 8000}\n"


def model(phase: str = "decode") -> Network:
    return parse_network(STATED.replace("PHASE", phase) + NETWORK)


def budgets(phase: str = "decode", own: Budgets | None = None, **caps: Any) -> Budgets:
    exact = {name: Fraction(limit) for name, limit in caps.items()}
    return tightened(own or Budgets(), ServingCaps(**exact), model(phase))


def test_what_caps_stand_for_is_exact() -> None:
    assert budgets("prefill", max_ttft_ms="1.1").latency_ms == Fraction(11, 10)
    assert budgets("prefill", min_tokens_per_s=3).latency_ms == Fraction(10000, 3)
    assert budgets(min_tokens_per_s=3).latency_ms == Fraction(2000, 3)
    assert budgets("prefill", max_j_per_token="0.7").energy_mj == 7000
    assert budgets(max_j_per_token="0.7").energy_mj == 1400


def test_the_tightest_of_several_holds() -> None:
    own = Budgets(latency_ms=Fraction(5), energy_mj=Fraction(1))
    assert budgets(own=own, max_tpot_ms=6, min_tokens_per_s=1000).latency_ms == 2
    assert budgets(own=own, max_tpot_ms=6, max_j_per_token=1) == own
    assert tightened(own, None, Network("none")) == own


@pytest.mark.parametrize("cap", BUDGET)
def test_caps_and_budgets_are_inverse(cap: str) -> None:
    serving = Serving("decode", 3, 7, 0, 0)
    assert in_unit_of(cap, as_budget(cap, Fraction(7, 5), serving), serving) == Fraction(7, 5)


@pytest.mark.parametrize(
    ("phase", "cap", "allowed"),
    [
        ("decode", "max_ttft_ms", "max_tpot_ms, min_tokens_per_s, max_j_per_token"),
        ("prefill", "max_tpot_ms", "max_ttft_ms, min_tokens_per_s, max_j_per_token"),
    ],
)
def test_a_cap_of_the_other_phase_is_refused(phase: str, cap: str, allowed: str) -> None:
    with pytest.raises(SpecError, match=cap) as caught:
        budgets(phase, **{cap: 1})
    assert caught.value.allowed == allowed


def test_caps_are_of_language_models() -> None:
    caps = ServingCaps(min_tokens_per_s=Fraction(1))
    with pytest.raises(SpecError, match="no language model"):
        optimizer.solve(parse_network(NETWORK), TINY, caps=caps)
    with pytest.raises(SpecError, match="with fusion"):
        optimizer.solve(model(), TINY, caps=caps, fusion=optimizer.Fusion())
    with pytest.raises(SpecError, match="positive"):
        ServingCaps(max_tpot_ms=Fraction(0))


def test_energies_without_a_unit_have_no_joules() -> None:
    chip = optimizer.load_architecture("eyeriss")
    with pytest.raises(SpecError, match="max_j_per_token"):
        optimizer.solve(model(), chip, caps=ServingCaps(max_j_per_token=Fraction(1)))


def test_the_caps_to_blame() -> None:
    caps = ServingCaps(None, Fraction(4), Fraction(300), Fraction(1))  # 4 ms, 6.67 ms, 2000 mJ
    serving = Serving("decode", 2, 5, 0, 0)

    def blamed(*names: str, **needed: Needed) -> dict[str, float | None]:
        return {one.cap: one.least for one in blamed_caps(caps, serving, names, needed)}

    assert blamed("area_mm2") == {}
    assert blamed("latency_ms") == {"max_tpot_ms": None}
    assert blamed("latency_ms", latency_ms=Needed(5.0, True)) == {"max_tpot_ms": 5.0}
    both = blamed("latency_ms", "energy_mj", latency_ms=Needed(7.0, True))
    assert both == {"max_tpot_ms": 7.0, "min_tokens_per_s": 285.714, "max_j_per_token": None}
    bound = blamed("latency_ms", latency_ms=Needed(7.0, False))
    assert bound["min_tokens_per_s"] == 285.715  # no design is as fast


def test_a_design_within_caps(tmp_path: Path) -> None:
    free = optimizer.solve(model(), TINY, objective="energy", workers=1)
    fast = optimizer.solve(model(), TINY, objective="latency", workers=1)
    assert free.body.serving is not None and fast.body.serving is not None and free.body.design is not None
    assert fast.body.serving.tokens_per_s > free.body.serving.tokens_per_s
    least = Fraction(int(fast.body.serving.tokens_per_s) - 1)
    result = optimizer.solve(model(), TINY, workers=1, caps=ServingCaps(min_tokens_per_s=least))
    assert result.status == "OPTIMAL" and result.body.serving is not None
    assert result.body.serving.tokens_per_s >= least
    assert result.body.problem["serving_caps"] == {"min_tokens_per_s": str(least)}
    assert caps_line(result.body.problem).startswith("min_tokens_per_s >= ")
    optimizer.save(result, tmp_path)
    assert optimizer.verify(tmp_path).ok
    data = json.loads((tmp_path / "result.json").read_text())
    data["serving"]["tokens_per_s_per_w"] *= 2
    (tmp_path / "result.json").write_text(json.dumps(data))
    assert not optimizer.verify(tmp_path).ok


def test_no_design_names_the_caps(tmp_path: Path) -> None:
    caps = ServingCaps(max_tpot_ms=Fraction(1, 10**6))
    result = optimizer.solve(model(), TINY, workers=1, caps=caps)
    assert result.status == "INFEASIBLE" and result.body.infeasible is not None
    told = str(infeasible_text(result.body.infeasible, result.body.problem["budgets"]))
    assert "the budget max_tpot_ms excludes it" in told and "latency_ms" not in told
    (blamed,) = result.body.infeasible.caps or ()
    assert blamed.least is not None
    enough = ServingCaps(max_tpot_ms=Fraction(str(blamed.least)))
    assert optimizer.solve(model(), TINY, workers=1, caps=enough).status == "OPTIMAL"
    optimizer.save(result, tmp_path)
    assert optimizer.verify(tmp_path).ok
    data = json.loads((tmp_path / "result.json").read_text())
    data["infeasible"]["caps"][0]["least"] /= 2
    (tmp_path / "result.json").write_text(json.dumps(data))
    assert not optimizer.verify(tmp_path).ok


def test_a_budget_beside_a_cap_is_named_if_it_excludes_too() -> None:
    own = TINY.with_budgets(Budgets(latency_ms=Fraction(1, 10**5)))
    result = optimizer.solve(model(), own, workers=1, caps=ServingCaps(max_tpot_ms=Fraction(1, 10**6)))
    assert result.body.infeasible is not None
    told = str(infeasible_text(result.body.infeasible, result.body.problem["budgets"]))
    assert "the budget latency_ms (max_tpot_ms) excludes it" in told


def test_the_command_and_the_question(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text(STATED.replace("PHASE", "decode") + NETWORK)
    (tmp_path / "a.yaml").write_text(ARCHITECTURE)
    asked = ["-a", str(tmp_path / "a.yaml"), "--max-tpot-ms", "1"]
    network, out = str(tmp_path / "n.yaml"), str(tmp_path / "out")
    done = CliRunner().invoke(main, ["solve", network, *asked, "--out", out, "--no-cache", "--workers", "1"])
    assert done.exit_code == 0 and "max_tpot_ms <= 1 ms" in done.output
    verify = ["verify", out, "--network", network, *asked]
    assert CliRunner().invoke(main, verify).exit_code == 0
    other = CliRunner().invoke(main, [*verify[:-1], "2"])
    assert other.exit_code != 0 and "serving_caps.max_tpot_ms is 1, asked for is 2" in " ".join(other.output.split())
    wrong = CliRunner().invoke(main, ["solve", "alexnet", *asked])
    assert wrong.exit_code == 2 and "no language model" in wrong.output
