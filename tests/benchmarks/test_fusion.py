"""The benchmarks of fused groups; skipped where only the wheel is installed."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("benchmarks.registry")

from benchmarks import fusion, growth, registry, series
from benchmarks.menus import edge
from benchmarks.power_law import exponent
from benchmarks.table import markdown
from optimizer.architecture.selection import select, single_point
from optimizer.fusion.groups import groups
from optimizer.problem.fusion_options import Fusion
from tests.support.benchmark_reports import report
from tests.support.fused_block import block, tiny


@pytest.mark.parametrize("power", [-1.0, 0.5, 2.0])
def test_exponent_of_a_power_law(power: float) -> None:
    sizes = [5, 10, 20, 50]
    assert exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_no_exponent_of_a_single_size() -> None:
    assert exponent([5], [1.0]) is exponent([5, 5], [1.0, 2.0]) is exponent([5, 10], [0.0, 1.0]) is None


def chain_report(size: int, seconds: float, count: int) -> dict[str, Any]:
    found = report([seconds], None, series="chain", size=size)
    for key, value in (("wall", seconds), ("groups", count)):
        found["summary"][key] = dict.fromkeys(("median", "min", "max"), value)
    return found


def test_exponents_stand_below_the_table() -> None:
    reports = [chain_report(size, 0.1 * size**2, size - 1) for size in (2, 10, 100)]
    text = markdown(reports)
    assert text.startswith("| layers | seconds |")
    assert "seconds grow as (layers)^2.00 (least squares of the logarithms)." in text
    assert text.count("seconds grow as (groups)^") == 1
    assert list(series.growth(series.CHAINS, reports[:1])) == []
    assert list(series.growth(series.LEVELS, reports)) == []


def test_targets_of_one_point_and_of_many() -> None:
    found = registry.benchmarks()
    for network, seconds in fusion.SECONDS.items():
        for suffix, factor in (("", 1), ("-vwa", 1), ("-eyeriss_rs", 1), ("-points", 10)):
            assert found[f"fused-{network}{suffix}"].target == {"wall": factor * seconds, registry.MEMORY: 4.0}


def test_hardware() -> None:
    point = single_point(fusion.edge_point())
    assert point.levels[1].size_bits == 256 * 1024 * 8
    assert len(edge(fusion.MENUS)) == len(fusion.MENUS) == 200
    assert len(edge(fusion.CHAIN_POINT)) == 1


def test_chains_have_groups_of_neighbours() -> None:
    network = fusion.chain(5)
    assert len(network.mac_layers()) == 5 and len({layer.shape_key() for layer in network.mac_layers()}) == 1
    assert [len(found.members) for found in groups(network, 3)].count(3) == 3


def test_fused_growth_is_of_proved_results() -> None:
    measured = growth.proved(block(), select(tiny(), {"GLB.size": "1 KiB"}), Fusion(3))
    assert measured.details["status"] == "OPTIMAL" and measured.details["layers"] == 3
    assert measured.figures["groups"] == len(list(groups(block(), 3))) == 3
    assert measured.details["groups"]
    only = fusion.seconds_of(measured)
    assert set(only.figures) == {"wall"} and only.details["figures"]["groups"] == 3
