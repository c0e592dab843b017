"""Architectures on FPGA devices: counting of resources, budgets that are vectors, proof and blame."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import api
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.device import load_device
from optimizer.architecture.device_plan import DevicePlan, memories, use_of
from optimizer.architecture.fabric import RESOURCES, Memory, exceeded, vector
from optimizer.architecture.hardware import Hardware, Level
from optimizer.architecture.reader import load_architecture, parse_architecture
from optimizer.architecture.retarget import on_device
from optimizer.architecture.technology import TableComponent
from optimizer.architecture.technology_reader import load_technology
from optimizer.checker.again import verify
from optimizer.checker.device_use import Recount
from optimizer.checker.stored import stored
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.files.presets import preset_names
from optimizer.report.solve import full_report, points_text, to_text
from optimizer.results.kinds import SolveResult
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_unless
from tests.support.profiles import examples
from tests.support.tiny_problem import ARCHITECTURE, NETWORK

ROOMY = {"dsp": 100, "bram18": 100, "lut": 40000, "lutram": 4000, "ff": 40000}
FEW = {"dsp": 13, "bram18": 36}
PRODUCT = "{name: one, layers: [{name: fc, type: matmul, dims: {M: 4, N: 10, K: 11}}]}"


def tiny_device(resources: dict[str, int], **changes: Any) -> dict[str, Any]:
    """A device as parsed YAML, with the clock of the tiny architecture."""
    stated = {name: count for name, count in resources.items() if count}
    return {
        "name": "tiny",
        "resources": stated,
        "fabric": "series7",
        "technology": "fpga45",
        "clock_mhz": 500,
        "source": "a test",
    } | changes


def tiny(resources: dict[str, int], text: str = ARCHITECTURE, **changes: Any) -> Architecture:
    return parse_architecture({**load_exact(text), "device": tiny_device(resources), **changes})


def solve(architecture: Architecture, objective: str = "energy", network: str = NETWORK) -> SolveResult:
    return api.solve(parse_network(network), architecture, objective=objective)


@cache
def status_on(**resources: int) -> str:
    """Is there a design with these resources?"""
    return solve(tiny(resources)).status


@pytest.mark.parametrize(
    ("fabric", "kind", "width", "depth", "blocks"),
    [
        ("series7", "bram18", 36, 512, 1),
        ("series7", "bram18", 37, 512, 2),
        ("series7", "bram18", 1, 16384, 1),
        ("series7", "bram18", 64, 2048, 8),
        ("series7", "bram18", 16, 1024, 1),
        ("series7", "bram18", 9, 2049, 2),
        ("series7", "lutram", 16, 64, 6),
        ("series7", "lutram", 16, 32, 3),
        ("series7", "ff", 8, 4, 8),
        ("ultrascale_plus", "lutram", 14, 32, 1),
        ("ultrascale_plus", "lutram", 16, 65, 6),
        ("ultrascale_plus", "uram", 72, 4096, 1),
        ("ultrascale_plus", "uram", 73, 4097, 4),
    ],
)
def test_whole_blocks(fabric: str, kind: str, width: int, depth: int, blocks: int) -> None:
    device = {"series7": "vc707", "ultrascale_plus": "u250"}[fabric]
    assert load_device(device).fabric.memories[kind].blocks(width, depth) == blocks


@given(st.integers(1, 300), st.integers(1, 20000), st.integers(1, 300), st.integers(1, 20000))
def test_blocks_hold_all_bits_and_grow_with_the_memory(width: int, depth: int, wider: int, deeper: int) -> None:
    kind = load_device("vc707").fabric.memories["bram18"]
    blocks = kind.blocks(width, depth)
    assert blocks * 18 * 1024 >= width * depth
    assert kind.blocks(max(width, wider), max(depth, deeper)) >= blocks


def test_memories_of_an_instance() -> None:
    level = Level("GLB", 64 * 1024, (1, 1), 64, 1, 1, 1)
    assert memories(level) == (1, 64, 1024)
    assert memories(replace(level, buffering=2)) == (2, 64, 512)
    assert memories(replace(level, read_bits_per_cycle=Fraction(130))) == (3, 64, 342)
    assert memories(replace(level, shared_bits_per_cycle=Fraction(1, 2))) == (1, 64, 1024)


def test_the_use_of_a_point_by_hand() -> None:
    architecture = on_device(load_architecture("edge_small"), "xc7a100t")
    sizes = {"array.x": 16, "array.y": 12, "GLB.size": "64 KiB", "RF.size": "64 words"}
    point = next(point for point in architecture.points() if dict(point.choices) == sizes)
    # 192 PEs and 16 lanes; 8 memories of 64 x 1024 bits, each 4 blocks; 64 x 16 bits in 6 groups of 4 LUTs per PE
    assert use_of(point.resources) == {
        "dsp": 192 + 32,
        "bram18": 32 + 8 * 4,
        "uram": 0,
        "lut": 20000 + 192 * 120 + 16 * 250 + 192 * 24,
        "lutram": 192 * 24,
        "ff": 25000 + 192 * 160 + 16 * 350,
    }
    assert point.area_um2 == 0 and point.clock_mhz == 100


def plan_of(kinds: tuple[tuple[Memory, ...], ...], limits: tuple[int, ...]) -> DevicePlan:
    nothing = vector({})
    return DevicePlan(load_device("zcu102"), limits, nothing, nothing, nothing, ((), *kinds))


@st.composite
def choices_of_kinds(draw: st.DrawFn) -> tuple[DevicePlan, Hardware]:
    def memory(name: str) -> Memory:
        use = vector({resource: draw(st.integers(0, 2)) for resource in ("bram18", "uram", "lut")})
        return Memory(name, ((draw(st.sampled_from([4, 16])), draw(st.sampled_from([4, 8]))),), use)

    names = ("a", "b", "c")
    kinds = [tuple(memory(n) for n in names[: draw(st.integers(1, 3))]) for _ in range(draw(st.integers(1, 2)))]
    dram = Level("DRAM", None, (1, 1), 16, 1, 1, 1)
    sizes = [(draw(st.integers(8, 200)), draw(st.integers(1, 2))) for _ in kinds]
    levels = [Level(f"L{n}", size, (copies, 1), 8, 1, 1, 1) for n, (size, copies) in enumerate(sizes)]
    limits = vector({resource: draw(st.integers(0, 12)) for resource in ("bram18", "uram", "lut")})
    return plan_of(tuple(kinds), limits), Hardware((dram, *levels), (1, 1), 1)


@settings(max_examples=examples(80))
@given(choices_of_kinds())
def test_the_kinds_taken_fit_if_any_kinds_fit(case: tuple[DevicePlan, Hardware]) -> None:
    plan, hardware = case
    fits = [exceeded(placement.use, plan.limits) is None for placement in plan.options(hardware)]
    assert (exceeded(plan.place(hardware).use, plan.limits) is None) == any(fits)


def test_uram_where_it_saves_and_only_where_there_is_any() -> None:
    large = {"array.x": 8, "array.y": 8, "GLB.size": "2048 KiB", "RF.size": "32 words"}
    for device, kind in (("u250", "uram"), ("zcu102", "bram18")):
        architecture = on_device(load_architecture("edge"), device)
        point = next(p for p in architecture.points() if large.items() <= dict(p.choices).items())
        assert architecture.plan is not None and architecture.plan.place(point).kinds[1] == kind


def test_energies_are_those_of_generic45_times_the_stated_factor() -> None:
    asic, fpga = load_technology("generic45"), load_technology("fpga45")
    assert [mac.energy for mac in fpga.macs] == [14 * mac.energy for mac in asic.macs]
    assert fpga.vector_energy == 14 * asic.vector_energy
    for mine, other in zip(fpga.components, asic.components, strict=True):
        assert mine.name == other.name and mine.word_bits == other.word_bits
        if isinstance(mine, TableComponent) and isinstance(other, TableComponent):
            assert [(size, cell.read_energy) for size, cell in mine.rows] == [
                (size, 14 * cell.read_energy) for size, cell in other.rows
            ]
        else:
            assert mine.at(None) == other.at(None)


@pytest.mark.parametrize("name", slow_unless(["edge_small", "eyeriss", "tpu"], preset_names("architectures")))
def test_every_preset_on_every_device_is_counted_alike_twice(name: str) -> None:
    """The search's count and the verifier's, which share no code."""
    for device in preset_names("devices"):
        architecture = on_device(load_architecture(name), device)
        again = Recount(architecture.source or {})
        for point in itertools.islice(architecture.points(), 0, None, 97):
            assert point.clock_mhz == load_device(device).clock_mhz and point.resources[0] > 0
            assert use_of(point.resources) == again.best(point).counts


@pytest.mark.slow
def test_a_proof_on_a_device_and_its_check(on_tiny: SolveResult) -> None:
    architecture, result = tiny(ROOMY | FEW), on_tiny
    assert result.status == "OPTIMAL" and verify(result, thorough=True).ok
    best = min((solve(cut).to_json()["energy_pj"] for cut in fitting(architecture)), default=None)
    assert result.to_json()["energy_pj"] == best
    closed = {box.closed_by for box in result.certificate.boxes}
    assert closed & set(RESOURCES)
    shown = to_text(full_report(result.body))
    assert "Device tiny" in shown and "beyond the device" in points_text(result.body.hardware_points)
    assert result.design.hardware.resources["dsp"] == result.design.device.resources["dsp"].used <= 13


def fitting(architecture: Architecture) -> list[Architecture]:
    """Every point that fits, as an architecture of one point without a device's limits."""
    from optimizer.architecture.selection import select  # noqa: PLC0415

    assert architecture.plan is not None
    points = [p for p in architecture.points() if exceeded(p.resources, architecture.plan.limits) is None]
    assert 0 < len(points) < len(architecture)
    free = tiny(ROOMY)
    return [select(free, {path: str(entry) for path, entry in point.choices}) for point in points]


TAMPERS: dict[str, Any] = {
    "a box uses less": lambda d, c: c["boxes"][0]["resources"].update(ff=c["boxes"][0]["resources"]["ff"] - 1),
    "closed by what suffices": lambda d, c: [
        b.update(closed_by="ff") for b in c["boxes"] if b["closed_by"] in RESOURCES
    ],
    "closed by a bound instead": lambda d, c: [
        b.update(closed_by="bound", bound=c["value"]) for b in c["boxes"] if b["closed_by"] in RESOURCES
    ],
    "the design uses less": lambda d, c: d["device"]["resources"]["lut"].update(used=1),
    "more available": lambda d, c: d["device"]["resources"]["lut"].update(available=10**6),
    "other memories": lambda d, c: d["device"]["memories"]["RF"].update(kind="ff"),
    "the hardware uses less": lambda d, c: d["hardware"]["resources"].update(dsp=1),
    "no device": lambda d, c: d.pop("device"),
    "no use of a box": lambda d, c: c["boxes"][0].pop("resources"),
}


@pytest.fixture(scope="module")
def on_tiny() -> SolveResult:
    return solve(tiny(ROOMY | FEW))


@pytest.mark.parametrize("tamper", TAMPERS.values(), ids=TAMPERS.keys())
def test_tampering_is_caught(on_tiny: SolveResult, tamper: Any) -> None:
    bad = stored(on_tiny)
    tamper(bad.data, bad.certificate)
    assert not verify(bad).ok


@pytest.mark.slow
def test_a_device_where_there_is_none_is_caught(on_tiny: SolveResult) -> None:
    result = stored(solve(parse_architecture(load_exact(ARCHITECTURE))))
    result.data["device"] = stored(on_tiny).data["device"]
    assert not verify(result).ok


BLAMED = [  # the smallest point takes 12 dsp, 20,580 lut with 96 lutram, or 36 bram18 more; 26,040 ff
    {"dsp": 10},
    {"bram18": 30},
    {"lut": 20000, "ff": 20000},
    {"lutram": 8, "bram18": 34},
    {"lutram": 0, "bram18": 34, "dsp": 13},
]


@pytest.mark.slow
@pytest.mark.parametrize("few", slow_unless([BLAMED[0], BLAMED[3]], BLAMED), ids=[" ".join(few) for few in BLAMED])
def test_blame_and_least_relaxation_of_resources(few: dict[str, int]) -> None:
    resources = ROOMY | few
    result = solve(tiny(resources))
    assert result.status == "INFEASIBLE" and verify(result).ok
    reason = result.to_json()["infeasible"]
    assert reason["complete"] and set(reason["budgets"]) <= set(few)
    assert status_on(**ROOMY | {name: few[name] for name in reason["budgets"]}) == "INFEASIBLE"
    for entry in reason["relaxations"]:
        name, least = entry["budget"], int(entry["least"])
        assert entry["limit"] == few[name]
        assert f"needs {least} {name}" in entry["text"]
        assert status_on(**resources | {name: least}) == "OPTIMAL"
        assert status_on(**resources | {name: least - 1}) == "INFEASIBLE"
    alone = [name for name in reason["budgets"] if status_on(**resources | {name: 10**6}) == "OPTIMAL"]
    assert alone == [entry["budget"] for entry in reason["relaxations"]]


@pytest.mark.slow
def test_resources_and_time_are_blamed_together() -> None:
    """The fast points need more DSP slices than there are; either budget alone leaves a design."""
    fast = solve(tiny(ROOMY), "latency", PRODUCT).to_json()["latency_ms"]
    capped = Budgets(latency_ms=Fraction(str(fast)))

    def under(**few: int) -> SolveResult:
        return solve(tiny(ROOMY | few).with_budgets(capped), network=PRODUCT)

    assert under().status == "OPTIMAL"
    result = under(dsp=13)
    assert result.status == "INFEASIBLE" and verify(result).ok
    assert set(result.to_json()["infeasible"]["budgets"]) == {"dsp", "latency_ms"}
    relaxed = {entry["budget"]: entry["least"] for entry in result.to_json()["infeasible"]["relaxations"]}
    assert under(dsp=int(relaxed["dsp"])).status == "OPTIMAL"
    assert under(dsp=int(relaxed["dsp"]) - 1).status == "INFEASIBLE"


def test_overrides() -> None:
    plain = next(tiny(ROOMY).points())
    stated = {"pe": {"lut": 7}, "lane": {}, "fixed": {"ff": 5}}
    own = next(parse_architecture({**tiny(ROOMY).source, "resources": stated}).points())
    assert own.resources[0] == 4 and own.resources[RESOURCES.index("ff")] == 5
    array = tiny(ROOMY, mac={"bits": 16, "multiplier": "lut"})
    assert next(array.points()).resources[0] == plain.resources[0] - 4
    flops = tiny(ROOMY, ARCHITECTURE.replace("component: regfile,", "component: regfile, memory: ff,"))
    assert flops.plan is not None and flops.plan.place(next(flops.points())).kinds == (None, "bram18", "ff")
    bare = tiny_device(ROOMY)
    del bare["technology"]
    kept = parse_architecture({**load_exact(ARCHITECTURE), "device": bare})
    assert kept.technology.name == "generic45" and next(kept.points()).resources == plain.resources


def test_a_device_in_the_file_is_the_option_of_the_command(tmp_path: Path) -> None:
    inside = parse_architecture({**load_exact(ARCHITECTURE), "device": "zcu102"})
    assert inside == on_device(parse_architecture(load_exact(ARCHITECTURE)), "zcu102")
    assert on_device(inside, "u250").source == on_device(parse_architecture(load_exact(ARCHITECTURE)), "u250").source
    file = tmp_path / "mine.yaml"
    file.write_text("name: m\nresources: {dsp: 4}\nfabric: fab.yaml\nclock_mhz: 100\nsource: s\n")
    (tmp_path / "fab.yaml").write_text(json.dumps(load_device("vc707").fabric.source))
    assert load_device(file).fabric == load_device("vc707").fabric


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"device": "zcu103"}, "device"),
        ({"device": tiny_device(ROOMY, fabric="series8")}, "device"),
        ({"device": tiny_device({"dsp": -1})}, "device.resources.dsp"),
        ({"device": tiny_device(ROOMY), "mac": {"bits": 24, "energy": 1, "area_um2": 1}}, "mac"),
        ({"device": tiny_device(ROOMY), "resources": {"pe": {"luts": 1}}}, "resources.pe"),
    ],
)
def test_bad_input(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_architecture({**load_exact(ARCHITECTURE), **changes})
    assert caught.value.field is not None and caught.value.field.startswith(field)


def test_levels_without_a_memory_are_refused() -> None:
    for text in ("memory: bram36, component: regfile", "energy: {access: 1}, area_um2: 1"):
        with pytest.raises(SpecError, match=r"levels\[2\].memory"):
            tiny(ROOMY, ARCHITECTURE.replace("component: regfile", text))


def test_area_and_device_exclude_each_other() -> None:
    with pytest.raises(SpecError, match="resources take its place"):
        solve(tiny(ROOMY).with_budgets(Budgets(area_mm2=Fraction(4))))
    outcome = CliRunner().invoke(
        main, ["solve", "alexnet", "-a", "edge_small", "--device", "zcu102", "--area-mm2", "4", "--no-cache"]
    )
    assert outcome.exit_code == 2 and "remedy:  drop --area-mm2" in outcome.stderr
    unknown = CliRunner().invoke(main, ["solve", "alexnet", "-a", "edge_small", "--device", "zcu103"])
    assert unknown.exit_code == 2 and "--device: there is no preset" in unknown.stderr and "zcu102" in unknown.stderr
    small = {**load_exact(ARCHITECTURE), "budgets": {"area_mm2": 4, "latency_ms": 7}}
    assert on_device(parse_architecture(small), "zcu102").budgets == Budgets(latency_ms=Fraction(7))


def test_command_line(tmp_path: Path) -> None:
    listed = CliRunner().invoke(main, ["devices"])
    assert listed.exit_code == 0 and all(name in listed.output for name in preset_names("devices"))
    layer, chip = tmp_path / "layer.yaml", tmp_path / "chip.yaml"
    layer.write_text("name: fc\ntype: matmul\ndims: {M: 4, N: 10, K: 11}\n")
    chip.write_text(ARCHITECTURE)
    options = ["map", str(layer), "-a", str(chip), "--device", "vc707", "--no-cache", "--out", str(tmp_path / "out")]
    outcome = CliRunner().invoke(main, options)
    assert outcome.exit_code == 0 and "Device vc707" in outcome.output
    assert CliRunner().invoke(main, ["verify", str(tmp_path / "out"), "--quiet"]).output.startswith("verified: ")
