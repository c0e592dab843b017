"""Arguments of the Python interface: what is of another type, or out of range, is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import optimizer
from optimizer.architecture.reader import load_architecture
from optimizer.errors import SpecError
from optimizer.network_adjustment.request import WidthChanges
from optimizer.networks.load import load
from optimizer.studies.request import StudyRequest
from optimizer.workload.reader import parse_network

ARCHITECTURE = load_architecture("edge_small")
NETWORK = parse_network("name: a\ntype: matmul\ndims: {M: 4, N: 8, K: 16}\n")
Call = Callable[[Any], object]
RUN: list[tuple[str, list[Any]]] = [
    ("workers", [0, -1, 0.5, True, "2", None]),
    ("time_limit_s", [-1, float("nan"), float("inf"), "x", 1e10, 10**400, Fraction(10**400)]),
    ("seed", [-1, 1.5, None, 2**31]),
    ("cache_dir", [5]),
    ("progress", [5, "always"]),
    ("objective", [5, "beauty"]),
    ("padding", [5, "some", {"K": 9}, {"K": ["9"]}, {3: (9,)}]),
    ("fusion", [5, True]),
]
CALLS: list[tuple[str, Call, list[Any]]] = [
    *[(name, lambda value, name=name: optimizer.solve(NETWORK, ARCHITECTURE, **{name: value}), v) for name, v in RUN],
    ("network", lambda value: optimizer.solve(value, ARCHITECTURE), ["alexnet", None]),
    ("architecture", lambda value: optimizer.solve(NETWORK, value), ["edge", None]),
    ("layer", lambda value: optimizer.map_layer(value, ARCHITECTURE), [NETWORK, "conv1"]),
    ("fusion", lambda value: optimizer.compare(NETWORK, ARCHITECTURE, fusion=value), [None, "cache"]),
    ("members", lambda value: optimizer.codesign(value, ARCHITECTURE), [5, [5], "ab"]),
    ("relative", lambda value: optimizer.codesign([NETWORK], ARCHITECTURE, relative=value), [1]),
    ("pool", lambda value: optimizer.codesign([NETWORK], ARCHITECTURE, pool=value), [5, "processes"]),
    ("weight", lambda value: optimizer.Member(NETWORK, weight=value), [float("nan"), 0, -1, "1", 0.5]),
    ("caps", lambda value: optimizer.Member(NETWORK, caps=value), [5, {"latency_ms": "1"}]),
    (
        "vary",
        lambda value: optimizer.study(NETWORK, ARCHITECTURE, value),
        [5, optimizer.Range("area-mm2"), ["area-mm2"]],
    ),
    ("low", lambda value: optimizer.Range("area-mm2", value), ["1", 1.5]),
    ("tolerance", lambda value: optimizer.front(NETWORK, ARCHITECTURE, tolerance=value), ["x", float("nan"), -1, 1]),
    ("area_mm2", lambda value: optimizer.Budgets(area_mm2=value), [-1, 2.5, float("nan"), "2", [1], True]),
    ("budgets", ARCHITECTURE.with_budgets, ["x", None]),
    ("changes", lambda value: optimizer.adjust(NETWORK, ARCHITECTURE, value), [5]),
    ("multiple", lambda value: WidthChanges(multiple=value), [0, "8", 1.5]),
    ("low", lambda value: WidthChanges(low=value), [0.5, Fraction(-1)]),
    ("goal", lambda value: optimizer.plan_memory(NETWORK, goal=value), ["beauty"]),
    ("reserve_bits", lambda value: optimizer.plan_memory(NETWORK, reserve_bits=value), [-1, 0.5]),
    ("request", optimizer.size_engine, ["x", None]),
    ("halo", lambda value: optimizer.Fusion(halo=value), [5, "cache"]),
    ("spec", load, [5, None]),
    ("sparsity", lambda value: load("alexnet", sparsity=value), [5, ("W",)]),
    ("spec", load_architecture, [5, None]),
    ("hardware", lambda value: optimizer.evaluate(NETWORK.mac_layers()[0], value, value), [ARCHITECTURE, None]),
    ("groups", lambda value: optimizer.evaluate_groups(NETWORK, ARCHITECTURE, value), [5, None]),
    ("subject", optimizer.verify, [5, None]),
    ("seed", lambda value: optimizer.verify(optimizer.solve(NETWORK, ARCHITECTURE), seed=value), [-1, 0.5, "1"]),
    ("directory", optimizer.load_result, [5, None]),
    ("result", lambda value: optimizer.save(value, "nowhere"), [5, None]),
]
CASES = [(name, call, value) for name, call, values in CALLS for value in values]


@pytest.mark.parametrize(("name", "call", "value"), CASES, ids=[f"{name}={value!r:.30}" for name, _, value in CASES])
def test_bad_arguments_are_refused_by_name(name: str, call: Call, value: object) -> None:
    with pytest.raises(SpecError) as error:
        call(value)
    assert name in str(error.value.field) and error.value.allowed and error.value.remedy


def test_numbers_of_every_kind_are_taken() -> None:
    options = optimizer.Options(time_limit_s=Fraction(1, 2), workers=1, seed=0)
    assert options.time_limit_s == Fraction(1, 2)
    assert optimizer.Options(time_limit_s=0).time_limit_s == 0
    assert optimizer.Budgets(area_mm2=2).area_mm2 == 2 and optimizer.Member(NETWORK, weight=2).weight == 2


def test_numbers_of_other_libraries_become_exact_ones() -> None:
    """A budget of 32 bits would overflow where it is turned into energy units."""
    budgets = optimizer.Budgets(energy_mj=np.int32(3), dram_gbps=np.int64(10**10))
    assert [type(budgets.energy_mj), type(budgets.dram_gbps)] == [int, int]
    found = optimizer.solve(NETWORK, ARCHITECTURE.with_budgets(budgets), padding={"K": [np.int64(17)]})
    plain = optimizer.solve(NETWORK, ARCHITECTURE.with_budgets(optimizer.Budgets(energy_mj=3)), padding={"K": [17]})
    assert found.status == plain.status == "OPTIMAL"
    assert found.to_json()["objective"] == plain.to_json()["objective"]


def test_mappings_of_every_kind_become_plain_ones() -> None:
    padding = MappingProxyType({np.str_("K"): (np.int64(17),)})
    request = StudyRequest(NETWORK, ARCHITECTURE, (optimizer.Range("area-mm2"),), padding=padding)
    assert type(request.padding) is dict
    ((dim, (extent,)),) = request.padding.items()
    assert (type(dim), type(extent), dim, extent) == (str, int, "K", 17)


def test_no_message_of_a_tolerance_names_an_option() -> None:
    with pytest.raises(SpecError) as error:
        optimizer.front(NETWORK, ARCHITECTURE, tolerance=-1)
    assert "--" not in str(error.value) and "30 %" in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["a\0b", "a" * 256, "b/" + "ä" * 128])
def test_paths_that_no_file_system_takes_are_refused(path: str) -> None:
    found = optimizer.solve(NETWORK, ARCHITECTURE)
    for use in (optimizer.load_result, load, load_architecture, lambda one: optimizer.save(found, one)):
        with pytest.raises(SpecError, match=r"no file can have this name|no such|unknown network"):
            use(path)


def test_an_empty_path_is_refused() -> None:
    found = optimizer.solve(NETWORK, ARCHITECTURE)
    for use in (optimizer.load_result, load, load_architecture, lambda one: optimizer.save(found, one)):
        with pytest.raises(SpecError, match="an empty path"):
            use("")
