"""No mapping, however bad, goes beyond the numbers that the integer program is judged by, and that is checked."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from formulations.engines import CpSatEngine, PathEngine
from formulations.integer_range import LIMIT, Most
from formulations.nest_program.magnitudes import check_magnitudes
from formulations.nest_program.solve import find_below, solve
from formulations.networks.master import Option, choose
from formulations.problem import LayerProblem, PortSpec
from formulations.rows import LARGEST, bounded, rejection
from optimizer.architecture.hardware import Hardware, Level
from optimizer.pricing.lowering import lift, lower
from optimizer.workload.layer import conv, matmul
from tests.support.layer_cases import Case, cases
from tests.support.profiles import examples
from tests.support.random_nests import random_nest


def most(problem: LayerProblem) -> Most:
    """The numbers of a problem alone."""
    return Most(problem, [(level,) for level in problem.levels])


@settings(max_examples=examples(150), suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(cases(pins=True), st.integers(0, 1 << 30))
def test_random_mappings_stay_within(case: Case, seed: int) -> None:
    problem, bound = case.problem, most(case.problem)
    nest = random_nest(problem, random.Random(seed))
    event(f"a mapping: {nest is not None}")
    if nest is None:
        return
    cost = case.cost(lift(case.layer, problem, nest))
    assert cost.energy <= bound.energy()
    assert math.ceil(cost.latency_cycles) <= bound.cycles()
    for (level, _), access in cost.counts.items():
        moved = access.read_bits + access.fill_bits + access.update_bits
        (most_bits,) = (r.value for r in bound.reaches() if r.kind == "bits" and r.level == level)
        assert moved <= most_bits


def test_the_worst_mapping_reaches_the_bound() -> None:
    """With loops over all dims outside of all nodes every word moves as often as it can, gaps of a stride included."""
    layer = conv("strided", {"K": 2, "P": 4, "R": 2}, stride=(5, 1))
    problem = lower(layer, one_buffer(capacity=None), accounting="timeloop")
    (input_axis,) = (axis for axis in problem.input_axes if len(axis.terms) > 1)
    assert dict(input_axis.terms).values()
    # I: all of P at a time is 16 words, twice for R and twice for K; W and O: one word for every step
    bits = {reach.level: reach.value for reach in most(problem).reaches() if reach.kind == "bits"}
    moved_inputs, steps = 2 * 2 * 16, 2 * 4 * 2
    assert bits[0] == 16 * (moved_inputs + steps + 2 * steps)
    assert bits[1] == 16 * (2 * moved_inputs + 2 * steps + 3 * steps)


def one_buffer(capacity: int | None, energy: int = 1, bandwidth: Fraction | None = None) -> Hardware:
    """A memory and a buffer."""
    dram = Level("DRAM", None, (1, 1), 16, energy, energy, energy, shared_bits_per_cycle=bandwidth)
    return Hardware((dram, Level("GLB", capacity, (1, 1), 16, 1, 1, 1)), (1, 1), mac_energy=1)


@pytest.mark.parametrize(
    ("hardware", "word"),
    [
        (one_buffer(256, energy=2**50), "energy may reach"),
        (one_buffer(256, bandwidth=Fraction(1, 2**60)), "time of level 0"),
        (one_buffer(256, bandwidth=Fraction(2**62 + 1, 2**60)), "transfers of level 0"),
        (one_buffer(256, bandwidth=Fraction(2**62, 1)), "divisor of level 0"),
    ],
)
def test_no_program_skips_the_check(hardware: Hardware, word: str) -> None:
    problem = lower(matmul("m", {"M": 16, "N": 16, "K": 16}), hardware, accounting="timeloop")
    for route in (
        lambda: check_magnitudes([problem]),
        lambda: solve(problem),
        lambda: find_below(problem, "energy", 1),
        lambda: CpSatEngine().solve(problem),
    ):
        with pytest.raises(OverflowError, match=word):
            route()


def test_weights() -> None:
    """The slowest mapping counts: at 1/256 bits a cycle it takes far longer than its work."""
    problem = lower(
        matmul("m", {"M": 4, "N": 4, "K": 4}), one_buffer(256, bandwidth=Fraction(1, 256)), accounting="timeloop"
    )
    weight = (LIMIT - most(problem).energy()) // most(problem).cycles()
    with pytest.raises(OverflowError, match="may reach"):
        check_magnitudes([problem], 8 * weight)
    check_magnitudes([problem], weight // 2)
    found = [engine.solve(problem, "weighted", weight=weight // 2) for engine in (PathEngine(), CpSatEngine())]
    values = [nest and nest.energy + weight // 2 * nest.latency for nest in found]
    assert values[0] == values[1] is not None


def test_programs_beyond_the_solver_are_refused() -> None:
    with pytest.raises(OverflowError, match="may reach"):
        bounded(LARGEST + 1)
    program = lower(matmul("m", {"M": 4, "N": 4, "K": 4}), one_buffer(256), accounting="timeloop")
    assert bounded(LARGEST) == LARGEST
    from ortools.sat.python import cp_model  # noqa: PLC0415

    model = cp_model.CpModel()
    model.add(model.new_int_var(0, 1 << 40, "x") * (1 << 40) <= 5)
    assert isinstance(rejection(model), OverflowError)
    assert isinstance(rejection(cp_model.CpModel()), RuntimeError)
    assert solve(program, "energy", cap=1 << 70).solution is not None


def test_a_port_whose_divisor_is_large_beside_a_slow_one() -> None:
    """The program bounds the time of such a port by itself; both engines agree."""
    problem = lower(matmul("m", {"M": 4, "N": 4, "K": 2}), one_buffer(256), accounting="timeloop")
    ports = (PortSpec(1 << 40, 1), PortSpec(1 << 28, (1 << 30) + 1), PortSpec())
    slow = replace(problem, levels=(replace(problem.levels[0], ports=ports), problem.levels[1]))
    found, other = PathEngine().solve(slow, "latency"), CpSatEngine().solve(slow, "latency")
    assert found is not None and other is not None
    assert (found.energy, found.latency) == (other.energy, other.latency)


def test_sums_under_caps_beyond_the_solver_are_refused() -> None:
    front = [Option(2**61, 10), Option(2**61 + 4, 5)]
    assert choose([front, front], [3, 5], latency_cap=65) == [1, 0]
    assert choose([front, front], [3, 5], latency_cap=39) is None
    with pytest.raises(OverflowError):
        choose([[Option(0, 10), Option(2**62, 5)]], [1], latency_cap=65)
