"""The command line: what it hands to the solver, what it prints, how it fails."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import optimizer.solving
from optimizer.checker import folder as verify_folder
from optimizer.checker.outcome import Check
from optimizer.checker.searches import Searches
from optimizer.checker.verification import Verification
from optimizer.cli.inputs import default_cache_folder
from optimizer.cli.progress import ProgressDisplay, progress_line
from optimizer.errors import SpecError
from optimizer.problem.problem import Problem
from optimizer.problem.progress import Progress
from optimizer.results import folder as result_folder
from optimizer.results.kinds import SolveResult
from optimizer.results.load import load_result
from optimizer.scaling.options import Options
from tests.support.command_line import bad, good, run
from tests.support.result_cases import NETWORK, design, nothing, result
from tests.support.runs import written

CONV = "name: conv1\ntype: conv\ndims: {K: 16, C: 8, P: 14, Q: 14, R: 3, S: 3}\n"
LEVELS = """
levels:
  - {level: DRAM, keep: [W, I, O], temporal: [[K, 2], [C, 8]]}
  - {level: GLB, keep: [I, O], temporal: [[Q, 14], [P, 2], [P, 7]], spatial: [[K, 8, X]]}
  - {level: RF, keep: [W, I, O], temporal: [[R, 3], [S, 3]]}
"""


@dataclass
class FakeApi:
    """Stands for ``optimizer.solving.run``: notes how it was called and returns a prepared result."""

    result: SolveResult = field(default_factory=result)
    calls: list[tuple[str, Any, Any, dict[str, Any]]] = field(default_factory=list)

    def run(self, asked: Problem, options: Options) -> SolveResult:
        """Note and return."""
        return self._note("solve", asked, options)

    def compare(self, asked: Problem, options: Options) -> SolveResult:
        """Note and return."""
        return self._note("compare", asked, options)

    def _note(self, name: str, asked: Problem, options: Options) -> SolveResult:
        how = {field.name: getattr(options, field.name) for field in fields(options)}
        how |= {"objective": asked.objective, "padding": asked.padding}
        self.calls.append((name, asked.network, asked.architecture, how))
        assert how.pop("pool") is None and options.progress is not None
        options.progress(Progress(1.5, 2e9, 1e9, 0.5, 96, 12, 3, "solving"))
        return self.result


def install(monkeypatch: pytest.MonkeyPatch, package: ModuleType, name: str, module: Any) -> None:
    monkeypatch.setitem(sys.modules, f"{package.__name__}.{name}", module)
    monkeypatch.setattr(package, name, module, raising=False)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeApi:
    """The solver replaced, and a private cache."""
    fake = FakeApi()
    install(monkeypatch, optimizer.solving, "run", fake)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fake


@pytest.fixture
def conv(tmp_path: Path) -> str:
    path = tmp_path / "conv.yaml"
    path.write_text(CONV)
    return str(path)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return written(result(), tmp_path / "saved")


def test_lists() -> None:
    assert "resnet18" in good("networks").stdout
    text = good("architectures").stdout
    assert "edge_small" in text and "3,780" in text


@pytest.mark.parametrize("kind", ["architecture", "technology", "groups", "device", "fabric"])
def test_schemas_are_valid(kind: str) -> None:
    Draft202012Validator.check_schema(json.loads(good("schema", kind).stdout))


def test_help_and_version() -> None:
    assert "Exit codes" in good("--help").stdout
    assert good("--version").stdout.startswith("tilewright ")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from optimizer.cli import main; print([m for m in sys.modules if m in HEAVY])"
    heavy = "HEAVY = {'ortools', 'numba', 'numpy', 'onnx', 'networkx', 'rich', 'jsonschema'};"
    import subprocess  # noqa: PLC0415

    done = subprocess.run([sys.executable, "-c", heavy + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_solve_hands_everything_on(api: FakeApi, tmp_path: Path) -> None:
    good(
        "solve",
        "resnet18",
        "-a",
        "edge_small",
        "--objective",
        "edp",
        "--area-mm2",
        "4.5",
        "--dram-gbps",
        8,
        "--power-w",
        "1e-1",
        "--max-latency-ms",
        20,
        "--max-energy-mj",
        ".5",
        "--batch",
        2,
        "--bits",
        "W=8,O=32",
        "--padding",
        "P=56:64,Q=60",
        "--accounting",
        "looptree",
        "--time-limit",
        "1.5",
        "--workers",
        3,
        "--seed",
        7,
        "--cache",
        tmp_path / "mine",
        "--choose",
        "GLB.size=64KiB",
    )
    ((name, network, architecture, options),) = api.calls
    assert name == "solve"
    assert network.name == "resnet18"
    first = network.mac_layers()[0]
    assert first.extents["N"] == 2
    assert [operand.bits for operand in first.operands] == [8, 16, 32]
    budgets = architecture.budgets
    assert (budgets.area_mm2, budgets.dram_gbps, budgets.power_w) == (Fraction(9, 2), 8, Fraction(1, 10))
    assert (budgets.latency_ms, budgets.energy_mj) == (20, Fraction(1, 2))
    assert architecture.accounting == "looptree"
    assert len(architecture) == 24
    del options["progress"]
    assert options == {
        "objective": "edp",
        "padding": {"P": [56, 64], "Q": [60]},
        "time_limit_s": 1.5,
        "workers": 3,
        "seed": 7,
        "cache_dir": tmp_path / "mine",
    }


def test_solve_hands_on_sparsity(api: FakeApi) -> None:
    good("solve", "alexnet", "-a", "edge_skip", "--sparsity", "W=2:4")
    good("solve", "alexnet", "-a", "edge_skip", "--sparsity", "none")
    sparse, plain = (call[1] for call in api.calls)
    assert [layer.block is None for layer in sparse.mac_layers()].count(True) == 1
    assert sparse.warnings[-1] == "sparsity W 2:4: dense stay conv1 (C is 3)"
    assert all(layer.block is None for layer in plain.mac_layers())


def test_solve_defaults(api: FakeApi, tmp_path: Path) -> None:
    good("solve", "alexnet", "-a", "edge_small")
    options = api.calls[0][3]
    del options["progress"]
    assert options == {
        "objective": "energy",
        "padding": "none",
        "time_limit_s": None,
        "workers": 2,
        "seed": 0,
        "cache_dir": tmp_path / "cache" / "tilewright",
    }
    good("solve", "alexnet", "-a", "edge_small", "--no-cache")
    assert api.calls[1][3]["cache_dir"] is None


def test_budgets_of_the_file_stay_unless_replaced(api: FakeApi, tmp_path: Path) -> None:
    from optimizer.files.presets import read_spec  # noqa: PLC0415

    data = read_spec("architectures", "edge_small")[0]
    data["area"] = {"fixed_mm2": 1}
    data["budgets"] = {"area_mm2": 9, "power_w": 2}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(data))
    good("solve", "alexnet", "-a", path, "--power-w", 1)
    budgets = api.calls[0][2].budgets
    assert (budgets.area_mm2, budgets.power_w) == (9, 1)


def test_solve_prints_and_saves(api: FakeApi, tmp_path: Path) -> None:
    out = tmp_path / "results" / "tiny"
    outcome = good("solve", "alexnet", "-a", "edge_small", "--out", out)
    assert "OPTIMAL" in outcome.stdout and "keep O in GLB" in outcome.stdout
    assert "hardware points 12/96 closed (3 solved)" in outcome.stderr
    assert sorted(path.name for path in out.iterdir()) == ["certificate.json", "result.json"]
    assert load_result(out).problem_hash == "0123"
    quiet = good("solve", "alexnet", "-a", "edge_small", "--out", out, "--quiet")
    assert quiet.stdout == "OPTIMAL  energy 16.5 nJ  gap 0.0 %\n"
    assert not quiet.stderr


@pytest.mark.parametrize(("status", "code"), [("OPTIMAL", 0), ("FEASIBLE", 0), ("INFEASIBLE", 1), ("UNKNOWN", 1)])
def test_exit_codes(api: FakeApi, status: str, code: int, tmp_path: Path) -> None:
    api.result = result(design(status=status) if code == 0 else nothing(status))
    outcome = run("solve", "alexnet", "-a", "edge_small", "--out", tmp_path / "out")
    assert outcome.exit_code == code
    assert outcome.stdout.startswith(status)
    assert load_result(tmp_path / "out").status == status


def test_map_picks_the_layer(api: FakeApi, conv: str) -> None:
    good("map", conv, "-a", "eyeriss")
    _, network, architecture, options = api.calls[0]
    assert (network.name, architecture.name, options["objective"]) == ("conv1", "eyeriss", "energy")
    assert [layer.name for layer in network.layers()] == ["conv1"]
    good("map", "resnet18", "--layer", "fc", "-a", "eyeriss")
    assert [layer.name for layer in api.calls[1][1].layers()] == ["fc"]


def test_unroll_dims_that_no_layer_has(api: FakeApi, tmp_path: Path) -> None:
    from optimizer.files.presets import read_spec  # noqa: PLC0415

    network = tmp_path / "tiny.yaml"
    network.write_text(NETWORK)
    data = read_spec("architectures", "edge_small")[0]
    data["area"] = {"fixed_mm2": 1}
    data["array"]["unroll"] = {"x": ["N", "P", "KK"], "y": ["C"]}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(data))
    stderr = good("solve", network, "-a", path, "--out", tmp_path / "out").stderr
    assert "GLB.unroll.x: no layer has the dim KK" in stderr
    assert "GLB.unroll.y: no layer has the dim C" in stderr
    assert "dim P " not in stderr
    assert len(load_result(tmp_path / "out").warnings) == 3
    assert "warning" not in good("solve", "resnet18", "-a", "eyeriss").stderr


def test_choices(api: FakeApi) -> None:
    def chosen(*arguments: str) -> Any:
        good("solve", "alexnet", *arguments)
        return api.calls[-1][2]

    tied = chosen("-a", "tpu", "--choose", "array.x=128", "--choose", "UB.size=8MiB")
    assert len(tied) == 3
    assert {point.mac_mesh for point in tied.points()} == {(128, 128)}
    band = chosen("-a", "tpu", "--choose", "DRAM.bandwidth.shared=30GB/s", "--dram-gbps", "40")
    assert len(band) == 12
    assert dict(next(band.points()).choices)["DRAM.bandwidth.shared"] == "30 GB/s"
    assert len(chosen("-a", "tpu", "--choose", "array.x=128", "--choose", "array.y=128")) == 12
    assert "chosen apart" in bad("solve", "alexnet", "-a", "tpu", "--choose", "array.x=128", "--choose", "array.y=64")
    assert "no menus" in bad("solve", "alexnet", "-a", "eyeriss", "--choose", "array.z=2")


BAD_OPTIONS = [
    (["--area-mm2", "-1"], "--area-mm2", "decimals > 0"),
    (["--area-mm2", "0"], "--area-mm2", "decimals > 0"),
    (["--power-w", "nan"], "--power-w", "decimals > 0"),
    (["--dram-gbps", "fast"], "--dram-gbps", "decimals > 0"),
    (["--max-latency-ms", "1/0"], "--max-latency-ms", "decimals > 0"),
    (["--max-energy-mj", "inf"], "--max-energy-mj", "decimals > 0"),
    (["--time-limit", "0"], "--time-limit", "decimals > 0"),
    (["--area-mm2", "1e999"], "--area-mm2", "decimals > 0"),
    (["--bits", "W=8,X=4"], "bits.X", "W, I, O"),
    (["--bits", "W=0"], "--bits W", ">= 1"),
    (["--bits", "eight"], "--bits", ">= 1"),
    (["--bits", "W=8,W=4"], "--bits", "given twice"),
    (["--dim", "batch"], "--dim", "name=value"),
    (["--dim", "batch=-1"], "--dim batch", ">= 1"),
    (["--dim", "batch=x"], "--dim batch", ">= 1"),
    (["--dim", "batch=1"], "dims", "ONNX"),
    (["--dim", "n=1", "--dim", "n=2"], "--dim n", "given twice"),
    (["--sequence", "7"], "sequence", ""),
    (["--padding", "P"], "--padding", "DIM=EXTENT"),
    (["--padding", "P=x"], "--padding P", ">= 1"),
    (["--padding", "Z=8"], "--padding", "no layer has this dim"),
    (["--choose", "GLB"], "--choose", "name=value"),
    (["--choose", "GLB.sise=64KiB"], "--choose GLB.sise", "did you mean GLB.size"),
    (["--choose", "GLB.size=65KiB"], "--choose GLB.size", "64 KiB, 128 KiB"),
    (["--choose", "GLB.size=64KiB", "--choose", "GLB.size=128KiB"], "--choose GLB.size", "twice"),
    (["--cache", "x", "--no-cache"], "--cache", "contradict"),
    (["--objective", "speed"], "--objective", "energy"),
    (["--accounting", "mine"], "--accounting", "timeloop"),
    (["--workers", "0"], "--workers", "integers >= 1"),
    (["--seed", "-1"], "--seed", "integers from 0"),
    (["--batch", "0"], "--batch", "integers >= 1"),
    (["--sparsity", "W"], "--sparsity", "name=value"),
    (["--sparsity", "K=2:4"], "--sparsity", "W, I or O"),
    (["--sparsity", "W=4:2"], "--sparsity", "1 <= N < M"),
]


@pytest.mark.parametrize(("options", "place", "allowed"), BAD_OPTIONS, ids=[" ".join(b[0]) for b in BAD_OPTIONS])
def test_bad_options(api: FakeApi, options: list[str], place: str, allowed: str) -> None:
    message = bad("solve", "alexnet", "-a", "edge_small", *options)
    assert place in message and allowed in message
    assert not api.calls


def test_unknown_names_and_files(api: FakeApi, tmp_path: Path) -> None:
    assert "resnet18" in bad("solve", "resnet81", "-a", "edge")
    message = bad("solve", "resnet18", "-a", "edgy")
    assert "edge" in message and "did you mean" in message
    assert "missing.yaml" in bad("solve", tmp_path / "missing.yaml", "-a", "edge")
    assert "missing.yaml" in bad("solve", "resnet18", "-a", tmp_path / "missing.yaml")
    assert "missing.onnx" in bad("solve", tmp_path / "missing.onnx", "-a", "edge")
    assert "--architecture" in bad("solve", "resnet18")
    assert not api.calls


def test_output_folder_is_tried_before_the_work(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert "existing file" in bad("solve", "alexnet", "-a", "edge_small", "--out", file)
    assert "cannot write" in bad("solve", "alexnet", "-a", "edge_small", "--out", file / "inner")
    assert file.read_text() == "mine"
    assert "cannot use the cache folder" in bad("solve", "alexnet", "-a", "edge_small", "--cache", file)
    assert not api.calls


def test_trying_the_output_folder_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for folder in ("old", "new", "old/deep/er"):
        result_folder.check_writable(tmp_path / folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]


@pytest.mark.parametrize(
    ("option", "field", "value"), [("--power-w", "power_w", "1"), ("--max-energy-mj", "energy_mj", "2.5")]
)
def test_budgets_without_a_unit(conv: str, tmp_path: Path, option: str, field: str, value: str) -> None:
    message = bad("map", conv, "-a", "eyeriss", option, value, "--no-cache", "--out", tmp_path / "out")
    assert f"budgets.{field}: this technology has normalized energies" in message
    assert f"value:   {value}\n" in message and "allowed: budgets of area" in message and "remedy" in message
    assert not (tmp_path / "out").exists()


def test_map_needs_a_layer(api: FakeApi) -> None:
    message = bad("map", "resnet18", "-a", "eyeriss")
    assert "--layer" in message and "fc" in message
    assert "no such layer" in bad("map", "resnet18", "--layer", "fc9", "-a", "eyeriss")


def test_cache_without_a_usable_home(api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert "no cache" in good("solve", "alexnet", "-a", "edge_small").stderr
    assert api.calls[0][3]["cache_dir"] is None


def test_cache_folder_of_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_cache_folder() == tmp_path / ".cache" / "tilewright"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_cache_folder() == tmp_path / "Library" / "Caches" / "tilewright"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert default_cache_folder() == tmp_path / "local" / "tilewright"


def test_evaluate(conv: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(LEVELS)
    text = good("evaluate", conv, "-a", "eyeriss", "--mapping", mapping).stdout
    assert "par k in 8 (X)" in text and "MAC energies" in text and "multipliers" in text
    exact = good("evaluate", conv, "-a", "eyeriss", "--mapping", mapping, "--reuse", "exact").stdout
    assert exact != text
    looptree = good("evaluate", conv, "-a", "eyeriss", "--mapping", mapping, "--accounting", "looptree").stdout
    assert looptree != text


def test_evaluate_on_a_chosen_point(conv: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(LEVELS)
    message = bad("evaluate", conv, "-a", "edge_small", "--mapping", mapping)
    assert "96 hardware points" in message and "GLB.size: 64 KiB" in message
    choices = ["array.x=16", "array.y=8", "GLB.size=64 KiB", "RF.size=64words"]
    options = [part for choice in choices for part in ("--choose", choice)]
    assert "uJ" in good("evaluate", conv, "-a", "edge_small", "--mapping", mapping, *options).stdout


def test_evaluate_refuses_illegal_mappings(conv: str, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(LEVELS.replace("[K, 8, X]", "[K, 80, X]"))
    message = bad("evaluate", conv, "-a", "eyeriss", "--mapping", mapping)
    assert str(mapping) in message and "levels[1].spatial[0]" in message and "at most 14" in message
    assert "no such file" in bad("evaluate", conv, "-a", "eyeriss", "--mapping", tmp_path / "none.yaml")


def test_show(saved: Path) -> None:
    text = good("show", saved).stdout
    assert "OPTIMAL" in text and "Hardware" in text and "Layers" in text
    text = good("show", saved, "--layer", "fc1").stdout
    assert "par n in 4 (X)" in text and "DRAM words (data movement)" in text
    assert "fc1, fc2, relu" in bad("show", saved, "--layer", "fc9")


def test_show_of_damaged_folders(saved: Path, tmp_path: Path) -> None:
    assert "no such folder" in bad("show", tmp_path / "nowhere")
    damaged = design()
    damaged["layers"][0]["mapping"] = [{"for": "Z", "bound": 2, "level": "DRAM"}]
    written(result(damaged), saved)
    assert "damaged" in bad("show", saved)
    (saved / "result.json").write_text('{"status": 3}')
    assert "not a result" in bad("show", saved)
    (saved / "result.json").write_text("[]")
    assert "not a result" in bad("show", saved)
    (saved / "result.json").write_text("{")
    assert "cannot read" in bad("show", saved)
    (saved / "certificate.json").unlink()
    (saved / "result.json").unlink()
    assert "no such file" in bad("show", saved)


@dataclass
class FakeCheck:
    """Stands for ``optimizer.checker.solve``."""

    ok: bool
    thorough: bool = False
    seed: int | None = None

    def verify(
        self, result: Any, again: Searches, *, thorough: bool = False, seed: int | None = None, progress: Any = None
    ) -> Verification:
        """Note, and return two checks."""
        self.thorough, self.seed = thorough, seed
        return Verification([Check("problem hash", True, "equal"), Check("energy of fc1", self.ok, "8000 pJ")])


def test_verify(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCheck(ok=True)
    monkeypatch.setattr(verify_folder, "verify", fake.verify)
    text = good("verify", saved, "--thorough", "--seed", 5).stdout
    assert "problem hash" in text and text.splitlines()[-1].startswith("verified")
    assert fake.thorough and fake.seed == 5
    fake.ok = False
    outcome = run("verify", saved, "--quiet")
    assert outcome.exit_code == 1
    assert outcome.stdout == "NOT VERIFIED: energy of fc1\n"


def test_saving_is_all_or_nothing(saved: Path) -> None:
    with pytest.raises(TypeError):
        written(result(problem={"network": object()}), saved)
    assert load_result(saved).status == "OPTIMAL"
    assert sorted(path.name for path in saved.iterdir()) == ["certificate.json", "result.json"]
    with pytest.raises(ValueError, match="JSON"):
        no_number = result()
        no_number.body = replace(no_number.body, wall_s=float("nan"))
        written(no_number, saved)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SpecError, match="cannot write"):
        written(result(), tmp_path / "out")
    tmp_path.chmod(0o700)


def test_progress_line() -> None:
    line = progress_line(Progress(12.34, 2.5e9, 2e9, 0.2, 1000, 120, 14, "conv1"))
    assert line == (
        "12.3 s  best 2.5e+09  bound 2e+09  gap 20.0 %  hardware points 120/1,000 closed (14 solved)  conv1"
    )
    assert progress_line(Progress(1.0, 2.5e9, unit="pJ")) == "1.0 s  best 2.5 mJ"
    assert progress_line(Progress(1.0, bound=544.0, unit="cycles")) == "1.0 s  bound 544 cycles"
    assert progress_line(Progress(0.0)) == "0.0 s"


def test_progress_lines_are_rare(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay() as display:
        for second in range(5):
            display(Progress(float(second)))
    assert capsys.readouterr().err == "0.0 s\n"


def test_news_is_a_line_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [
        Progress(0.0, message="solving a first hardware point"),
        Progress(1.0, bound=1.0),
        Progress(2.0, bound=2.0),
        Progress(3.0, 5.0, 2.0),
        Progress(4.0, 4.0, 2.0),
        Progress(5.0, message="point 1 of 9"),
        Progress(6.0, message="point 2 of 9"),
        Progress(7.0, message="master"),
    ]
    with ProgressDisplay() as display:
        for step in steps:
            display(step)
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ["0.0", "1.0", "3.0", "5.0", "7.0"]


def test_live_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with ProgressDisplay() as display:
        display(Progress(1.0, message="[conv1]"))
        assert display._status is not None
    assert display._status is None
    assert not capsys.readouterr().out


@pytest.fixture
def small_point(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Options for one hardware point of ``edge_small``, with a private cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    choices = ["array.x=8", "array.y=8", "GLB.size=64KiB", "RF.size=64words"]
    return ["-a", "edge_small", *(part for choice in choices for part in ("--choose", choice))]


def test_map_then_show_and_evaluate(conv: str, small_point: list[str], tmp_path: Path) -> None:
    """The whole way with the real solver: the cost model gives the saved mapping the saved energy."""
    out = tmp_path / "out"
    assert good("map", conv, *small_point, "--out", out).stdout.startswith("OPTIMAL")
    data = load_result(out).to_json()
    assert data["hardware_points"]["total"] == 1
    assert data["hardware"]["choices"] == {"array.x": 8, "array.y": 8, "GLB.size": "64 KiB", "RF.size": "64 words"}
    (entry,) = data["layers"]
    assert entry["lower_bounds"]["energy_pj"] <= entry["energy_pj"]
    shown = good("show", out, "--layer", "conv1").stdout
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(yaml.safe_dump(entry["mapping"]))
    evaluated = good("evaluate", conv, *small_point, "--mapping", mapping).stdout
    for line in shown.splitlines():
        assert line.rstrip() in [other.rstrip() for other in evaluated.splitlines()]


def test_map_of_what_cannot_be(conv: str, small_point: list[str]) -> None:
    outcome = run("map", conv, *small_point, "--max-latency-ms", "0.000001", "--no-cache")
    assert outcome.exit_code == 1, outcome.output
    assert outcome.stdout.startswith("INFEASIBLE")
    assert "latency_ms" in outcome.stdout
