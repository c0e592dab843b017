"""Bounds that a solved point lends to a box it leads: they pass where they are right, and only there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.architecture.reader import load_architecture
from optimizer.checker.again import verify
from optimizer.checker.stored import StoredResult
from optimizer.studies.metrics import Range
from optimizer.workload.reader import load_network
from tests.support.folder_cases import CHIP
from tests.support.stored_results import study

NETWORK = """
name: small
layers:
  - {name: a, type: matmul, dims: {M: 8, N: 16, K: 12}}
  - {name: b, type: conv, dims: {K: 4, C: 2, P: 5, R: 3}}
"""
Boxes = list[dict[str, Any]]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StoredResult:
    folder: Path = tmp_path_factory.mktemp("leaders")
    (folder / "net.yaml").write_text(NETWORK)
    (folder / "chip.yaml").write_text(CHIP)
    network, architecture = load_network(folder / "net.yaml"), load_architecture(folder / "chip.yaml")
    return study(network, architecture, [Range("area-mm2")], objective="edp")


def led(boxes: Boxes) -> dict[str, Any]:
    return next(box for box in boxes if "bound_of_point" in box)


def solved(boxes: Boxes) -> list[list[int]]:
    return [[low for low, _ in box["box"]] for box in boxes if box["closed_by"] == "solved"]


def another_solved(boxes: Boxes) -> None:
    box = led(boxes)
    box["bound_of_point"] = next(index for index in solved(boxes) if index != box["bound_of_point"])


def unsolved(boxes: Boxes) -> None:
    led(boxes)["bound_of_point"] = [low for low, _ in led(boxes)["box"]]


def dearer(boxes: Boxes) -> None:
    led(boxes)["bound"] = str(int(led(boxes)["bound"]) + 1)


def not_led(boxes: Boxes) -> None:
    box = led(boxes)
    other = next(one for one in boxes if one["closed_by"] == "bound" and "bound_of_point" not in one)
    other |= {"bound_of_point": box["bound_of_point"], "bound": box["bound"]}


def left_out(boxes: Boxes) -> None:
    del led(boxes)["bound_of_point"]


@pytest.mark.slow
def test_leaders_are_in_the_certificate_and_pass(result: StoredResult) -> None:
    assert led(result.certificate["boxes"])["bound_of_point"] in solved(result.certificate["boxes"])
    found = verify(result)
    assert found.ok, [check for check in found.checks if not check.ok]


@pytest.mark.parametrize("tamper", [another_solved, unsolved, dearer, not_led, left_out])
def test_what_is_not_led_is_caught(result: StoredResult, tamper: Callable[[Boxes], None]) -> None:
    certificate = copy.deepcopy(result.certificate)
    tamper(certificate["boxes"])
    found = verify(StoredResult(result.data, certificate))
    assert next(check.name for check in found.checks if not check.ok) == "bounds"
