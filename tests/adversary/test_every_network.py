"""Built-in networks have a proved design on `edge_small`, for every objective, and the three agree.

The profile ``nightly`` takes all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import optimizer
from optimizer.networks.catalog import names
from tests.adversary.task import OBJECTIVES
from tests.support.profiles import nightly

SAMPLE = ("alexnet", "resnet18", "mobilenet_v1", "bert_base", "gpt2_decode")


def test_the_sample_is_of_built_in_networks() -> None:
    assert set(SAMPLE) < set(names())


@pytest.mark.slow
@pytest.mark.parametrize("network", names() if nightly() else SAMPLE)
def test_three_objectives_from_a_cold_store(network: str, tmp_path: Path, tally: Callable[..., None]) -> None:
    designs, seconds = {}, 0.0
    for objective in OBJECTIVES:
        result = optimizer.solve(
            optimizer.load(network),
            optimizer.load_architecture("edge_small"),
            objective=objective,
            workers=1,
            cache_dir=tmp_path / objective,
        )
        assert result.status == "OPTIMAL"
        seconds += result.to_json()["wall_s"]
        energy, latency = result.to_json()["energy_pj"], result.to_json()["latency_cycles"]
        designs[objective] = {"energy": energy, "latency": latency, "edp": energy * latency}
    tally("networks", {"solved": len(OBJECTIVES), "seconds": round(seconds)})
    for objective, design in designs.items():
        for other in designs.values():
            assert design[objective] <= other[objective] * (1 + 1e-12)
