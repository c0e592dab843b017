"""The loop nests of a final design do not depend on stores, workers, or what was known before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from formulations.engines import PathEngine
from optimizer.api import solve
from optimizer.architecture.reader import parse_architecture
from optimizer.files.exact_yaml import load_exact
from optimizer.pricing.known_mappings import KnownMappings
from optimizer.problem.fusion_options import Fusion
from optimizer.workload.network import Network
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_unless
from tests.support.wide_chip import CHIP

NETWORK = """
name: chain
layers:
  - {name: first, type: conv, dims: {K: 8, C: 3, P: 10, R: 3}}
  - {name: second, type: conv, dims: {K: 8, C: 8, P: 8, R: 3}}
  - {name: last, type: matmul, dims: {M: 4, N: 20, K: 30}}
"""


def network() -> Network:
    """A chain of two convolutions, and a product."""
    return parse_network(NETWORK)


def design(objective: str, **options: Any) -> dict[str, Any]:
    """Hardware and layers of the best design, loop nests included."""
    result = solve(network(), parse_architecture(load_exact(CHIP)), objective=objective, **options)
    data = result.to_json()
    assert result.status == "OPTIMAL" and not result.disagreements
    return {key: data[key] for key in ("hardware", "groups", "layers") if key in data}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "fusion"),
    slow_unless([("energy", None)], [("energy", None), ("latency", None), ("edp", None), ("energy", Fusion())]),
)
def test_nests_depend_on_the_problem_alone(
    objective: str, fusion: Fusion | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = design(objective, fusion=fusion, cache_dir=None, workers=1)
    assert design(objective, fusion=fusion, cache_dir=None, workers=2) == plain
    for other in ("edp", "latency", "energy", objective):  # each leaves its mappings in the store
        found = design(other, fusion=fusion, cache_dir=tmp_path, workers=1)
    assert found == plain
    monkeypatch.setattr(KnownMappings, "best", lambda *_: None)
    monkeypatch.setattr(PathEngine, "first", lambda *_: None)
    assert design(objective, fusion=fusion, cache_dir=None, workers=1) == plain


def test_a_nest_that_is_not_found_again_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PathEngine, "settled", lambda *_: None)
    result = solve(network(), parse_architecture(load_exact(CHIP)), cache_dir=None)
    assert result.status == "FEASIBLE" and "finds none" in result.disagreements[0]


def test_after_ctrl_c_the_design_keeps_its_nests(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PathEngine, "settled", interrupted)
    result = solve(network(), parse_architecture(load_exact(CHIP)), cache_dir=None)
    assert result.status == "OPTIMAL"
