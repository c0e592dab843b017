"""The sizing program: the figures of the release, and exhaustive search over random small engines."""

import copy
import itertools
import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formulations.cp_sat import SolverStatus
from formulations.sparse.sizing import solve_sizing
from optimizer.errors import SpecError
from optimizer.files.records import to_json
from optimizer.sparse_engine import explain, reprove
from optimizer.sparse_engine import request as requests
from optimizer.sparse_engine.check import violations
from optimizer.sparse_engine.device_use import device_use
from optimizer.sparse_engine.engine import Engine, Multiplier
from optimizer.sparse_engine.network import SparseNetwork
from optimizer.sparse_engine.request import SizingRequest, any_out_degree, candidates, lower
from optimizer.sparse_engine.rules import ALL_RULES, chosen_rules
from optimizer.sparse_engine.simulation import hazard_free_patterns
from optimizer.sparse_engine.sizing import size
from tests.support.profiles import examples

RELEASE = ((1024, 64, 32), ((4,), (16,)))
MHZ = Fraction(15)


def asked(**changes):
    return SizingRequest(*RELEASE, **changes)


@pytest.mark.parametrize(("budget", "z", "cycles", "dsp"), [(240, [128, 32], 32, 224), (480, [256, 64], 16, 448)])
def test_release_is_the_optimum_of_its_device(budget, z, cycles, dsp):
    found = size(asked(budgets={"dsp": budget}))
    design = to_json(found.body)["design"]
    assert found.status == "OPTIMAL" and to_json(found.body)["objective"]["gap"] == 0
    assert (design["z"], design["cycles"], design["device_use"]["dsp"]) == (z, [cycles, cycles], dsp)


@pytest.mark.slow
def test_half_the_device_is_too_small_and_says_why():
    found = size(asked(budgets={"dsp": 120}))
    assert found.status == "INFEASIBLE" and found.engine is None
    why = to_json(found.body)["infeasible"]
    assert why["blame"] == ["dsp", "fi-divides-z"] and why["complete"]
    budget, rule = why["relaxations"]
    assert (budget["limit"], budget["least"]) == (120, 224)
    assert rule["text"] == "without fi-divides-z: z = (64, 16), C = 64"
    without = size(asked(budgets={"dsp": 120}, rules=chosen_rules((), ["fi-divides-z"]))).body.design
    assert (without.z, without.device_use["dsp"]) == ((64, 16), 112)


def test_release_is_the_densest_network_of_its_rate():
    found = size(
        SizingRequest(
            (1024, 64, 32),
            any_out_degree((1024, 64, 32)),
            budgets={"dsp": 240},
            max_time_us=Fraction(5, 2),
            objective="density",
        )
    )
    assert found.status == "OPTIMAL"
    assert sum(to_json(found.body)["design"]["weights"]) == 5120


@pytest.mark.slow
def test_fresh_engines_have_patterns_without_hazards():
    """With pipelined multipliers D_2 > 3 and fi | z cannot both be; with combinational ones the release will do."""
    rules = chosen_rules(["fresh"])
    pipelined = size(asked(budgets={"dsp": 240}, rules=rules))
    assert to_json(pipelined.body)["infeasible"]["blame"] == ["fi-divides-z", "fresh"]
    found = size(asked(budgets={"dsp": 240}, rules=rules, multipliers=(Multiplier("combinational", MHZ),)))
    assert found.engine.parallel == (128, 32)
    assert len(hazard_free_patterns(found.engine, forwarding=False)) == 2


def test_least_resources_at_a_rate():
    design = to_json(size(asked(max_time_us=Fraction(12, 5), objective="dsp")).body)["design"]
    assert design["device_use"]["dsp"] == 224 and design["time_us"] == 2.4


def test_multiplier_menu_weighs_clock_against_latency():
    slow, fast = Multiplier("combinational", Fraction(10)), Multiplier("deep", Fraction(60), stages=3)
    design = to_json(size(asked(budgets={"dsp": 240}, multipliers=(slow, fast))).body)["design"]
    assert (design["multiplier"], design["proctime"], design["time_us"]) == ("deep", 10, 44 / 60)
    assert to_json(size(asked(budgets={"dsp": 240}, multipliers=(slow,))).body)["design"]["time_us"] == 3.4


@pytest.mark.slow
def test_rate_beyond_every_engine_is_blamed():
    why = to_json(size(asked(budgets={"dsp": 240}, max_time_us=Fraction(2))).body)["infeasible"]
    assert why["blame"] == ["dsp", "time"]
    assert [relaxation["least"] for relaxation in why["relaxations"]] == [448, 2.4]


def test_caps_beyond_all_costs_are_no_caps():
    plain = size(asked(budgets={"dsp": 512})).body.objective
    for budgets, limits in (({"dsp": 10**24}, {}), ({"dsp": 512}, {"max_time_us": Fraction(10**40)})):
        found = size(asked(budgets=budgets, **limits))
        assert found.status == "OPTIMAL" and (budgets["dsp"] > 512 or found.body.objective == plain)


def test_clocks_beyond_the_integers_are_refused():
    slow = Multiplier("pipelined", Fraction(1, 10**30))
    with pytest.raises(SpecError, match="too far apart"):
        size(asked(budgets={"dsp": 512}, multipliers=(slow,)))


def test_a_large_network_is_sized():
    neurons = (1728, 4096, 4096, 1000)
    rules = chosen_rules((), ["balanced", "fi-divides-z", "fo-divides-z"])
    found = size(SizingRequest(neurons, ((256,), (256,), (250,)), budgets={"dsp": 3000}, rules=rules))
    assert found.status == "OPTIMAL" and to_json(found.body)["design"]["device_use"]["dsp"] <= 3000


def test_bad_requests_are_refused(monkeypatch):
    with pytest.raises(SpecError, match="width"):
        asked(widths_bits=(24,))
    with pytest.raises(SpecError, match="menus"):
        SizingRequest((8, 4), ())
    monkeypatch.setattr(requests, "MOST_ROWS", 3)
    with pytest.raises(SpecError, match="z-divides-n"):
        size(asked())


def test_rules_that_cannot_be_dropped_are_held(monkeypatch):
    monkeypatch.setattr(explain, "MOST_ROWS", 50)
    why = to_json(size(asked(budgets={"dsp": 120})).body)["infeasible"]
    assert why["held"] == ["z-divides-n"] and why["blame"] == ["dsp", "fi-divides-z"]


@pytest.mark.parametrize("limit", [0.0, 0.02, 0.1])
def test_stopped_early_keeps_a_design_and_its_bound(limit):
    wide = SizingRequest((240, 240, 240), any_out_degree((240, 240, 240)), budgets={"dsp": 999}, rules=("balanced",))
    wide = replace(wide, out_degrees=tuple(menu[::20] for menu in wide.out_degrees))
    outcome = solve_sizing(lower(wide, candidates(wide)), ("time", "dsp"), time_limit_s=limit)
    assert outcome.status is not SolverStatus.INFEASIBLE
    if outcome.status is SolverStatus.UNKNOWN:
        assert outcome.rows is None and outcome.value is None
    else:
        assert outcome.rows is not None and outcome.bound <= outcome.value


CHANGES = [
    ("z", [64, 32]),
    ("z", [128, 16]),
    ("width_bits", 10),
    ("multiplier", "deep"),
    ("cycles", [32, 31]),
    ("block_cycle", 35),
    ("time_us", 2.3),
    ("proctime", 1),
    ("out_degrees", [8, 16]),
    ("neurons", [512, 64, 32]),
    ("depths", [8, 1]),
]


@pytest.mark.parametrize(("field", "value"), CHANGES)
def test_checker_sees_changes(field, value):
    data = to_json(size(asked(budgets={"dsp": 240})).body)
    assert violations(data) == []
    broken = copy.deepcopy(data)
    broken["design"][field] = value
    assert violations(broken)


@pytest.mark.parametrize("name", ["dsp", "bram18", "lut", "input_bits"])
def test_checker_counts_resources_again(name):
    data = to_json(size(asked(budgets={"dsp": 240})).body)
    data["design"]["device_use"][name] += 1
    (fault,) = violations(data)
    assert fault.startswith("device use") and f"'{name}': {data['design']['device_use'][name]}" in fault
    data["design"]["device_use"][name] -= 1
    data["request"]["budgets"][name] = data["design"]["device_use"][name] - 1
    assert violations(data) == [f"budget of {name}"]


def test_reproof_sees_a_better_engine_and_a_wrong_infeasibility():
    data = to_json(size(asked(budgets={"dsp": 240})).body)
    for exact in ({"value": "12/5", "bound": "5/2"}, {"value": "5/2", "bound": "12/5"}):
        assert reprove.faults(data | {"objective": data["objective"] | {"exact": exact}})[0]
    del data["design"]
    assert reprove.faults(data | {"status": "INFEASIBLE"})[0] == ["an engine exists"]


def test_checker_sees_stale_sums():
    data = to_json(size(asked(budgets={"dsp": 240})).body)
    data["request"]["rules"].append("fresh")
    assert violations(data) == ["junction 2: fresh"]


def keeps_rules(rules, neurons, degrees, z, proctime) -> bool:
    """The rules, from their sentences."""
    last = len(z)
    edges = [neurons[i] * degrees[i] for i in range(last)]
    fans = [edges[i] // neurons[i + 1] for i in range(last)]
    depths = [math.ceil(neurons[i] / z[i]) for i in range(last)]
    broken = {
        "z-divides-n": any(neurons[i] % z[i] for i in range(last)),
        "z-divides-w": any(edges[i] % z[i] for i in range(last)),
        "fi-divides-z": any(z[i] % fans[i] for i in range(last)),
        "fo-divides-z": any(z[i] % degrees[i] for i in range(last)),
        "power-of-two": any(math.log2(number) % 1 for i in range(last) for number in (z[i], degrees[i], depths[i])),
        "balanced": len({math.ceil(edges[i] / z[i]) for i in range(last)}) > 1,
        "right-side": any(z[i + 1] < math.ceil(z[i] / fans[i]) for i in range(last - 1)),
        "fresh": any(degrees[i] > 1 and not depths[i] > 1 + proctime for i in range(1, last)),
        "hazard": any(depths[i] > 1 and (1 + proctime) % depths[i] == 0 for i in range(1, last)),
    }
    return not any(broken[name] for name in rules)


def engines(request):
    """Every engine that keeps rules and budgets."""
    menus = [
        [(fo, z) for fo in menu for z in range(1, left + 1)]
        for left, menu in zip(request.neurons, request.out_degrees, strict=False)
    ]
    for pairs in itertools.product(*menus):
        degrees, z = tuple(fo for fo, _ in pairs), tuple(z for _, z in pairs)
        network = SparseNetwork(request.neurons, degrees)
        widest = max(network.in_degrees)
        for multiplier, width in itertools.product(request.multipliers, request.widths_bits):
            proctime = {
                "combinational": 0,
                "pipelined": 2,
                "deep": multiplier.stages + math.ceil(math.log2(widest)) + 1,
            }[multiplier.kind]
            if not keeps_rules(request.rules, request.neurons, degrees, z, proctime):
                continue
            engine = Engine(network, z, width, proctime, multiplier.clock_mhz)
            use = device_use(engine, request.input_bits)
            assert use["dsp"] == sum(z) + 2 * sum(z[1:])
            late = request.max_time_us is not None and engine.time_us > request.max_time_us
            if not late and all(use[name] <= limit for name, limit in request.budgets.items()):
                yield engine, use


@st.composite
def small_requests(draw):
    neurons = tuple(draw(st.lists(st.sampled_from([2, 3, 4, 6, 8]), min_size=2, max_size=3)))
    menus = tuple(
        tuple(sorted(draw(st.sets(st.sampled_from(menu), min_size=1, max_size=3)))) for menu in any_out_degree(neurons)
    )
    clocks = {"combinational": MHZ, "pipelined": Fraction(45, 2), "deep": Fraction(50)}
    kinds = [Multiplier(kind, clock) for kind, clock in clocks.items()]
    limits = {"dsp": 24, "lut": 6000, "bram18": 16, "input_bits": 64}
    budgets = {name: draw(st.integers(1, most)) for name, most in limits.items() if draw(st.integers(0, 3)) == 0}
    return SizingRequest(
        neurons,
        menus,
        draw(st.sampled_from([(8,), (12,), (8, 12)])),
        tuple(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=2, unique=True))),
        budgets,
        draw(st.none() | st.fractions(Fraction(1, 5), 3, max_denominator=10)),
        tuple(draw(st.lists(st.sampled_from(ALL_RULES), unique=True))),
    )


GOALS = {
    "time": lambda engine, use: engine.time_us,
    "density": lambda engine, use: -engine.network.density,
    "dsp": lambda engine, use: use["dsp"],
    "lut": lambda engine, use: use["lut"],
    "bram18": lambda engine, use: use["bram18"],
}


@settings(max_examples=examples(60))
@given(request=small_requests(), objective=st.sampled_from(sorted(GOALS)))
def test_program_and_exhaustive_search_agree(request, objective):
    best = min((GOALS[objective](*some) for some in engines(request)), default=None)
    found = size(replace(request, objective=objective))
    if best is None:
        assert found.status == "INFEASIBLE"
        assert reprove.faults(to_json(found.body))[0] == []
        return
    assert found.status == "OPTIMAL" and found.engine is not None
    assert GOALS[objective](found.engine, device_use(found.engine, request.input_bits)) == best
    faults, seen = reprove.faults(to_json(found.body))
    assert faults == [] and (seen or 0) > 0


@settings(max_examples=examples(60))
@given(request=small_requests())
def test_blame_is_smallest_and_relaxations_are_least(request):
    found = size(request)
    if found.status != "INFEASIBLE":
        return
    why = to_json(found.body)["infeasible"]
    assert why["complete"]

    def kept(names):
        budgets = {name: limit for name, limit in request.budgets.items() if name in names}
        rules = tuple(name for name in request.rules if name in names)
        limit = request.max_time_us if "time" in names else None
        return SizingRequest(
            request.neurons, request.out_degrees, request.widths_bits, request.multipliers, budgets, limit, rules
        )

    everything = [*request.rules, *request.budgets, *(["time"] if request.max_time_us is not None else [])]
    assert not any(engines(kept(why["blame"])))
    for names in itertools.combinations(everything, max(len(why["blame"]) - 1, 0)):
        assert any(engines(kept(names)))
    for relaxation in why["relaxations"]:
        name = relaxation.get("budget", relaxation.get("rule"))
        rest = list(engines(kept([other for other in everything if other != name])))
        assert rest
        if "budget" in relaxation:
            values = [float(e.time_us) if name == "time" else use[name] for e, use in rest]
            assert relaxation["least"] == min(values)
