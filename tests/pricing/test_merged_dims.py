"""Like dims are searched as one: which are merged, and that the mapping found is one of the original layer."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from formulations.merging import merge
from formulations.nest_check import is_nest_of
from formulations.shortest_path.solve import solve
from optimizer.architecture.hardware import Hardware, Level
from optimizer.pricing.lowering import kept_dims, lift, lower
from optimizer.workload.layer import ROLES, Layer, conv
from tests.support.layer_cases import Case, cases
from tests.support.profiles import examples

POINT = conv("point", {"N": 2, "K": 4, "C": 6, "P": 6, "Q": 4})


def machine(spatial_x: tuple[str, ...] | None = None, fanout: int = 4) -> Hardware:
    level = Level("L1", 640, (1, 1), 8, 3, 1, 1, spatial_x=spatial_x)
    outer = Level("L0", None, (1, 1), 8, 9, 4, 4, must_keep=frozenset(ROLES))
    return Hardware((outer, level), (fanout, 1), 1)


def merged_names(layer: Layer, hardware: Hardware) -> set[str]:
    dims = kept_dims(layer, layer.extents)
    return {"".join(dims[d] for d in part) for part in merge(lower(layer, hardware)).parts}


def test_dims_that_index_the_same_tensors_are_merged() -> None:
    assert merged_names(POINT, machine()) == {"NPQ", "K", "C"}


def test_dims_spread_over_different_axes_are_not() -> None:
    assert merged_names(POINT, machine(("P", "K"))) == {"NQ", "P", "K", "C"}


def test_axes_do_not_matter_where_a_fan_out_has_one_instance() -> None:
    assert merged_names(POINT, machine(("P", "K"), fanout=1)) == {"NPQ", "K", "C"}


def test_dims_with_halo_are_not() -> None:
    strided = conv("strided", POINT.extents, stride=(2, 1))
    assert merged_names(strided, machine()) == {"NQ", "P", "K", "C"}


def test_the_mapping_found_costs_what_the_search_says() -> None:
    for bits in (200, 640, 2000):
        hardware = machine(("P", "Q", "N"))
        small = replace(hardware.levels[1], size_bits=bits)
        hardware = replace(hardware, levels=(hardware.levels[0], small))
        case = Case(POINT, hardware, "timeloop")
        found = solve(case.problem).nest
        assert found is not None
        cost = case.cost(lift(POINT, case.problem, found))
        assert (cost.energy, cost.latency_cycles) == (found.energy, found.latency)


@settings(max_examples=examples(100))
@given(cases(halo=False))
def test_what_is_found_is_a_nest_of_the_original_layer(case: Case) -> None:
    found = solve(case.problem).nest
    assert found is None or is_nest_of(case.problem, found)
