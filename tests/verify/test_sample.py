"""What a verification proves again, what it says of it, and that lies in floors are found as its words promise."""

from __future__ import annotations

import copy
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from formulations.engines import PathEngine
from formulations.stop import StoppedError
from optimizer.architecture.reader import parse_architecture
from optimizer.checker import solve as check
from optimizer.checker.again import SearchAgain, statements, verify, verify_joint
from optimizer.checker.again import layer_bounds as reprove_module
from optimizer.checker.again.layer_bounds import LEAST_DRAWN, Derivation, drawn, reprove
from optimizer.checker.bound_weights import Bearing
from optimizer.checker.claims.solve import Claim, rebuild
from optimizer.checker.effort import LEAST_SECONDS, MOST_SECONDS, Effort, ProofTally, Route
from optimizer.checker.outcome import Check
from optimizer.checker.solve import examine
from optimizer.checker.statements import Statement
from optimizer.checker.stored import StoredResult
from optimizer.checker.verification import Verification
from optimizer.cli import main
from optimizer.files.exact_yaml import load_exact
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.store import store
from optimizer.studies.metrics import Range
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_if
from tests.support.codesign_cases import architecture, network
from tests.support.forged_optimum import forged
from tests.support.pair_results import ARCHITECTURE, NETWORK, make
from tests.support.stored_results import front as front_study
from tests.support.stored_results import joint, solve, study, written

OBJECTIVES = ("energy", "edp")
WORSE = {"energy": Fraction(121, 100), "edp": Fraction(2)}


@pytest.fixture(autouse=True)
def nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every floor has to be searched for, those too that follow from counting."""
    monkeypatch.setattr(reprove_module, "by_counting", lambda statement: False)


def mixed() -> Any:
    """Two kinds of layers and a vector layer; the matmul contributes most."""
    return network(
        "mixed",
        "{name: fc, type: matmul, dims: {M: 4, N: 10, K: 11}, multiplicity: 2}",
        "{name: act, type: vector, kind: relu, reads: [24], writes: [24], operations: 24}",
        layers="{name: conv, type: conv, dims: {K: 4, C: 2, P: 6, R: 3}}",
    )


def claim_of(result: StoredResult) -> Claim:
    return rebuild(json.loads(json.dumps(result.data)), json.loads(json.dumps(result.certificate)))


def in_no_time(seed: int) -> Effort:
    """Only what is proved in any case."""
    return Effort(False, seed, due=0.0)


@pytest.fixture(scope="module", params=OBJECTIVES)
def honest(request: pytest.FixtureRequest) -> StoredResult:
    return solve(mixed(), architecture(), objective=request.param)


@pytest.fixture(scope="module", params=slow_if(["edp"], OBJECTIVES))
def lie(request: pytest.FixtureRequest) -> tuple[StoredResult, int]:
    return forged(mixed(), architecture(), request.param, WORSE[request.param])


@pytest.mark.slow
def test_a_worse_design_claimed_optimal_fails(lie: tuple[StoredResult, int]) -> None:
    result, lies = lie
    assert result.status == "OPTIMAL" and lies >= 2
    assert all(one.ok for one in examine(result, Effort(False, 0), None, proofs=False))
    found = verify(result)
    assert found.failed == ["proof again"] and not found.ok
    assert found.verdict == "NOT VERIFIED: proof again"


@pytest.mark.slow
def test_a_lie_is_found_as_often_as_what_rests_on_it_is_drawn(lie: tuple[StoredResult, int]) -> None:
    result, _ = lie
    claim = claim_of(result)
    layer_bounds = [lower_bound for lower_bound in Bearing(claim).layer_bounds() if not lower_bound.own]
    full = reprove(claim, Effort(True, 0), engine=PathEngine())[-1]
    false = [
        f for f in layer_bounds if statements.by_program(f.statement, claim.accounting, 60.0) != (Route.CP_SAT, "", "")
    ]
    assert not full.ok and false
    for seed in range(6):
        first = drawn(layer_bounds, in_no_time(seed).random("sample"))[:LEAST_DRAWN]
        told = reprove(claim, in_no_time(seed), raised_of(claim), engine=PathEngine())[-1]
        assert told.ok == (not any(lower_bound in false for lower_bound in first)), seed


def raised_of(claim: Claim) -> set[int]:
    """Of a product, the design's own bound is more than its floors show."""
    own = [n for n, entry in enumerate(claim.entries) if entry.by == "solved"]
    return set(own) if claim.target.objective == "edp" else set()


@pytest.mark.slow
def test_the_odds_of_a_floor_are_its_part_in_the_bound(honest: StoredResult) -> None:
    layer_bounds = Bearing(claim_of(honest)).layer_bounds()
    assert sum(lower_bound.share for lower_bound in layer_bounds) == 1
    draws = 4000
    first = Counter(id(drawn(layer_bounds, Effort(False, seed).random("sample"))[0]) for seed in range(draws))
    for lower_bound in layer_bounds:
        share = float(lower_bound.share)
        assert abs(first[id(lower_bound)] / draws - share) < 4 * math.sqrt(share * (1 - share) / draws) + 1e-9


@pytest.mark.slow
def test_floors_of_the_chosen_point_are_always_proved(honest: StoredResult) -> None:
    """A floor raised at the cost of another one, with the same bound."""
    certificate = copy.deepcopy(honest.certificate)
    box = next(b for b in certificate["boxes"] if [low for low, _ in b["box"]] == certificate["design"])
    counts = [layer["count"] for layer in certificate["layers"]]
    for number, sign in ((0, 1), (1, -1)):
        box["energy_floors"][number] += sign * 1000 * math.prod(counts) // counts[number]
    bad = StoredResult(honest.data, certificate)
    for seed in range(3):
        told = examine(bad, in_no_time(seed), SearchAgain())
        assert [one.name for one in told if not one.ok] in (["proof again"], ["points again", "proof again"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
def test_a_seed_draws_the_same_again(honest: StoredResult, seed: int) -> None:
    def said() -> list[str]:
        messages: list[str] = []
        effort = in_no_time(seed)
        effort.say = messages.append
        examine(honest, effort, SearchAgain())
        return [message for message in messages if "drawn" in message or "proof" in message] + [str(effort.tallies)]

    assert said() == said()
    found = verify(honest, seed=seed)
    assert found.seed == seed


def test_seeds_cannot_be_foreseen(honest: StoredResult) -> None:
    seeds = {Effort.of(honest.data, thorough=False).seed for _ in range(5)}
    assert len(seeds) == 5


@pytest.mark.parametrize(
    ("took", "most"),
    [(0.0, LEAST_SECONDS), (17.0, 17.0), (1e9, MOST_SECONDS), (-1, MOST_SECONDS), ("x", MOST_SECONDS), (None, None)],
)
def test_time_is_about_that_of_the_solve(took: Any, most: float | None) -> None:
    effort = Effort.of({} if took is None else {"wall_s": took}, thorough=False)
    assert abs(effort.due - time.perf_counter() - (most or MOST_SECONDS)) < 1
    assert effort.latest - time.perf_counter() <= MOST_SECONDS
    assert Effort.of({"wall_s": took}, thorough=True).left_s == math.inf
    half = effort.part(2)
    assert abs(half.left_s - effort.left_s / 2) < 1 and half.tallies is effort.tallies
    due = effort.due
    half.about("a part").put_off(100)
    assert effort.due == due + 100 and half.left_s > 100


def test_a_verdict_on_a_sample_says_what_was_proved(honest: StoredResult) -> None:
    effort = in_no_time(1)
    found = Verification.of(examine(honest, effort, SearchAgain()), effort, time.perf_counter())
    assert found.ok and not found.complete and 0 < found.share < 1
    pattern = (
        r"verified: numbers, budgets, boxes and totals; (\d+) of (\d+) floors( and (\d) of 4 bounds of single points)? "
        r"proved again \((\d+) % of the bound\), (\d+) of them by the checker's own search, (\d+) of them by CP-SAT "
        r"too; seed 1"
    )
    match = re.fullmatch(pattern, found.verdict)
    assert match, found.verdict
    proved, total, _, points, percent, by_checker, twice = match.groups()
    assert int(proved) < int(total) and int(percent) == int(100 * found.share)
    assert int(by_checker) == found.proved_by(Route.CHECKER) == int(proved) + int(points or 0)
    assert int(twice) == LEAST_DRAWN


def test_a_thorough_verdict_says_all(honest: StoredResult) -> None:
    found = verify(honest, thorough=True)
    assert found.ok and found.complete and found.share == 1 and found.seconds > 0
    layer_bounds = found.proofs[0]
    assert f"; all {layer_bounds.total} floors" in found.verdict and "(100 % of the bound)" in found.verdict
    assert "seed" not in found.verdict


def test_what_the_shortest_path_proves_is_said_so(honest: StoredResult, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "by_own_search", "by_program")
    found = verify(honest, thorough=True)
    assert found.ok and found.proved_by(Route.CHECKER) == found.proved_by(Route.CP_SAT) == 0
    assert found.verdict.endswith(" of them by the shortest-path search") and "CP-SAT" not in found.verdict


def without(monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
    """Some methods of proof prove nothing."""
    for place in (statements, reprove_module):
        for method in methods:
            monkeypatch.setattr(place, method, lambda *_: None)


def test_a_verdict_states_the_share_of_every_method(honest: StoredResult, monkeypatch: pytest.MonkeyPatch) -> None:
    true = statements.by_own_search
    only = lambda one, *rest: true(one, *rest) if one.group.layer.name == "fc" else None  # noqa: E731
    monkeypatch.setattr(statements, "by_own_search", only)
    found = verify(honest, thorough=True)
    shares = [sum(tally.shares.get(route, Fraction(0)) for tally in found.proofs) for route in Route]
    assert found.ok and sum(shares) == 1
    told = re.findall(r"(\d+)(?: of them)? by ([^,;]*) \((\d+) %\)", found.verdict)
    assert [name for _, name, _ in told[:2]] == [Route.CHECKER.value, Route.CP_SAT.value]
    for count, name, percent in told:
        route = Route(name)
        assert int(count) == found.proved_by(route) > 0
        assert int(percent) == int(100 * shares[list(Route).index(route)])


def raises(error: type[Exception]) -> Callable[..., Any]:
    def stop(*_: Any, **__: Any) -> Any:
        raise error

    return stop


@pytest.mark.parametrize(("error", "reason"), [(OverflowError, "the numbers exceed"), (StoppedError, "time ran out")])
def test_no_proof_is_no_lie_and_no_word_of_praise(
    honest: StoredResult, error: type[Exception], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "by_own_search")
    monkeypatch.setattr(statements, "find_below", raises(OverflowError))
    monkeypatch.setattr(PathEngine, "search", raises(error))
    found = verify(honest)
    assert not found.failed and not found.ok and "proof again" in found.undecided
    assert found.verdict.startswith("CANNOT DECIDE: ") and "; not proved again: " in found.verdict
    assert f"conv ({reason}" in found.verdict
    assert "0 of" in found.verdict and "(0 % of the bound)" in found.verdict
    outcome = CliRunner().invoke(main, ["verify", str(written(honest, tmp_path / "out"))])
    assert outcome.exit_code == 1 and "undecided" in outcome.stdout and "CANNOT DECIDE" in outcome.stdout


def test_what_is_drawn_and_not_decided_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Floors of the chosen point are proved, all others take too long."""
    honest = solve(mixed(), architecture(), objective="energy")
    claim = claim_of(honest)
    own = {lower_bound.statement.key for lower_bound in Bearing(claim).layer_bounds() if lower_bound.own}
    true = statements.decide
    monkeypatch.setattr(
        "optimizer.checker.again.layer_bounds.decide",
        lambda statement, *rest, **kept: (
            true(statement, *rest, **kept) if statement.key in own else statements.Decision(None, why=statements.TIME)
        ),
    )
    found = verify(honest)
    assert found.ok and found.proofs[0].proved == len(own) and found.proofs[0].undecided > 0
    assert f"{len(own)} of {found.proofs[0].total} floors" in found.verdict
    assert f"; {found.proofs[0].undecided} more begun and not decided; seed" in found.verdict
    assert [one.ok for one in verify(honest, thorough=True).checks if one.name == "proof again"] == [None]


def test_numbers_too_large_decide_nothing(honest: StoredResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "check_design", raises(OverflowError))
    found = verify(honest)
    assert not found.failed and found.undecided and found.verdict.startswith("CANNOT DECIDE: ")


@pytest.mark.parametrize("error", [OverflowError, StoppedError])
def test_a_point_that_cannot_be_derived_is_undecided(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    result = solve(mixed(), architecture(), objective="edp")
    monkeypatch.setattr("optimizer.checker.again.layer_bounds.derive", raises(error))
    found = verify(result)
    assert found.undecided == ["points again"] and "0 of 4 bounds of single points" in found.verdict


@pytest.mark.parametrize("route", [Route.CHECKER, Route.CP_SAT])
def test_a_point_may_be_proved_by_one_method_alone(
    honest: StoredResult, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    if route is Route.CP_SAT:
        without(monkeypatch, "by_own_search")
    found = {tally.what: tally for tally in verify(honest, thorough=True).proofs}
    if honest.data["objective"]["name"] == "edp":
        points = found["bounds of single points"]
        assert set(points.by) == {route} and points.whole + found["floors"].whole == 1


@pytest.mark.slow
def test_capped_searches_and_lines_are_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement that a point rests on is proved; with a floor of one more, a mapping refutes it."""
    asked: list[Statement] = []
    true = statements.by_own_search
    monkeypatch.setattr(
        "optimizer.checker.again.layer_bounds.by_own_search",
        lambda one, *rest: (asked.append(one), true(one, *rest))[1],
    )
    capped, product = make("energy", padding="none", latency_ms="0.0008"), make("edp", padding="none")
    for result in (capped, product):
        found = verify(result, thorough=True)
        assert found.ok and found.share == 1
        by = {tally.what: set(tally.by) for tally in found.proofs}["bounds of single points"]
        assert by and by <= {Route.CHECKER, Route.CP_SAT}
    assert any(one.cap is not None for one in asked) and any(one.weight is None for one in asked)
    assert any(one.weight for one in asked)
    accounting = claim_of(capped).accounting
    for one in asked:
        if one.lower_bound < INFEASIBLE_COST:
            more = replace(one, lower_bound=one.lower_bound + 1)
            told = [
                true(more, accounting, 60.0),
                statements.by_program(more, accounting, 60.0),
                statements.by_engine(more, accounting, PathEngine(), None),
            ]
            for found in told:
                assert found is not None and found.route is None and "cycles" in found.refuted, one


@pytest.mark.slow
def test_whole_cycles_are_proved_by_all_methods() -> None:
    """A floor in cycles is a latency rounded up, where latencies have fractions."""
    chip = parse_architecture(load_exact(ARCHITECTURE.replace("2 GB/s", "0.3 GB/s")))
    claim = claim_of(solve(parse_network(NETWORK), replace(chip, accounting="looptree"), objective="latency"))
    rounded = 0
    for lower_bound in Bearing(claim).layer_bounds()[:4]:
        one = lower_bound.statement
        (problem,) = statements.problems(one, claim.accounting)
        found = PathEngine().solve(problem, "latency")
        assert found is not None
        rounded += found.latency % problem.latency_unit > 0
        for raised, proved in ((0, True), (1, False)):
            stated = replace(one, lower_bound=one.lower_bound + raised)
            for told in (
                statements.by_own_search(stated, claim.accounting, 60.0),
                statements.by_program(stated, claim.accounting, 60.0),
                statements.by_engine(stated, claim.accounting, PathEngine(), None),
            ):
                assert told is not None and (told.route is not None) == proved and bool(told.refuted) != proved
    assert rounded


def test_points_are_drawn_among_the_floors() -> None:
    point = Derivation("box", Fraction(1, 2), False, raises(StoppedError))
    layer_bounds = Bearing(claim_of(solve(mixed(), architecture(), objective="energy"))).layer_bounds()
    place = {drawn([*layer_bounds, point], Effort(False, seed).random("sample")).index(point) for seed in range(20)}
    assert 0 in place and len(place) > 1


def test_the_command_repeats_a_sample(honest: StoredResult, tmp_path: Path) -> None:
    folder = str(written(honest, tmp_path / "out"))
    outcome = CliRunner().invoke(main, ["verify", folder, "--seed", "12", "--quiet"])
    assert outcome.exit_code == 0 and outcome.stdout.startswith("verified: numbers, budgets, boxes and totals; ")
    assert "% of the bound)" in outcome.stdout


def kinds() -> dict[str, Callable[[], Verification]]:
    """A verification of every kind of result."""
    net, chip, same = mixed(), architecture(), "type: conv, dims: {K: 2, C: 2, P: 4, Q: 4, R: 1, S: 1}"
    pair = network(
        "pair",
        f"{{name: two, {same}, inputs: [one], views: {{one: [[1, 1, 0], [1, 1, 0], [1, 1, 0]]}}}}",
        layers=f"{{name: one, {same}}}",
    )
    single = architecture("64 words, 256 words")
    solved = {
        "energy": solve(net, chip),
        "edp": solve(net, chip, objective="edp"),
        "fused": solve(pair, single, fusion=Fusion(2)),
        "steps": study(net, chip, [Range("area-mm2")]),
        "front": front_study(net, chip, []),
    }
    both = joint("small", "conv", objective="edp")
    return {name: lambda found=found: verify(found) for name, found in solved.items()} | {
        "codesign": lambda: verify_joint(both)
    }


@pytest.mark.slow
def test_no_store_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever is verified, entries are looked up only in memory that the verification began with empty."""
    runs, folders, true = kinds(), [], store.connect

    def connect(folder: Path | None) -> Any:
        folders.append(folder)
        return true(folder)

    monkeypatch.setattr(store, "connect", connect)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, run in runs.items():
        found = run()
        assert found.ok, (name, [one for one in found.checks if not one.ok])
        assert found.proofs and found.share > 0, name
        assert found.verdict.startswith("verified: ") and "proved again" in found.verdict, name
    assert set(folders) == {None}
    assert not (tmp_path / "cache").exists()


def test_tallies_add_up() -> None:
    half, whole = Fraction(1, 2), Fraction(1)
    one = ProofTally("floors", 3, {Route.CP_SAT: 2}, {Route.CP_SAT: half}, 1, whole, ("a",), 1)
    two = ProofTally("floors", 2, {Route.CP_SAT: 1, Route.PATH: 1}, {Route.CP_SAT: half, Route.PATH: half}, 0, whole)
    both = one + two
    assert both.by == {Route.CP_SAT: 3, Route.PATH: 1} and both.proved == 4 and both.missing == ("a",)
    assert both.shares == {Route.CP_SAT: 1, Route.PATH: half} and both.share == Fraction(3, 2) and both.twice == 1
    assert Verification([], (both,)).share == Fraction(3, 4)
    assert both.text == "4 of 5 floors" and two.text == "all 2 floors"


def test_a_verdict_names_a_few_and_counts_the_rest() -> None:
    checks = [Check(f"layer {n}", None, "time ran out") for n in range(30)]
    verdict = Verification(checks).verdict
    assert "layer 0, layer 1, " in verdict and "layer 7, and 22 more" in verdict and "layer 8" not in verdict
