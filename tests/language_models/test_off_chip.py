"""The capacity of the outermost memory: what counts, that nothing is searched, and that it is checked again."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

import optimizer
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import parse_architecture
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.problem.problem import problem_hash
from optimizer.report.infeasible import infeasible_text
from optimizer.workload.reader import parse_network
from optimizer.workload.stored import Stored, stored_in
from tests.support.model_cases import LLAMA, made
from tests.support.tiny_problem import ARCHITECTURE, NETWORK, TINY

WORDS = 4 * 2 * 3 + 2 * 10 * 11
"""Learned words of the pair of layers: a convolution, and a product that runs twice."""
GIB = 8 * 2**30


def holding(bits: int) -> optimizer.Architecture:
    """The tiny architecture with so many bits off chip."""
    return TINY.with_budgets(Budgets(dram_gib=Fraction(bits, GIB)))


def test_learned_words_have_their_widths() -> None:
    assert stored_in(parse_network(NETWORK)) == Stored(16 * WORDS)
    assert stored_in(parse_network("bits: {W: 4}\n" + NETWORK)) == Stored(4 * WORDS)
    vector = "  - {name: norm, type: vector, kind: x, reads: [24], writes: [24], operations: 24, parameters: 7}\n"
    assert stored_in(parse_network(NETWORK + vector)) == Stored(16 * (WORDS + 7))


def test_language_models_have_a_cache_too() -> None:
    network = made(LLAMA, phase="decode", batch=3, bits={"W": 4, "I": 8, "KV": 6})
    assert network.serving is not None
    assert stored_in(network) == Stored(4 * 1160, network.serving.cache_bits)


def test_a_step_of_training_counts_its_weights_once() -> None:
    assert stored_in(optimizer.load("alexnet", training="sgd")) == stored_in(optimizer.load("alexnet"))


def test_the_least_capacity_is_enough_and_less_is_not(tmp_path: Path) -> None:
    network = parse_network(NETWORK)
    assert optimizer.solve(network, holding(16 * WORDS), workers=1).status == "OPTIMAL"
    result = optimizer.solve(network, holding(16 * WORDS - 1), workers=1)
    reason = result.body.infeasible
    assert result.status == "INFEASIBLE" and reason is not None and reason.memory is not None
    assert (reason.memory.weight_bytes, reason.memory.cache_bytes) == (2 * WORDS, None)
    assert all(effort.searches == 0 for effort in result.body.search or ())
    told = str(infeasible_text(reason))
    assert "the budget dram_gib excludes it" in told and "weights need 488 B" in told and "not sought" not in told
    optimizer.save(result, tmp_path)
    assert optimizer.verify(tmp_path).ok


@pytest.mark.parametrize("part", ["weight_bytes", "capacity_bytes"])
def test_verify_counts_the_bytes_again(part: str, tmp_path: Path) -> None:
    optimizer.save(optimizer.solve(parse_network(NETWORK), holding(800), workers=1), tmp_path)
    file = tmp_path / "result.json"
    data = json.loads(file.read_text())
    data["infeasible"]["memory"][part] += 1
    file.write_text(json.dumps(data))
    assert not optimizer.verify(tmp_path).ok


def test_verify_refuses_a_design_without_room_and_room_without_a_design(tmp_path: Path) -> None:
    network = parse_network(NETWORK)
    for bits, other in ((16 * WORDS, 800), (800, 16 * WORDS)):
        optimizer.save(optimizer.solve(network, holding(bits), workers=1), tmp_path / str(bits))
        for name in ("result.json", "certificate.json"):
            file = tmp_path / str(bits) / name
            text = file.read_text().replace(str(Fraction(bits, GIB)), str(Fraction(other, GIB)))
            data = json.loads(text)
            changed = json.loads((tmp_path / str(bits) / "result.json").read_text())["problem"]
            data["problem_hash"] = problem_hash(changed)
            file.write_text(json.dumps(data))
        assert not optimizer.verify(tmp_path / str(bits)).ok


def test_an_architecture_states_its_capacity() -> None:
    stated = ARCHITECTURE.replace("component: dram", "component: dram, capacity: 16 GiB")
    assert parse_architecture(load_exact(stated)).budgets.dram_gib == 16
    words = ARCHITECTURE.replace("component: dram", "component: dram, capacity: 512 KiB")
    assert parse_architecture(load_exact(words)).budgets.dram_gib == Fraction(1, 2048)
    inner = ARCHITECTURE.replace("component: sram", "component: sram, capacity: 16 GiB")
    with pytest.raises(SpecError, match="only the outermost level has a capacity"):
        parse_architecture(load_exact(inner))


def test_what_compares_designs_refuses(tmp_path: Path) -> None:
    network, chip = parse_network(NETWORK), holding(800)
    with pytest.raises(SpecError, match="does not fit off chip"):
        optimizer.study(network, chip, vary=[optimizer.Range("area-mm2")])
    with pytest.raises(SpecError, match="does not fit off chip"):
        optimizer.codesign([optimizer.Member(network)], chip)
    with pytest.raises(SpecError, match="does not fit off chip"):
        optimizer.front(network, chip)


def test_the_option(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text(NETWORK)
    (tmp_path / "a.yaml").write_text(ARCHITECTURE)
    network, chip = str(tmp_path / "n.yaml"), str(tmp_path / "a.yaml")
    asked = ["solve", network, "-a", chip, "--dram-gib", "1e-9", "--out", str(tmp_path / "out"), "--no-cache"]
    done = CliRunner().invoke(main, asked)
    assert "INFEASIBLE" in done.output and "8 without room off chip" in done.output
    verify = ["verify", str(tmp_path / "out"), "--network", network, "-a", chip, "--dram-gib", "1e-9"]
    assert CliRunner().invoke(main, verify).exit_code == 0
