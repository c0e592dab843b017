"""Wrong inputs on the command line: place, value, what is allowed, the remedy, exit code 2, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.workload.layer import matmul
from optimizer.workload.network import Network
from tests.support.wide_chip import CHIP

LAYER = "name: a\ntype: matmul\ndims: {M: 4, N: 8, K: 16}\n"


def symbolic_model() -> bytes:
    """A matrix product whose first dim is called ``batch``."""
    shapes = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", n]) for name, n in (("x", 8), ("y", 4))
    }
    weights = helper.make_tensor("w", TensorProto.FLOAT, [8, 4], [0.0] * 32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "g", [shapes["x"]], [shapes["y"]], [weights])
    model: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    onnx.load_from_string(model)
    return model


FILES: dict[str, str | bytes] = {
    "layer.yaml": LAYER,
    "chip.yaml": CHIP,
    "model.onnx": symbolic_model(),
    "cut.onnx": symbolic_model()[:60],
    "no_graph.onnx": b"",
    "empty.yaml": "",
    "syntax.yaml": "{",
    "binary.yaml": b"\xff\xfe\x00",
    "text.yaml": "just text",
    "negative.yaml": LAYER.replace("8", "-8"),
    "fraction.yaml": LAYER.replace("8", "8.5"),
    "kind.yaml": LAYER.replace("matmul", "matmull"),
    "vector.yaml": "layers: [{name: v, type: vector, kind: relu, reads: [4], writes: [4], operations: 4}]",
    "huge.yaml": LAYER.replace("4", "40000000").replace("16", "16000000"),
    "extent.yaml": LAYER.replace("16", f"{10**30}"),
    "vast.yaml": LAYER.replace("16", f"{10**30}").replace("4", f"{10**30}"),
    "wide.yaml": LAYER + f"bits: {{W: {10**20}}}\n",
    "far.yaml": "name: a\ntype: conv\ndims: {K: 4, C: 3, P: 8, Q: 8, R: 3, S: 3}\nstride: 1000000\n",
    "menu.yaml": CHIP.replace("[4, 8]", "[-4, 8]"),
    "size.yaml": CHIP.replace("[32 KiB", "[-32 KiB"),
    "unit.yaml": CHIP.replace("64 words", "64 KB"),
    "typo.yaml": CHIP.replace("levels:", "levles:"),
    "twice.yaml": CHIP.replace("y: 4", "y: 4, x: 8"),
    "tech.yaml": CHIP.replace("generic45", "gone.yaml"),
    "budget.yaml": CHIP + "budgets: {area_mm2: -1}\n",
    "mapping.yaml": "- {for: Z, bound: 4, level: DRAM}\n",
    "constraints.yaml": "constraints: [array.x == array.y, GLB.sise >= 1 KiB]\n",
    "never.yaml": "constraints: [array.x == 3]\n",
    "groups.yaml": "groups: []\n",
    "group.yaml": "groups: [{layers: [conv1, maxpol]}]\n",
    "list.yaml": "- {layers: [conv1, maxpool]}\n",
}
BY_PROGRAM = "-a chip.yaml --engine cp-sat"
SOLVE = "solve layer.yaml -a chip.yaml"
GROUPS = "evaluate resnet18 --groups group.yaml --no-cache --out out/deep"
CASES = [  # command, what the message must say
    ("solve gone.yaml -a chip.yaml", ["gone.yaml: no such file"]),
    ("solve empty.yaml -a chip.yaml", ["empty.yaml: the file is empty"]),
    ("solve syntax.yaml -a chip.yaml", ["syntax.yaml: line 1, column 2: not valid YAML"]),
    ("solve binary.yaml -a chip.yaml", ["binary.yaml: cannot read the file: not UTF-8"]),
    ("solve text.yaml -a chip.yaml", ["text.yaml: expected a mapping", "'just text'"]),
    ("solve negative.yaml -a chip.yaml", ["negative.yaml: dims.N", "-8", ">= 1"]),
    ("solve fraction.yaml -a chip.yaml", ["fraction.yaml: dims.N", "8.5", ">= 1"]),
    ("solve kind.yaml -a chip.yaml", ["kind.yaml: type", "'matmull'", "conv, dwconv, matmul"]),
    ("solve vector.yaml -a chip.yaml", ["vector: the network has no multiply-accumulate layer", "['v']"]),
    (f"solve huge.yaml {BY_PROGRAM}", ["huge.yaml: a.dims.M: the layer is too large", "value:   40000000", "1 to "]),
    (f"solve extent.yaml {BY_PROGRAM}", ["extent.yaml: a.dims.K: the layer is too large", f"{10**30}", "1 to "]),
    ("solve extent.yaml -a chip.yaml", ["extent.yaml: a.dims.K: the layer is too large", f"{10**30}"]),
    ("map extent.yaml -a chip.yaml", ["extent.yaml: a.dims.K: the layer is too large", f"{10**30}"]),
    ("solve wide.yaml -a chip.yaml", ["wide.yaml: a.bits.W: the layer is too large", f"{10**20}", "1 to "]),
    ("solve layer.yaml -a chip.yaml --bits 99999999999999999", ["layer.yaml: a.bits: the layer is too", "9" * 17]),
    (f"solve far.yaml {BY_PROGRAM}", ["far.yaml: a.stride: the layer is too large", "1000000", "1 to "]),
    (
        f"solve vast.yaml {BY_PROGRAM}",
        ["vast.yaml: a: the layer is too large", "'a.dims.M': 1000", "several of them"],
    ),
    (f"{SOLVE} --padding M=99999999999999999", ["error: padding.M: the layer is too", "9" * 17, "1 to "]),
    (f"solve resnet18 {BY_PROGRAM} --batch 999999999999", ["conv1.dims.N: the layer is too", "9" * 12, "1 to "]),
    ("solve resnet18 -a chip.yaml --batch 999999999999", ["conv1.dims.N: the layer is too", "9" * 12]),
    ("solve resnet81 -a chip.yaml", ["network: no such network", "'resnet81'", "did you mean resnet18?"]),
    ("solve cut.onnx -a chip.yaml", ["cut.onnx: cannot read the file as ONNX"]),
    ("solve no_graph.onnx -a chip.yaml", ["no_graph.onnx: the file holds no ONNX graph"]),
    ("solve gone.onnx -a chip.yaml", ["gone.onnx: no such file"]),
    ("solve model.onnx -a chip.yaml", ["model.onnx: x.0", "'batch'", "--dim batch="]),
    ("solve model.onnx -a chip.yaml --dim bacth=2", ["--dim bacth: the model has no such dim", "did you mean batch?"]),
    ("solve model.onnx -a chip.yaml --dim batch=2 --dim q=3", ["--dim q: the model has no such dim", "batch"]),
    ("solve model.onnx -a chip.yaml --batch 2", ["batch: this option needs a built-in network", "2", "--batch with"]),
    (f"{SOLVE} --dim batch=2", ["dims: this option needs", "{'batch': 2}", "--dim with"]),
    ("solve layer.yaml -a edgy", ["--architecture: there is no preset", "'edgy'", "did you mean 'edge'?"]),
    ("solve layer.yaml -a gone.yaml", ["gone.yaml: no such file"]),
    ("solve layer.yaml -a layer.yaml", ["layer.yaml: type: unknown key", "technology"]),
    ("solve layer.yaml -a menu.yaml", ["menu.yaml: array.x", "[-4, 8]", "an integer >= 1"]),
    ("solve layer.yaml -a size.yaml", ["size.yaml: levels[1].size", "'-32 KiB'", "a size with a unit"]),
    ("solve layer.yaml -a unit.yaml", ["unit.yaml: levels[2].size", "'64 KB'", "KiB"]),
    ("solve layer.yaml -a typo.yaml", ["typo.yaml: levles: unknown key", "did you mean 'levels'?"]),
    ("solve layer.yaml -a twice.yaml", ["twice.yaml: line 5, column 26: the same key is given twice", "'x'"]),
    ("solve layer.yaml -a tech.yaml", ["tech.yaml: technology: there is no file gone.yaml", "'gone.yaml'"]),
    ("solve layer.yaml -a budget.yaml", ["budget.yaml: budgets.area_mm2", "-1", "> 0"]),
    (f"{SOLVE} --constraints gone.yaml", ["gone.yaml: no such file"]),
    (f"{SOLVE} --constraints layer.yaml", ["layer.yaml: name: unknown key", "allowed: constraints"]),
    (
        f"{SOLVE} --constraints constraints.yaml",
        ["constraints.yaml: constraints[1]: the hardware has no size GLB.sise", "did you mean GLB.size?"],
    ),
    (
        "evaluate layer.yaml -a chip.yaml --constraints never.yaml --mapping mapping.yaml",
        ["constraints: no hardware point keeps", "['array.x == 3']"],
    ),
    ("verify out --constraints never.yaml", ["--constraints: this option says nothing", "--architecture"]),
    (
        "adjust resnet18 --hardware out --constraints never.yaml",
        ["--constraints: the hardware of a result is taken", "never.yaml"],
    ),
    (f"{SOLVE} --dram-gbps 4", ["chip.yaml: levels[0].bandwidth.shared: no entry keeps the budget", "at most 4 GB/s"]),
    ("solve layer.yaml -a eyeriss --power-w 1", ["budgets.power_w", "value:   1\n", "area"]),
    (f"{SOLVE} --padding M=2", ["padding.M: no layer can be padded", "2", "more than 4"]),
    (f"{SOLVE} --padding Q=9", ["--padding: no layer has this dim", "'Q'", "K, M, N"]),
    ("map resnet18 -a chip.yaml", ["--layer", "21 multiply-accumulate layers", "conv1"]),
    ("evaluate layer.yaml -a eyeriss --mapping mapping.yaml", ["mapping.yaml: [0].for", "'Z'", "M, N, K"]),
    ("evaluate layer.yaml -a eyeriss --mapping gone.yaml", ["gone.yaml: no such file"]),
    ("evaluate layer.yaml -a eyeriss", ["--mapping --groups: it is not said what to evaluate", "one of --mapping"]),
    (
        "evaluate layer.yaml -a eyeriss --mapping mapping.yaml --groups groups.yaml",
        ["--mapping --groups: what to evaluate is given twice", "['mapping.yaml', 'groups.yaml']"],
    ),
    ("evaluate layer.yaml -a eyeriss --mapping mapping.yaml --out out", ["--out: this option", "--out with --groups"]),
    ("evaluate layer.yaml -a eyeriss --mapping mapping.yaml --objective energy", ["--objective: this option"]),
    ("evaluate layer.yaml -a eyeriss --mapping mapping.yaml --no-cache", ["--no-cache: this option"]),
    (f"{GROUPS} -a eyeriss_rs --reuse exact", ["--reuse: this option", "--reuse with --mapping"]),
    (f"{GROUPS} -a eyeriss_rs --layer conv1", ["--layer: this option", "'conv1'"]),
    (f"{GROUPS} -a eyeriss_rs", ["group.yaml: groups[0].layers[1]: the network resnet18 has no", "mean maxpool?"]),
    (f"{GROUPS} -a chip.yaml", ["chip.yaml: the architecture stands for 8 hardware points", "--choose 'array.x=4'"]),
    ("evaluate resnet18 -a eyeriss_rs --groups list.yaml --out out/deep", ["list.yaml: the value", "keys groups"]),
    ("evaluate resnet18 -a eyeriss_rs --groups gone.yaml --out out/deep", ["gone.yaml: no such file"]),
    (f"{SOLVE} --halo x", ["--halo: only fused groups have this option", "'x'", "--fusion --halo"]),
    (f"{SOLVE} --tile rows", ["--tile: only fused groups have this option", "'rows'"]),
    (f"{SOLVE} --max-group 3", ["--max-group: only fused groups have this option", "3", "add --fusion"]),
    ("store list --cache=", ["--cache: an empty path", "''"]),
    ("study layer.yaml -a chip.yaml --vary area-mm2 --out=", ["--out: an empty path", "''", "leave the option out"]),
    (f"{SOLVE} --dram-gbps 1e300", ["--dram-gbps: the number is out of range", "'1e300'", "from -99 to 99"]),
    (f"{SOLVE} --time-limit {'9' * 400}", ["--time-limit: the number is out of range", "at most 100 characters"]),
    (f"{SOLVE} --time-limit 1e10", ["time_limit_s: no time limit", "1,000,000,000"]),
    (f"show {'a' * 256}", ["no file can have this name", "255 bytes"]),
    (f"verify {'a' * 5000}", ["no file can have this name", "255 bytes"]),
    (f"{SOLVE} --area-mm2 1e-300", ["--area-mm2: the number is out of range", "'1e-300'"]),
    (f"{SOLVE} --area-mm2 two", ["--area-mm2: not a positive number", "'two'"]),
    ("codesign layer.yaml -a chip.yaml --weight a=-1", ["--weight: not a positive number", "write e.g. --weight a=2"]),
    ("codesign layer.yaml -a chip.yaml --cap a:power-w=0", ["--cap: not a positive number", "--cap a:power-w=20"]),
    ("study layer.yaml -a chip.yaml --vary area-mm2=-1:2", ["--vary: not a positive number", "area-mm2=2:12"]),
    ("sparse size 64,16,8 --width 0", ["--width: not a list", "'0'", "from 3 to 18", "write e.g. 12,16"]),
    ("sparse size 64,16,8 --multiplier deep0", ["--multiplier: not a pipelining", "'deep0'", "1 to 99 stages"]),
    ("sparse size 64,16,8 --multiplier deep2@0", ["--multiplier: not a positive number", "deep3@100"]),
    ("sparse size 64,16 --dsp -1", ["--dsp: not an allowed value", "'-1'", "integers >= 0", "sparse size --help"]),
    ("verify . --seed x", ["--seed: not an allowed value", "'x'", "allowed: integers >= 0"]),
    ("verify . --seed -1", ["--seed: not an allowed value", "'-1'", "allowed: integers >= 0"]),
    (f"{SOLVE} --seed -1", ["--seed: not an allowed value", "'-1'", "integers from 0 to 2147483647"]),
    (f"{SOLVE} --objective speed", ["--objective: not an allowed value", "'speed'", "energy, latency, edp"]),
    ("schema x", ["KIND: not an allowed value", "'x'", "architecture, technology"]),
    ("store x", ["store: No such command", "'x'", "allowed: export"]),
    ("solv layer.yaml", ["No such command", "'solv'", "allowed: solve, map"]),
    ("verify", ["DIR: it is missing", "verify [OPTIONS] DIR"]),
    (f"{SOLVE} more.yaml", ["solve: unexpected argument", "'more.yaml'", "solve [OPTIONS] NETWORK"]),
    (f"{SOLVE} --foo", ["solve: No such option", "'--foo'", "--architecture, --choose"]),
    ("show . --layer", ["--layer: Option '--layer' requires an argument", "show ... --layer VALUE"]),
    ("verify gone", ["gone: there is no such folder"]),
    ("show .", ["result.json: there is no such file"]),
]


@pytest.mark.parametrize(("command", "words"), CASES, ids=[command for command, _ in CASES])
def test_wrong_inputs(command: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    options = ["--out", "out/deep", "--cache", "cache"] if command.startswith(("solve", "map")) else []
    outcome = CliRunner().invoke(main, [*command.split(), *options])
    assert outcome.exit_code == 2, outcome.output
    assert not outcome.stdout
    message = outcome.stderr
    assert message.startswith("error: ") and "Traceback" not in message
    assert [word for word in [*words, "allowed: ", "remedy:  "] if word not in message] == [], message
    assert not Path("out").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {*FILES, "cache"}


@pytest.mark.parametrize("name", ["GLB\n", "G\x1b[31mLB", "G\x85LB", "G\tLB", "G\u202eLB", "G\u2028LB"])
def test_names_with_control_characters_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They could forge lines of a report; also as the names of layers, networks, keys, and in ONNX files."""
    monkeypatch.chdir(tmp_path)
    told = json.dumps(name)
    files = {
        "chip.yaml": CHIP,
        "layer.yaml": LAYER,
        "level.yaml": CHIP.replace("name: GLB", f"name: {told}"),
        "named.yaml": LAYER.replace("name: a", f"name: {told}"),
        "layers.yaml": f"name: n\nlayers: [{{name: {told}, type: matmul, dims: {{M: 4, N: 8, K: 16}}}}]\n",
        "key.yaml": LAYER + f"{told}: 1\n",
    }
    for place, text in files.items():
        Path(place).write_text(text)
    for network, chip in [("layer", "level"), ("named", "chip"), ("layers", "chip"), ("key", "chip")]:
        outcome = CliRunner().invoke(main, ["solve", f"{network}.yaml", "-a", f"{chip}.yaml"])
        assert outcome.exit_code == 2 and ".yaml: " in outcome.stderr, outcome.output
        assert "control characters" in outcome.stderr and repr(name)[1:-1] in outcome.stderr, outcome.stderr
    with pytest.raises(SpecError, match="control characters"):
        Network("n").add(matmul(name, {"M": 2, "N": 2, "K": 2}))
