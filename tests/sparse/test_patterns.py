"""Access patterns: counts by enumeration, the interleaver program against exhaustive search, the independent check."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import SpecError
from optimizer.files.records import to_json
from optimizer.sparse_engine.engine import Junction
from optimizer.sparse_engine.interleaving import count_text, interleave
from optimizer.sparse_engine.pattern_check import pattern_faults, spread
from optimizer.sparse_engine.patterns import AccessPattern, pattern_count
from tests.support.profiles import examples
from tests.support.sparse_patterns import turned_pattern

NINE = Junction(9, 6, 2, 3)
TWELVE = Junction(12, 12, 2, 4)


def test_published_counts():
    assert [pattern_count(NINE, kind) for kind in (1, 2, 3)] == [46_656, 729, 27]
    assert [pattern_count(TWELVE, kind, dither=True) for kind in (1, 2, 3)] == [60_466_176, 236_196, 486]


def orders(junction, dither):
    """Memories by slot, one way to deal them out to the right neurons of a clock each."""
    z, fan_in = junction.parallel, junction.in_degree
    dealt = {}
    for order in itertools.permutations(range(z)):
        dealt.setdefault(tuple(frozenset(order[at : at + fan_in]) for at in range(0, z, fan_in)), order)
    return list(dealt.values()) if dither else [tuple(range(z))]


def schedule(junction, table):
    """What a pattern is: the left neurons that each right neuron takes in, clock by clock."""
    z, fan_in = junction.parallel, junction.in_degree
    clocks = (table[at : at + z] for at in range(0, len(table), z))
    return tuple(frozenset(clock[at : at + fan_in]) for clock in clocks for at in range(0, z, fan_in))


def sweeps(junction, kind, dither):
    """Tables of all edges of one sweep."""
    z, depth = junction.parallel, junction.depth
    walks = (
        list(itertools.permutations(range(depth)))
        if kind == 1
        else [tuple((start + clock) % depth for clock in range(depth)) for start in range(depth)]
    )
    for order in orders(junction, dither):
        for rows in itertools.product(walks, repeat=z):
            yield [rows[m][clock] * z + m for clock in range(depth) for m in order]


@pytest.mark.parametrize(
    ("junction", "kind", "dither"),
    [
        (NINE, 1, False),
        (NINE, 2, False),
        (NINE, 3, False),
        (TWELVE, 2, True),
        (TWELVE, 3, True),
        (Junction(4, 4, 2, 2), 1, True),
        (Junction(4, 4, 1, 4), 2, True),
    ],
)
def test_counts_by_enumeration(junction, kind, dither):
    found = {schedule(junction, table) for table in sweeps(junction, kind, dither)}
    count = len(found) if kind == 3 else len(found) ** junction.out_degree
    assert count == pattern_count(junction, kind, dither=dither)


def test_long_counts_are_shown_by_their_power_of_ten():
    assert count_text(60_466_176) == "60,466,176"
    assert count_text(4_294_967_296**5) == "10^48 and more"


def test_release_has_patterns_of_full_spread():
    first, second = interleave(Junction(1024, 64, 4, 128)), interleave(Junction(64, 32, 16, 32), latency=1)
    assert [to_json(p.entry)["objective"]["value"] for p in (first, second)] == [8, 2]
    assert first.status == second.status == "OPTIMAL"


def test_release_cannot_avoid_stale_partial_sums_with_its_pipelined_multiplier():
    """1 + PROCTIME = 3 clocks, but every row of the two comes again after at most two."""
    found = interleave(Junction(64, 32, 16, 32), latency=3)
    assert found.status == "INFEASIBLE" and to_json(found.entry)["infeasible"] == ["latency"]


def test_spread_beyond_the_rows_is_blamed():
    found = interleave(TWELVE, wanted_spread=3)
    assert found.status == "INFEASIBLE" and to_json(found.entry)["infeasible"] == ["spread"]
    assert to_json(interleave(TWELVE, wanted_spread=2).entry)["spread"] == 2


def test_same_seed_same_pattern():
    assert interleave(NINE, seed=3).pattern == interleave(NINE, seed=3).pattern


def test_bad_junctions_are_refused():
    with pytest.raises(SpecError, match="divisors of 9"):
        interleave(Junction(9, 6, 2, 4))
    with pytest.raises(SpecError, match="dither"):
        interleave(Junction(4096, 4096, 16, 256), dither=True)


def all_tables(junction, kind, dither):
    """Tables of every pattern of start rows."""
    z, depth = junction.parallel, junction.depth
    single = list(
        itertools.product(
            itertools.product(range(depth), repeat=z), itertools.permutations(range(z)) if dither else [tuple(range(z))]
        )
    )
    repeats = (
        itertools.product(single, repeat=junction.out_degree)
        if kind == 2
        else ((one,) * junction.out_degree for one in single)
    )
    for chosen in repeats:
        yield AccessPattern(junction, tuple(s for s, _ in chosen), tuple(o for _, o in chosen)).left_of_edge()


@settings(max_examples=examples(25))
@given(
    junction=st.sampled_from(
        [
            Junction(4, 4, 2, 2),
            Junction(6, 4, 2, 2),
            Junction(6, 4, 2, 3),
            Junction(6, 4, 2, 6),
            Junction(6, 9, 3, 3),
            Junction(6, 3, 2, 2),
            Junction(6, 3, 2, 3),
            Junction(9, 6, 2, 3),
            Junction(4, 6, 3, 2),
            Junction(10, 5, 2, 2),
        ]
    ),
    kind=st.sampled_from([2, 3]),
    dither=st.booleans(),
    latency=st.none() | st.integers(1, 4),
)
def test_program_and_exhaustive_search_agree(junction, kind, dither, latency):
    dither = dither and junction.depth <= 3 and junction.parallel <= 2
    left, right, z = junction.left, junction.right, junction.parallel
    best = max(
        (
            spread(table, right, z)
            for table in all_tables(junction, kind, dither)
            if not any(pattern_faults(table, left, right, z, latency))
        ),
        default=None,
    )
    found = interleave(junction, kind, dither=dither, latency=latency)
    assert found.status == ("INFEASIBLE" if best is None else "OPTIMAL")
    assert to_json(found.entry)["objective"]["value"] == best


def test_a_right_neuron_across_two_sweeps_must_not_repeat():
    """Six left neurons and in-degree 4: the second right neuron has two edges in each of the two sweeps."""
    junction = Junction(6, 3, 2, 2)
    faults = [list(pattern_faults(table, 6, 3, 2)) for table in all_tables(junction, 2, False)]
    assert ["right neuron 1: a connection twice"] in faults and [] in faults
    assert interleave(junction).status == "OPTIMAL"


@pytest.mark.parametrize(("source", "fault"), [(1, "clock 0: two reads of a memory"), (3, "sweep 0: not every")])
def test_check_sees_faults(source, fault):
    table = turned_pattern(NINE).left_of_edge()
    assert not list(pattern_faults(table, 9, 6, 3))
    table[0] = table[source]
    assert any(found.startswith(fault) for found in pattern_faults(table, 9, 6, 3))


def test_check_sees_rows_read_too_early():
    pattern = AccessPattern(NINE, ((0, 0, 0), (2, 0, 0)))  # memory 0 reads row 2 last, and first again
    faults = list(pattern_faults(pattern.left_of_edge(), 9, 6, 3, 1))
    assert faults == ["clock 3: left neuron 6 is read again after 1 clocks"]


def test_spread_counts_rows():
    assert spread(np.array([0, 3, 2, 3]), 2, 2) == 1
    assert spread(np.array([0, 3, 1, 2]), 2, 2) == 2
