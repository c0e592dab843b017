"""Products of language models, whose energies leave 64-bit integers, by the shortest path."""

from __future__ import annotations

from pathlib import Path

import pytest

import optimizer
from formulations.networks.master import BoxBound, settle
from optimizer.architecture.selection import select
from optimizer.errors import SpecError
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.workload.layer import matmul
from tests.support.choices import slow_if

CHOICES = {"array.x": "16", "array.y": "16", "GLB.size": "512 KiB"}


@pytest.mark.slow
@pytest.mark.parametrize("verified", slow_if([True], [False, True]))
def test_a_large_product_is_solved_stored_and_verified(tmp_path: Path, verified: bool) -> None:
    large = matmul("large", {"M": 2**20, "N": 2**20, "K": 2**13})
    chip = select(optimizer.load_architecture("edge_small"), CHOICES)
    result = optimizer.map_layer(large, chip, engine="path", cache_dir=tmp_path / "store")
    assert result.status == "OPTIMAL"
    value = result.certificate.value
    assert value is not None and 2**64 < value < INFEASIBLE_COST
    again = optimizer.map_layer(large, chip, engine="path", cache_dir=tmp_path / "store")
    assert again.certificate.value == value
    optimizer.save(result, tmp_path / "out")
    assert optimizer.load_result(tmp_path / "out") == result
    assert not verified or optimizer.verify(tmp_path / "out").ok
    with pytest.raises(SpecError, match="too large for the integers"):
        optimizer.map_layer(large, chip, engine="cp-sat")


def test_what_leaves_the_integers_of_the_path_is_refused_by_its_extent() -> None:
    huge = matmul("huge", {"M": 2**25, "N": 2**25, "K": 2**25})
    with pytest.raises(SpecError, match="too large for the integers of the search") as caught:
        optimizer.map_layer(huge, select(optimizer.load_architecture("edge_small"), CHOICES), engine="path")
    assert caught.value.field == "huge.dims.M"


def test_boxes_of_any_size_are_joined_exactly() -> None:
    bounds = [10**30 + 1, 10**30, 3, 10**40]
    entries = [BoxBound(area, bound, None) for area, bound in enumerate(bounds)]
    assert settle(entries, area_cap=None) == 3
    assert settle(entries, area_cap=1) == 10**30
