"""The sparse engine's cost model: every published or derived figure, exactly."""

from fractions import Fraction

import pytest

from optimizer.architecture.device import load_device
from optimizer.errors import SpecError
from optimizer.sparse_engine.describe import describe
from optimizer.sparse_engine.device_use import bank_cost, blocks_for, device_use
from optimizer.sparse_engine.engine import (
    Engine,
    Multiplier,
    arithmetic_per_clock,
    bank_copies,
    log2_ceil,
    storage_words,
)
from optimizer.sparse_engine.estimator import early_estimate
from optimizer.sparse_engine.network import SparseNetwork, admissible_out_degrees
from optimizer.sparse_engine.rules import DEFAULT_RULES, chosen_rules, keeps

RELEASE = SparseNetwork((1024, 64, 32), (4, 16))
Z = (128, 32)


def test_release_network():
    assert RELEASE.weights == (4096, 1024)
    assert RELEASE.in_degrees == (64, 32)
    assert f"{100 * float(RELEASE.density):.3f}" == "7.576"


@pytest.mark.parametrize(
    ("proctime", "block", "time_us", "total_ms"),
    [
        (0, 34, Fraction(34, 15), "28.4"),
        (2, 36, Fraction(12, 5), "30.1"),
    ],
)
def test_release_times(proctime, block, time_us, total_ms):
    engine = Engine(RELEASE, Z, proctime=proctime, clock_mhz=Fraction(15))
    assert (engine.cycles, engine.block_cycle, engine.time_us) == (32, block, time_us)
    assert f"{float(12_544 * time_us / 1000):.1f}" == total_ms
    assert Multiplier("pipelined" if proctime else "combinational", Fraction(15)).proctime(6) == proctime


def test_release_resources():
    engine = Engine(RELEASE, Z)
    units = arithmetic_per_clock(engine)
    assert units["feedforward multipliers"] + units["backpropagation multipliers"] == 224
    assert units["update multipliers"] == 160
    assert units["backpropagation accumulators"] == 32
    assert units["update adders"] == 160 + 2 + 1
    assert units["activation table pairs"] == 3
    assert engine.input_words == 32
    use = device_use(engine, input_bits=8)
    assert use["dsp"] == 224 and use["input_bits"] == 256
    assert all(use[name] <= load_device("xc7a100t").resources[name] for name in ("dsp", "bram18", "lut"))


def test_one_operation_at_a_time_takes_3l_minus_1_times_as_long():
    assert Engine(RELEASE, Z).speed_up == 5
    assert Engine(SparseNetwork((8, 8, 8, 8), (2, 2, 2)), (8, 8, 8)).speed_up == 8


def test_deep_pipelining_follows_the_largest_fan_in():
    assert Multiplier("deep", Fraction(100), stages=3).proctime(log2_ceil(64)) == 3 + 6 + 1
    assert [log2_ceil(number) for number in (1, 2, 3, 4, 5, 64)] == [0, 1, 2, 2, 3, 6]


def test_storage_of_a_dense_and_a_sparse_network():
    dense = SparseNetwork((800, 100, 10), (100, 10))
    assert storage_words(dense) == {
        "activations": 4300,
        "derivatives": 300,
        "deltas": 220,
        "biases": 110,
        "weights": 81_000,
        "total": 85_930,
    }
    sparse = SparseNetwork((800, 100, 10), (20, 10))
    words = storage_words(sparse)
    assert (words["weights"], words["total"]) == (17_000, 21_930)
    against = describe(Engine(sparse, (160, 10))).against_dense
    assert f"{against.storage:.2f} {against.products:.2f}" == "3.92 4.76"
    assert sparse.dense() == dense


def test_activations_live_from_loading_to_update():
    assert [bank_copies(2, layer) for layer in (0, 1)] == [5, 3]


@pytest.mark.parametrize(
    ("network", "z", "cycles", "density"),
    [
        (((1024, 64, 16), (8, 8)), (512, 32), 16, "13.08"),
        (((1024, 128, 32), (4, 8)), (128, 32), 32, "3.79"),
        (((64, 16, 4), (2, 2)), (32, 8), 4, "14.71"),
    ],
)
def test_other_configurations_are_balanced(network, z, cycles, density):
    engine = Engine(SparseNetwork(*network), z)
    assert [junction.cycles for junction in engine.junctions] == [cycles, cycles]
    assert f"{100 * float(engine.network.density):.2f}" == density
    assert all(keeps(junction, DEFAULT_RULES) for junction in engine.junctions)


def test_first_junctions_of_one_eighth():
    """12.5 % is the density of the first junction of two of these networks."""
    for neurons, degrees in (((1024, 64, 16), (8, 8)), ((64, 16, 4), (2, 2))):
        network = SparseNetwork(neurons, degrees)
        assert Fraction(network.weights[0], neurons[0] * neurons[1]) == Fraction(1, 8)


@pytest.mark.parametrize(
    ("network", "first", "z", "cycles", "multipliers", "dsp", "mbit"),
    [
        (((1728, 4096, 4096, 1000), (256, 256, 250)), 108, (108, 256, 250), 4096, 2243, 8972, "34.480512"),
        (((1024, 64, 32), (4, 16)), 128, (128, 32), 32, 387, 1548, "0.0820864"),
        (((1024, 64, 16), (8, 8)), 512, (512, 32), 16, 1157, 4628, "0.1287616"),
    ],
)
def test_early_estimator(network, first, z, cycles, multipliers, dsp, mbit):
    estimate = early_estimate(SparseNetwork(*network), first, 12)
    assert (estimate.parallel, estimate.cycles) == (z, cycles)
    assert (estimate.multipliers, estimate.dsp) == (multipliers, dsp)
    assert estimate.memory_bits == Fraction(mbit) * 10**6


def test_early_estimator_needs_a_balanced_pipeline():
    with pytest.raises(SpecError, match="balanced"):
        early_estimate(RELEASE, 3, 12)
    assert describe(Engine(SparseNetwork((6, 6, 4), (1, 2)), (3, 6))).early_estimate is not None
    assert describe(Engine(SparseNetwork((6, 6, 4), (1, 2)), (4, 6))).early_estimate is None


def test_block_ram_by_width_and_depth():
    assert [blocks_for(36, 512), blocks_for(37, 512), blocks_for(36, 513), blocks_for(1, 16384)] == [1, 2, 2, 1]
    assert blocks_for(12, 1024) == 1  # 18 bits wide
    assert blocks_for(12, 2048) == 2  # 9 + 9 (or 4 + 4 + 4 at 4096: three)
    assert [bank_cost(12, depth) for depth in (1, 2, 32, 33, 64, 65)] == [
        (0, 0),
        (0, 8),
        (0, 8),
        (0, 16),
        (0, 16),
        (1, 0),
    ]


def test_admissible_out_degrees():
    assert list(admissible_out_degrees(800, 100)) == list(range(1, 101))
    assert list(admissible_out_degrees(12, 8)) == [2, 4, 6, 8]
    assert len(admissible_out_degrees(1024, 64)) == 64
    with pytest.raises(SpecError, match="multiples of 2"):
        SparseNetwork((12, 8), (3,))


@pytest.mark.parametrize(
    ("layers", "degrees", "z"),
    [
        ((8,), (), ()),
        ((8, 0), (1,), (1,)),
        ((8, 4), (2, 2), (4,)),
        ((8, 4), (2,), (9,)),
        ((8, 4), (2,), (4, 4)),
    ],
)
def test_bad_engines_are_refused(layers, degrees, z):
    with pytest.raises(SpecError, match="allowed"):
        Engine(SparseNetwork(layers, degrees), z)


def test_rules_by_name():
    assert "power-of-two" not in chosen_rules() and "power-of-two" in chosen_rules(["power-of-two"])
    assert "balanced" not in chosen_rules((), ["balanced"])
    with pytest.raises(SpecError, match="fi-divides-z"):
        chosen_rules((), ["fi-divide-z"])
