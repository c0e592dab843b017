"""The clocked simulator: equal to masked matrices word for word, and watchful of ports and hazards."""

import itertools
from collections import deque
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.errors import SpecError
from optimizer.sparse_engine import digits
from optimizer.sparse_engine.engine import Engine
from optimizer.sparse_engine.fixed_point import FORMATS, Format, parse_format, shifted
from optimizer.sparse_engine.memories import Banks, ConflictError, Ports
from optimizer.sparse_engine.network import SparseNetwork
from optimizer.sparse_engine.parameters import random_sample, start
from optimizer.sparse_engine.pattern_check import pattern_faults
from optimizer.sparse_engine.patterns import AccessPattern
from optimizer.sparse_engine.pipeline import Pipeline
from optimizer.sparse_engine.reference import MaskedNetwork
from optimizer.sparse_engine.simulation import hazard_free_patterns, simulate
from tests.support.choices import slow_if
from tests.support.profiles import examples
from tests.support.sparse_patterns import turned_pattern

RELEASE = SparseNetwork((1024, 64, 32), (4, 16))


def both(engine, patterns, form, count=6, forwarding=False, rate_shift=2, seed=0):
    """(run of the pipeline, masked network after the same inputs, its outputs, start)."""
    begun = start(engine.network, form, seed)
    sample = random_sample(engine.network, form, count, seed)
    run = Pipeline(engine, patterns, begun, form, rate_shift, forwarding=forwarding).run(sample)
    model = MaskedNetwork(engine.network, [p.left_of_edge() for p in patterns], begun, form, rate_shift)
    return run, model, model.train(sample), begun


@pytest.mark.slow
@pytest.mark.parametrize(("proctime", "forwarding"), slow_if([(0, False)], [(0, False), (2, True)]))
def test_release_runs_clock_by_clock(proctime, forwarding):
    engine = Engine(RELEASE, (128, 32), proctime=proctime)
    data = simulate(
        engine, hazard_free_patterns(engine, forwarding=forwarding), FORMATS[12], inputs=6, forwarding=forwarding
    )
    assert data.equal and data.learned
    assert data.clocks == (6 + 2 * 2) * (34 + proctime)
    assert bool(data.forwarded) == forwarding


@pytest.mark.slow
def test_release_has_no_hazard_free_pattern_with_its_pipelined_multiplier():
    with pytest.raises(SpecError, match="forwarding"):
        hazard_free_patterns(Engine(RELEASE, (128, 32), proctime=2), forwarding=False)


@st.composite
def engines(draw):
    """Engines that can be simulated: z divides the left layer, and fi divides z or z divides fi."""
    neurons = tuple(draw(st.lists(st.sampled_from([4, 6, 8, 12]), min_size=2, max_size=4)))
    degrees, z = [], []
    for left, right in itertools.pairwise(neurons):
        step = right // np.gcd(left, right)
        degrees.append(int(step) * draw(st.integers(1, int(right // step))))
        fan_in = left * degrees[-1] // right
        z.append(
            draw(
                st.sampled_from(
                    [k for k in range(1, left + 1) if left % k == 0 and (k % fan_in == 0 or fan_in % k == 0)]
                )
            )
        )
    engine = Engine(SparseNetwork(neurons, tuple(degrees)), tuple(z), proctime=draw(st.integers(0, 3)))
    right_side = zip(engine.junctions, engine.junctions[1:], strict=False)
    assume(all(after.parallel >= before.right_parallel for before, after in right_side))
    return engine


@st.composite
def patterned(draw):
    """An engine and patterns of random start rows that repeat no connection."""
    engine = draw(engines())
    patterns = []
    for junction in engine.junctions:
        random = np.random.default_rng(draw(st.integers(0, 10**6)))
        starts = random.integers(junction.depth, size=(junction.out_degree, junction.parallel)).tolist()
        order = [random.permutation(junction.parallel).tolist() for _ in range(junction.out_degree)]
        patterns.append(AccessPattern(junction, tuple(map(tuple, starts)), tuple(map(tuple, order))))
        table = patterns[-1].left_of_edge()
        assume(not any(pattern_faults(table, junction.left, junction.right, junction.parallel)))
    return engine, patterns


@settings(max_examples=examples(40))
@given(case=patterned(), width=st.sampled_from(sorted(FORMATS)), seed=st.integers(0, 99))
def test_pipeline_equals_masked_matrices(case, width, seed):
    engine, patterns = case
    run, model, outputs, begun = both(engine, patterns, FORMATS[width], forwarding=True, seed=seed)
    assert run.parameters.equals(model.parameters())
    assert np.array_equal(run.outputs, outputs)
    assert not run.parameters.equals(begun)


@settings(max_examples=examples(40))
@given(case=patterned())
def test_hazards_are_those_of_the_check(case):
    """Without forwarding the pipeline stops exactly if the table reads a row of deltas too early."""
    engine, patterns = case
    latency = 1 + engine.proctime
    inner = [(p.left_of_edge(), p.junction) for p in patterns[1:]]
    stale = any(any(pattern_faults(table, j.left, j.right, j.parallel, latency)) for table, j in inner)
    try:
        run, *_ = both(engine, patterns, FORMATS[10], count=3)
    except ConflictError as error:
        assert stale and "deltas" in str(error)
    else:
        assert not stale and run.forwarded == 0


def test_delays_matter():
    """A network without the pipeline's delays learns other words: the comparison can fail."""
    engine = Engine(SparseNetwork((8, 8, 8), (4, 4)), (4, 4))
    patterns = [turned_pattern(junction) for junction in engine.junctions]
    run, _, outputs, begun = both(engine, patterns, FORMATS[16], count=8, forwarding=True, rate_shift=0)
    model = MaskedNetwork(engine.network, [p.left_of_edge() for p in patterns], begun, FORMATS[16], 0)
    model._versions = [deque(versions, maxlen=1) for versions in model._versions]
    prompt = model.train(random_sample(engine.network, FORMATS[16], 8, 0))
    assert np.array_equal(run.outputs, outputs) and not np.array_equal(prompt, outputs)


def test_too_few_memories_on_the_right_are_a_conflict():
    engine = Engine(SparseNetwork((16, 8, 4), (2, 2)), (16, 2))  # four right neurons a clock, two memories
    with pytest.raises(ConflictError, match="activations 1"):
        both(engine, [turned_pattern(junction) for junction in engine.junctions], FORMATS[12])


def test_a_clash_is_a_conflict():
    engine = Engine(SparseNetwork((8, 4), (2,)), (4,))
    clash = AccessPattern(engine.junctions[0], ((0,) * 4,) * 2, ((0, 0, 2, 3),) * 2)
    with pytest.raises(ConflictError, match="activations 0, memory 0, single port"):
        both(engine, [clash], FORMATS[12])


def test_unfit_z_is_refused():
    engine = Engine(SparseNetwork((12, 8), (2,)), (8,))
    with pytest.raises(SpecError, match="divisors of 12"):
        both(engine, [turned_pattern(junction) for junction in engine.junctions], FORMATS[12])


PLACE = (np.array([0]), np.array([0]))


@pytest.mark.parametrize(
    ("ports", "reads", "writes", "allowed"),
    [
        (Ports.SINGLE, 1, 0, True),
        (Ports.SINGLE, 2, 0, False),
        (Ports.SINGLE, 1, 1, False),
        (Ports.SIMPLE_DUAL, 1, 1, True),
        (Ports.SIMPLE_DUAL, 2, 0, False),
        (Ports.SIMPLE_DUAL, 0, 2, False),
        (Ports.TRUE_DUAL, 2, 0, True),
        (Ports.TRUE_DUAL, 0, 2, True),
        (Ports.TRUE_DUAL, 2, 1, False),
    ],
)
def test_ports(ports, reads, writes, allowed):
    banks = Banks("bank", 1, 2, 4, ports)

    def access():
        for row in range(reads):
            banks.read(5, 0, PLACE[0], PLACE[1] + row)
        for row in range(writes):
            banks.write(5, 0, PLACE[0], PLACE[1] + 3 - row, np.array([7]))

    if allowed:
        access()
        banks.read(6, 0, *PLACE)
    else:
        with pytest.raises(ConflictError, match="too many"):
            access()


def test_a_row_is_not_read_and_written_in_one_clock():
    banks = Banks("bank", 1, 2, 4, Ports.TRUE_DUAL)
    banks.read(1, 0, *PLACE)
    with pytest.raises(ConflictError, match="row that it reads"):
        banks.write(1, 0, *PLACE, np.array([1]))
    banks.write(2, 0, *PLACE, np.array([1]))
    assert banks.dump(0, 1).tolist() == [1]


@pytest.mark.parametrize(("width", "parts"), [(8, (2, 5)), (10, (3, 6)), (12, (3, 8)), (16, (4, 11))])
def test_formats_of_the_sources(width, parts):
    form = FORMATS[width]
    assert (form.width, form.integer, form.fraction) == (width, *parts)
    assert parse_format("2.7") == Format(2, 7) and Format(2, 7).width == 10
    for text in ("9", "3.0", "x", "3.8.1", "20.20", ""):
        with pytest.raises(SpecError, match="fixed-point"):
            parse_format(text)


@given(st.integers(-(2**15), 2**15 - 1), st.integers(-(2**15), 2**15 - 1), st.sampled_from(sorted(FORMATS)))
def test_products_round_half_up_and_clip(first, second, width):
    form = FORMATS[width]
    first, second = (int(form.clip(np.int64(number))) for number in (first, second))
    exact = Fraction(first, form.one) * Fraction(second, form.one) * form.one
    expected = min(max((exact + Fraction(1, 2)).__floor__(), -form.most - 1), form.most)
    assert form.product(np.array(first), np.array(second)) == expected
    assert shifted(np.array(first), 0) == first


@pytest.mark.parametrize("width", sorted(FORMATS))
def test_sigmoid_table(width):
    form = FORMATS[width]
    words = np.arange(-form.most - 1, form.most + 1)
    values, slopes = form.sigmoid(words)
    exact = 1 / (1 + np.exp(-words / form.one))
    tolerance = 0.5 + (0 if width <= 12 else 2 ** (width - 12) / 8)
    assert np.abs(values / form.one - exact).max() * form.one <= tolerance
    assert np.abs(slopes / form.one - exact * (1 - exact)).max() * form.one <= tolerance
    assert (np.diff(values) >= 0).all()


def test_digits_are_learned():
    pytest.importorskip("sklearn")
    data = digits.load_digits()
    assert len(data.train) + len(data.test) == 1797 and data.train.max() == 1
    found = digits.accuracies([FORMATS[12]], epochs=1, seeds=(0,), shares=(1, 16))
    assert [entry.density for entry in found] == [1, Fraction(1, 16)]
    assert found[0].mean > 0.7 > found[-1].mean > 0.1
    stored = digits.accuracy_body(found, 1, 2)
    assert len(stored.accuracies) == len(found)


@pytest.mark.slow
def test_accuracies_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    some = [digits.Accuracy(FORMATS[8], Fraction(1, share), (64, 16), Fraction(2), 0.9, 0.8, 1.0) for share in (1, 2)]
    digits.plot(some, tmp_path / "accuracy.png")
    assert (tmp_path / "accuracy.png").stat().st_size > 1000
    with pytest.raises(SpecError, match="plot"):
        digits.plot(some, tmp_path / "accuracy.nothing")


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("sklearn", digits.load_digits),
        ("matplotlib.figure", lambda: digits.plot([], None)),
    ],
)
def test_missing_extras_are_named(monkeypatch, module, use):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(SpecError, match="tilewright\\["):
        use()
