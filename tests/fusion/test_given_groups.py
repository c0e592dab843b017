"""Groups given by hand: costs, files, and inputs that make no sense."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import api
from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import select
from optimizer.cli import main
from optimizer.errors import SpecError, TilewrightError
from optimizer.files.exact_yaml import load_exact
from optimizer.files.yaml_fields import Fields
from optimizer.fusion.groups import groups
from optimizer.fusion.plan import Frame, RunChoice
from optimizer.fusion.tile_pricer import Runs
from optimizer.fusion.tilings import Along, GroupTiling, cuts
from optimizer.given_groups.pricing import needed_bits, price_given
from optimizer.given_groups.reader import GivenGroup, parse_groups
from optimizer.golden.group_entry import claim_of
from optimizer.golden.group_walk import walk_fused
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.goal import Aim
from optimizer.results.group_entry import group_entry
from optimizer.store.store import Store
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_if
from tests.support.fused_block import ARCHITECTURE, block, tiny
from tests.support.fusion_cases import Case, cases, network_pricer
from tests.support.profiles import examples
from tests.support.runs import group_costs

SAME = "[[1, 1, 0], [1, 1, 0], [1, 1, 0]]"
NETWORK = f"""
name: several
layers:
  - {{name: one, type: conv, dims: {{K: 4, C: 4, P: 8, Q: 8, R: 1, S: 1}}}}
  - {{name: three, type: conv, dims: {{K: 4, C: 4, P: 8, Q: 8, R: 3, S: 3}}, inputs: [one],
     views: {{one: [[1, 1, 0], [1, 3, 1], [1, 3, 1]]}}}}
  - {{name: sum, type: vector, kind: add, reads: [256, 256], writes: [256], operations: 256, inputs: [one, three],
     grid: [1, 8, 8], views: {{one: {SAME}, three: {SAME}}}}}
  - {{name: c1, type: conv, dims: {{K: 4, C: 4, P: 8, Q: 8}}, inputs: [sum], views: {{sum: {SAME}}}}}
  - {{name: c2, type: conv, dims: {{K: 4, C: 4, P: 8, Q: 8}}, inputs: [c1], views: {{c1: {SAME}}}}}
  - {{name: c3, type: conv, dims: {{K: 4, C: 4, P: 8, Q: 8}}, inputs: [c2], views: {{c2: {SAME}}}}}
  - {{name: a1, type: conv, dims: {{K: 4, C: 4, P: 8, Q: 8}}, inputs: [c3], views: {{c3: {SAME}}}}}
  - {{name: b1, type: conv, dims: {{K: 4, C: 4, P: 8, Q: 8}}, inputs: [c3], views: {{c3: {SAME}}}}}
  - {{name: a2, type: vector, kind: add, reads: [256, 256], writes: [256], operations: 256, inputs: [a1, b1],
     grid: [1, 8, 8], views: {{a1: {SAME}, b1: {SAME}}}}}
  - {{name: b2, type: vector, kind: add, reads: [256, 256], writes: [256], operations: 256, inputs: [a1, b1],
     grid: [1, 8, 8], views: {{a1: {SAME}, b1: {SAME}}}}}
  - {{name: twice, type: conv, dims: {{K: 4, C: 4, P: 8, Q: 8}}, inputs: [b2], multiplicity: 2}}
"""


def several() -> Any:
    return parse_network(NETWORK)


def chip(size: str = "1 KiB") -> Any:
    return select(tiny(), {"GLB.size": size})


def group(*layers: str, **decisions: Any) -> dict[str, Any]:
    return {"layers": list(layers), **decisions}


def without_nests(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [group | {"runs": [run | {"mapping": None} for run in group["runs"]]} for group in groups]


@pytest.mark.slow
@pytest.mark.parametrize("objective", slow_if(["latency"], ["energy", "latency"]))
def test_groups_of_a_solved_network_cost_the_same(objective: str, tmp_path: Path) -> None:
    solved = api.compare(block(), tiny(), fusion=Fusion(3), objective=objective).to_json()
    assert solved["groups"]
    architecture = select(tiny(), solved["hardware"]["choices"])
    found = group_costs(block(), architecture, {"groups": solved["groups"]}, objective=objective)
    for name in ("hardware", "energy_pj", "latency_cycles", "latency_ms", "power_w", "area_um2", "layers"):
        assert found[name] == solved[name], name
    assert without_nests(found["groups"]) == without_nests(solved["groups"]), "of equal nests any may be known"
    for name in ("layer_by_layer", "fused", "reduction"):
        assert found["comparison"][name] | {"status": ""} == solved["comparison"][name] | {"status": ""}
    assert found["dram_words"] == solved["comparison"]["fused"]["dram_words"]
    (tmp_path / "groups.json").write_text(json.dumps({"groups": solved["groups"]}))
    again = group_costs(block(), architecture, tmp_path / "groups.json", objective=objective)
    assert again["groups"] == found["groups"]
    assert found["status"] == "EVALUATED" and "not searched" in found["space"]["text"]


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        # the image, both weights, the sum
        ({"tile": {"parts": {"rows": 2}}}, 256 + 2 * 16 + 2 * 144 + 256),
        ({"tile": {"parts": {"rows": 2}}, "weights": {"three": "resident"}}, 256 + 2 * 16 + 144 + 256),
        # both tiles need five rows of `one`
        ({"tile": {"parts": {"rows": 2}}, "halo": {"rows": "recompute"}}, 2 * 5 * 8 * 4 + 2 * 16 + 2 * 144 + 256),
        ({}, 256 + 16 + 144 + 256),
    ],
)
def test_words_by_hand(decisions: dict[str, Any], words: int) -> None:
    found = group_costs(block(), chip(), {"groups": [group("sum", "three", "one", **decisions)]})
    (entry,) = found["groups"]
    assert entry["layers"] == ["one", "three", "sum"]
    assert entry["dram_words"] == found["dram_words"] == words
    hardware = next(chip().points())
    walked = walk_fused(block(), hardware, claim_of(block(), entry, hardware), accounting="timeloop")
    assert not walked.violations
    assert (walked.dram_words, walked.latency) == (words, found["latency_cycles"])
    assert hardware.energy_pj(walked.energy) == found["energy_pj"]


def test_no_groups_are_layer_by_layer() -> None:
    found = group_costs(several(), chip(), {"groups": []})
    both = found["comparison"]
    assert both["fused"] == both["layer_by_layer"]
    assert set(both["reduction"].values()) == {0}


def test_all_decisions_are_read() -> None:
    data = {
        "groups": [
            group(
                "c2",
                "c3",
                "c1",
                tile={"parts": {"rows": 2, "columns": 1}},
                halo={"rows": "recompute"},
                weights={"c1": "resident", "c2": "streamed"},
                held=["sum"],
                strips={"c2": 4, "c1": 1},
            )
        ]
    }
    (found,) = parse_groups(data, several())
    assert found.group.members == ("c1", "c2", "c3")
    assert (found.frame.tiling.cut.parts, found.frame.tiling.cut.halo) == ((1, 2, 1), ("recompute", "cache"))
    assert found.choice == RunChoice(frozenset({"c1"}), frozenset({"sum"}), frozenset({("c2", 4)}))
    (entry,) = group_costs(several(), chip(), data)["groups"]
    assert entry["strips"] == {"c2": 4} and entry["held"] == ["sum"]


def test_layers_may_take_turns() -> None:
    """Half of the 256 words between two layers at a time, with 256 words of sums in the buffer of 512 words."""
    turns = {"layers": ["c1", "c2"], "number": 2, "gathers": True}
    found = group_costs(several(), chip(), {"groups": [group("c1", "c2", slices=turns)]})
    assert found["groups"][0]["slices"] == turns
    assert found["groups"][0]["buffer_words"] == 128 + 256
    assert {run["resumes"] for run in found["groups"][0]["runs"] if run["layer"] == "c2"} == {False, True}


def test_several_layers_may_run_in_strips() -> None:
    """Without strips the two tensors of 256 words that a layer reads and writes fill the buffer of 512 words."""
    plain = group("c1", "c2", "c3", "a1", weights={"c1": "resident"})
    with pytest.raises(SpecError, match="8448 bits are needed and 8192 are usable"):
        group_costs(several(), chip(), {"groups": [plain]})
    found = group_costs(several(), chip(), {"groups": [plain | {"strips": {"c2": 2, "c3": 4}}]})
    assert found["groups"][0]["strips"] == {"c2": 2, "c3": 4}
    assert found["groups"][0]["dram_words"] == 256 + 16 + 2 * 16 + 4 * 16 + 16 + 2 * 256


BAD = [  # groups, field, value, words of the message
    ([group("one", "tree")], "groups[0].layers[1]", "'tree'", "did you mean three?"),
    ([group("one", "three"), group("three", "sum")], "groups[1].layers[0]", "'three'", "groups[0] already"),
    ([group("one", "one")], "groups[0].layers[1]", "'one'", "once"),
    ([group("one")], "groups[0].layers", "['one']", "runs by itself"),
    ([group("one", "c1")], "groups[0].layers", "['one', 'c1']", "one | c1"),
    ([group("one", "sum")], "groups[0].layers", "['one', 'sum']", "through three"),
    ([group("a1", "a2"), group("b1", "b2")], "groups", "groups[1]", "in a ring"),
    ([group("b2", "twice")], "groups[0].layers[1]", "'twice'", "cannot be fused"),
    ([group("one", "three", tile={"parts": {"rows": 3}})], "groups[0].tile.parts.rows", "3", "allowed: 1, 2, 4, 8"),
    ([group("one", "three", tile={"parts": {"batch": 2}})], "groups[0].tile.parts.batch", "2", "allowed: 1\n"),
    ([group("one", "three", tile={"parts": {"rows": 0}})], "groups[0].tile.parts.rows", "0", "integer >= 1"),
    ([group("one", "three", tile={"rows": 2})], "groups[0].tile.rows", "'rows'", "unknown key"),
    ([group("one", "three", halo={"rows": "keep"})], "groups[0].halo.rows", "'keep'", "cache, recompute"),
    ([group("one", "three", weights={"one": "kept"})], "groups[0].weights.one", "'kept'", "resident, streamed"),
    ([group("one", "three", weights={"c1": "resident"})], "groups[0].weights.c1", "'resident'", "one, three"),
    ([group("a1", "a2", weights={"a2": "resident"})], "groups[0].weights.a2", "'resident'", "weights of its own"),
    ([group("one", "three", held=["sum"])], "groups[0].held[0]", "'sum'", "reads from no layer outside"),
    ([group("c1", "c2", held=["one"])], "groups[0].held[0]", "'one'", "allowed: sum"),
    ([group("one", "three", strips={"three": 2})], "groups[0].strips.three", "2", "cannot run in strips"),
    ([group("c1", "c2", "c3", strips={"c2": 3})], "groups[0].strips.c2", "3", "allowed: 1, 2, 4, 8"),
    ([group("c1", "c2", strips={"one": 1})], "groups[0].strips.one", "1", "cannot run in strips"),
    (
        [group("c1", "c2", slices={"layers": ["c1", "c2"], "number": 3})],
        "groups[0].slices",
        "3",
        "cannot take turns on so many slices",
    ),
    ([group("one", "three", strip={"one": 2})], "groups[0].strip", "'strip'", "did you mean 'strips'?"),
    ([{"tile": {}}], "groups[0].layers", "['tile']", "'layers' is missing"),
    (3, "groups", "3", "a list of groups"),
    ([3], "groups[0]", "3", "a mapping"),
    (
        [group("one", "three", "sum", weights={"three": "resident"})],
        "groups[0].tile.parts",
        "'rows': 1",
        "GLB: while three runs, 10496 bits are needed and 8192 are usable",
    ),
]


@pytest.mark.parametrize(("data", "field", "value", "words"), BAD, ids=[f"{bad[1]}-{bad[3]}" for bad in BAD])
def test_groups_that_make_no_sense(data: Any, field: str, value: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    (tmp_path / "chip.yaml").write_text(ARCHITECTURE.replace("[1 KiB, 2 KiB]", "1 KiB"))
    file = tmp_path / "groups.yaml"
    file.write_text(yaml.safe_dump({"groups": data}))
    outcome = CliRunner().invoke(
        main,
        [
            "evaluate",
            str(tmp_path / "net.yaml"),
            "-a",
            str(tmp_path / "chip.yaml"),
            "--groups",
            str(file),
            "--no-cache",
            "--out",
            str(tmp_path / "out"),
        ],
    )
    assert outcome.exit_code == 2, outcome.output
    assert not outcome.stdout and not (tmp_path / "out").exists()
    message = outcome.stderr
    assert message.startswith(f"error: {file}: {field}: ")
    assert value in message and words in message and "allowed: " in message and "remedy:  " in message


def altered(number: int, **level: Any) -> Any:
    """The architecture on one point, a level changed."""
    data = copy.deepcopy(load_exact(ARCHITECTURE))
    data["levels"][1]["size"] = "1 KiB"
    data["levels"][number] |= level
    return parse_architecture(data)


def test_hardware_that_does_not_do() -> None:
    pair = {"groups": [group("one", "three", weights={"three": "resident"})]}
    with pytest.raises(SpecError, match="2 hardware points"):
        group_costs(several(), tiny(), pair)
    with pytest.raises(SpecError, match="GLB never keeps W"):
        group_costs(several(), altered(1, must_bypass=["W"]), pair)
    with pytest.raises(SpecError, match="no loop nest of the layer fits"):
        group_costs(several(), altered(2, size="2 words"), pair)
    data = copy.deepcopy(load_exact(ARCHITECTURE))
    del data["levels"][1]
    with pytest.raises(SpecError, match="one buffer"):
        group_costs(several(), parse_architecture(data), pair)


@pytest.mark.parametrize(("objective", "words"), [("edp", "energy-delay"), ("speed", "unknown objective")])
def test_objectives_that_runs_do_not_have(objective: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        group_costs(block(), chip(), {"groups": []}, objective=objective)


def test_command_line(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    (tmp_path / "chip.yaml").write_text(ARCHITECTURE)
    (tmp_path / "groups.yaml").write_text(yaml.safe_dump({"groups": [group("c1", "c2", "c3", strips={"c2": 2})]}))
    outcome = CliRunner().invoke(
        main,
        [
            "evaluate",
            str(tmp_path / "net.yaml"),
            "-a",
            str(tmp_path / "chip.yaml"),
            "--choose",
            "GLB.size=2 KiB",
            "--groups",
            str(tmp_path / "groups.yaml"),
            "--cache",
            str(tmp_path / "cache"),
            "--out",
            str(tmp_path / "out"),
        ],
    )
    assert outcome.exit_code == 0, outcome.output
    for words in ("EVALUATED", "Fused groups", "c1, c2, c3", "in 2 strips", "layer by layer", "Layers", "not searched"):
        assert words in outcome.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["evaluation.json"]
    stored = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    expected = group_costs(several(), chip("2 KiB"), tmp_path / "groups.yaml")
    for name in ("groups", "layers", "comparison", "energy_pj", "latency_cycles", "dram_words", "accounting", "space"):
        assert stored[name] == expected[name], name
    assert stored["format"] == "tilewright-evaluation/2" and set(stored["versions"]) >= {"tilewright", "python"}


def subsets(values: list[Any]) -> list[tuple[Any, ...]]:
    return [chosen for n in range(len(values) + 1) for chosen in itertools.combinations(values, n)]


@st.composite
def given_groups(draw: st.DrawFn) -> tuple[Case, GivenGroup]:
    """A group of a random network with any decisions; several layers may run in strips."""
    case = draw(cases() | cases(sizes=(2, 3), largest=4, chain=True, wide=True))
    found = draw(st.sampled_from(list(groups(case.network, 4)) or [None]))
    if found is None:
        return draw(given_groups())
    frame = Frame(GroupTiling(Along(found), draw(st.sampled_from(list(cuts(found))))))
    weights = [x.name for x in frame.layers if "W" not in frame.sources[x.name] and x.parameter_count]
    slices = draw(st.sampled_from([None, *frame.slices]))
    strips = frozenset((name, 2) for name in frame.strippable() if slices is None or name not in slices.chain)
    choice = RunChoice(
        frozenset(draw(st.sampled_from(subsets(weights)))),
        frozenset(draw(st.sampled_from(subsets([*found.outside])))),
        frozenset(
            (name, n) for name, n in strips if not any(rows % n for rows in frame.tiling.tensors[name].steps[1].sizes)
        ),
        slices,
    )
    return case, GivenGroup(frame, choice, Fields({}, None, "groups[0]"))


@settings(max_examples=examples(40))
@given(given_groups())
def test_what_fits_is_priced_and_walked(pair: tuple[Case, GivenGroup]) -> None:
    case, chosen = pair
    if network_pricer(case, 1).singles(case.hardware, Aim()) is None:
        return
    runs, usable = Runs(case.accounting, Store()), case.hardware.levels[1].usable_bits
    try:
        plan = price_given(chosen, runs, case.hardware, Aim())
    except SpecError:
        needed = max(needed_bits(chosen, case.hardware).values())
        kept = [chosen.frame.pinned(layer, chosen.choice) for layer in chosen.frame.layers]
        never = case.hardware.levels[1].must_bypass
        assert any(roles & never for roles in kept) or (usable is not None and needed > usable)
        return
    try:
        group_entry(case.network, plan, case.hardware, case.accounting)
    except TilewrightError as error:
        pytest.fail(str(error))
