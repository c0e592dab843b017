"""ONNX import: Einsum of one, two and three tensors, against what NumPy computes."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.onnx_import.contraction import Contraction
from optimizer.onnx_import.einsum import contract, equation_of
from optimizer.onnx_import.graph import Unsupported
from optimizer.workload.layer import VectorLayer
from optimizer.workload.network import Network
from tests.support.onnx_models import tensor, write_model


def einsum(path: Path, equation: str, *shapes: tuple[int, ...], constant: str = "") -> Network:
    """A network of one Einsum of tensors a, b, c ..., after a softmax of the first."""
    names = "abcd"[: len(shapes)]
    inputs: dict[str, Any] = {name: [*shape] for name, shape in zip(names, shapes, strict=True) if name not in constant}
    constants = [tensor(name, *shape) for name, shape in zip(names, shapes, strict=True) if name in constant]
    node = helper.make_node("Einsum", [*names], ["y"], name="einsum", equation=equation)
    return import_onnx(write_model(path / "m.onnx", [node], inputs, constants))


@pytest.mark.parametrize(
    ("equation", "left", "right", "size"),
    [
        ("bhid,bhjd->bhij", (2, 3, 4, 5), (2, 3, 6, 5), Contraction(6, 4, 6, 5)),
        ("ij,jk", (4, 5), (5, 6), Contraction(1, 4, 6, 5)),
        ("ij,jk->ki", (4, 5), (5, 6), Contraction(1, 4, 6, 5)),
        ("...ij,...jk->...ik", (7, 2, 4, 5), (1, 2, 5, 6), Contraction(2, 28, 6, 5)),
        ("...ij,...jk", (1, 2, 4, 5), (3, 1, 5, 6), Contraction(1, 8, 18, 5)),
        ("i,j->ij", (4,), (5,), Contraction(1, 4, 5, 1)),
        ("bi,bi->bi", (2, 4), (2, 4), Contraction(8, 1, 1, 1)),
        ("abc,abc->", (2, 3, 4), (2, 3, 4), Contraction(1, 1, 1, 24)),
    ],
)
def test_two_tensors(tmp_path: Path, equation: str, left: Any, right: Any, size: Contraction) -> None:
    found = equation_of(equation, [left, right])
    assert contract(*found.factors, found.kept) == size
    assert np.einsum(equation, np.zeros(left), np.zeros(right)).size == size.b * size.m * size.n
    (layer,) = einsum(tmp_path, equation, left, right).mac_layers()
    assert layer.macs == size.b * size.m * size.n * size.k


@pytest.mark.parametrize("equation", ["ii,ij->j", "ij,kl->il", "ij,jk->ix", "ij,jk,kl->il", "ijk,kl->ijl"])
def test_two_tensors_that_are_not_understood(equation: str) -> None:
    with pytest.raises(Unsupported):
        found = equation_of(equation, [(4, 4), (4, 4)])
        contract(*found.factors, found.kept)


@pytest.mark.parametrize(
    ("equation", "shape", "read"),
    [
        ("ij->ji", (3, 4), 0),
        ("...ij->...ji", (2, 3, 4), 0),
        ("ii->i", (4, 4), 0),
        ("ij->i", (3, 4), 12),
        ("ij->", (3, 4), 12),
        ("...i->...", (2, 3, 4), 24),
        ("ii", (4, 4), 4),
        ("iij->j", (4, 4, 5), 20),
        ("ji", (3, 4), 0),
    ],
)
def test_one_tensor_is_a_view_or_a_sum(tmp_path: Path, equation: str, shape: Any, read: int) -> None:
    nodes = [
        helper.make_node("Einsum", ["x"], ["s"], name="einsum", equation=equation),
        helper.make_node("Exp", ["s"], ["e"], name="exp"),
        helper.make_node("Add", ["e", "one"], ["y"], name="add"),
    ]
    inputs = {"x": [*shape], "one": [1]}
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, inputs))
    result = np.einsum(equation, np.ones(shape)).size
    assert ("einsum" in network.graph) == (read > 0)
    if read:
        layer = network.graph.nodes["einsum"]["layer"]
        assert isinstance(layer, VectorLayer)
        assert (layer.reads, layer.writes, layer.operations) == (((read, 16),), ((result, 16),), read)


def counted(equation: str, shapes: tuple[tuple[int, ...], ...]) -> int:
    """The fewest multiply-accumulates of two products: all indices of each, as loops would go through them."""
    terms, output = equation.split("->")
    factors = [dict(zip(term, shape, strict=True)) for term, shape in zip(terms.split(","), shapes, strict=True)]
    totals = []
    for third in range(3):
        first, second = (factors[number] for number in range(3) if number != third)
        between = {i: e for i, e in {**first, **second}.items() if i in output or i in factors[third]}
        totals.append(math.prod({**first, **second}.values()) + math.prod({**between, **factors[third]}.values()))
    return min(totals)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk,kl->il", ((3, 50), (50, 4), (4, 20))),
        ("ij,jk,kl->il", ((20, 4), (4, 50), (50, 3))),
        ("ij,jk,ki->", ((3, 4), (4, 5), (5, 3))),
        ("bi,bj,ijk->bk", ((2, 3), (2, 4), (3, 4, 5))),
        ("i,j,k->ijk", ((3,), (4,), (5,))),
        ("bqd,bkd,bk->bq", ((2, 5, 4), (2, 7, 4), (2, 7))),
    ],
)
def test_three_tensors_are_two_products(tmp_path: Path, equation: str, shapes: Any) -> None:
    for order in itertools.permutations(range(3)):
        terms, output = equation.split("->")
        turned = ",".join(terms.split(",")[number] for number in order) + "->" + output
        network = einsum(tmp_path, turned, *(shapes[number] for number in order))
        assert network.macs == counted(turned, tuple(shapes[number] for number in order))
        assert [layer.name for layer in network.layers()] == ["einsum/first", "einsum/second"]
        (warning,) = network.warnings
        assert f"{network.macs} multiply-accumulates" in warning


def test_constants_of_three_tensors_are_weights(tmp_path: Path) -> None:
    """Two constants are no pair, though their product would be the cheaper one."""
    network = einsum(tmp_path, "ij,jk,kl->il", (30, 4), (4, 50), (50, 3), constant="bc")
    assert network.macs == 30 * 4 * 50 + 30 * 50 * 3
    assert network.parameters == 4 * 50 + 50 * 3


def test_other_einsums_are_refused_by_name(tmp_path: Path) -> None:
    for equation, shapes, message in (
        ("ij,jk,kl,lm->im", ((2, 2),) * 4, "an Einsum of 4 tensors"),
        ("ij,kl,mn->in", ((2, 2),) * 3, "in one factor alone"),
        ("ij,kl->il", ((2, 2),) * 2, "sums over 'j' in one factor alone"),
    ):
        with pytest.raises(SpecError, match=message):
            einsum(tmp_path, equation, *shapes)
