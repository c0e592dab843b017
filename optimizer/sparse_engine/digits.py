"""Accuracy against word width and density on scikit-learn's digits: 1,797 images of 8 x 8 pixels.

The engine learns by the masked matrices of :mod:`optimizer.sparse_engine.reference`, which the clocked simulator equals
word for word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.bodies.sparse import ACCURACY, AccuracyBody, AccuracyEntry
from optimizer.errors import SpecError
from optimizer.problem.versions import versions
from optimizer.report.figures import new_figure, save_picture
from optimizer.results.formats import SPARSE_FORMAT
from optimizer.sparse_engine.engine import Engine
from optimizer.sparse_engine.fixed_point import Format, Words
from optimizer.sparse_engine.interleaving import interleave
from optimizer.sparse_engine.network import SparseNetwork
from optimizer.sparse_engine.parameters import Sample, one_hot, start
from optimizer.sparse_engine.reference import MaskedNetwork

NEURONS = (64, 64, 16)
PARALLEL = (16, 4)
DENSE = (64, 16)
SHARES = (1, 2, 4, 8, 16)
"""Out-degrees are those of the dense network divided by one of these: densities 100 % to 6.25 %."""
TEST_SHARE = 5
"""One image in five is kept for the test."""


@dataclass(frozen=True)
class Digits:
    """Pixels from 0 to 1 and classes, for training and for the test."""

    train: np.ndarray[Any, np.dtype[np.float64]]
    train_classes: Words
    test: np.ndarray[Any, np.dtype[np.float64]]
    test_classes: Words


@dataclass(frozen=True)
class Accuracy:
    """Share of test images classified right, mean over seeds, with the least and the most."""

    form: Format
    density: Fraction
    out_degrees: tuple[int, ...]
    time_us: Fraction
    mean: float
    least: float
    most: float


def load_digits(seed: int = 0) -> Digits:
    """The data set, shuffled by a seed.

    Raises
    ------
    SpecError
        If scikit-learn is not installed.
    """
    try:
        from sklearn import datasets  # noqa: PLC0415
    except ImportError:
        raise SpecError(
            "scikit-learn is not installed",
            allowed="the optional extra 'digits'",
            remedy="pip install 'tilewright[digits]'",
        ) from None
    pixels, classes = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(classes))
    pixels, classes = pixels[order] / 16, classes[order].astype(np.int64)
    kept = len(classes) // TEST_SHARE
    return Digits(pixels[kept:], classes[kept:], pixels[:kept], classes[:kept])


def accuracies(
    formats: Sequence[Format],
    *,
    epochs: int = 10,
    seeds: Sequence[int] = (0, 1, 2),
    rate_shift: int = 2,
    shares: Sequence[int] = SHARES,
) -> list[Accuracy]:
    """Accuracy of every format at every density, after `epochs` passes over the training images.

    The interleaver gives the connections, ``1 / share`` of those of the dense network. The learning rate is
    ``2^-rate_shift``.

    Raises
    ------
    SpecError
        If scikit-learn is not installed.
    """
    found = []
    data = {seed: load_digits(seed) for seed in seeds}
    for share in shares:
        network = SparseNetwork(NEURONS, tuple(degree // share for degree in DENSE))
        engine = Engine(network, PARALLEL, proctime=2)
        edges = _edges(engine)
        for form in formats:
            scores = [_score(network, edges, form, data[seed], epochs, rate_shift, seed) for seed in seeds]
            mean = float(np.mean(scores))
            found.append(
                Accuracy(form, network.density, network.out_degrees, engine.time_us, mean, min(scores), max(scores))
            )
    return found


def _edges(engine: Engine) -> list[Words]:
    """Left neurons of every edge by the interleaver program, free of hazards at the engine's latency."""
    patterns = [
        interleave(junction, latency=1 + engine.proctime if number else None, seed=number).pattern
        for number, junction in enumerate(engine.junctions)
    ]
    return [pattern.left_of_edge() for pattern in patterns if pattern is not None]


def _score(
    network: SparseNetwork, edges: list[Words], form: Format, digits: Digits, epochs: int, rate_shift: int, seed: int
) -> float:
    """Share of test images classified right."""
    sample = Sample(form.words(digits.train), one_hot(digits.train_classes, network.neurons[-1], form))
    model = MaskedNetwork(network, edges, start(network, form, seed), form, rate_shift)
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        order = random.permutation(len(sample.inputs))
        model.train(Sample(sample.inputs[order], sample.targets[order]))
    guesses = model.outputs(form.words(digits.test)).argmax(axis=1)
    return float(np.mean(guesses == digits.test_classes))


def accuracy_body(found: Sequence[Accuracy], epochs: int, rate_shift: int) -> AccuracyBody:
    """Accuracies as a result states them."""
    return AccuracyBody(
        format=SPARSE_FORMAT,
        kind=ACCURACY,
        neurons=NEURONS,
        epochs=epochs,
        rate_shift=rate_shift,
        accuracies=tuple(
            AccuracyEntry(
                format=f"{a.form.width} (1+{a.form.integer}+{a.form.fraction})",
                density=float(a.density),
                out_degrees=tuple(a.out_degrees),
                time_us=float(a.time_us),
                mean=a.mean,
                least=a.least,
                most=a.most,
            )
            for a in found
        ),
        versions=versions(),
    )


def plot(found: Sequence[Accuracy], path: Path) -> None:
    """Accuracy against density, a line per format; written as the ending of the path says (.png, .svg, .pdf).

    Raises
    ------
    SpecError
        If matplotlib is not installed, or the file cannot be written.
    """
    figure = new_figure(6, 4)
    axes = figure.add_subplot()
    for form in dict.fromkeys(accuracy.form for accuracy in found):
        line = [accuracy for accuracy in found if accuracy.form == form]
        label = f"{form.width} bits (1+{form.integer}+{form.fraction})"
        axes.plot([100 * float(a.density) for a in line], [100 * a.mean for a in line], marker="o", label=label)
    axes.set(xscale="log", xlabel="density (%)", ylabel="accuracy on test images (%)", title="digits, 64-64-16")
    axes.grid(alpha=0.3)
    axes.legend()
    save_picture(figure, path)
