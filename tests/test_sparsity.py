"""N:M blocks: model, walk, program, lattice and exhaustion agree; so does a walk of single elements."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest
from block_space import random_solution
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from layer_cases import Case, cases
from test_layer_program import RELAXED, check_blocks, check_expression, check_hoisted, check_lattice, check_nests

from optimizer.blocks import Block
from optimizer.lowering import lift
from optimizer.mapping import Loop, Mapping
from optimizer.sparsity import compress, dense
from optimizer.verify.walk import walk
from optimizer.workload import Layer, Operand, conv, matmul

Element = tuple[int, ...]


@settings(max_examples=25, deadline=None, suppress_health_check=RELAXED, derandomize=True)
@given(cases(pins=True, sparse=True), st.integers(0, 1 << 30))
def test_expression_is_the_cost_model(case: Case, seed: int) -> None:
    assume(check_expression(case, seed))


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=RELAXED)
@given(cases(pins=True, sparse=True), st.integers(0, 1 << 30))
def test_expression_is_the_cost_model_often(case: Case, seed: int) -> None:
    assume(check_expression(case, seed))


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(cases(depths=(3, 4), pins=True, sparse=True), st.integers(0, 1 << 30))
def test_expression_of_a_hoisted_node_often(case: Case, seed: int) -> None:
    assume(check_hoisted(case, seed))


@settings(max_examples=6, deadline=None, suppress_health_check=RELAXED, derandomize=True)
@given(cases(small=True, halo=True, pins=True, sparse=True))
def test_optimum_of_all_blocks(case: Case) -> None:
    check_blocks(case)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=RELAXED)
@given(cases(small=True, halo=True, pins=True, sparse=True))
def test_optimum_of_all_blocks_often(case: Case) -> None:
    check_blocks(case)


@settings(max_examples=6, deadline=None, suppress_health_check=RELAXED, derandomize=True)
@given(cases(small=True, halo=False, sparse=True))
def test_optimum_of_all_nests(case: Case) -> None:
    check_nests(case)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=RELAXED)
@given(cases(small=True, halo=False, sparse=True))
def test_optimum_of_all_nests_often(case: Case) -> None:
    check_nests(case)


@settings(max_examples=6, deadline=None, suppress_health_check=RELAXED, derandomize=True)
@given(cases(pins=True, sparse=True))
def test_optimum_of_the_lattice(case: Case) -> None:
    check_lattice(case)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=RELAXED)
@given(cases(pins=True, sparse=True))
def test_optimum_of_the_lattice_often(case: Case) -> None:
    check_lattice(case)
