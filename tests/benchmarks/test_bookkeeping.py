"""The bookkeeping of the benchmarks and the methods they compare; skipped where only the wheel is installed."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("benchmarks.registry")


from benchmarks import comparison, growth, registry, series
from benchmarks.__main__ import main
from benchmarks.distinct import distinct_layers, lattice_points, network_of, spread
from benchmarks.environment import environment
from benchmarks.menus import FILES, Menus, edge
from benchmarks.monolithic import JointOutcome, joint_program, sized_layers, solve_joint
from benchmarks.random_mapping import MappingSampler
from benchmarks.random_search import RandomOutcome, random_search
from benchmarks.runner import summarize
from benchmarks.table import markdown
from formulations.cp_sat import SolverStatus
from formulations.engines import PathEngine
from formulations.nest_program.program import NestProgram
from optimizer import api
from optimizer.files.presets import read_spec
from optimizer.mapping.cost import evaluate
from optimizer.mapping.legality import PlacedItem, check_mapping
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import Layer, conv, matmul
from optimizer.workload.network import Network
from tests.support.benchmark_reports import report

FEW = Menus((2,), (2,), (8,), (32,), (32, 64))
LAYERS = [
    conv("window", {"K": 2, "C": 2, "P": 4, "Q": 2, "R": 3}, stride=(2, 1)),
    matmul("product", {"M": 4, "N": 6, "K": 8}),
]


def small_network() -> Network:
    return network_of(LAYERS, "small")


def test_summary_is_median_and_range() -> None:
    assert summarize([{"figures": {"a": value}} for value in (3.0, 1.0, 9.0)]) == {
        "a": {"median": 3.0, "min": 1.0, "max": 9.0}
    }


def test_summary_leaves_out_what_a_run_lacks() -> None:
    assert set(summarize([{"figures": {"a": 1.0, "b": 1.0}}, {"figures": {"a": 1.0}}])) == {"a"}


@pytest.mark.parametrize(("target", "verdict"), [(2.0, "met"), (1.9, "missed")])
def test_table_compares_the_median_with_the_target(target: float, verdict: str) -> None:
    row = markdown([report([1.0, 2.0, 5.0], target)]).splitlines()[2]
    assert row == f"| one | wall time | 2 s | 1 s | 5 s | 3 | {target:g} s | {verdict} |"


def test_machine_is_named_once() -> None:
    text = markdown([report([1.0], 1.0), report([1.0], 1.0)])
    assert text.count("Python") == 1
    assert "ortools" in text and f"seed {registry.SEED}" in text
    assert str(environment()["date"]) in text


def test_warm_up_is_told_apart() -> None:
    text = markdown([report([1.0], 1.0)])
    assert "Not in the figures" in text and "median 2 s" in text


def test_names_are_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTRY", {})

    @registry.benchmark("one", target={"wall": 1})
    def one(folder: Path) -> registry.Measured:
        """First line"""
        return registry.Measured({"wall": 0.5})

    found = registry._REGISTRY["one"]
    assert (found.description, found.unit_of("wall"), found.unit_of(registry.MEMORY)) == ("First line", "s", "GB")
    with pytest.raises(ValueError, match="two benchmarks"):
        registry.register("one", one, description="again")


class TestSeries:
    shown = series.Series(
        "shown",
        "size",
        (
            series.Column("status", "status"),
            series.Column("ms", "wall_time", 1000, ".0f", spread=True),
            series.Column("other", "missing"),
        ),
    )

    @pytest.fixture
    def reports(self) -> list[dict[str, Any]]:
        return [
            report([1.0, 2.0, 5.0], None, series="shown", size=1000),
            report([0.5], None, series="shown", size=10),
            report([9.0], None, series=None),
        ]

    def test_table_has_a_row_per_size(self, reports: list[dict[str, Any]]) -> None:
        assert series.table(self.shown, reports) == [
            ("size", "status", "ms", "other", "runs"),
            ("10", "OPTIMAL", "500", "-", "1"),
            ("1,000", "OPTIMAL", "2000 (1000 to 5000)", "-", "3"),
        ]

    def test_statuses_that_differ_are_all_shown(self, reports: list[dict[str, Any]]) -> None:
        reports[0]["runs"][1]["details"]["status"] = "UNKNOWN"
        assert series.table(self.shown, reports)[2][1] == "OPTIMAL / UNKNOWN"

    def test_csv_holds_medians_and_ranges(self, reports: list[dict[str, Any]]) -> None:
        small, large = csv.DictReader(io.StringIO(series.comma_separated(self.shown, reports)))
        assert (small["size"], small["wall_time_median"], small["missing"]) == ("10", "0.5", "")
        assert [large[f"wall_time_{name}"] for name in ("median", "min", "max")] == ["2.0", "1.0", "5.0"]

    def test_markdown_keeps_series_and_others_apart(self, monkeypatch: pytest.MonkeyPatch, reports: Any) -> None:
        monkeypatch.setattr(series, "SERIES", {"shown": self.shown})
        tables = markdown(reports).split("\n\n")
        assert [table.count("\n") for table in tables[:2]] == [2, 3]
        assert tables[0].startswith("| benchmark |") and tables[1].startswith("| size |")

    def test_every_place_has_its_series(self) -> None:
        places = [found.place for found in registry.benchmarks().values() if found.place is not None]
        assert {name for name, _ in places} == set(series.SERIES)
        assert len(set(places)) == len(places)


def test_commands_read_reports(tmp_path: Path) -> None:
    place = {"benchmark": "growth-layers-10", "series": "layers", "size": 10}
    file = tmp_path / "reports.json"
    file.write_text(json.dumps([report([1.0], None, **place)]), encoding="utf-8")
    table = CliRunner().invoke(main, ["table", str(file)])
    values = CliRunner().invoke(main, ["csv", "layers", str(file)])
    assert table.output.startswith("| distinct layers | seconds |")
    assert values.output.splitlines()[1].startswith("growth-layers-10,10,1")


class TestProblems:
    def test_menus_have_the_stated_lengths(self) -> None:
        assert [len(edge(menus)) for menus in growth.POINT_MENUS] == [100, 1000, 10000]
        assert len(edge(comparison.MENUS)) == len(comparison.MENUS) == 300

    def test_longer_menus_hold_the_shorter_ones(self) -> None:
        for few, many in zip(growth.POINT_MENUS, growth.POINT_MENUS[1:], strict=False):
            for name in ("x", "y", "dram_gbps", "glb_kib", "rf_words"):
                assert set(getattr(few, name)) <= set(getattr(many, name))

    def test_four_levels_are_the_preset_and_one_more(self) -> None:
        three, four = (read_spec("architectures", FILES[levels])[0] for levels in (3, 4))
        assert [level["name"] for level in four["levels"]] == ["DRAM", "GLB", "L1", "RF"]
        four["levels"] = [level for level in four["levels"] if level["name"] != "L1"]
        assert {**four, "name": "", "description": ""} == {**three, "name": "", "description": ""}

    def test_layers_are_distinct_and_enough(self) -> None:
        layers = distinct_layers(growth.LAYERS_NETWORKS)
        assert len({layer.shape_key() for layer in layers}) == len(layers) >= max(growth.LAYER_COUNTS)
        assert [lattice_points(layer) for layer in layers] == sorted(lattice_points(layer) for layer in layers)

    def test_samples_of_layers_are_spread(self) -> None:
        assert spread(range(10), 2) == [2, 7]
        assert spread(LAYERS, 2) == LAYERS
        with pytest.raises(ValueError, match="2 layers"):
            spread(LAYERS, 3)


def test_growth_is_of_proved_results() -> None:
    measured = growth.proved(small_network(), edge(FEW))
    assert measured.details["status"] == "OPTIMAL" and measured.details["layers"] == len(LAYERS)
    assert measured.figures["boxes"] >= 1 and measured.figures["energy_uj"] > 0


class TestOneProgram:
    def test_merging_drops_nothing(self) -> None:
        (sized, _), *_ = layers = sized_layers(small_network(), edge(FEW))
        alone = [NestProgram(machine) for machine in sized.machines()]
        assert len(alone) > 1 and all(program.costs.energy.high > 0 for program in alone)
        merged = joint_program(layers[:1]).model
        assert len(merged.proto.variables) == sum(len(one.model.proto.variables) + 1 for one in alone) + 1
        ties = len(sized.points) * (len(alone) - 1) if len(sized.points) > 1 else 0
        assert len(merged.proto.constraints) == sum(len(one.model.proto.constraints) + 1 for one in alone) + ties + 1

    @pytest.mark.parametrize("count", [1, 3])
    def test_one_layer_is_the_layer_program(self, count: int) -> None:
        ((sized, _),) = sized_layers(network_of(LAYERS[1:], "one"), edge(FEW))
        joint = solve_joint([(sized, count)])
        alone = [PathEngine().solve(point) for point in sized.points]
        assert (joint.status, joint.value) == (SolverStatus.OPTIMAL, count * min(one.energy for one in alone if one))

    def test_layers_share_the_hardware_point(self) -> None:
        network, architecture = small_network(), edge(FEW)
        joint = solve_joint(sized_layers(network, architecture))
        result = api.solve(network, architecture)
        assert result.certificate is not None
        assert (joint.status, joint.gap, joint.value) == (SolverStatus.OPTIMAL, 0.0, result.certificate.value)

    def test_equal_layers_are_counted(self) -> None:
        twin = conv("twin", LAYERS[0].extents, stride=(2, 1))
        sized = sized_layers(network_of([*LAYERS, twin], "twins"), edge(FEW))
        assert [count for _, count in sized] == [2, 1]


class TestRandomSearch:
    @pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
    @pytest.mark.parametrize("levels", [3, 4])
    def test_mappings_are_valid(self, layer: Layer, levels: int) -> None:
        hardware = next(edge(FEW, levels).points())
        sampler = MappingSampler(layer, hardware, "timeloop", random.Random(0))
        drawn = [mapping for mapping in (sampler.draw() for _ in range(200)) if mapping is not None]
        assert len({mapping.items for mapping in drawn}) > 100
        for mapping in drawn:
            check_mapping([PlacedItem(item, "item") for item in mapping.items], layer, hardware)

    @pytest.mark.slow
    @pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
    def test_no_mapping_is_below_the_optimum(self, layer: Layer) -> None:
        hardware = next(edge(FEW).points())
        best = PathEngine().solve(lower(layer, hardware))
        sampler = MappingSampler(layer, hardware, "timeloop", random.Random(0))
        drawn = [mapping for mapping in (sampler.draw() for _ in range(500)) if mapping is not None]
        assert best is not None
        assert min(evaluate(layer, hardware, mapping).energy for mapping in drawn) >= best.energy

    def test_no_time_means_no_result(self) -> None:
        points = list(edge(FEW).points())
        assert random_search(LAYERS, points, "timeloop", seconds=0, seed=0) == RandomOutcome(None, 0)

    @pytest.mark.slow
    def test_value_is_of_a_whole_network(self) -> None:
        points, known = list(edge(FEW).points()), api.solve(small_network(), edge(FEW)).certificate
        found = random_search(LAYERS, points, "timeloop", seconds=1, seed=0)
        assert known is not None
        assert found.value is None or found.value >= known.value


class TestComparison:
    @pytest.fixture(autouse=True)
    def one_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def search(network: Network, architecture: Any, **options: Any) -> RandomOutcome:
            points = list(architecture.points())
            return random_search(network.mac_layers(), points, "timeloop", seconds=1, seed=options["seed"])

        monkeypatch.setattr(comparison, "search_on_cores", search)

    @pytest.mark.slow
    def test_all_three_on_one_problem(self) -> None:
        measured = comparison.compare(small_network(), edge(FEW), 60)
        assert measured.figures["joint_ratio"] == measured.figures["joint_bound"] == 1
        assert measured.figures.get("random_ratio", 1) >= 1
        assert (measured.details["joint_status"], measured.details["limit_s"]) == ("OPTIMAL", "60")

    @pytest.mark.slow
    def test_methods_that_disagree_are_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        outcome = JointOutcome(SolverStatus.OPTIMAL, 1, 1, 0, 0.0)
        monkeypatch.setattr(comparison, "solve_joint", lambda layers, **options: outcome)
        with pytest.raises(RuntimeError, match="is not the optimum"):
            comparison.compare(small_network(), edge(FEW), 60)
