"""``tilewright verify`` with the options that a result was made with: names are no evidence, problems are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from optimizer.checker.claims.solve import hash_of
from optimizer.checker.problem_match import differing, question_check
from optimizer.cli import main
from optimizer.networks.load import load
from optimizer.problem.problem import network_json
from optimizer.workload.reader import dump_network, parse_network
from tests.support.folder_cases import COMMANDS, WIDE

Folders = Callable[[str], Path]
SAME = {
    "solve": ("--network", "net.yaml", "-a", "chip.yaml"),
    "study": ("--network", "net.yaml", "-a", "chip.yaml", "--vary", "area-mm2"),
    "front": ("--network", "net.yaml", "-a", "chip.yaml", "--pareto", "energy,latency"),
    "limits": ("--network", "net.yaml", "-a", "chip.yaml", "--vary", "latency-ms"),
    "joint": ("--network", "net.yaml", "--network", "other.yaml", "-a", "chip.yaml"),
    "fused": ("--network", "block.yaml", "-a", "buffer.yaml", "--fusion"),
    "evaluate": ("--network", "block.yaml", "-a", "buffer.yaml", "--choose", "GLB.size=2 KiB"),
    "adjust": ("--network", "widths.yaml", "-a", "small.yaml", *WIDE),
    "memory": ("--network", "alexnet", "--training", "sgd", "--batch", "16"),
}
OTHERS: list[tuple[str, tuple[str, ...], str]] = [
    ("solve", ("--network", "other.yaml", "-a", "chip.yaml"), "network.name is small, asked for is other"),
    ("solve", ("--network", "other.yaml"), "network.name is small"),
    ("solve", ("-a", "buffer.yaml"), "architecture."),
    ("solve", (*SAME["solve"], "--objective", "edp"), "objective is energy, asked for is edp"),
    ("solve", (*SAME["solve"], "--area-mm2", "3"), "budgets.area_mm2 is nothing, asked for is 3"),
    ("solve", (*SAME["solve"], "--bits", "8"), "bits"),
    ("solve", (*SAME["solve"], "--padding", "auto"), "padding is none, asked for is auto"),
    ("solve", (*SAME["solve"], "--accounting", "looptree"), "accounting is timeloop, asked for is looptree"),
    ("solve", (*SAME["solve"][:2], "--sparsity", "W=2:4"), "network.layers.a"),
    ("solve", (*SAME["solve"], "--choose", "GLB.size=1 KiB"), "architecture.levels.GLB.size"),
    ("solve", (*SAME["solve"], "--vary", "area-mm2"), "study is nothing"),
    ("study", SAME["solve"], "asked for is nothing"),
    ("study", (*SAME["solve"], "--vary", "area-mm2=1:"), "study.vary[0].low is None, asked for is 1"),
    ("study", (*SAME["solve"], "--vary", "buffer-kib"), "study.vary[0].name is area-mm2, asked for is buffer-kib"),
    ("front", (*SAME["front"], "--tolerance", "5%"), "front_tolerance is 0, asked for is 1/20"),
    ("front", SAME["limits"], "front_tolerance is 0, asked for is nothing"),
    ("joint", ("--network", "other.yaml", "--network", "net.yaml", "-a", "chip.yaml"), "networks[0].network.name"),
    ("joint", (*SAME["joint"], "--aggregate", "max"), "aggregate is geomean, asked for is max"),
    ("joint", (*SAME["joint"], "--weight", "small=2"), "weights[0] is 1, asked for is 2"),
    ("joint", (*SAME["joint"], "--cap", "small:latency-ms=2"), "networks[0].budgets.latency_ms"),
    ("fused", SAME["fused"][:-1], "fusion is"),
    ("fused", (*SAME["fused"], "--max-group", "3"), "fusion.max_group is 4, asked for is 3"),
    ("adjust", (*SAME["adjust"][:4], *WIDE[:-1], "+-30%"), "request.macs"),
    ("memory", ("--network", "alexnet", "--training", "adam", "--batch", "16"), "network."),
]


def verify(folder: Path, words: tuple[str, ...]) -> Outcome:
    """Verify with a question; files lie beside the folder."""
    named = [str(folder.parent / word) if word.endswith(".yaml") else word for word in words]
    return CliRunner().invoke(main, ["verify", str(folder), *named])


@pytest.mark.parametrize("kind", SAME)
def test_the_problem_asked_about(folders: Folders, kind: str) -> None:
    outcome = verify(folders(kind), SAME[kind])
    assert outcome.exit_code == 0, outcome.output
    assert "question" in outcome.output and "answers your problem" not in outcome.output


@pytest.mark.parametrize(("kind", "words", "said"), OTHERS)
def test_another_problem(folders: Folders, kind: str, words: tuple[str, ...], said: str) -> None:
    outcome = verify(folders(kind), words)
    assert outcome.exit_code == 1, outcome.output
    assert "NOT VERIFIED: question" in outcome.output
    assert said.replace(" ", "") in "".join(outcome.output.split()).replace("│", "")


def test_a_result_of_map(folders: Folders, tmp_path: Path) -> None:
    chip, net = folders("solve").parent / "chip.yaml", folders("solve").parent / "net.yaml"
    out = tmp_path / "out"
    fixed = ("-a", str(chip), "--no-cache", "--quiet", "--out", str(out))
    assert CliRunner().invoke(main, ["map", str(net), *fixed]).exit_code == 0
    for more in ((), ("--layer", "a")):
        assert verify(out, ("--network", str(net), "-a", str(chip), *more)).exit_code == 0
    assert verify(out, ("--network", str(net), "--layer", "a")).exit_code == 0


def test_names_are_no_evidence(tmp_path: Path) -> None:
    """A network called alexnet, one of its layers a quarter as large."""
    alexnet = load("alexnet")
    text = dump_network(alexnet)
    lines = text.splitlines()
    place = next(n for n, line in enumerate(lines) if "fc6" in line and "name" in line)
    layer = alexnet.graph.nodes["fc6"]["layer"]
    size = layer.extents["K"]
    block = "\n".join(lines[place : place + 12])
    assert str(size) in block
    smaller = text.replace(block, block.replace(str(size), str(size // 4)))
    stated = network_json(parse_network(smaller)) | {"objective": "energy"}
    asked = network_json(parse_network(text)) | {"objective": "energy"}
    check = question_check(stated, [asked], whole=True)
    assert not check.ok and "fc6" in check.detail and str(size) in check.detail
    assert question_check(asked, [asked], whole=True).ok


def test_every_field_is_compared(folders: Folders) -> None:
    problem = json.loads((folders("solve") / "result.json").read_text())["problem"]
    for key in problem:
        assert list(differing(problem, {k: v for k, v in problem.items() if k != key})), key


@pytest.mark.parametrize("kind", [kind for kind in COMMANDS if COMMANDS[kind][0] not in ("sparse", "evaluate")])
def test_the_hash_is_shown(folders: Folders, kind: str) -> None:
    folder = folders(kind)
    names = ("adjust.json", "result.json", "memory.json")
    data = json.loads(next(folder / name for name in names if (folder / name).exists()).read_text())
    assert data["problem_hash"] == hash_of(data["problem"])
    assert data["problem_hash"][:16] in CliRunner().invoke(main, ["show", str(folder)]).output


def test_options_that_ask_nothing(folders: Folders) -> None:
    for words, option, needed in (
        (("--objective", "edp"), "--objective", "--network and --architecture"),
        (("--network", "net.yaml", "--objective", "edp"), "--objective", "--architecture"),
        (("--network", "net.yaml", "--area-mm2", "3"), "--area-mm2", "--architecture"),
        (("-a", "chip.yaml", "--batch", "3"), "--batch", "--network"),
    ):
        outcome = verify(folders("solve"), words)
        assert outcome.exit_code == 2 and option in outcome.output and f"together with {needed}" in outcome.output


def test_a_folder_without_networks(folders: Folders) -> None:
    outcome = verify(folders("report"), ("--network", "alexnet"))
    assert outcome.exit_code == 2 and "states no problem of networks" in outcome.output


def test_without_a_question_that_is_named(folders: Folders) -> None:
    outcome = CliRunner().invoke(main, ["verify", str(folders("solve")), "--quiet"])
    assert outcome.exit_code == 0 and "not checked: whether it answers your problem" in outcome.output.splitlines()[-1]


@pytest.mark.parametrize("kind", ["size", "no_size", "report"])
def test_an_engine_is_not_compared_with_a_question(folders: Folders, kind: str) -> None:
    outcome = CliRunner().invoke(main, ["verify", str(folders(kind))])
    assert outcome.exit_code == 0 and "whether it answers your problem" in outcome.output.splitlines()[-1]
