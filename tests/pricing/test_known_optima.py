"""What is concluded from searches on other hardware, against a search of every hardware by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture.hardware import Hardware
from optimizer.pricing.layer_pricer import Pricer
from optimizer.store.store import Store
from tests.support.explorations import LAYERS, chip
from tests.support.profiles import examples


@st.composite
def hardware(draw: st.DrawFn) -> Hardware:
    """A chip, or an optimistic corner: one that makes no choices."""
    sizes = draw(st.integers(6, 14)), draw(st.sampled_from([1, 2, 4]))
    found = chip(*sizes, draw(st.integers(1, 12)), draw(st.sampled_from([1, 2, 8])))
    inner = replace(found.levels[1], leak_energy=draw(st.integers(0, 1)), fill_energy=draw(st.integers(1, 12)))
    found = replace(found, levels=(found.levels[0], inner))
    return replace(found, choices=()) if draw(st.booleans()) else found


@settings(max_examples=examples(300, dev=5), deadline=None)
@given(st.sampled_from(LAYERS), st.lists(hardware(), min_size=2, max_size=7), st.data())
def test_prices_are_those_of_searches_from_scratch(layer: Any, chips: list[Hardware], data: st.DataObject) -> None:
    shared = Pricer(layer, 1, "timeloop", {}, Store())
    for point in chips:
        objective = data.draw(st.sampled_from(["energy", "latency"]))
        alone = Pricer(layer, 1, "timeloop", {}, Store()).price(point, objective)
        floor, known = shared.floor(point, objective), shared.known(point, objective)
        if alone is None:
            assert known is None and shared.price(point, objective) is None
            continue
        assert floor <= alone.value
        assert known is None or known.value >= alone.value
        cutoff = alone.value + data.draw(st.integers(-3, 3))
        below = shared.price(point, objective, cutoff=cutoff)
        assert below is not None and min(below.value, cutoff) == min(alone.value, cutoff)
        found = shared.price(point, objective)
        assert found is not None
        assert (found.value, found.energy, found.latency) == (alone.value, alone.energy, alone.latency)
        best = shared.known(point, objective)
        assert best is not None and (best.value, best.energy, best.latency) == (
            found.value,
            found.energy,
            found.latency,
        )


def test_two_bounds_make_one_between() -> None:
    """Energies halfway between those of two searches: the bound is at least halfway between theirs."""
    pricer = Pricer(LAYERS[0], 1, "timeloop", {}, Store())
    low, between, high = (replace(chip(10, 2, energy, 2), choices=()) for energy in (2, 5, 8))
    values = [price.value for point in (low, high) if (price := pricer.price(point)) is not None]
    assert pricer.floor(between, "energy") >= sum(values) / 2 > values[0]
