"""Steps of training of random small networks, dense and in N:M blocks: the search against enumeration, and verified."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture.boxes import point_set
from optimizer.problem.goal import Goal
from optimizer.training.step import training_step
from optimizer.workload.layer import Layer, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.nm_blocks import Sparsity
from optimizer.workload.sparsity import sparsify
from optimizer.workload.views import IDENTITY_WINDOW, Window
from tests.support.explorations import Problem, check, grid
from tests.support.profiles import examples


def one_axis(channels: int, kernel: int, stride: int, dilation: int) -> Network:
    """Two convolutions along one axis."""
    rows, reach = 4, dilation * (kernel - 1) + 1
    network = Network("one axis")
    network.add(conv("first", {"K": channels, "C": 2, "P": rows}))
    second = conv(
        "second",
        {"K": 2, "C": channels, "P": (rows - reach) // stride + 1, "R": kernel},
        stride=(stride, 1),
        dilation=(dilation, 1),
    )
    view = (IDENTITY_WINDOW, Window(stride, reach), IDENTITY_WINDOW)
    network.add(second, after={"first": "first"}, views={"first": view})
    return network


def products(rows: int, features: int) -> Network:
    """Two products with weights."""
    network = Network("products")
    network.add(matmul("first", {"M": rows, "N": features, "K": 2}))
    network.add(matmul("second", {"M": rows, "N": 3, "K": features}), after={"first": "first"})
    return network


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    small = draw(st.booleans())
    if small:
        network = products(draw(st.integers(1, 3)), draw(st.sampled_from([2, 4])))
    else:
        kernel = draw(st.integers(1, 2))
        network = one_axis(draw(st.sampled_from([1, 2])), kernel, draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    points = grid(draw)
    mode = draw(st.sampled_from([None, "skip", "gate"]))
    if mode is not None:
        network = sparsify(network, "1:2")
        points = point_set([replace(point, sparsity=Sparsity(mode)) for point in points.points.values()])
    found: dict[object, tuple[Layer, int]] = {}
    for layer in training_step(network, optimizer="sgd").mac_layers():
        first, count = found.get(layer.shape_key(), (layer, 0))
        found[layer.shape_key()] = first, count + layer.multiplicity
    goal = Goal(draw(st.sampled_from(["energy", "latency", "edp"])))
    return list(found.values()), points, goal, None, ()


@pytest.mark.slow
@settings(max_examples=examples(150, dev=4))
@given(problems())
def test_optimum_of_a_step_is_that_of_enumeration(problem: Problem) -> None:
    check(problem)
