"""Co-design through its public interface: optimum by enumeration, near-ties, caps, cross table, files."""

from __future__ import annotations

import csv
import io
import itertools
import math
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import api
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import select
from optimizer.checker.again import verify_joint
from optimizer.errors import SpecError
from optimizer.features import codesign
from optimizer.files.exact_yaml import load_exact
from optimizer.multi_network import search
from optimizer.multi_network.request import Member
from optimizer.problem.aggregate import KINDS, Aggregate
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.goal import make_goal
from optimizer.problem.progress import Progress
from optimizer.problem.status import Status
from optimizer.report.codesign import codesign_report
from optimizer.report.codesign_plot import save_plot
from optimizer.report.solve import to_text
from optimizer.results import codesign_folder
from optimizer.results.kinds import CodesignResult
from optimizer.results.load import load_result, save_result
from optimizer.scaling.pool import SerialPool
from optimizer.workload.network import Network
from tests.support.choices import slow_if
from tests.support.codesign_cases import ARCHITECTURE, architecture, capped, joint, network
from tests.support.explorations import DRAWN, pareto
from tests.support.profiles import examples

POINTS = tuple(parse_architecture(load_exact(ARCHITECTURE)).points())
SOME = POINTS[0]


def network_of(name: str, layers: tuple[tuple[int, int], ...]) -> Network:
    """A network of layers, given by number and multiplicity."""
    made = Network(name)
    for number, count in layers:
        made.add(replace(DRAWN[number], multiplicity=count))
    return made


@cache
def front(layer: int, point: int) -> list[tuple[int, int]]:
    """Undominated (energy, cycles) of a layer on a point, by enumeration of mappings."""
    return pareto(DRAWN[layer], POINTS[point])


def optimum(
    layers: tuple[tuple[int, int], ...], point: int, objective: str, caps: dict[str, Fraction]
) -> Fraction | None:
    """Best value of a network on a point, by enumeration."""
    goal = make_goal(objective, Budgets(**caps), SOME)
    fronts = [[(count * e, count * t) for e, t in front(number, point)] for number, count in layers]
    totals = [(sum(e for e, _ in some), sum(t for _, t in some)) for some in itertools.product(*fronts)]
    return min((goal.value(*total) for total in totals if goal.allows(*total)), default=None)


@settings(max_examples=examples(100, dev=1))
@given(st.data())
def test_the_optimum_is_that_of_enumeration(data: st.DataObject) -> None:
    check(data)


def check(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 3))
    objective, kind = data.draw(st.sampled_from(["energy", "latency", "edp"])), data.draw(st.sampled_from(KINDS))
    relative = kind != "geomean" and data.draw(st.booleans())
    chosen, members, caps_of = [], [], []
    for n in range(count):
        numbers = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True))
        layers = tuple((number, data.draw(st.integers(1, 3))) for number in numbers)
        caps: dict[str, Fraction] = {}
        if data.draw(st.booleans()):
            caps["latency_ms"] = Fraction(data.draw(st.integers(2, 30)), 10**5)
        if data.draw(st.booleans()):
            caps["energy_mj"] = Fraction(data.draw(st.integers(8, 60)), 10**6)
        weight = data.draw(st.fractions(Fraction(1, 3), 3, max_denominator=3))
        chosen.append(layers)
        caps_of.append(caps)
        members.append(Member(network_of(f"n{n}", layers), weight, caps))
    found = codesign(members, architecture(), aggregate=kind, relative=relative, objective=objective)
    table = [
        [optimum(layers, p, objective, caps) for layers, caps in zip(chosen, caps_of, strict=True)]
        for p in range(len(POINTS))
    ]
    alone = [min((row[n] for row in table if row[n] is not None), default=None) for n in range(count)]
    weights = [member.weight for member in members]
    if relative and None not in alone:
        weights = [weight / value for weight, value in zip(weights, alone, strict=True)]
    aggregate = Aggregate(kind, tuple(weights))
    expected = min((aggregate.value(row) for row in table if None not in row), default=None)
    assert found.status == ("INFEASIBLE" if expected is None else "OPTIMAL")
    assert found.certificate.value == expected
    for n, value in enumerate(alone):
        own = found.alone[f"n{n}"]
        unsought = own.status == "UNKNOWN" and None in alone
        assert unsought or own.certificate.value == value
    if expected is None:
        assert found.to_json()["infeasible"]["complete"]
        hopeless = [n for n, value in enumerate(alone) if value is None]
        named = list(found.to_json()["infeasible"]["alone"])
        others = [n for n in hopeless if found.alone[f"n{n}"].status == "INFEASIBLE"]
        assert named == [f"n{n}" for n in others] and bool(others) == bool(hopeless)


def exact(result: CodesignResult, column: int = 0) -> list[tuple[int, int]]:
    """Energy units and cycles of all networks on a design."""
    return [tuple(cell) for cell in result.certificate.cross[column].networks]


@pytest.mark.slow
@pytest.mark.parametrize("sign", slow_if([1], [1, -1]))
def test_near_ties_of_geometric_means_are_decided_exactly(sign: int) -> None:
    """Vector layers add so much energy that the products on two designs agree to more digits than a float has."""
    point = select(architecture("8 words, 256 words"), {"array.x": "4"})
    names, sizes = ("small", "large"), ("8 words", "256 words")

    def energies(operations: tuple[int, int]) -> list[list[int]]:
        """Per size the energy units of both networks."""
        made = [
            Member(network(name, f"{{name: v, type: vector, kind: add, reads: [1], writes: [1], operations: {n}}}"))
            for name, n in zip(names, operations, strict=True)
        ]
        return [[energy for energy, _ in exact(codesign(made, select(point, {"GLB.size": size})))] for size in sizes]

    start = energies((10**9, 10**9))
    step = energies((10**9 + 4, 10**9))[0][0] - start[0][0]
    (a1, b1), (a2, b2) = start
    d, e = a2 - a1, b1 - b2
    assert d > 0 < e, "each network prefers another size"
    g = math.gcd(d, e)
    rest = e * a1 - d * b1 + d * e
    target = (rest % (step * g)) - (step * g if sign < 0 else 0)
    i = (target - rest) // (step * g) * pow(e // g, -1, d // g) % (d // g)
    j = (e * i - (target - rest) // step) // d
    more = 10**9 // (d // g)
    operations = 10**9 + 4 * (i + more * (d // g)), 10**9 + 4 * (j + more * (e // g))
    (a1, b1), (a2, b2) = energies(operations)
    assert a1 * b1 - a2 * b2 == target != 0
    assert math.log(a1) + math.log(b1) == pytest.approx(math.log(a2) + math.log(b2), rel=1e-16)
    assert float(a1 * b1) == float(a2 * b2)
    made = [
        Member(network(name, f"{{name: v, type: vector, kind: add, reads: [1], writes: [1], operations: {n}}}"))
        for name, n in zip(names, operations, strict=True)
    ]
    found = codesign(made, point)
    assert found.to_json()["hardware"]["choices"]["GLB.size"] == sizes[0 if target < 0 else 1]
    assert found.status == "OPTIMAL"
    assert found.certificate.value == min(a1 * b1, a2 * b2)


@pytest.mark.parametrize("objective", slow_if(["energy", "latency"], ["energy", "latency", "edp"]))
def test_one_network_is_a_solve(objective: str) -> None:
    solved = api.solve(network("large"), architecture(), objective=objective)
    found = joint("large", objective=objective)
    assert found.certificate.value == solved.certificate.value
    assert found.to_json()["hardware"] == solved.to_json()["hardware"]
    one, other = found.alone["large"].certificate, solved.certificate
    assert replace(one, boxes=()) == replace(other, boxes=()), "but for the order in which boxes were looked at"
    assert sum(box.points for box in one.boxes) == sum(box.points for box in other.boxes)
    assert found.networks["large"].to_json()["layers"] == solved.to_json()["layers"]


@pytest.mark.slow
def test_the_cross_table_is_what_single_solves_find() -> None:
    found = joint("small", "large", "conv", objective="edp")
    assert [entry["design"] for entry in found.to_json()["cross"]] == ["joint", "small", "large", "conv"]
    for entry in found.to_json()["cross"]:
        point = select(architecture(), {path: str(label) for path, label in entry["choices"].items()})
        ratios = []
        for name, cell in entry["networks"].items():
            solved = api.solve(network(name), point, objective="edp").to_json()
            assert cell["energy_pj"] == solved["energy_pj"]
            assert cell["latency_cycles"] == solved["latency_cycles"]
            own = api.solve(network(name), architecture(), objective="edp").to_json()["objective"]["value"]
            assert cell["loss_percent"] == pytest.approx(100 * (solved["objective"]["value"] / own - 1))
            ratios.append(solved["objective"]["value"] / found.to_json()["cross"][0]["networks"][name]["value"])
        mean = math.prod(ratios) ** (1 / len(ratios))
        assert entry["improvement_percent"] == pytest.approx(100 * (mean - 1))
        assert entry["improvement_percent"] >= 0
    assert found.to_json()["cross"][0]["improvement_percent"] == 0


@pytest.mark.slow
def test_weights_move_the_choice() -> None:
    plain = joint("small", "large")
    assert plain.to_json()["hardware"]["choices"]["GLB.size"] == "256 words"
    weighted = joint(capped("small", 10**5), "large", aggregate="weighted")
    assert weighted.to_json()["hardware"]["choices"]["GLB.size"] == "8 words"
    assert weighted.to_json()["objective"]["weights"] == {"small": 10**5, "large": 1}
    powers = joint(Member(network("small"), Fraction(3, 2)), Member(network("large"), Fraction(1, 3)))
    assert powers.certificate.powers == (9, 2)
    (small, _), (large, _) = exact(powers)
    assert powers.certificate.value == small**9 * large**2
    assert verify_joint(weighted).ok and verify_joint(powers).ok


def test_a_cap_of_one_network_moves_the_choice() -> None:
    found = joint(capped("small", energy_mj="0.00001669"), "large")
    assert found.to_json()["hardware"]["choices"]["GLB.size"] == "8 words"
    assert found.to_json()["networks"][0]["caps"] == {"energy_mj": "1669/100000000"}
    status = [entry["networks"]["small"].get("status") for entry in found.to_json()["cross"]]
    assert status == [None, None, "INFEASIBLE"], "on the design for `large` the cap is broken"
    assert found.to_json()["cross"][2]["aggregate"] is None


@pytest.mark.slow
def test_networks_that_exclude_each_other_are_named() -> None:
    """`small` needs the small buffer, `large` a larger one; `conv` has nothing to do with it."""
    tight = {"energy_mj": "0.00001669"}, {"energy_mj": "0.00007"}
    found = joint(capped("small", **tight[0]), "conv", capped("large", **tight[1]))
    assert found.status == "INFEASIBLE"
    reason = found.to_json()["infeasible"]
    assert (reason["networks"], reason["alone"], reason["complete"]) == (["small", "large"], {}, True)
    assert verify_joint(found).ok
    least = {entry["network"]: entry["least"] for entry in reason["relaxations"]}
    assert set(least) == {"small", "large"}
    for name, other in (("small", capped("large", **tight[1])), ("large", capped("small", **tight[0]))):
        enough = joint(capped(name, energy_mj=str(Fraction(str(least[name])))), other)
        assert enough.status == "OPTIMAL"
        less = Fraction(str(least[name])) * Fraction(99999, 100000)
        assert joint(capped(name, energy_mj=str(less)), other).status == "INFEASIBLE"


@pytest.mark.slow
def test_a_network_without_any_design_is_named_with_its_reason() -> None:
    found = joint("small", capped("large", latency_ms="0.0009"))
    assert found.status == "INFEASIBLE" and not found.networks
    reason = found.to_json()["infeasible"]
    assert reason["networks"] == ["large"]
    assert reason["alone"]["large"]["budgets"] == ["latency_ms"]
    assert reason["alone"]["large"]["relaxations"][0]["least"] == 0.00096
    assert verify_joint(found).ok


@pytest.mark.slow
def test_fused_networks() -> None:
    chain = [
        "{name: one, type: conv, dims: {N: 1, K: 2, C: 2, P: 4, Q: 2, R: 1, S: 1}}",
        "{name: two, type: conv, dims: {N: 1, K: 2, C: 2, P: 4, Q: 2, R: 1, S: 1}}",
    ]
    members = [Member(network(name, *chain[1:], layers=chain[0])) for name in ("left", "right")]
    members[1] = Member(network("right", layers=chain[0]), Fraction(2))
    found = codesign(members, architecture(), fusion=Fusion(2))
    assert found.status == "OPTIMAL"
    for member in members:
        alone = api.solve(member.network, architecture(), fusion=Fusion(2))
        assert found.alone[member.network.name].certificate.value == alone.certificate.value
    assert found.networks["left"].to_json()["groups"], "two layers with their tensor on chip"
    assert verify_joint(found).ok


@pytest.mark.slow
def test_padding_goes_to_the_networks_that_have_the_dim() -> None:
    found = joint("small", "conv", padding={"P": (5,)})
    assert [problem["padding"] for problem in found.to_json()["problem"]["networks"]] == [{}, {"P": [5]}]
    with pytest.raises(SpecError, match="no layer has this dim"):
        joint("small", "conv", padding={"Z": (5,)})


@pytest.mark.slow
def test_a_pool_finds_the_same() -> None:
    here = joint("small", "large", "conv", objective="edp")
    there = joint("small", "large", "conv", objective="edp", pool=SerialPool())
    assert there.to_json()["cross"] == here.to_json()["cross"]
    assert there.to_json()["networks"] == here.to_json()["networks"]
    assert there.certificate.value == here.certificate.value
    assert there.networks["large"].to_json()["layers"] == here.networks["large"].to_json()["layers"]
    assert verify_joint(there).ok


def test_no_time_at_all() -> None:
    found = joint("small", "large", time_limit_s=0.0)
    assert found.status in ("UNKNOWN", "FEASIBLE")
    assert verify_joint(found).ok
    found = joint("small", "large", aggregate="max", relative=True, time_limit_s=0.0)
    assert found.status in ("UNKNOWN", "FEASIBLE")
    assert verify_joint(found).ok


def test_a_stop_after_the_single_networks_keeps_the_best_design(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the joint search runs: designs of single networks are known by then."""
    original = search.Search._joint

    def interrupted(self: search.Search, *args: object) -> object:
        calls = []
        run = self._run.run

        def stop(numbers: object, **options: object) -> object:
            calls.append(options)
            if options.get("within") is None:
                self._run.deadline = 0.0
            return run(numbers, **options)  # type: ignore[arg-type]

        self._run.run = stop  # type: ignore[method-assign]
        return original(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(search.Search, "_joint", interrupted)
    found = joint("small", "large")
    assert found.status == "FEASIBLE"
    assert found.to_json()["hardware"]["choices"]["GLB.size"] == "256 words"
    assert found.to_json()["objective"]["bound"] < found.to_json()["objective"]["value"]
    assert verify_joint(found).ok
    assert "not proved" not in to_text(codesign_report(found.body))
    first, second = found.body.networks
    second = replace(second, alone=replace(second.alone, status=Status.FEASIBLE))
    text = to_text(codesign_report(replace(found.body, networks=(first, second))))
    assert "not proved to be the own best design: large" in text and "better than designs" not in text


def test_a_joint_design_worse_than_a_known_one_is_kept_unproved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search.CrossColumn, "aggregate", lambda self, aggregate: Fraction(1))
    found = joint("small", "large")
    assert found.status == "FEASIBLE"
    assert "internal disagreement: the joint design has" in "".join(found.to_json()["disagreements"])


def test_progress_tells_the_steps() -> None:
    seen: list[Progress] = []
    joint("small", "large", progress=seen.append)
    messages = list(dict.fromkeys(progress.message.partition("  about ")[0] for progress in seen))
    assert messages == [
        "network 1 of 2 alone: small",
        "network 2 of 2 alone: large",
        "cross table, design 1 of 2",
        "cross table, design 2 of 2",
        "all networks",
    ]
    last = [progress for progress in seen if progress.message == "all networks"][-1]
    assert last.points_closed == last.points_total == 8 and last.gap == 0.0
    assert all(progress.message.endswith(" left") == (0 < progress.points_closed < 8) for progress in seen)


def test_files_come_back(tmp_path: Path) -> None:
    found = joint("small", "large")
    save_result(found, tmp_path / "out")
    again = load_result(tmp_path / "out")
    assert isinstance(again, CodesignResult) and again.status == "OPTIMAL"
    assert again.certificate == found.certificate
    assert set(again.networks) == set(again.alone) == {"small", "large"}
    assert verify_joint(tmp_path / "out").ok
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / codesign_folder.CROSS_FILE).read_text())))
    assert [(row["design"], row["network"]) for row in rows] == [
        (design, name) for design in ("joint", "small", "large") for name in ("small", "large")
    ]
    assert float(rows[3]["loss_percent"]) == found.to_json()["cross"][1]["networks"]["large"]["loss_percent"] > 30


def test_folders_of_networks_are_plain_and_differ() -> None:
    places = codesign_folder.places(["a/b", "a b", "A_b", "..", "résumé"])
    assert len({place.casefold() for place in places.values()}) == 5
    assert all("/" not in place and place.strip(".") for place in places.values())


@pytest.mark.slow
def test_a_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = joint(capped("small", energy_mj="0.00001669"), "large")
    save_plot(found.body, tmp_path / "cross.svg")
    root = ElementTree.fromstring((tmp_path / "cross.svg").read_text())
    assert root.tag.endswith("svg")
    save_plot(found.body, tmp_path / "cross.png")
    assert (tmp_path / "cross.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SpecError, match="a picture"):
        save_plot(found.body, tmp_path / "cross.txt")


@pytest.mark.parametrize(
    ("members", "options", "message"),
    [
        ((), {}, "no network"),
        (("small", "small"), {}, "same name"),
        (("small",), {"aggregate": "mean"}, "unknown aggregate"),
        (("small",), {"relative": True}, "geometric mean"),
        (("small",), {"objective": "area"}, "unknown objective"),
        (("small",), {"fusion": Fusion(2), "padding": "auto"}, "do not go together"),
    ],
)
def test_bad_requests(members: tuple[str, ...], options: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        joint(*members, **options)


def test_bad_members() -> None:
    with pytest.raises(SpecError, match="no such cap"):
        capped("small", area_mm2="1")
    with pytest.raises(SpecError, match="positive"):
        capped("small", latency_ms="0")
    with pytest.raises(SpecError, match="weight"):
        joint(Member(network("small"), Fraction(0)))
    with pytest.raises(SpecError, match="powers"):
        joint(Member(network("small"), Fraction("0.999")), "large")
    with pytest.raises(SpecError, match="not supported"):
        joint(capped("small", latency_ms="1"), fusion=Fusion(2))
