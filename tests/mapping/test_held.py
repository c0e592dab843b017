"""Nests written by hand with their nodes moved out: legal, walked alike, never dearer, cheapest of all places."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

import optimizer
from optimizer.architecture.selection import single_point
from optimizer.golden.walk import walk
from optimizer.mapping.cost import Accounting, evaluate
from optimizer.mapping.held import held, priced
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.mapping.reader import load_mapping
from tests.support.nests import Nest, nests
from tests.support.profiles import examples

EXAMPLES = Path(__file__).parents[2] / "examples"
ACCOUNTINGS: tuple[Accounting, ...] = ("timeloop", "looptree")


def tiles(nest: Nest, mapping: Mapping) -> dict[Node, int]:
    """Words of the tile of every node."""
    extents = nest.layer.extents
    return {
        item: nest.layer.operand(item.role).footprint(mapping.tile_below(place, extents))
        for place, item in enumerate(mapping.items)
        if isinstance(item, Node)
    }


def without(items: tuple[Item, ...], nodes: set[Node]) -> list[Item]:
    return [item for item in items if item not in nodes]


@settings(max_examples=examples(400))
@given(nests())
def test_the_moved_nest_is_legal_and_is_walked_to_its_price(nest: Nest) -> None:
    for accounting in ACCOUNTINGS:
        moved, cost = priced(nest.layer, nest.hardware, nest.mapping, "held", accounting)
        walked = walk(nest.layer, nest.hardware, moved, accounting=accounting, reuse="innermost")
        assert walked.sound and not walked.violations
        assert (walked.energy, walked.latency_cycles) == (cost.energy, cost.latency_cycles)
        assert moved.loops == nest.mapping.loops
        assert tiles(nest, moved) == tiles(nest, nest.mapping)
        plain = evaluate(nest.layer, nest.hardware, nest.mapping, accounting=accounting)
        exact = evaluate(nest.layer, nest.hardware, nest.mapping, accounting=accounting, reuse="exact")
        assert exact.energy <= cost.energy <= plain.energy
        assert exact.latency_cycles <= cost.latency_cycles <= plain.latency_cycles
    assert held(nest.layer, moved) == moved


def placements(nest: Nest) -> Iterator[Mapping]:
    """The nest with its nodes put into every set of gaps between its loops, as far as tiles and legality stay."""
    nodes = [item for item in nest.mapping.items if isinstance(item, Node) and item.level > 0]
    rest = without(nest.mapping.items, set(nodes))
    wanted = tiles(nest, nest.mapping)
    for gaps in itertools.product(range(len(rest) + 1), repeat=len(nodes)):
        items: list[Item] = []
        for place in range(len(rest) + 1):
            items += [node for node, gap in zip(nodes, gaps, strict=True) if gap == place]
            items += rest[place : place + 1]
        mapping = Mapping(tuple(items))
        walked = walk(nest.layer, nest.hardware, mapping, accounting="timeloop", reuse="innermost")
        if walked.sound and not walked.violations and tiles(nest, mapping) == wanted:
            yield mapping


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(nests(levels=2))
def test_no_other_places_of_the_nodes_with_the_same_tiles_are_cheaper(nest: Nest) -> None:
    _, cost = priced(nest.layer, nest.hardware, nest.mapping, "held", "timeloop")
    costs = [evaluate(nest.layer, nest.hardware, mapping) for mapping in placements(nest)]
    assert min(one.energy for one in costs) == cost.energy
    assert min(one.latency_cycles for one in costs) == cost.latency_cycles


def test_an_even_nest_of_a_textbook_is_not_charged_for_what_stays() -> None:
    (layer,) = optimizer.load(str(EXAMPLES / "conv.yaml")).mac_layers()
    hardware = single_point(optimizer.load_architecture("eyeriss"))
    mapping = load_mapping(EXAMPLES / "mapping.yaml", layer, hardware)
    energies = {rule: optimizer.evaluate(layer, hardware, mapping, reuse=rule).energy for rule in ("held", "innermost")}
    assert hardware.energy_pj(energies["held"]) == pytest.approx(769_044_480)
    assert hardware.energy_pj(energies["innermost"]) == pytest.approx(2_749_059_072)
    assert optimizer.evaluate(layer, hardware, mapping).energy == energies["held"]
    moved = held(layer, mapping)
    w = moved.items.index(Node("W", 2))
    assert moved.items[w + 1] == Loop("Q", 56, 1)
    assert moved.items.index(Node("I", 2)) > moved.items.index(Loop("C", 4, 1, "Y"))
