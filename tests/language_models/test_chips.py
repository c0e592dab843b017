"""The built-in chips for language models: what they hold, and that a model of today is solved on them."""

from __future__ import annotations

from fractions import Fraction

import pytest

import optimizer
from optimizer.errors import SpecError

CHIPS = {"edge_lpddr5x": (136, 16), "datacenter_hbm3e": (4800, 131)}
"""GB/s and GiB off chip."""
BITS = {"W": 4, "I": 8, "O": 16, "KV": 8}


def test_the_model_has_its_published_size() -> None:
    """1.23 B parameters, as its model card says; the output projection has the weights of the embedding."""
    assert optimizer.load("llama-3.2-1b", phase="decode").parameters == 1_235_814_400


@pytest.mark.parametrize("name", CHIPS)
def test_bandwidth_and_capacity(name: str) -> None:
    chip = optimizer.load_architecture(name)
    point, (rate, held) = next(iter(chip.points())), CHIPS[name]
    assert point.levels[0].shared_bits_per_cycle == Fraction(8000 * rate) / point.clock_mhz
    assert chip.budgets.dram_gib == held


def test_a_model_that_does_not_fit() -> None:
    network = optimizer.load("llama-3.1-70b", phase="decode", context=8192)
    result = optimizer.solve(network, optimizer.load_architecture("datacenter_hbm3e"))
    assert result.status == "INFEASIBLE" and result.body.infeasible is not None
    assert result.body.infeasible.budgets == ("dram_gib",)
    with pytest.raises(SpecError, match="does not fit off chip"):
        optimizer.study(network, optimizer.load_architecture("edge_lpddr5x"), vary=[optimizer.Range("area-mm2")])


@pytest.mark.slow
@pytest.mark.parametrize("name", CHIPS)
def test_decode_comes_close_to_the_bandwidth(name: str) -> None:
    network = optimizer.load("llama-3.2-1b", phase="decode", context=4096, bits=BITS)
    assert network.serving is not None
    least_ms = (network.serving.weight_bits + network.serving.cache_bits) / 8e6 / CHIPS[name][0]
    chip = optimizer.load_architecture(name)
    result = optimizer.solve(network, chip, objective="latency", time_limit_s=60)
    assert result.status == "OPTIMAL" and result.body.serving is not None
    taken = result.body.serving.output_token_ms
    assert taken is not None and least_ms < taken < 1.2 * least_ms
