"""The walk of fused groups: costs worked out by hand, and every breach of a claim in a readable sentence."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from optimizer.architecture.hardware import Hardware, Level
from optimizer.errors import SpecError
from optimizer.golden.group_claim import ClaimedRun, FusedClaim
from optimizer.golden.group_walk import FusedWalk, walk_fused
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.workload.layer import VectorLayer, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY, IDENTITY_WINDOW, Window

DRAM = Level(
    "DRAM", None, (1, 1), 8, 100, 0, 90, leak_energy=2, read_bits_per_cycle=Fraction(4), must_keep=frozenset("WIO")
)
BUFFER = Level("GLB", 512, (1, 1), 16, 6, 5, 4, leak_energy=1, write_bits_per_cycle=Fraction(16))
HARDWARE = Hardware((DRAM, BUFFER), (1, 1), 1, vector_lanes=2, vector_energy=3)
EIGHT = dict.fromkeys("WIO", 8)


def network() -> Network:
    """Input ``x`` of 4 rows; ``a`` and ``b`` convolve three rows, ``sum`` adds ``b`` and ``x``; ``out`` reads ``b``."""
    found, halo = Network("small"), (IDENTITY_WINDOW, Window(1, 3, 1), IDENTITY_WINDOW)
    found.add(conv("x", {"C": 1, "P": 4}, bits=EIGHT))
    found.add(conv("a", {"C": 1, "P": 4, "R": 3}, bits=EIGHT), after={"x": "X"}, views={"x": halo})
    found.add(conv("b", {"C": 1, "P": 4, "R": 3}, bits=EIGHT), after={"a": "A"}, views={"a": halo})
    adds = VectorLayer("sum", "add", ((4, 8), (4, 8), (2, 8)), ((4, 8),), 4, grid=(1, 4, 1))
    found.add(adds, after={"b": "B", "x": "X"}, views={"b": IDENTITY, "x": IDENTITY})
    found.add(conv("out", {"C": 1, "P": 4}, bits=EIGHT), after={"b": "B"}, views={"b": IDENTITY})
    return found


def nest(rows: int, *, weights: int, room: int | None = None, count: int = 1) -> ClaimedRun:
    """Rows and taps in a loop each, input and output pinned, weights at a level."""
    items = (Node("I", 1), Node("O", 1), Node("W", weights), Loop("P", rows, 1), Loop("R", 3, 1))
    return ClaimedRun(Mapping(items), count, room)


CLAIM = FusedClaim(
    ("a", "b", "sum"),
    (1, 2, 1),
    ("cache", "cache"),
    {
        ("a", (("P", 3),), False): nest(3, weights=0),
        ("a", (("P", 1),), False): nest(1, weights=0),
        ("b", (("P", 2),), False): nest(2, weights=1, count=2),
    },
    resident=frozenset({"b"}),
    held=frozenset({"x"}),
)


def walked(claim: FusedClaim = CLAIM, hardware: Hardware = HARDWARE) -> FusedWalk:
    return walk_fused(network(), hardware, claim, accounting="timeloop")


def load(words: int) -> tuple[int, int]:
    """Energy and cycles of words brought into the buffer."""
    cycles = max(-(-8 * words // 4), -(-8 * words // 16))
    return words * 100 + -(-words // 2) * 5 + cycles * 3, cycles


def run(rows: int, *, from_dram: bool) -> tuple[int, int]:
    """Energy and cycles of rows of a convolution: an input and a weight read and a sum updated per multiplication."""
    macs = 3 * rows
    reads = -(-macs // 2) * 6 + (macs * 100 if from_dram else -(-macs // 2) * 6) + -(-(macs - rows) // 2) * 6
    cycles = max(macs, 2 * macs if from_dram else 0)
    return macs + reads + -(-macs // 2) * 4 + cycles * 3, cycles


def test_costs_by_hand() -> None:
    """The first tile needs 3 rows of ``a`` and 4 of ``x``, the second one row more of ``a``; ``b`` leaves as well."""
    found = walked()
    assert found.violations == ()
    assert found.computed == {"a": 4, "b": 4, "sum": 4}
    store = 4 * 90 + 2 * 6, 0
    part = 2 * 3 + (1 + 1) * 6 + 2 * 100 + 2 * 90, 4
    parts = [load(3), load(4), run(3, from_dram=True), run(1, from_dram=True), run(2, from_dram=False)]
    total = [sum(p[n] for p in (*parts, parts[-1], store, part, part)) for n in (0, 1)]
    assert [found.energy, found.latency] == total


def test_words_and_bits_by_hand() -> None:
    """Bits held: the weights of ``b`` (24), ``x`` (32: the sum reads it to the end), and rows of ``a`` and ``b``."""
    found = walked()
    assert found.macs == 3 * 4 + 3 * 4
    assert found.dram_words == 3 + 4 + 3 * 4 + 4 + 2 * (2 + 2)
    assert found.held_bits == {"a": 24 + 32 + 24, "b": 24 + 32 + 24 + 16, "sum": 24 + 32 + 16 + 16}
    assert found.peak_bits == 24 + 32 + 24 + 16


def test_recomputed_rows_are_counted() -> None:
    claim = replace(
        CLAIM,
        halo=("recompute", "cache"),
        runs={
            ("a", (("P", 3),), False): nest(3, weights=0, count=2),
            ("b", (("P", 2),), False): nest(2, weights=1, count=2),
        },
    )
    found = walked(claim)
    assert found.violations == ()
    assert found.computed == {"a": 6, "b": 4, "sum": 4} and found.macs == 18 + 12
    assert found.dram_words == 3 + 2 * 4 + 3 * 6 + 4 + 2 * (2 + 2)


def test_strips_free_only_what_no_later_one_needs() -> None:
    """The second row of ``b`` still needs all three rows of ``a``."""
    claim = replace(CLAIM, strips={"b": 2}, runs={**CLAIM.runs, ("b", (("P", 1),), False): nest(1, weights=1, count=4)})
    found = walked(claim)
    assert found.violations == ("b with P 2 never runs",)
    assert found.held_bits["b"] == 24 + 32 + 24 + 16


def without(key: str) -> FusedClaim:
    """The claim without the runs of a layer."""
    return replace(CLAIM, runs={other: run for other, run in CLAIM.runs.items() if other[0] != key})


def with_run(key: tuple[str, tuple[tuple[str, int], ...]], run: ClaimedRun) -> FusedClaim:
    """The claim with another mapping of some runs."""
    return replace(CLAIM, runs={**CLAIM.runs, key: run})


B = ("b", (("P", 2),), False)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        (without("b"), "no mapping is given for b with P 2, which runs 2 times"),
        (with_run(B, nest(2, weights=1, count=3)), "b with P 2 runs 2 times, not 3"),
        (with_run(("a", (("P", 2),), False), nest(2, weights=0)), "a with P 2 never runs"),
        (with_run(("c", (("P", 2),), False), nest(2, weights=0)), "c with P 2 never runs"),
        (with_run(B, nest(1, weights=1, count=2)), "b with P 2: the loops over P make 1 trips, the layer needs 2"),
        (with_run(B, nest(2, weights=0, count=2)), "b with P 2: W is pinned to level 1, but its outermost node"),
        (with_run(B, nest(2, weights=1, count=2, room=417)), "the buffer holds 96 bits and 417 are for tiles, 512 are"),
        (replace(CLAIM, resident=frozenset()), "b with P 2: W is not kept at the outermost level"),
        (replace(CLAIM, held=frozenset()), "I is not kept at the outermost level"),
    ],
)
def test_breaches_that_leave_something_to_count(claim: FusedClaim, sentence: str) -> None:
    found = walked(claim)
    assert found.sound and found.violations and all(sentence in fault for fault in found.violations)


@pytest.mark.parametrize("bits", [95, 96])
def test_the_buffer_must_hold_all_that_is_needed(bits: int) -> None:
    found = walked(hardware=replace(HARDWARE, levels=(DRAM, replace(BUFFER, size_bits=bits))))
    assert bool(found.violations) == (bits < 96)
    assert all("95 are usable" in fault for fault in found.violations)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        (replace(CLAIM, members=()), "the group has no members"),
        (replace(CLAIM, members=("a", "b", "c")), "the network has no layer c"),
        (replace(CLAIM, members=("a", "a", "b", "sum")), "a is a member more than once"),
        (replace(CLAIM, members=("b", "a", "sum")), "b runs before a, whose output it reads"),
        (replace(CLAIM, members=("a", "sum"), resident=frozenset()), "b is read inside the group and needs a"),
        (replace(CLAIM, parts=(1, 3, 1)), "3 parts do not divide the 4 positions of b along rows"),
        (replace(CLAIM, parts=(1, 0, 1)), "is not a number of parts along batch, rows, columns"),
        (replace(CLAIM, halo=("keep", "cache")), "unknown halo policy 'keep'"),
        (replace(CLAIM, resident=frozenset({"sum"})), "sum has no weights that could be resident"),
        (replace(CLAIM, resident=frozenset({"out"})), "out has no weights that could be resident"),
        (replace(CLAIM, held=frozenset({"out"})), "out is not outside of the group and read by a member"),
        (replace(CLAIM, strips={"sum": 2}), "sum cannot run in strips"),
        (replace(CLAIM, strips={"b": 0}), "b cannot run in 0 strips"),
        (replace(CLAIM, strips={"a": 2}), "the rows of a on some tile cannot be cut into 2 equal strips"),
    ],
)
def test_breaches_that_leave_nothing_to_count(claim: FusedClaim, sentence: str) -> None:
    found = walked(claim)
    assert not found.sound and any(sentence in fault for fault in found.violations)
    assert (found.energy, found.latency, found.peak_bits) == (0, 0, 0)


def test_layers_that_cannot_be_fused() -> None:
    several = network()
    several.graph.nodes["a"]["layer"] = replace(several.graph.nodes["a"]["layer"], multiplicity=2)
    several.graph.nodes["x"]["layer"] = replace(several.graph.nodes["x"]["layer"], multiplicity=3)
    several.graph.nodes["sum"]["layer"] = replace(several.graph.nodes["sum"]["layer"], writes=((4, 8), (4, 8)))
    several.graph.nodes["b"]["layer"] = replace(several.graph.nodes["b"]["layer"], parameters=0)
    faults = walk_fused(several, HARDWARE, CLAIM, accounting="timeloop").violations
    for sentence in (
        "a runs 2 times",
        "x runs 3 times",
        "sum does not write one tensor",
        "it cannot be told which operands of b other layers compute",
    ):
        assert any(sentence in fault for fault in faults), sentence


def test_hardware_without_a_single_buffer() -> None:
    for levels in ((DRAM,), (DRAM, replace(BUFFER, mesh=(2, 1)))):
        found = walked(hardware=Hardware(levels, (2, 1), 1))
        assert found.violations == ("there is no single buffer next to the outermost level",)


def test_unknown_accounting() -> None:
    with pytest.raises(SpecError, match="accounting"):
        walk_fused(network(), HARDWARE, CLAIM, accounting="other")  # type: ignore[arg-type]


# --- Slices of channels -------------------------------------------------------------------------------------


def two_products() -> Network:
    """Two rows of 2 words, made 4 words wide and 3 again; ``wide`` has a reader of its own."""
    found = Network("products")
    found.add(matmul("x", {"M": 2, "N": 2, "K": 1}, bits=EIGHT))
    found.add(matmul("a", {"M": 2, "N": 4, "K": 2}, bits=EIGHT), after={"x": "X"}, views={"x": IDENTITY})
    found.add(matmul("b", {"M": 2, "N": 3, "K": 4}, bits=EIGHT), after={"a": "A"}, views={"a": IDENTITY})
    found.add(matmul("wide", {"M": 2, "N": 4, "K": 3}, bits=EIGHT), after={"b": "B"}, views={"b": IDENTITY})
    found.add(matmul("c", {"M": 2, "N": 1, "K": 4}, bits=EIGHT), after={"wide": "V"}, views={"wide": IDENTITY})
    found.add(matmul("d", {"M": 2, "N": 1, "K": 4}, bits=EIGHT), after={"wide": "V"}, views={"wide": IDENTITY})
    return found


def product(keeps: str, m: int, n: int, k: int, count: int) -> ClaimedRun:
    """Three loops; of W, I and O, in this order, the level that serves them."""
    nodes = tuple(Node(role, int(level)) for role, level in zip("WIO", keeps, strict=True))
    loops = (Loop("M", m, 1), Loop("N", n, 1), Loop("K", k, 1))
    return ClaimedRun(Mapping((*sorted(nodes, key=lambda node: node.level), *loops)), count)


def turns(*, gathers: bool) -> FusedClaim:
    """One row at a time; ``a`` and ``b`` take turns on halves of the 4 words between them."""
    sums = "01" if gathers else "00"
    return FusedClaim(
        ("a", "b"),
        (1, 2, 1),
        ("cache", "cache"),
        {
            ("a", (("M", 1), ("N", 2)), False): product("001", 1, 2, 2, 4),
            ("b", (("M", 1), ("K", 2)), False): product(f"01{sums[1]}", 1, 3, 2, 2),
            ("b", (("M", 1), ("K", 2)), True): product(f"01{sums[1]}", 1, 3, 2, 2),
        },
        chain=("a", "b"),
        slices=2,
        gathers=gathers,
    )


@pytest.mark.parametrize("gathers", [True, False])
def test_slices_by_hand(gathers: bool) -> None:
    """Per row: 2 x 4 products for ``a``, 4 words of W and I each per half; 12 for ``b``, whose sums pass twice."""
    found = walk_fused(two_products(), HARDWARE, turns(gathers=gathers), accounting="timeloop")
    assert found.violations == ()
    assert found.macs == 2 * (8 + 12) and found.computed == {"a": 2, "b": 2}
    of_a, weights_of_b = 2 * (8 + 8), 2 * 12
    sums = 6 if gathers else 2 * (12 + 12 - 3)  # stored once; or updated 12 times a row, read but for 3 first visits
    assert found.dram_words == of_a + weights_of_b + sums
    slice_bits, sum_bits = 2 * 8, 2 * 3 * 8 if gathers else 0
    assert found.held_bits["b"] == slice_bits + sum_bits // 2


def test_slices_move_what_the_whole_moves() -> None:
    """Where every product updates its sum outside, it makes no difference in which slice it does."""
    claim = turns(gathers=True)
    whole = FusedClaim(
        claim.members,
        claim.parts,
        claim.halo,
        {
            ("a", (("M", 1),), False): product("001", 1, 4, 2, 2),
            ("b", (("M", 1),), False): product("010", 1, 3, 4, 2),
        },
    )
    sliced = replace(claim, gathers=False, runs=turns(gathers=False).runs)
    found = [walk_fused(two_products(), HARDWARE, each, accounting="timeloop") for each in (whole, sliced)]
    assert not found[0].violations and not found[1].violations
    assert found[1].dram_words == found[0].dram_words and found[1].held_bits["b"] < found[0].held_bits["b"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"slices": 1}, "1 is not a number of slices"),
        ({"chain": (), "slices": 2, "gathers": False}, "slices without layers that take turns"),
        ({"chain": ("b", "a")}, "do not follow one another"),
        ({"chain": ("a",)}, "do not follow one another"),
        ({"slices": 3}, "3 slices do not divide the 4 channels of a"),
        ({"strips": {"b": 1}}, "b cannot run in strips and in slices"),
        ({"members": ("a", "b", "wide")}, "the sums of b stay in the buffer anyway"),
        ({"members": ("wide", "c"), "chain": ("wide", "c")}, "wide is not read by c alone"),
    ],
)
def test_turns_that_cannot_be_taken(change: dict[str, object], sentence: str) -> None:
    found = walk_fused(two_products(), HARDWARE, replace(turns(gathers=True), **change), accounting="timeloop")
    assert not found.sound and any(sentence in fault for fault in found.violations), found.violations


def test_a_slice_of_another_tile_is_not_read() -> None:
    """With halo cached, a row of ``a`` serves two tiles, but the other slices have taken its place."""
    found, halo = Network("halo"), (IDENTITY_WINDOW, Window(1, 3, 1), IDENTITY_WINDOW)
    found.add(conv("a", {"K": 2, "C": 1, "P": 4}, bits=EIGHT))
    found.add(conv("b", {"K": 1, "C": 2, "P": 4, "R": 3}, bits=EIGHT), after={"a": "A"}, views={"a": halo})
    claim = FusedClaim(("a", "b"), (1, 2, 1), ("cache", "cache"), {}, chain=("a", "b"), slices=2)
    walked = walk_fused(found, HARDWARE, claim, accounting="timeloop")
    assert "b reads slices that were computed for another tile" in walked.violations
    again = walk_fused(found, HARDWARE, replace(claim, halo=("recompute", "cache")), accounting="timeloop")
    assert not any("another tile" in fault for fault in again.violations)
