"""Layers whose energy or time leaves exact integers are refused before the search; all others are solved."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from formulations.engines import CpSatEngine, PathEngine
from formulations.integer_range import LIMIT
from optimizer.api import map_layer, solve
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import load_architecture, parse_architecture
from optimizer.checker.again import verify
from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.files.presets import preset_names
from optimizer.networks.catalog import build
from optimizer.pricing.integer_range import check_magnitude, check_total
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import conv, matmul
from optimizer.workload.network import Network
from tests.support.choices import slow_unless
from tests.support.profiles import examples

CHIP = """
name: chip
technology: generic45
clock_mhz: {clock}
word_bits: {bits}
accounting: {accounting}
mac: {{type: int, bits: {bits}, energy: {mac}, area_um2: 1}}
array: {{x: [1, 2], y: 2}}
levels:
  - {{name: DRAM, component: dram, energy: {{access: {dram}}}, bandwidth: {{shared: {outer}}}}}
  - {{name: GLB, component: sram, energy: {{access: {buffer}}}, area_um2: 1, size: [64 B, 256 B],
     bandwidth: {{read: {inner}, write: {inner}}}}}
  - {{name: RF, component: regfile, energy: {{access: 1}}, area_um2: 1, size: 64 B, must_keep: [W, I, O]}}
"""
PLAIN: dict[str, Any] = {
    "clock": "500",
    "bits": 16,
    "accounting": "timeloop",
    "mac": "1",
    "dram": "100",
    "buffer": "5",
    "outer": "8 GB/s",
    "inner": "4 words/cycle",
}
LAYER = conv("layer", {"K": 2, "C": 2, "P": 4, "R": 3})


def chip(**values: Any) -> Architecture:
    """A small architecture with some values replaced."""
    return parse_architecture(load_exact(CHIP.format(**PLAIN | values)))


@pytest.mark.parametrize(("exponent", "padding"), [(14, "none"), (12, {"M": [2**17]})])
def test_layers_beyond_the_integers_are_refused(exponent: int, padding: Any) -> None:
    layer = matmul("huge", dict.fromkeys("MNK", 2**exponent))
    with pytest.raises(SpecError, match=r"(?s)too large.*value: .*allowed: 1 to [0-9,]+ .*smaller") as caught:
        map_layer(layer, load_architecture("edge_small"), padding=padding, engine="cp-sat")
    assert caught.value.field in ("huge.dims.M", "huge.dims.N", "huge.dims.K", "padding.M")


ON_PRESETS = list(product(preset_names("architectures"), ["vgg16", "resnet50", "mobilenet_v2", "bert_base", "gpt2"]))
QUICK = [("eyeriss", "vgg16"), ("eyeriss", "bert_base"), ("edge_small", "gpt2"), ("tpu", "mobilenet_v2")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "network"), slow_unless(QUICK, ON_PRESETS))
def test_usual_networks_are_within_the_integers(name: str, network: str) -> None:
    points, graph = list(load_architecture(name).points()), build(network)
    for accounting in ("timeloop", "looptree"):
        check_magnitude([(layer, {}) for layer in graph.mac_layers()], points, accounting)
        check_total(graph, points, accounting)


def test_what_may_not_be_kept_is_not_counted() -> None:
    (point,) = load_architecture("eyeriss").points()
    keeping = replace(point, levels=tuple(replace(level, must_bypass=frozenset()) for level in point.levels))
    limits = []
    for hardware in (point, keeping):
        with pytest.raises(SpecError) as caught:
            check_magnitude([(matmul("huge", {"M": 2**51, "N": 1, "K": 1}), {})], [hardware], "timeloop")
        limits.append(int(str(caught.value.allowed).split()[2].replace(",", "")))
    # per word of 16 bits: MAC 1, DRAM 4 x 200, RF 7 x 1; the buffer 5 x 6 for I and O, 2 x 6 more for W
    assert [pytest.approx((LIMIT - 1) / each, rel=1e-9) for each in (838, 850)] == limits


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"outer": "0.000000000000000001 GB/s"}, "levels[0].bandwidth.shared"),
        ({"clock": "1" + "0" * 30}, "levels[0].bandwidth.shared"),
        ({"outer": "1" + "0" * 40 + " GB/s"}, "levels[0].bandwidth.shared"),
        ({"inner": "0.0000000000000000001 words/cycle"}, "levels[1].bandwidth.read"),
        (
            {"outer": "8.12345678901234567 GB/s", "clock": "333.333333333333", "accounting": "looptree"},
            "levels[0].bandwidth.shared",
        ),
    ],
)
def test_times_beyond_the_integers_are_refused(values: dict[str, str], field: str) -> None:
    with pytest.raises(SpecError, match="leaves exact 64-bit integers") as caught:
        map_layer(LAYER, chip(**values), engine="cp-sat")
    assert caught.value.field == field
    assert caught.value.value and caught.value.allowed and caught.value.remedy


@pytest.mark.slow
def test_decimals_that_need_many_parts_of_a_cycle() -> None:
    """102400000/666667 bits a cycle; in parts of 1/102400000 of a cycle the program would overflow."""
    architecture = chip(clock="666.667", outer="12.8 GB/s", accounting="looptree")
    for objective in ("energy", "latency", "edp"):
        result = map_layer(conv("layer", {"K": 8, "C": 8, "P": 8, "R": 3}), architecture, objective=objective)
        assert result.status == "OPTIMAL" and verify(result).ok
    (first, *_) = architecture.points()
    problem = lower(LAYER, first, accounting="looptree")
    assert first.levels[0].shared_bits_per_cycle == Fraction(102400000, 666667)
    assert problem.latency_unit == 6400000  # words of 16 bits


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_all_energies_zero(objective: str) -> None:
    free = CHIP.replace("access: 1}", "access: 0}")
    architecture = parse_architecture(load_exact(free.format(**PLAIN | {"mac": 0, "dram": 0, "buffer": 0})))
    network = Network("free")
    network.add(LAYER)
    result = solve(network, architecture, objective=objective)
    assert result.status == "OPTIMAL"
    assert result.to_json()["energy_pj"] == 0 and result.to_json()["latency_cycles"] > 0
    assert (result.to_json()["objective"]["value"] == 0) == (objective != "latency")
    assert verify(result, thorough=True).ok


@pytest.mark.slow
def test_capacities_beyond_the_integers_are_no_limit() -> None:
    huge = CHIP.replace("[64 B, 256 B]", "[256 B, 1000000000000 GiB]")
    result = map_layer(LAYER, parse_architecture(load_exact(huge.format(**PLAIN))))
    assert result.status == "OPTIMAL" and verify(result).ok


@pytest.mark.parametrize("objective", slow_unless(["latency"], ["energy", "latency", "edp"]))
def test_energies_beyond_the_integers_are_searched_on_several_points(objective: str) -> None:
    """The shortest path leaves 64 bits, and so do the costs of mappings known from other points."""
    result = map_layer(LAYER, chip(mac="380000000000000000", dram="0", buffer="0"), objective=objective)
    assert result.status == "OPTIMAL" and verify(result).ok
    assert result.to_json()["energy_pj"] > LIMIT


def test_totals_beyond_the_sentinel_are_no_budget() -> None:
    """Runs of a layer together may exceed what the search takes for infinite."""
    layer = replace(LAYER, multiplicity=10**18)
    network = Network("many")
    network.add(layer)
    for objective in ("energy", "latency", "edp"):
        result = solve(network, chip(), objective=objective)
        assert result.status == "OPTIMAL" and result.to_json()["latency_cycles"] > LIMIT


decimals = st.builds(
    lambda digits, places: f"{digits // 10**places}.{digits % 10**places:0{places}d}",
    st.integers(1, 10**12),
    st.integers(1, 15),
)
magnitudes = st.builds(
    lambda digits, power: f"{digits}" + "0" * power if power >= 0 else f"0.{'0' * (-power - 1)}{digits}",
    st.integers(1, 99),
    st.integers(-18, 20),
)
numbers = st.one_of(decimals, magnitudes, st.sampled_from(["666.667", "333.333333", "12.8", "500", "1"]))
RANDOM = {
    "clock": numbers,
    "bits": st.sampled_from([8, 16]),
    "accounting": st.sampled_from(["timeloop", "looptree"]),
    "mac": st.one_of(st.just("0"), numbers),
    "dram": st.one_of(st.just("0"), numbers),
    "buffer": st.one_of(st.just("0"), numbers),
    "outer": numbers.map("{} GB/s".format),
    "inner": numbers.map("{} words/cycle".format),
}


@pytest.mark.slow
@settings(max_examples=examples(30), suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.fixed_dictionaries(RANDOM), st.sampled_from(["energy", "latency", "edp"]))
def test_random_numbers_are_refused_or_solved(values: dict[str, Any], objective: str) -> None:
    try:
        result = map_layer(LAYER, chip(**values), objective=objective)
    except SpecError as error:
        event(f"refused: {error.field}")
        assert error.field and error.value is not None and error.allowed and error.remedy
        return
    event("solved")
    assert result.status == "OPTIMAL" and verify(result).ok
    point = next(p for p in chip(**values).points() if dict(p.choices) == result.to_json()["hardware"]["choices"])
    problem = lower(LAYER, point, accounting=values["accounting"])
    single = "energy" if objective == "edp" else objective
    found = PathEngine().solve(problem, single)
    assert found is not None
    try:
        other = CpSatEngine().solve(problem, single)
    except OverflowError:
        event("beyond the program")
        return
    assert other is not None
    assert (other.energy, other.latency) == (found.energy, found.latency)
