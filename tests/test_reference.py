"""Every count of every ``tlneutral/1`` case, from the walk and from the cost model.

The optima (``optimum/1``) are read by the same module and checked elsewhere.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from reference_cases import CountCase, count_cases

from optimizer.cost import evaluate
from optimizer.verify.walk import walk


def _relative_error(found: Fraction, expected: Any) -> Fraction:
    """Energies are printed as decimals, so they are compared to one part in 10^9."""
    return abs(found - Fraction(expected)) / max(Fraction(expected), Fraction(1))


def _found_counts(case: CountCase, counts: Any) -> dict[tuple[str, str], dict[str, int]]:
    return {
        (case.hardware.levels[index].name, role): {
            "reads": count.reads,
            "fills": count.fills,
            "updates": count.updates,
            "tile_size": count.tile_words,
            "utilized_instances": count.instances,
        }
        for (index, role), count in counts.items()
    }


def _expected_counts(case: CountCase) -> dict[tuple[str, str], dict[str, int]]:
    return {
        (level, role): {key: int(value) for key, value in counts.items()}
        for level, entry in case.expected["levels"].items()
        for role, counts in entry["tensors"].items()
    }


def _expected_cycles(case: CountCase) -> list[Fraction]:
    return [Fraction(case.expected["levels"][level.name]["cycles"]) for level in case.hardware.levels]


@pytest.mark.parametrize("case", count_cases())
def test_walk_reproduces_every_count(case: CountCase) -> None:
    found = walk(case.layer, case.hardware, case.mapping, accounting="timeloop", reuse="exact")
    assert found.violations == ()
    assert _found_counts(case, found.counts) == _expected_counts(case)
    assert found.compute_cycles == case.expected["compute_cycles"]
    assert list(found.level_cycles) == _expected_cycles(case)
    assert found.latency_cycles == case.expected["cycles"]
    energy = found.energy / case.hardware.energy_scale
    assert _relative_error(energy, case.expected["total_energy"]) < Fraction(1, 10**9)


@pytest.mark.parametrize("case", count_cases())
def test_cost_model_reproduces_every_count(case: CountCase) -> None:
    found = evaluate(case.layer, case.hardware, case.mapping, accounting="timeloop", reuse="exact")
    assert _found_counts(case, found.counts) == _expected_counts(case)
    assert found.compute_cycles == case.expected["compute_cycles"]
    compute = Fraction(found.compute_cycles)
    assert [max(compute, cycles) for cycles in found.level_cycles] == _expected_cycles(case)
    assert found.latency_cycles == case.expected["cycles"]
    energy = Fraction(found.energy, case.hardware.energy_scale)
    assert _relative_error(energy, case.expected["total_energy"]) < Fraction(1, 10**9)
