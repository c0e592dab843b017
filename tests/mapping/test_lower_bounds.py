"""No mapping beats the physical limits."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture.hardware import Hardware
from optimizer.architecture.reader import load_architecture
from optimizer.checker.index_values import index_values
from optimizer.checker.physical_bounds import energy_at_least, physical_bounds
from optimizer.files.records import to_json
from optimizer.mapping.cost import Accounting, Reuse, evaluate
from optimizer.mapping.lower_bounds import (
    data_movement_words,
    layer_limits,
    least_energy,
    storage_words,
    touched_words,
    window_reuse,
)
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.networks.load import load
from optimizer.results.layer_entry import lower_bounds_of
from optimizer.workload.layer import ROLES, Axis, Layer, Operand, conv, matmul
from optimizer.workload.sparsity import sparsify
from tests.support.nests import Nest, nests, plain_hardware
from tests.support.profiles import examples


def filled_to_the_brim(nest: Nest) -> Nest:
    """The same nest on levels just as large as its tiles, so that the limits are as sharp as they get."""
    cost = evaluate(nest.layer, nest.hardware, nest.mapping)
    levels = [nest.hardware.levels[0]]
    for number, level in enumerate(nest.hardware.levels[1:], start=1):
        kept = {role: access for (at, role), access in cost.counts.items() if at == number}
        bits = sum(access.tile_words * nest.layer.operand(role).bits for role, access in kept.items())
        levels.append(replace(level, size_bits=bits, must_keep=frozenset(kept)))
    return replace(nest, hardware=replace(nest.hardware, levels=tuple(levels)))


def outermost_words(layer: Layer, hardware: Hardware, mapping: Mapping, accounting: Accounting, reuse: Reuse) -> int:
    """Reads of W and I and writes of O at the outermost level."""
    counts = evaluate(layer, hardware, mapping, accounting=accounting, reuse=reuse).counts
    return counts[0, "W"].reads + counts[0, "I"].reads + counts[0, "O"].updates


@pytest.mark.parametrize("accounting", ["timeloop", "looptree"])
@pytest.mark.parametrize("reuse", ["exact", "innermost"])
@settings(max_examples=examples(150))
@given(nest=nests())
def test_no_mapping_beats_the_limits(nest: Nest, accounting: Accounting, reuse: Reuse) -> None:
    nest = filled_to_the_brim(nest)
    layer, hardware = nest.layer, nest.hardware
    limits = layer_limits(layer, hardware)
    cost = evaluate(layer, hardware, nest.mapping, accounting=accounting, reuse=reuse)
    assert limits.compute_cycles <= cost.compute_cycles
    assert limits.compute_cycles <= cost.latency_cycles
    assert limits.energy <= cost.energy
    assert all(cycles <= cost.latency_cycles for cycles in limits.bandwidth_cycles.values())
    assert physical_bounds(layer, hardware) == to_json(lower_bounds_of(layer, hardware))
    for role, words in limits.compulsory_dram_words.items():
        access = cost.counts[0, role]
        assert words <= (access.updates if role == "O" else access.reads)
    assert limits.dram_words <= outermost_words(layer, hardware, nest.mapping, accounting, reuse)


@settings(max_examples=examples(150))
@given(nest=nests(levels=2))
def test_limits_hold_with_mixed_precision(nest: Nest) -> None:
    nest = filled_to_the_brim(replace(nest, layer=nest.layer.with_bits({"W": 4, "I": 8, "O": 24})))
    limits = layer_limits(nest.layer, nest.hardware)
    assert limits.energy <= evaluate(nest.layer, nest.hardware, nest.mapping).energy
    assert limits.dram_words <= outermost_words(nest.layer, nest.hardware, nest.mapping, "timeloop", "exact")


@settings(max_examples=examples(100))
@given(nest=nests(), ways=st.lists(st.tuples(*[st.none() | st.fractions(1, 40)] * 3), min_size=3, max_size=3))
def test_no_mapping_is_faster_than_its_ports(nest: Nest, ways: list[tuple[Fraction | None, ...]]) -> None:
    """Ports of all levels with bandwidths of their own; the levels keep just what the mapping keeps there."""
    nest = filled_to_the_brim(nest)
    levels = tuple(
        replace(level, read_bits_per_cycle=read, write_bits_per_cycle=write, shared_bits_per_cycle=shared)
        for level, (read, write, shared) in zip(nest.hardware.levels, ways, strict=True)
    )
    hardware = replace(nest.hardware, levels=levels)
    limits = layer_limits(nest.layer, hardware)
    for accounting in ("timeloop", "looptree"):
        cost = evaluate(nest.layer, hardware, nest.mapping, accounting=accounting)
        assert limits.roofline[1] <= cost.latency_cycles
    assert physical_bounds(nest.layer, hardware) == to_json(lower_bounds_of(nest.layer, hardware))


@settings(max_examples=examples(100))
@given(nest=nests(), bypassed=st.lists(st.sets(st.sampled_from(ROLES)), min_size=3, max_size=3))
def test_no_mapping_takes_less_energy_where_levels_are_bypassed(nest: Nest, bypassed: list[set[str]]) -> None:
    """Levels that must bypass, or must not keep: only what the mapping does is forbidden nowhere."""
    counts = evaluate(nest.layer, nest.hardware, nest.mapping).counts
    kept = [{role for at, role in counts if at == n} for n in range(3)]
    levels = tuple(
        replace(level, must_bypass=frozenset(no - has) if n else frozenset(), read_energy=9 - 3 * n, fill_energy=2)
        for n, (level, has, no) in enumerate(zip(nest.hardware.levels, kept, bypassed, strict=True))
    )
    hardware = replace(nest.hardware, levels=levels)
    limits = layer_limits(nest.layer, hardware)
    assert limits.energy <= evaluate(nest.layer, hardware, nest.mapping).energy
    assert energy_at_least(nest.layer, hardware) == limits.energy == least_energy(nest.layer, hardware)


def test_energy_counts_what_the_multipliers_take() -> None:
    """One multiplier, a register that keeps all: 64 MACs, 3 x 16 words in from outside, 64 reads or updates each."""
    layer = matmul("product", {"M": 4, "N": 4, "K": 4})
    hardware = with_storage(3)
    outside, fills, served = 16 * (2 + 2 + 5), 2 * 16 * 3, 64 * (2 + 2 + 5)
    assert least_energy(layer, hardware) == 64 + outside + fills + served


def test_the_limit_that_binds_is_named() -> None:
    hardware = next(iter(load_architecture("edge_small").points()))
    layers = {layer.name: layer for layer in load("alexnet").mac_layers()}
    found = to_json(lower_bounds_of(layers["fc6"], hardware))
    assert found["latency_limit"] == "DRAM bandwidth"
    words = sum(layers["fc6"].operand(role).footprint(layers["fc6"].extents) for role in ROLES)
    assert found["latency_cycles"] == found["bandwidth_cycles"]["DRAM bandwidth"] == words * 16 / 128
    assert to_json(lower_bounds_of(layers["conv2"], hardware))["latency_limit"] == "compute"
    assert layer_limits(layers["conv2"], hardware).roofline[1] == layer_limits(layers["conv2"], hardware).compute_cycles


@pytest.mark.parametrize("name", ["bert_base", "mobilenet_v2"])
def test_limits_in_blocks_and_of_depthwise_layers_are_counted_alike(name: str) -> None:
    hardware = next(iter(load_architecture("edge_skip").points()))
    network = sparsify(load(name), "2:4") if name == "bert_base" else load(name)
    layers = network.mac_layers()
    assert any(layer.block is not None for layer in layers) or name != "bert_base"
    for layer in layers:
        assert physical_bounds(layer, hardware) == to_json(lower_bounds_of(layer, hardware))


def with_storage(words: int) -> Hardware:
    hardware = plain_hardware(2)
    inner = replace(hardware.levels[1], size_bits=16 * words, must_keep=frozenset(ROLES))
    return replace(hardware, levels=(hardware.levels[0], inner))


def test_matmul_bound_is_that_of_smith() -> None:
    layer = matmul("product", {"M": 512, "N": 768, "K": 768})
    assert data_movement_words(layer, with_storage(1024)) == 2 * 512 * 768 * 768 // 32 - 2 * 1024


def test_square_tiles_come_close_to_the_bound() -> None:
    """An output tile of 30 x 30 words in a store of 1024 moves at most 20 % more than the bound."""
    layer = matmul("product", {"M": 480, "N": 480, "K": 480})
    items = (
        Node("W", 0),
        Node("I", 0),
        Node("O", 0),
        Loop("M", 16, 0),
        Loop("N", 16, 0),
        Node("O", 1),
        Loop("K", 480, 1),
        Node("I", 1),
        Node("W", 1),
        Loop("M", 30, 1),
        Loop("N", 30, 1),
    )
    words = outermost_words(layer, with_storage(1024), Mapping(items), "timeloop", "exact")
    bound = layer_limits(layer, with_storage(1024)).dram_words
    assert bound <= words <= 1.2 * bound


def test_the_bound_bites_without_on_chip_storage() -> None:
    """One multiplier fed from outside: three words on chip, 64 MACs, more than the 48 compulsory words."""
    layer = matmul("product", {"M": 4, "N": 4, "K": 4})
    items = (*(Node(role, 0) for role in ROLES), *(Loop(dim, 4, 0) for dim in "MNK"))
    hardware = plain_hardware(1)
    limits = layer_limits(layer, hardware)
    assert limits.data_movement_words == math.ceil(128 / math.sqrt(3)) - 6
    assert 48 < limits.dram_words <= outermost_words(layer, hardware, Mapping(items), "timeloop", "exact")


def test_convolution_bound_divides_by_the_window_reuse() -> None:
    layer = conv("conv", {"K": 64, "C": 64, "P": 56, "Q": 56, "R": 3, "S": 3})
    assert window_reuse(layer.operand("I"), layer.extents) == 9
    storage = 4096
    expected = math.ceil(2 * layer.macs / (3 * 64)) - 2 * storage
    assert data_movement_words(layer, with_storage(storage)) == expected


@pytest.mark.parametrize(
    ("stride", "dilation", "extents", "touched", "reuse"),
    [
        (1, 1, {"P": 5, "R": 3}, 7, 3),
        (2, 1, {"P": 5, "R": 3}, 11, 2),
        (3, 1, {"P": 5, "R": 1}, 5, 1),
        (2, 2, {"P": 4, "R": 3}, 6, 3),
        (1, 1, {"P": 1, "R": 7}, 7, 1),
        (4, 1, {"P": 2, "R": 3}, 6, 1),
    ],
)
def test_words_and_reuse_of_windows(
    stride: int, dilation: int, extents: dict[str, int], touched: int, reuse: int
) -> None:
    layer = conv("conv", {"K": 2, "C": 3, **extents}, stride=(stride, 1), dilation=(dilation, 1))
    assert touched_words(layer.operand("I"), layer.extents) == 3 * touched
    assert window_reuse(layer.operand("I"), layer.extents) == reuse


def test_axes_with_a_common_dim_are_counted_once() -> None:
    shared = Operand("I", (Axis((("P", 1), ("R", 1))), Axis((("P", 1), ("S", 1)))))
    assert touched_words(shared, {"P": 4, "R": 3, "S": 2}) == 6


def test_an_unbounded_inner_level_voids_the_bound() -> None:
    layer = matmul("product", {"M": 64, "N": 64, "K": 64})
    hardware = plain_hardware(2)
    assert storage_words(layer, hardware) is None
    assert layer_limits(layer, hardware).dram_words == 3 * 64 * 64


def test_operands_without_a_store_count_the_wires() -> None:
    layer = matmul("product", {"M": 64, "N": 64, "K": 64})
    hardware = with_storage(100)
    inner = replace(hardware.levels[1], must_keep=frozenset("O"), mesh=(2, 1), buffering=2)
    hardware = replace(hardware, levels=(hardware.levels[0], inner), mac_mesh=(4, 2))
    assert storage_words(layer, hardware) == 2 * 50 + 2 * 8


def test_result_form() -> None:
    layer = matmul("product", {"M": 4, "N": 2, "K": 3})
    limits = layer_limits(layer, with_storage(8))
    assert to_json(lower_bounds_of(layer, with_storage(8))) == {
        "compute_cycles": limits.compute_cycles,
        "bandwidth_cycles": {},
        "latency_cycles": limits.compute_cycles,
        "latency_limit": "compute",
        "compulsory_dram_words": limits.compulsory_dram_words,
        "dram_words_bound": limits.dram_words,
        "energy_pj": float(limits.energy),
    }


@given(terms=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=3).map(tuple))
def test_index_values_are_those_of_enumeration(terms: tuple[tuple[int, int], ...]) -> None:
    ranges = [[coefficient * i for i in range(extent)] for coefficient, extent in terms]
    counts = Counter(sum(steps) for steps in itertools.product(*ranges))
    expected = len(counts), max(counts.values())
    layer = _one_axis(terms)
    assert index_values(terms) == expected
    assert (touched_words(layer, _extents(terms)), window_reuse(layer, _extents(terms))) == expected


def test_index_values_of_large_extents_are_not_listed() -> None:
    terms = ((2, 10**18), (3, 10**12))
    counted = index_values(terms)
    assert counted == (2 * (10**18 - 1) + 3 * (10**12 - 1) + 1 - 2, 500_000_000_000)
    tensor, extents = _one_axis(terms), _extents(terms)
    assert counted == (touched_words(tensor, extents), window_reuse(tensor, extents))


def _one_axis(terms: tuple[tuple[int, int], ...]) -> Operand:
    return Operand("I", (Axis(tuple((f"D{n}", coefficient) for n, (coefficient, _) in enumerate(terms))),))


def _extents(terms: tuple[tuple[int, int], ...]) -> dict[str, int]:
    return {f"D{n}": extent for n, (_, extent) in enumerate(terms)}
