"""The verifier's walk: counts worked out by hand, breaches, and agreement with a walk over sets of words."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings

from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.golden.walk import Counts, Walk, walk
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.workload.layer import Layer, conv, matmul
from tests.support.nests import Nest, naive_children, naive_fetched, nests, plain_hardware, tile_sequence
from tests.support.profiles import examples


def nest(*entries: str) -> Mapping:
    """A mapping from words: ``WIO@0`` are nodes at level 0, ``K2@0`` a temporal loop, ``P4@0X`` spatial."""
    items: list[Item] = []
    for entry in entries:
        what, where = entry.split("@")
        level, axis = int(where[0]), where[1:] or None
        if what.isalpha():
            items += [Node(role, level) for role in what]
        else:
            items.append(Loop(what[0], int(what[1:]), level, axis))
    return Mapping(tuple(items))


def run(
    layer: Layer,
    mapping: Mapping,
    hardware: Hardware | None = None,
    *,
    accounting: str = "timeloop",
    reuse: str = "exact",
) -> Walk:
    """Walk on unlimited hardware unless another one is given."""
    levels = 1 + max(item.level for item in mapping.items)
    unlimited = plain_hardware(levels, dict.fromkeys(range(levels), (64, 64)))
    return walk(layer, hardware or unlimited, mapping, accounting=accounting, reuse=reuse)  # type: ignore[arg-type]


def actions(counts: Counts) -> tuple[int, int, int]:
    return counts.reads, counts.fills, counts.updates


SQUARE = matmul("square", {"M": 4, "N": 4, "K": 4})
ROW = conv("row", {"K": 2, "C": 1, "P": 4, "R": 3})


class TestMatmulByHand:
    def test_output_stays_over_an_irrelevant_loop(self) -> None:
        found = run(SQUARE, nest("WIO@0", "K2@0", "WIO@1", "M4@1", "N4@1", "K2@1"))
        assert {node: actions(counts) for node, counts in found.counts.items()} == {
            (0, "W"): (16, 0, 0),
            (1, "W"): (64, 16, 0),
            (0, "I"): (16, 0, 0),
            (1, "I"): (64, 16, 0),
            (0, "O"): (0, 0, 16),
            (1, "O"): (48, 0, 64),
        }
        assert (found.macs, found.compute_cycles, found.latency_cycles) == (64, 64, 64)
        reads, fills, updates = 16 + 16 + 64 + 64 + 48, 32, 16 + 64
        assert found.energy == 64 + 2 * reads + 3 * fills + 5 * updates

    def test_output_is_refilled_when_it_comes_back(self) -> None:
        found = run(SQUARE, nest("WIO@0", "K2@0", "M2@0", "WIO@1", "M2@1", "N4@1", "K2@1"))
        assert actions(found.counts[0, "O"]) == (16, 0, 32)
        assert actions(found.counts[1, "O"]) == (48, 16, 64)
        assert actions(found.counts[1, "W"]) == (64, 16, 0)

    def test_looptree_reads_the_child_on_a_drain(self) -> None:
        mapping = nest("WIO@0", "K2@0", "M2@0", "WIO@1", "M2@1", "N4@1", "K2@1")
        found = run(SQUARE, mapping, accounting="looptree")
        assert actions(found.counts[0, "O"]) == (16, 0, 32)
        assert actions(found.counts[1, "O"]) == (48 + 32, 16, 64)

    def test_spatial_reduction_and_multicast_are_free(self) -> None:
        found = run(SQUARE, nest("WIO@0", "K4@0X", "M4@0Y", "WIO@1", "N4@1"))
        assert actions(found.counts[0, "W"]) == (16, 0, 0)
        assert actions(found.counts[1, "W"]) == (4, 4, 0)
        assert actions(found.counts[0, "O"]) == (0, 0, 16)
        assert actions(found.counts[1, "O"]) == (0, 0, 4)
        assert found.counts[1, "O"].instances == 16
        assert (found.macs, found.compute_cycles) == (64, 4)

    def test_a_bypassed_level_passes_traffic_and_multicast_on(self) -> None:
        kept = run(SQUARE, nest("WIO@0", "K4@0X", "WIO@1", "M4@1Y", "WIO@2", "N4@2"))
        bypassed = run(SQUARE, nest("WIO@0", "K4@0X", "IO@1", "M4@1Y", "WIO@2", "N4@2"))
        assert (1, "W") not in bypassed.counts
        assert kept.counts[0, "W"] == bypassed.counts[0, "W"]
        assert kept.counts[2, "W"] == bypassed.counts[2, "W"]

    def test_uneven_cuts(self) -> None:
        found = run(SQUARE, nest("WIO@0", "W@1", "M4@1", "I@1", "N4@1", "O@1", "K4@1"))
        assert actions(found.counts[1, "W"]) == (64, 16, 0)
        assert actions(found.counts[1, "I"]) == (64, 16, 0)
        assert actions(found.counts[1, "O"]) == (48, 0, 64)
        assert [found.counts[1, role].tile_words for role in "WIO"] == [16, 4, 1]


class TestWindows:
    def test_sliding_window_fetches_new_rows_only(self) -> None:
        found = run(ROW, nest("WIO@0", "P4@0", "WIO@1", "R3@1", "K2@1"))
        assert found.counts[1, "I"].fills == 3 + 1 + 1 + 1

    @pytest.mark.parametrize(("reuse", "fills"), [("exact", (6, 12)), ("innermost", (24, 12))])
    def test_loops_inside_and_outside_of_the_window(self, reuse: str, fills: tuple[int, int]) -> None:
        """A loop that leaves the tile where it is: free in the exact rule, charged where nodes are not hoisted."""
        inside = run(ROW, nest("WIO@0", "P4@0", "K2@0", "WIO@1", "R3@1"), reuse=reuse)
        outside = run(ROW, nest("WIO@0", "K2@0", "P4@0", "WIO@1", "R3@1"), reuse=reuse)
        assert (inside.counts[1, "I"].fills, outside.counts[1, "I"].fills) == fills

    def test_a_tile_that_comes_back_by_chance(self) -> None:
        """Tiles 0 1 | 1 2 | 2 3: staying costs nothing in the exact rule and keeps the history."""
        layer = conv("row", {"K": 1, "C": 1, "P": 2, "R": 3})
        mapping = nest("WIO@0", "R3@0", "P2@0", "WIO@1")
        assert run(layer, mapping).counts[1, "I"].fills == 4
        assert run(layer, mapping, reuse="innermost").counts[1, "I"].fills == 6

    def test_a_changed_shift_resets_the_history(self) -> None:
        """Tiles of 4 rows at 0 1 | 4 5: whole, 1 new, whole (the shift changed), 1 new."""
        layer = conv("row", {"K": 1, "C": 1, "P": 8, "R": 2})
        mapping = nest("WIO@0", "P2@0", "R2@0", "WIO@1", "P4@1")
        assert run(layer, mapping).counts[1, "I"].fills == 4 + 1 + 4 + 1

    def test_a_stay_keeps_the_history(self) -> None:
        """The same tiles, each held for two steps: the shift from 1 to 4 still differs from the last."""
        layer = conv("row", {"K": 2, "C": 1, "P": 8, "R": 2})
        mapping = nest("WIO@0", "P2@0", "R2@0", "K2@0", "WIO@1", "P4@1")
        assert run(layer, mapping).counts[1, "I"].fills == 4 + 1 + 4 + 1

    def test_a_chance_stay_between_repeated_sweeps(self) -> None:
        """Tiles 0 1 0 1 | 1 2 1 2 | 2 3 2 3: the first tile of a later group is there already."""
        layer = conv("row", {"K": 2, "C": 1, "P": 2, "R": 3})
        mapping = nest("WIO@0", "R3@0", "K2@0", "P2@0", "WIO@1")
        assert run(layer, mapping).counts[1, "I"].fills == 4 + 3 + 3

    def test_a_step_along_one_axis_and_back_along_another(self) -> None:
        """A 3 x 3 tile at (0, 0), (0, 1), (1, 0), (1, 1): a column, then everything, then a column."""
        layer = conv("square", {"K": 1, "C": 1, "P": 2, "Q": 2, "R": 3, "S": 3})
        mapping = nest("WIO@0", "P2@0", "Q2@0", "WIO@1", "R3@1", "S3@1")
        assert run(layer, mapping).counts[1, "I"].fills == 9 + 3 + 9 + 3

    def test_diagonal_multicast(self) -> None:
        layer = conv("row", {"K": 1, "C": 1, "P": 4, "R": 3})
        found = run(layer, nest("WIO@0", "P4@0X", "R3@0Y", "WIO@1"))
        assert found.counts[0, "I"].reads == 6
        assert found.counts[0, "W"].reads == 3
        assert found.counts[0, "O"].updates == 4
        assert found.counts[1, "I"].instances == 12

    def test_diagonals_need_one_fan_out(self) -> None:
        """Neighbours that overlap in part share nothing, also if a level between bypasses the input."""
        layer = conv("row", {"K": 1, "C": 1, "P": 4, "R": 3})
        found = run(layer, nest("WIO@0", "P4@0X", "WO@1", "R3@1Y", "WIO@2"))
        assert found.counts[0, "I"].reads == 12

    def test_strides_leave_no_overlap(self) -> None:
        layer = conv("row", {"K": 1, "C": 1, "P": 4, "R": 3}, stride=(4, 1))
        assert run(layer, nest("WIO@0", "P4@0", "WIO@1", "R3@1")).counts[1, "I"].fills == 12


class TestCyclesAndEnergy:
    MAPPING = nest("WIO@0", "K2@0", "WIO@1", "M4@1", "N4@1", "K2@1")

    def hardware(self, **limits: object) -> Hardware:
        base = plain_hardware(2)
        outer, inner = base.levels
        return replace(base, levels=(outer, replace(inner, **limits)))  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("port", "words"), [("read", 176), ("write", 96), ("shared", 272)], ids=["read", "write", "shared"]
    )
    def test_ports(self, port: str, words: int) -> None:
        hardware = self.hardware(**{f"{port}_bits_per_cycle": Fraction(11)})
        exact = Fraction(words * 16, 11)
        rounded = run(SQUARE, self.MAPPING, hardware)
        assert rounded.level_cycles == (64, math.ceil(exact))
        assert rounded.latency_cycles == math.ceil(exact)
        drains = 0 if port == "write" else 16
        unrounded = run(SQUARE, self.MAPPING, hardware, accounting="looptree")
        assert unrounded.port_cycles == {(1, port): Fraction((words + drains) * 16, 11)}

    def test_wide_accesses_are_rounded_up(self) -> None:
        narrow = run(SQUARE, self.MAPPING, self.hardware())
        wide = run(SQUARE, self.MAPPING, self.hardware(access_bits=16 * 5))
        saved_reads = 176 - (13 + 13 + 10)
        saved_fills, saved_updates = 32 - (4 + 4), 64 - 13
        assert narrow.energy - wide.energy == 2 * saved_reads + 3 * saved_fills + 5 * saved_updates

    def test_leakage_of_used_instances(self) -> None:
        mapping = nest("WIO@0", "K4@0X", "WIO@1", "M4@1", "N4@1")
        quiet = plain_hardware(2, {0: (8, 1)})
        leaky = replace(quiet, levels=(quiet.levels[0], replace(quiet.levels[1], leak_energy=7)))
        assert run(SQUARE, mapping, leaky).energy - run(SQUARE, mapping, quiet).energy == 7 * 4 * 16

    def test_a_started_cycle_leaks(self) -> None:
        """272 + 16 words of 16 bits at 11 bits per cycle take 418.9 cycles."""
        quiet = self.hardware(shared_bits_per_cycle=Fraction(11))
        leaky = self.hardware(shared_bits_per_cycle=Fraction(11), leak_energy=7)
        quiet_run = run(SQUARE, self.MAPPING, quiet, accounting="looptree")
        assert quiet_run.latency_cycles == Fraction((272 + 16) * 16, 11)
        assert run(SQUARE, self.MAPPING, leaky, accounting="looptree").energy - quiet_run.energy == 7 * 419

    def test_bits_per_operand(self) -> None:
        layer = SQUARE.with_bits({"W": 8, "I": 16, "O": 32})
        hardware = self.hardware(size_bits=8 * 8 + 8 * 16 + 16 * 32)
        assert run(layer, self.MAPPING, hardware).violations == ()
        hardware = self.hardware(size_bits=8 * 8 + 8 * 16 + 16 * 32 - 1)
        assert "take 704 bits, 703 are usable" in run(layer, self.MAPPING, hardware).violations[0]


class TestViolations:
    MAPPING = nest("WIO@0", "K2@0X", "WIO@1", "M4@1", "N4@1", "K2@1")

    def violations(self, mapping: Mapping, level: int = 0, **limits: object) -> tuple[str, ...]:
        hardware = plain_hardware(2, {0: (2, 1)})
        levels = list(hardware.levels)
        levels[level] = replace(levels[level], **limits)  # type: ignore[arg-type]
        return run(SQUARE, mapping, replace(hardware, levels=tuple(levels))).violations

    def test_legal(self) -> None:
        assert self.violations(self.MAPPING) == ()

    @pytest.mark.parametrize(
        ("level", "limits", "words"),
        [
            (1, {"size_bits": 511}, "usable"),
            (1, {"size_bits": 1023, "buffering": 2}, "usable"),
            (1, {"must_bypass": frozenset("W")}, "L1 must not keep W"),
            (0, {"spatial_x": ("M", "N")}, "K may not be unrolled along X below L0"),
        ],
    )
    def test_limits(self, level: int, limits: dict[str, object], words: str) -> None:
        (breach,) = self.violations(self.MAPPING, level, **limits)
        assert words in breach

    def test_must_keep(self) -> None:
        mapping = nest("WIO@0", "IO@1", "M4@1", "N4@1", "K4@1")
        assert self.violations(mapping, 1, must_keep=frozenset("W")) == ("L1 must keep W",)

    def test_fan_out(self) -> None:
        (breach,) = self.violations(nest("WIO@0", "K4@0X", "WIO@1", "M4@1", "N4@1"))
        assert breach == "the fan-out below L0 has 2 children along X, 4 are used"

    def test_extents(self) -> None:
        (breach,) = self.violations(nest("WIO@0", "WIO@1", "M4@1", "N3@1", "K4@1"))
        assert breach == "the loops over N make 3 trips, the layer needs 4"

    def test_padding_is_paid_for(self) -> None:
        found = run(SQUARE, nest("WIO@0", "WIO@1", "M4@1", "N5@1", "K4@1"))
        assert (found.violations, found.macs) == ((), 80)

    @pytest.mark.parametrize(
        ("mapping", "words"),
        [
            (nest("WI@0", "WIO@1", "M4@1", "N4@1", "K4@1"), "O is not kept at the outermost level"),
            (nest("WIO@0", "WIO@1", "W@1", "M4@1", "N4@1", "K4@1"), "each once"),
            (nest("K4@0", "WIO@0", "M4@1", "N4@1"), "outside of W at the outermost level"),
            (nest("WIO@0", "W@1", "K4@0", "M4@0X", "IO@1", "N4@1"), "moves the hoisted tile of W at L1"),
            (nest("WIO@0", "K4@1X", "M4@0X", "N4@1"), "inside of a deeper level"),
            (nest("WIO@0", "K4@1X", "WIO@1", "M4@1", "N4@1"), "inside of the fan-out below L1"),
            (nest("WIO@0", "M4@1", "Z4@1", "N4@1", "K4@1"), "no dim Z"),
            (nest("WIO@0", "M4@1", "N0@1", "K4@1"), "below 1"),
            (nest("WIO@0", "M4@1", "N4@1Z", "K4@1"), "unknown axis Z"),
            (nest("WIOT@0", "M4@1", "N4@1", "K4@1"), "unknown operand T"),
            (nest("WIO@0", "M4@7", "N4@1", "K4@1"), "level 7 does not exist"),
        ],
    )
    def test_nests_without_a_meaning_are_not_counted(self, mapping: Mapping, words: str) -> None:
        found = run(SQUARE, mapping, plain_hardware(2, {0: (4, 4), 1: (4, 4)}))
        assert any(words in breach for breach in found.violations)
        assert not found.sound
        assert (found.counts, found.energy, found.latency_cycles) == ({}, 0, 0)

    @pytest.mark.parametrize("names", [{"accounting": "mean"}, {"reuse": "all"}])
    def test_unknown_names(self, names: dict[str, str]) -> None:
        with pytest.raises(SpecError, match="unknown name"):
            run(SQUARE, self.MAPPING, **names)  # type: ignore[arg-type]


class TestRandomNests:
    @given(nests())
    @settings(max_examples=examples(150))
    def test_equals_the_walk_over_sets_of_words(self, case: Nest) -> None:
        for reuse in ("exact", "innermost"):
            found = run(case.layer, case.mapping, case.hardware, reuse=reuse)
            assert found.violations == ()
            for operand in case.layer.operands:
                keepers = [
                    (place, item.level)
                    for place, item in enumerate(case.mapping.items)
                    if isinstance(item, Node) and item.role == operand.role
                ]
                children = [*keepers[1:], (None, len(case.hardware.levels))]
                for (place, level), (stop, inner) in zip(keepers, children, strict=True):
                    counts = found.counts[level, operand.role]
                    tiles = [tile for _, tile in tile_sequence(operand, case, place)]
                    assert counts.tile_words == len(tiles[0])
                    assert counts.first_visits == len(frozenset().union(*tiles))
                    assert counts.traffic == naive_fetched(operand, case, place, reuse)
                    served = found.compute_cycles if stop is None else naive_fetched(operand, case, stop, reuse)
                    served *= naive_children(operand, case, level, inner)
                    assert served == (counts.updates if operand.role == "O" else counts.reads)

    @given(nests())
    @settings(max_examples=examples(150))
    def test_invariants(self, case: Nest) -> None:
        exact = run(case.layer, case.mapping, case.hardware)
        strict = run(case.layer, case.mapping, case.hardware, reuse="innermost")
        drained = run(case.layer, case.mapping, case.hardware, accounting="looptree")
        extents = case.mapping.extents(case.layer.extents)
        assert exact.macs == math.prod(extents.values()) >= case.layer.macs
        for node, counts in exact.counts.items():
            assert counts.first_visits <= counts.traffic <= strict.counts[node].traffic
            assert counts.tile_words <= counts.first_visits
            assert min(actions(counts)) >= 0
            read_back = counts.traffic if node[1] == "O" and node[0] else 0
            bits = counts.read_bits + read_back * case.layer.operand(node[1]).bits
            assert drained.counts[node] == replace(counts, reads=counts.reads + read_back, read_bits=bits)
        assert exact.counts[0, "W"].reads >= case.layer.operand("W").footprint(extents)
        assert exact.counts[0, "O"].updates >= case.layer.operand("O").footprint(extents)
        assert exact.latency_cycles == max(exact.level_cycles) >= exact.compute_cycles
        assert exact.energy <= strict.energy

    @given(nests())
    @settings(max_examples=examples(100))
    def test_parent_and_child_exchange_the_same_words(self, case: Nest) -> None:
        """Between one read per child (no sharing) and one read for all children (full multicast)."""
        found = run(case.layer, case.mapping, case.hardware)
        for operand in case.layer.operands:
            keepers = case.mapping.keepers(operand.role)
            for parent, child in itertools.pairwise(keepers):
                above, below = found.counts[parent, operand.role], found.counts[child, operand.role]
                served = above.updates if operand.role == "O" else above.reads
                received = below.traffic * below.instances
                assert served * above.instances <= received <= served * below.instances
                if operand.role != "O":
                    assert below.fills == below.traffic
                else:
                    assert below.fills == below.traffic - below.first_visits


def test_a_large_layer_is_walked_quickly() -> None:
    """VGG-16 conv4_2 with 10^7 iterations outside of the innermost nodes."""
    layer = conv("conv4_2", {"N": 1, "K": 512, "C": 512, "P": 28, "Q": 28, "R": 3, "S": 3})
    mapping = nest(
        "WIO@0",
        "K8@0",
        "C8@0",
        "P7@0",
        "WIO@1",
        "K16@1",
        "Q28@1",
        "C4@1",
        "R3@1Y",
        "P4@1X",
        "K4@1Y",
        "C4@2",
        "WIO@2",
        "S3@2",
        "C4@2",
    )
    start = time.perf_counter()
    found = run(layer, mapping, reuse="exact")
    assert time.perf_counter() - start < 2
    assert found.macs == layer.macs
    assert found.counts[0, "O"].updates % layer.operand("O").footprint(layer.extents) == 0
