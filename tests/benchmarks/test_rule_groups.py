"""Groups made by a rule; skipped where only the wheel is installed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("benchmarks.registry")

from benchmarks.rule_groups import Rule, decisions, evaluate_rule, rule_plans, stretches, weight_bits
from optimizer import api, evaluate_groups, networks
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.selection import select, single_point
from optimizer.errors import SpecError
from optimizer.fusion.tile_pricer import Runs
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.goal import Aim
from optimizer.store.store import Store
from optimizer.workload.layer import conv
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY_WINDOW, View, Window
from tests.support.choices import slow_if
from tests.support.fused_block import block, tiny

POINTWISE: View = (IDENTITY_WINDOW, IDENTITY_WINDOW, IDENTITY_WINDOW)
WINDOW: View = (IDENTITY_WINDOW, Window(1, 3, 1), Window(1, 3, 1))


def chip(size: str = "1 KiB") -> Architecture:
    return select(tiny(), {"GLB.size": size})


def chain(*channels: int, rows: int = 8, kernel: int = 1) -> Network:
    """Convolutions a, b, c ... that read from each other."""
    network = Network("chain")
    for name, given, made in zip("abcdefgh", channels, channels[1:], strict=False):
        layer = conv(name, {"K": made, "C": given, "P": rows, "Q": 8, "R": kernel, "S": kernel})
        before = chr(ord(name) - 1)
        view = WINDOW if kernel > 1 else POINTWISE
        network.add(layer, **({} if name == "a" else {"after": {before: before}, "views": {before: view}}))
    return network


def groups(network: Network, architecture: Architecture, most: int | None = None) -> list[dict[str, Any]]:
    rule = Rule(single_point(architecture), Runs("timeloop", Store(None)), Aim(), most)
    return [decisions(plan) for plan in rule_plans(network, rule)]


def layers(network: Network, architecture: Architecture, most: int | None = None) -> list[str]:
    return ["".join(group["layers"]) for group in groups(network, architecture, most)]


def test_branches_are_in_one_stretch() -> None:
    assert list(stretches(block())) == [("one",), ("three", "sum")]
    assert list(stretches(chain(4, 4, 4))) == [("a",), ("b",)]
    found = list(stretches(networks.build("googlenet")))
    assert found[7] == tuple(
        f"3a/{name}" for name in ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool", "projection", "concat")
    )
    assert [name for stretch in found for name in stretch] == [x.name for x in networks.build("googlenet").layers()]


def test_layers_are_fused_as_long_as_their_weights_fit() -> None:
    """1 KiB are 512 words; a and b have 160 words of weights, with c it would be 672."""
    network = chain(4, 8, 16, 32)
    assert [weight_bits(network, name) // 16 for name in "abc"] == [32, 128, 512]
    assert layers(network, chip()) == ["ab"]
    assert layers(network, chip("2 KiB")) == ["abc"]
    assert layers(network, chip("2 KiB"), most=2) == ["ab"]


@pytest.mark.slow
def test_what_fits_no_cut_starts_the_next_group() -> None:
    """Cached rows of the 3x3 chain do not fit besides the weights of three layers."""
    network = chain(4, 4, 4, 4, 4, kernel=3)
    weights = weight_bits(network, "a")
    assert 3 * weights < 1024 * 8
    assert layers(network, chip()) == ["ab", "cd"]
    assert layers(network, chip("2 KiB")) == ["abcd"]


@pytest.mark.slow
def test_a_stretch_that_is_too_large_falls_apart() -> None:
    """Of two layers at most there is no whole block; branches of a layer that its group cannot take in run alone."""
    network = block()
    assert [group["layers"] for group in groups(network, chip("2 KiB"))] == [["one", "three", "sum"]]
    pairs = [group["layers"] for group in groups(network, chip("2 KiB"), most=2)]
    assert pairs == [["three", "sum"]]
    branches = chain(4, 8)
    for name in ("b", "c"):
        branches.add(conv(name, {"K": 60, "C": 8, "P": 8, "Q": 8}), after={"a": "a"}, views={"a": POINTWISE})
    assert list(stretches(branches)) == [("a",), ("b",), ("c",)]
    assert layers(branches, chip("2 KiB")) == ["ab"]


def test_layers_that_may_not_be_fused_run_alone() -> None:
    network = chain(4, 4, 4)
    twice = replace(conv("c", {"K": 4, "C": 4, "P": 8, "Q": 8}), multiplicity=2)
    network.add(twice, after={"b": "b"}, views={"b": POINTWISE})
    assert layers(network, chip("2 KiB")) == ["ab"]


@pytest.mark.slow
@pytest.mark.parametrize("objective", slow_if(["latency"], ["energy", "latency"]))
@pytest.mark.parametrize("make", [block, lambda: chain(4, 4, 4, 4, kernel=3)], ids=["block", "chain"])
def test_no_rule_beats_the_proved_groups(make: Any, objective: str) -> None:
    network = make()
    ruled = evaluate_rule(network, chip(), objective=objective, most=3)
    fused = api.solve(network, chip(), objective=objective, fusion=Fusion(3)).to_json()
    assert ruled["groups"] and fused["status"] == "OPTIMAL"
    assert ruled["objective"]["value"] >= fused["objective"]["value"]


def test_all_weights_are_resident_and_halo_is_cached() -> None:
    (group,) = evaluate_rule(chain(4, 4, 4, kernel=3), chip())["groups"]
    assert set(group["weights"].values()) == {"resident"}
    assert group["halo"] == {"rows": "cache", "columns": "cache"}
    assert (group["tile"]["parts"]["batch"], group["tile"]["parts"]["columns"]) == (1, 1)


def test_the_best_number_of_parts_is_taken() -> None:
    network, architecture = chain(4, 4, 4, kernel=3), chip()
    (best,) = groups(network, architecture)
    values = {}
    for rows in (1, 2, 4, 8):
        given = best | {"tile": {"parts": {"rows": rows}}}
        try:
            values[rows] = api_energy(network, architecture, given)
        except SpecError:
            continue
    assert math.isclose(values[best["tile"]["parts"]["rows"]], min(values.values()))


def api_energy(network: Network, architecture: Architecture, group: dict[str, Any]) -> float:
    """Energy with a group given by hand."""
    energy: float = evaluate_groups(network, architecture, {"groups": [group]}).to_json()["energy_pj"]
    return energy
