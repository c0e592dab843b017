"""`inspect`: the facts of networks as a table, CSV and DOT."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

from onnx import helper

from optimizer.report.solve import to_text
from optimizer.report.workload import NAME_LENGTH, short, workload_csv, workload_dot, workload_report
from optimizer.workload.facts import facts_of, total
from optimizer.workload.reader import parse_network
from tests.support.command_line import bad, good
from tests.support.onnx_models import tensor, write_model

NETWORK = """
name: pair
layers:
  - {name: conv, type: conv, dims: {K: 4, C: 2, P: 6, Q: 5, R: 3, S: 3}, bits: {W: 4, I: 8, O: 32}}
  - {name: act, type: vector, kind: relu, reads: [{words: 120, bits: 32}], writes: [120], operations: 120,
     parameters: 7}
  - {name: "=fc", type: matmul, dims: {M: 4, N: 10, K: 11}, multiplicity: 2}
"""


def test_facts_are_counted() -> None:
    conv, act, product = rows = facts_of(parse_network(NETWORK))
    assert (conv.macs, conv.parameters, conv.bits) == (4 * 2 * 30 * 9, 72, "4/8/32")
    assert (conv.bytes_in, conv.bytes_out) == (72 * 4 / 8 + 2 * 8 * 7, 4 * 30 * 4)
    assert (act.macs, act.operations, act.parameters, act.bytes_in, act.bytes_out) == (0, 120, 7, 480, 240)
    assert (product.runs, product.macs, product.parameters) == (2, 2 * 440, 2 * 110)
    assert product.bytes_in == 2 * 2 * (110 + 44) and product.macs_per_byte == Fraction(880, 616 + 160)
    whole = total(rows)
    assert (whole.macs, whole.parameters) == (2160 + 880, 72 + 7 + 220)
    assert whole.bytes_in == sum(row.bytes_in for row in rows)


def test_the_command_shows_and_writes_them(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK, encoding="utf-8")
    given = ["inspect", str(tmp_path / "net.yaml"), "--csv", str(tmp_path / "n.csv"), "--dot", str(tmp_path / "n.dot")]
    text = good(*given).output
    assert "3,040" in text and "4/8/32" in text
    with (tmp_path / "n.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["macs"] for line in lines] == ["2160", "0", "880"]
    assert lines[2]["name"] == "'=fc", "no formula for a spreadsheet"
    dot = (tmp_path / "n.dot").read_text(encoding="utf-8")
    assert dot.startswith('digraph "pair" {') and '"conv" -> "act"' in dot and dot.endswith("}\n")
    assert "nothing.onnx" in bad("inspect", "nothing.onnx")


def test_operators_without_a_layer_are_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Transpose", ["r"], ["y"], perm=[0, 2, 3, 1]),
    ]
    path = write_model(tmp_path / "m.onnx", nodes, {"x": [1, 3, 6, 6]}, [tensor("w", 4, 3, 3, 3)])
    assert "1 Relu, 1 Transpose" in good("inspect", str(path)).output


def test_long_names_do_not_break_tables() -> None:
    network = parse_network(NETWORK.replace("name: conv,", f"name: {'a' * 200}z,").replace("name: pair", 'name: p"q'))
    text = to_text(workload_report(network), 160)
    assert max(map(len, text.splitlines())) <= 160 and "..." in text
    assert len(short("b" * 300)) <= NAME_LENGTH and short("short") == "short"
    assert 'digraph "p\\"q" {' in workload_dot(network)
    assert "a" * 200 in workload_csv(network)
