"""Tables and texts of hand-made results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.bodies.hardware import HardwareEntry
from optimizer.bodies.layers import LayerEntry
from optimizer.errors import SpecError
from optimizer.files.quantities import size_text
from optimizer.files.records import from_json, to_json
from optimizer.mapping.cost import evaluate
from optimizer.mapping.held import priced
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.problem.problem import network_of
from optimizer.report import layers as report_layers
from optimizer.report.checks import checks_table
from optimizer.report.layer_table import layer_table
from optimizer.report.layers import (
    dram_words,
    equal_layers,
    find_layer,
    layer_heading,
    layer_nest,
    layers_of,
    network_in,
)
from optimizer.report.mapping import evaluation_report
from optimizer.report.solve import (
    full_report,
    hardware_table,
    headline,
    infeasible_text,
    layer_report,
    points_text,
    summary_table,
    to_text,
)
from optimizer.results.layer_entry import mapped_layer
from optimizer.results.units import energy_text, energy_unit, number_text, percent_text, ratio_text
from optimizer.workload.layer import ROLES, matmul
from optimizer.workload.network import Network
from tests.support.nests import plain_hardware
from tests.support.result_cases import HARDWARE, body, fc_layer, level, nothing


def row(text: str, start: str) -> list[str]:
    """Cells of the table row whose first cell is `start`."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("│ ").split("│")]
        if cells[0] == start:
            return cells
    raise AssertionError(f"no row {start} in\n{text}")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0"), (1234567, "1,234,567"), (0.12345, "0.1235"), (23456.5, "23,456"), (8.0, "8")],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "pJ", "-"),
        (0.0, "pJ", "0 pJ"),
        (12.5, "pJ", "12.5 pJ"),
        (2.408e9, "pJ", "2.408 mJ"),
        (3.2e13, "pJ", "32 J"),
        (2408000.0, "MAC energies", "2,408,000 MAC energies"),
    ],
)
def test_energies(value: float | None, unit: str, text: str) -> None:
    assert energy_text(value, unit) == text


def test_sizes_shares_and_ratios() -> None:
    assert [size_text(bits) for bits in (None, 8, 8 * 1024, 8 * 110592)] == ["unbounded", "1 B", "1 KiB", "108 KiB"]
    assert percent_text(0.1234) == "12.3 %"
    assert percent_text(None) == "-"
    assert ratio_text(3, 2) == "1.5x"
    assert ratio_text(3, 0) == ratio_text(None, 3) == "-"


@pytest.mark.parametrize("unit", ["MAC energies", "MAC energies x cycles"])
def test_normalized_energies_have_their_own_unit(unit: str) -> None:
    assert energy_unit(unit) == "MAC energies"
    text = to_text(summary_table(body(objective={"name": "edp", "unit": unit, "value": 1e9, "bound": 1e9, "gap": 0})))
    assert "16,500 MAC energies" in text
    assert " W" not in text


def test_headline() -> None:
    assert str(headline(body())) == "OPTIMAL  energy 16.5 nJ  gap 0.0 %"
    goal = {"name": "latency", "unit": "cycles", "value": 544, "bound": 500, "gap": 0.0809}
    running = body(status="FEASIBLE", objective=goal)
    assert str(headline(running)) == "FEASIBLE  latency 544 cycles  bound 500 cycles  gap 8.1 %"
    assert str(headline(body(nothing("UNKNOWN")))) == "UNKNOWN"


def test_summary() -> None:
    text = to_text(summary_table(body()))
    for part in ("16.5 nJ", "544 cycles (0.001088 ms)", "2.5 mm2", "0.0152 W", "area_mm2 <= 4.5", "timeloop", "seed 3"):
        assert part in text
    assert "power_w" not in text
    assert points_text(body().hardware_points) == "96: 2 solved, 90 closed by a bound, 4 closed by area"


def test_hardware() -> None:
    text = to_text(hardware_table(from_json(HardwareEntry, HARDWARE), "pJ"))
    assert row(text, "DRAM") == ["DRAM", "1 x 1", "unbounded", "16", "6.5 / 7 / 7", "read 64"]
    assert row(text, "GLB")[2] == "64 KiB*"
    assert row(text, "PE array")[1] == "4 x 2*"
    assert "chosen from a menu" in text
    ports = dict.fromkeys(("read", "write", "shared"))
    levels = [level("DRAM", None, bits_per_cycle=ports)]
    fixed = from_json(HardwareEntry, HARDWARE | {"choices": {}, "array": [1, 1], "levels": levels})
    assert "unlimited" in to_text(hardware_table(fixed, "pJ"))
    assert "menu" not in to_text(hardware_table(fixed, "pJ"))


def test_layers_of_one_shape_share_a_row() -> None:
    text = to_text(layer_table(body().design, Network("none"), "pJ"), width=160)
    cells = row(text, "fc1")
    assert cells[:8] == ["fc1", "matmul", "M=4 N=8 K=16", "2", "16 nJ", "97.0 %", "512", "25.0 %"]
    assert cells[8:] == ["2x", "DRAM bandwidth", "1.29x"]
    assert row(text, "relu") == ["relu", "relu", "32 operations", "1", "500 pJ", "3.0 %", "32", "-", "-", "-", "-"]
    assert "fc2" not in text


def test_bits_have_a_column_where_they_are_not_the_default() -> None:
    network = Network("n")
    network.add(matmul("fc1", {"M": 4, "N": 8, "K": 16}, bits={"W": 4, "I": 8, "O": 32}))
    text = to_text(layer_table(body().design, network, "pJ"), width=160)
    assert "W/I/O bits" in text
    assert row(text, "fc1")[:4] == ["fc1", "matmul", "M=4 N=8 K=16", "4/8/32"]
    assert row(text, "relu")[3] == "-"


def test_runs_count_multiplicity_and_equal_layers() -> None:
    listed = layers(fc_layer("a", multiplicity=2), fc_layer("b", "a", multiplicity=3), fc_layer("c"))
    assert {name: [entry.name for entry in equal] for name, equal in equal_layers(listed).items()} == {
        "a": ["a", "b"],
        "c": ["c"],
    }
    assert find_layer(listed, "b").multiplicity == 3
    assert layer_heading(listed[0], listed[:2]).plain.startswith("a (also b)")
    many = layers(*(fc_layer(f"l{n}", "l0" if n else None) for n in range(40)))
    assert layer_heading(many[0], many).plain.startswith("l0 (also l1, ") and "l12 and 27 more)" in str(
        layer_heading(many[0], many)
    )


def layers(*entries: dict[str, Any]) -> list[LayerEntry]:
    """Layers of a design."""
    return [from_json(LayerEntry, entry) for entry in entries]


def test_off_chip_words() -> None:
    found = layers_of(body())
    assert dram_words(found[0].accesses.get("DRAM")) == 288
    assert dram_words(found[2].accesses.get("DRAM")) is None


def test_one_layer() -> None:
    text = to_text(layer_report(body(), "fc2"))
    assert text.startswith("fc2 (also fc1)  matmul M=4 N=8 K=16")
    assert row(text, "energy") == ["energy", "8 nJ", "4 nJ", "2x"]
    assert row(text, "cycles (compute)")[1:] == ["256", "64", "4x"]
    assert row(text, "cycles (DRAM bandwidth)")[1:] == ["256", "128", "2x"]
    assert row(text, "DRAM words (data movement)")[1:] == ["288", "224", "1.29x"]
    assert row(text, "DRAM words of I (compulsory)")[1:] == ["128", "64", "2x"]
    assert row(text, "GLB") == ["GLB", "O", "480", "0", "512", "16", "1"]
    assert "  keep O in GLB [M=4 N=4: 16 words]" in text
    assert "    for m in 4" in text and "  par n in 4 (X)" in text


def test_padding_is_named() -> None:
    padded = body(layers=[fc_layer("fc1", padded={"M": 5})])
    assert "M=4 N=8 K=16 padded to M=5" in to_text(layer_report(padded, "fc1"))


def test_vector_layer() -> None:
    assert (
        layer_nest(find_layer(layers_of(body()), "relu"), network_in(body()))
        == "vector layer: 32 operations, 64 DRAM words"
    )
    assert "32 operations" in to_text(layer_report(body(), "relu"))


def test_unknown_layer() -> None:
    with pytest.raises(SpecError, match="no such layer") as caught:
        layer_report(body(), "fc9")
    assert "fc1, fc2, relu" in str(caught.value)
    with pytest.raises(SpecError, match="holds no design"):
        layer_report(body(nothing()), "fc1")


def test_nest_needs_the_network() -> None:
    with pytest.raises(SpecError, match="does not hold"):
        network_in(body(problem={}))


def test_a_report_reads_the_network_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    monkeypatch.setattr(report_layers, "network_of", lambda problem: read.append(problem) or network_of(problem))
    text = to_text(full_report(body(layers=[fc_layer("fc1"), fc_layer("fc2")])))
    assert text.count("keep O in GLB") == 2 and len(read) == 1


def test_full_report_has_every_part_and_each_nest_once() -> None:
    text = to_text(full_report(body()), width=150)
    for part in ("OPTIMAL", "Hardware", "Layers", "relu  relu", "unknown operator [Foo]", "M to 5 or 6"):
        assert part in text
    assert text.count("keep O in GLB") == 1


def test_infeasible() -> None:
    reason = body(nothing()).infeasible
    text = str(infeasible_text(reason))
    assert "area_mm2, latency_ms" in text
    assert "area_mm2: the smallest has 5.25 mm2" in text
    assert "latency_ms: it needs 3.5 ms" in text
    assert to_text(full_report(body(nothing()))).startswith("INFEASIBLE\nThere is no design")
    assert "no budget is" in str(infeasible_text(replace(reason, budgets=(), relaxations=())))
    offers = [
        (replace(reason, relaxations=reason.relaxations[:1], removable=()), "This would"),
        (
            replace(reason, relaxations=reason.relaxations[:1], removable=("array.x == array.y",)),
            "Any one of these would",
        ),
    ]
    for offer, start in offers:
        changed = replace(offer, relaxations=tuple(replace(one, exact=True) for one in offer.relaxations))
        assert f"{start} make it feasible" in str(infeasible_text(changed))
    homeless = replace(reason, budgets=("GLB.size",), relaxations=(), layer="conv1")
    assert "can hold layer conv1" in str(infeasible_text(homeless))


def test_without_a_design() -> None:
    text = to_text(full_report(body(nothing("UNKNOWN"))))
    assert text.splitlines()[0] == "UNKNOWN"
    assert "hardware points  96: 96 closed by a bound" in text
    assert "energy" not in text and "Layers" not in text


def test_checks() -> None:
    text = to_text(checks_table([("hash", True, ""), ("energy of fc1", False, "8000, walked 8100 [pJ]")]))
    assert row(text, "hash")[1] == "ok"
    assert row(text, "energy of fc1")[1:] == ["FAILED", "8000, walked 8100 [pJ]"]


def test_evaluation_of_a_mapping() -> None:
    layer = matmul("fc", {"M": 2, "N": 3, "K": 4})
    items = (*(Node(role, 0) for role in ROLES), Node("W", 1), *(Loop(d, e, 1) for d, e in layer.dims))
    hardware, mapping = plain_hardware(2), Mapping(items)
    cost = evaluate(layer, hardware, mapping)
    record = mapped_layer(layer, hardware, mapping, cost)
    assert record.energy_pj == cost.energy
    assert record.latency_cycles == 24
    assert to_json(record.accesses["L1"]["W"]) == {
        "reads": 24,
        "fills": 12,
        "updates": 0,
        "tile_words": 12,
        "instances": 1,
    }
    text = to_text(evaluation_report(layer, hardware, mapping, "innermost", "timeloop"))
    assert "keep W in L1 [N=3 K=4: 12 words]" in text and "--reuse" not in text
    assert row(text, "multipliers") == ["multipliers", "24"]
    assert row(text, "energy")[1] == f"{cost.energy} MAC energies"


def test_an_evaluation_shows_all_rules_of_reuse_where_they_differ() -> None:
    layer = matmul("fc", {"M": 2, "N": 3, "K": 4})
    items = (*(Node(role, 0) for role in ROLES), Loop("M", 2, 0), Node("W", 1), Loop("N", 3, 1), Loop("K", 4, 1))
    hardware, mapping = plain_hardware(2), Mapping(items)
    dear, cheap = (priced(layer, hardware, mapping, rule, "timeloop")[1].energy for rule in ("innermost", "held"))
    text = to_text(evaluation_report(layer, hardware, mapping, "held", "timeloop"))
    assert row(text, "energy")[1] == f"{cheap} MAC energies"
    assert row(text, "held")[1:] == [f"{cheap} MAC energies", "24", "this report"]
    assert row(text, "innermost")[1:3] == [f"{dear} MAC energies", "24"] and dear > cheap
    assert text.index("keep W in L1") < text.index("for m in 2"), "the nest is the one that was priced"
