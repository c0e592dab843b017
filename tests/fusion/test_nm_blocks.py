"""Fused groups with layers in N:M blocks: plans against the walk, searches against all options."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings

from optimizer.api import solve
from optimizer.architecture.hardware import Hardware, Level
from optimizer.architecture.reader import load_architecture
from optimizer.errors import SpecError
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.goal import Aim
from optimizer.workload.layer import matmul
from optimizer.workload.network import Network
from optimizer.workload.nm_blocks import Sparsity
from optimizer.workload.reader import parse_network
from optimizer.workload.sparsity import sparsify
from optimizer.workload.views import IDENTITY_WINDOW
from tests.support.fusion_cases import Case, cases, network_pricer
from tests.support.group_checks import SEEDS, check_best, check_some_plans, every_plan
from tests.support.profiles import RELAXED, examples

CASES = cases(sizes=(2, 4), largest=4, sparse=True) | cases(sizes=(2, 3), largest=4, chain=True, wide=True, sparse=True)
SMALL = cases(sizes=(2, 3), largest=4, sparse=True) | cases(sizes=(2, 3), largest=2, chain=True, wide=True, sparse=True)


@settings(max_examples=examples(300, dev=3), suppress_health_check=RELAXED)
@given(CASES, SEEDS)
def test_plans_are_what_the_walk_counts(case: Case, seed: int) -> None:
    assume(check_some_plans(case, seed))


@pytest.mark.slow
@settings(max_examples=examples(3, dev=1), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 2), largest=2, sparse=True))
def test_the_best_plan_is_the_least_of_all(case: Case) -> None:
    check_best(case)


@pytest.mark.slow
@settings(max_examples=examples(60), suppress_health_check=RELAXED)
@given(SMALL)
def test_the_best_plan_is_the_least_of_all_often(case: Case) -> None:
    check_best(case)


def test_outputs_in_blocks_are_refused() -> None:
    network = parse_network(
        "layers:\n"
        "  - {name: a, type: matmul, dims: {M: 8, N: 8, K: 8}, sparsity: {W: '2:4', dim: N}}\n"
        "  - {name: b, type: matmul, dims: {M: 8, N: 8, K: 8}}\n"
    )
    with pytest.raises(SpecError, match="output cannot lie in blocks"):
        solve(network, load_architecture("edge_skip"), fusion=Fusion())


@pytest.mark.slow
def test_parts_that_resume_sums_may_have_another_nest_than_the_first() -> None:
    """The best of all plans cuts K in two and takes 129 cycles: the second part has other spatial loops."""
    network = Network("two")
    for name, extents, source in (("a", {"N": 8, "K": 8}, None), ("b", {"N": 2, "K": 8}, "a")):
        layer = matmul(name, {"B": 2, "M": 2, **extents}, bits={"W": 8, "I": 8, "O": 8})
        w, i, o = layer.operands
        layer = replace(layer, operands=(w, replace(i, tensor=f"T_{source}"), o))
        view = (IDENTITY_WINDOW, IDENTITY_WINDOW, IDENTITY_WINDOW)
        network.add(layer, after={source: f"T_{source}"} if source else {}, views={source: view} if source else {})
    network = sparsify(network, "1:2", dim="K")
    ports = {"read_bits_per_cycle": Fraction(8), "write_bits_per_cycle": Fraction(20, 3)}
    slow = {"read_bits_per_cycle": Fraction(16), "write_bits_per_cycle": Fraction(20, 3)}
    outer = Level("L0", None, (1, 1), 16, 45, 7, 30, shared_bits_per_cycle=Fraction(16), **slow)
    inner = Level("L1", 2048, (1, 1), 8, 9, 1, 0, shared_bits_per_cycle=Fraction(8), **ports)
    chip = Hardware(
        (replace(outer, must_keep=frozenset("WIO")), inner), (2, 2), mac_energy=1, sparsity=Sparsity("skip")
    )
    (pricer,) = network_pricer(Case(network, chip, "looptree"))._groups
    plan = pricer.best(chip, Aim("latency")).plan
    assert plan is not None and plan.choice.slices is not None
    assert plan.latency == min(every_plan(pricer, chip, Aim("latency"))) == 129
