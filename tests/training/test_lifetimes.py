"""Memory of training steps of known networks, by formulas from published shapes."""

from __future__ import annotations

import pytest

from formulations.cp_sat import SolverStatus
from formulations.networks.checkpoint_search import MemoryLimits
from optimizer.golden.training_memory import replay
from optimizer.networks.load import load
from optimizer.recompute.lifetimes import lifetimes
from optimizer.training.bits import TrainingBits
from tests.support.choices import slow_if
from tests.support.runs import plan_memory

RESNET18_WORDS = 11_689_512
"""Learned words of ResNet-18 (He et al. 2016), batch normalizations included."""


def resnet18_saved(batch: int) -> int:
    """Words of ResNet-18's saved activations from the shapes of He et al. 2016, table 1.

    Saved are: outputs of convolutions (the batch normalization's gradient reads them); outputs of the stem's and of a
    block's first batch normalization and of its sum, which the next layer reads; what the classifier and the loss read.
    The second batch normalization of a block and that of the shortcut are only summed.
    """
    stem = 64 * 112 * 112
    words = 2 * stem + 64 * 56 * 56  # convolution, batch normalization, pooling
    for stage, (channels, side) in enumerate([(64, 56), (128, 28), (256, 14), (512, 7)]):
        image = channels * side * side
        words += 2 * 4 * image  # two blocks: two convolutions, one batch normalization, one sum
        words += image if stage else 0  # the shortcut's convolution
    return batch * (words - 512 * 7 * 7 + 512 + 1000)  # of the last sum only the mean is saved


def test_resnet18_saves_what_its_shapes_say() -> None:
    network = load("resnet18", batch=32, training="sgd-momentum")
    saved = [a for a in lifetimes(network).activations if a.reads]
    assert sum(a.bits for a in saved) == 16 * resnet18_saved(32)


@pytest.mark.parametrize(("optimizer", "states"), [("sgd", 0), ("sgd-momentum", 1), ("adam", 2)])
def test_weights_and_state(optimizer, states) -> None:
    network = load("resnet18", batch=1, training=optimizer)
    series = lifetimes(network).over_time()
    assert set(series["weights"]) == {RESNET18_WORDS * (32 + 16)}
    assert set(series["optimizer state"]) == {RESNET18_WORDS * 32 * states}


def test_no_copy_of_weights_of_the_same_precision() -> None:
    network = load("resnet18", batch=1, training="sgd", training_bits=TrainingBits(master=16))
    assert lifetimes(network).over_time()["weights"][0] == RESNET18_WORDS * 16


@pytest.mark.parametrize(
    "name",
    slow_if(
        ["mobilenet_v2", "googlenet", "vit_b16"],
        ["alexnet", "resnet18", "mobilenet_v2", "googlenet", "gpt2", "vit_b16"],
    ),
)
def test_replay_agrees_on_networks(name) -> None:
    network = load(name, training="adam", sequence=32 if name == "gpt2" else None)
    lives = lifetimes(network)
    found = replay(network, {a.name: "keep" if a.reads else "drop" for a in lives.activations})
    assert not found.breaches and not found.again
    totals = [sum(row) for row in zip(*lives.over_time().values(), strict=True)]
    assert [moment.off_chip_bits for moment in found.moments] == totals


def test_batch_scales_activations() -> None:
    one, many = (max(lifetimes(load("alexnet", batch=n, training="sgd")).over_time()["activations"]) for n in (1, 8))
    assert many == 8 * one


@pytest.mark.slow
def test_resnet18_within_a_budget() -> None:
    """No multiply-accumulate needs to be done twice to save a quarter: batch normalizations do."""
    network = load("resnet18", batch=32, training="sgd-momentum")
    cap = 320 * 8 * 10**6
    plan = plan_memory(network, limits=MemoryLimits(cap), workers=2)
    assert plan.outcome.status is SolverStatus.OPTIMAL
    assert plan.replay.peak.off_chip_bits <= cap < 0.75 * plan.keep_all.peak.off_chip_bits
    assert plan.replay.macs == 0 < plan.replay.operations == plan.outcome.value
