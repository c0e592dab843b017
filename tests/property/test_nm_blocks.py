"""N:M blocks: model, walk, both engines and exhaustion agree, and so does a walk of single elements."""

from __future__ import annotations

import itertools
import json
import random
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.api import solve
from optimizer.architecture.reader import load_architecture
from optimizer.architecture.selection import select
from optimizer.checker.again import verify
from optimizer.checker.stored import stored
from optimizer.errors import SpecError
from optimizer.golden.walk import walk
from optimizer.mapping.lower_bounds import layer_limits
from optimizer.mapping.mapping import Loop, Mapping
from optimizer.pricing.lowering import lift, lower
from optimizer.workload.layer import Layer, Operand, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.nm_blocks import Block
from optimizer.workload.reader import dump_network, parse_network
from optimizer.workload.sparsity import compress, default_dim, dense, densify, sparsify
from tests.support.layer_cases import Case, cases
from tests.support.layer_checks import check_engines, check_nests, check_random_nest
from tests.support.profiles import RELAXED, examples
from tests.support.random_nests import random_nest

Element = tuple[int, ...]

# --- Random small cases -------------------------------------------------------------------------------------


@settings(max_examples=examples(600, dev=12), suppress_health_check=RELAXED)
@given(cases(pins=True, sparse=True, depths=(2, 3, 4)), st.integers(0, 1 << 30))
def test_walk_and_closed_form_are_the_cost_model(case: Case, seed: int) -> None:
    assume(check_random_nest(case, seed))


@settings(max_examples=examples(150, dev=4), suppress_health_check=RELAXED)
@given(cases(small=True, pins=True, sparse=True))
def test_optimum_of_all_nests(case: Case) -> None:
    check_nests(case)


@settings(max_examples=examples(150, dev=2), suppress_health_check=RELAXED)
@given(cases(pins=True, sparse=True))
def test_engines_agree(case: Case) -> None:
    check_engines(case)


# --- Element by element -------------------------------------------------------------------------------------


class Elements:
    """A layer in blocks, with the elements of its sparse operand that are stored, drawn at random."""

    def __init__(self, layer: Layer, seed: int) -> None:
        assert layer.block is not None
        self.layer, self.block, self._random = layer, layer.block, random.Random(seed)
        self._stored: dict[Element, list[int]] = {}
        self.sparse = layer.operand(self.block.role)

    @staticmethod
    def index(operand: Operand, at: dict[str, int]) -> Element:
        """Which word of an operand belongs to a position of the loops."""
        return tuple(sum(c * at[dim] for dim, c in axis.terms) for axis in operand.axes)

    def taken(self, operand: Operand, at: dict[str, int]) -> list[Element]:
        """The elements, in order, that the multiply-accumulates of a step take."""
        word, block = self.index(self.sparse, at), self.block
        stored = self._stored.setdefault(word, sorted(self._random.sample(range(block.size), block.kept)))
        inside = [(place,) if block.dim in operand.dims else (0,) for place in stored]
        return [(*self.index(operand, at), *place) for place in inside]

    def bits(self, role: str) -> int:
        """Of an element, with its index where it is stored with one."""
        index = (self.block.size - 1).bit_length() if role == self.block.role else 0
        return dense(self.layer).operand(role).bits + index


def steps_of(mapping: Mapping, dims: list[str], level: int) -> dict[Element, list[dict[str, int]]]:
    """Per instance of a level its steps, in order, as positions of the dims."""
    loops = mapping.loops
    found: dict[Element, list[dict[str, int]]] = {}
    for trips in itertools.product(*(range(loop.bound) for loop in loops)):
        at = dict.fromkeys(dims, 0)
        for loop, trip in zip(loops, trips, strict=True):
            at[loop.dim] = at[loop.dim] * loop.bound + trip
        outside = (loop.axis is not None and loop.level < level for loop in loops)
        instance = tuple(itertools.compress(trips, outside))
        found.setdefault(instance, []).append(at)
    return found


def check_elements(case: Case, seed: int) -> bool:
    """What the multipliers read and update, counted element by element; was there a mapping to count?"""
    layer, problem = case.layer, case.problem
    nest = random_nest(problem, random.Random(seed))
    if nest is None or problem.steps > 3000 or case.resumes or case.pinned:
        return False
    mapping = lift(layer, problem, nest)
    walked = walk(layer, case.hardware, mapping, accounting="timeloop", reuse="innermost")
    elements, checked = Elements(layer, seed), False
    for operand in layer.operands:
        level = max(mapping.keepers(operand.role))
        if any(isinstance(loop, Loop) and loop.axis is not None and loop.level >= level for loop in mapping.loops):
            continue  # words of one read are shared by several multipliers
        count, each = walked.counts[level, operand.role], elements.bits(operand.role)
        for steps in steps_of(mapping, [dim for dim, _ in layer.dims], level).values():
            reads = updates = 0
            begun: dict[Element, set[Element]] = {}
            for at in steps:
                word, fresh = elements.index(operand, at), elements.index(operand, at) not in begun
                known = begun.setdefault(word, set())
                for element in elements.taken(operand, at):
                    updates += operand.role == "O"
                    reads += operand.role != "O" or not fresh or element in known
                    known.add(element)
            assert (reads * each, updates * each) == (count.read_bits, count.update_bits), operand.role
            checked = True
    macs = sum(len(elements.taken(elements.sparse, at)) for at in steps_of(mapping, list(layer.extents), 0)[()])
    assert walked.macs == macs
    return checked


@settings(max_examples=examples(400, dev=15), suppress_health_check=RELAXED)
@given(cases(small=True, sparse=True), st.integers(0, 1 << 30))
def test_multipliers_take_the_elements_that_are_stored(case: Case, seed: int) -> None:
    assume(check_elements(case, seed))


# --- By hand ------------------------------------------------------------------------------------------------


def test_words_of_a_block_by_hand() -> None:
    layer = compress(matmul("a", {"M": 8, "N": 16, "K": 32}, bits={"W": 8, "I": 8, "O": 32}), Block("K", 2, 4))
    assert layer.extents == {"M": 8, "N": 16, "K": 8}
    assert (layer.steps, layer.macs, layer.macs_per_step) == (1024, 2048, 2)
    assert [o.bits for o in layer.operands] == [2 * (8 + 2), 4 * 8, 32]
    assert [o.step_bits for o in layer.operands] == [2 * (8 + 2), 2 * 8, 2 * 32]
    assert layer.parameter_count == 16 * 32 // 2
    assert dense(layer) == matmul("a", {"M": 8, "N": 16, "K": 32}, bits={"W": 8, "I": 8, "O": 32})


def test_gradients_by_hand() -> None:
    """The same weights along a dim of the output, and the gradient of sparse weights."""
    plain = matmul("a", {"M": 8, "N": 32, "K": 16}, bits=dict.fromkeys("WIO", 16))
    inputs = compress(plain, Block("N", 2, 4))
    assert [o.bits for o in inputs.operands] == [36, 16, 64]
    assert [o.step_bits for o in inputs.operands] == [36, 32, 32]
    weights = compress(plain, Block("N", 2, 4, "O"))
    assert [o.bits for o in weights.operands] == [64, 16, 36]
    assert [o.step_bits for o in weights.operands] == [32, 32, 36]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (Block("K", 2, 4), "cannot lie along this dim"),
        (Block("P", 1, 2, "I"), "cannot lie along this dim"),
        (Block("M", 2, 4, "I"), "cannot lie along this dim"),
        (Block("C", 3, 5), "whole blocks"),
    ],
)
def test_blocks_that_cannot_be(block: Block, said: str) -> None:
    layer = conv("a", {"C": 8, "P": 6, "R": 3, "K": 1})
    if block.dim == "K":
        layer = compress(layer, Block("C", 2, 4))
        said = "already"
    with pytest.raises(SpecError, match=said):
        compress(layer, block)


def test_a_network_says_what_stays_dense() -> None:
    network = Network("n")
    network.add(conv("first", {"K": 8, "C": 3, "P": 4, "R": 3}))
    network.add(conv("second", {"K": 8, "C": 8, "P": 4, "R": 3}))
    network.add(conv("depthwise", {"G": 8, "P": 4, "R": 3}))
    network.add(Layer("scores", *_scores()))
    found = sparsify(network, "2:4")
    assert [layer.block is not None for layer in found.mac_layers()] == [False, True, False, False]
    (warning,) = found.warnings
    assert "dense stay first (C is 3); depthwise (no channels to sum over); scores (W is not learned)" in warning
    assert not network.warnings and network.mac_layers()[1].block is None
    assert densify(found).mac_layers() == network.mac_layers()
    with pytest.raises(SpecError, match="no layer can have this sparsity"):
        sparsify(network, "1:7")
    with pytest.raises(SpecError, match="not a sparsity"):
        sparsify(network, "4:2")


def _scores() -> tuple[object, ...]:
    layer = matmul("x", {"M": 8, "N": 8, "K": 8})
    return layer.kind, layer.dims, layer.operands, 1, 0


TEXT = """
name: n
sparsity: {W: "2:4"}
layers:
  - {name: a, type: conv, dims: {K: 8, C: 8, P: 4, Q: 4, R: 3, S: 3}, bits: {W: 8, I: 8, O: 16}}
  - {name: b, type: conv, dims: {K: 8, C: 8, P: 4, Q: 4}, sparsity: none}
  - {name: c, type: matmul, dims: {M: 4, N: 12, K: 128}, sparsity: {W: "1:4", dim: N}, parameters: 1600}
  - {name: d, type: dwconv, dims: {G: 8, P: 4, Q: 4, R: 3, S: 3}, inputs: [b]}
"""


def test_files_round_trip() -> None:
    network = parse_network(TEXT)
    a, b, c, d = network.mac_layers()
    assert (a.block, b.block, d.block) == (Block("C", 2, 4), None, None)
    assert c.block == Block("N", 1, 4) and c.extents["N"] == 3 and c.parameter_count == 1600 - 12 * 128 * 3 // 4
    assert len(network.warnings) == 1 and "d (no channels" in network.warnings[0]
    again = parse_network(dump_network(network))
    assert again.mac_layers() == network.mac_layers() and again.warnings == network.warnings


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sparsity: {W: 2:4}", "put it into quotes"),
        ('sparsity: "2:4"', "expected a role with a ratio"),
        ('sparsity: {W: "2:4", I: "2:4"}', "one operand"),
        ("sparsity: {W: 2}", "not a sparsity"),
        ('sparsity: {W: "2:4", dim: P}', "cannot lie along this dim"),
        ('sparsity: {W: "2:5"}', "whole blocks"),
    ],
)
def test_bad_files(key: str, said: str) -> None:
    with pytest.raises(SpecError, match=said) as error:
        parse_network(f"name: a\ntype: conv\ndims: {{K: 8, C: 8, P: 4}}\n{key}\n")
    assert "sparsity" in str(error.value) or "line 4" in str(error.value)


def test_default_dims() -> None:
    layer = conv("a", {"N": 2, "K": 8, "C": 4, "P": 4, "Q": 4, "R": 3, "S": 3})
    assert (default_dim(layer, "W"), default_dim(layer, "I"), default_dim(layer, "O")) == ("C", "C", "K")


# --- Costs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "cycles"), [("skip", Fraction(1, 2)), ("gate", Fraction(1))])
def test_compute_cycles_follow_the_mode(mode: str, cycles: Fraction) -> None:
    layer = matmul("a", {"M": 8, "N": 16, "K": 32})
    sparse = compress(layer, Block("K", 2, 4))
    architecture = load_architecture(f"edge_{mode}")
    machine = next(architecture.points())
    plain, found = layer_limits(layer, machine), layer_limits(sparse, machine)
    assert found.compute_cycles == cycles * plain.compute_cycles
    with pytest.raises(ValueError, match="do not take"):
        lower(sparse, next(load_architecture("edge_small").points()))


@pytest.mark.slow
def test_a_solve_is_verified() -> None:
    network = sparsify(parse_network("name: a\ntype: matmul\ndims: {M: 64, N: 64, K: 64}\n"), "2:4")
    found = {}
    for name in ("edge_skip", "edge_gate"):
        choices = {"array.x": "8", "array.y": "8", "RF.size": "64 words", "GLB.size": "64 KiB"}
        result = solve(network, select(load_architecture(name), choices), objective="latency")
        found[name] = result.to_json()["layers"][0]
        assert verify(result).ok
        assert found[name]["sparsity"] == "W 2:4 along K" and found[name]["dims"]["K"] == 16
        forged = stored(result)
        text = json.dumps(forged.data["problem"]["network"])
        assert "2:4" in text
        forged.data["problem"]["network"] = json.loads(text.replace("2:4", "1:4"))
        assert not verify(forged).ok
    assert found["edge_skip"]["latency_cycles"] == 64**3 // 64 // 2
    assert found["edge_gate"]["latency_cycles"] == 64**3 // 64
    assert (found["edge_skip"]["utilization"], found["edge_gate"]["utilization"]) == (1, 0.5)
    with pytest.raises(SpecError, match="does not take 2:4 blocks along K"):
        solve(network, load_architecture("edge_small"))
