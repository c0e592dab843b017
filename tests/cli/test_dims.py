"""``--dim``: by name, by place, in one of several models; what is missing is named at once, what is idle is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import helper

from optimizer.cli import main
from optimizer.cli.dims import dims_of
from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx, open_dims_of
from tests.support.onnx_models import tensor, write_model
from tests.support.tiny_problem import ARCHITECTURE

Shape = Sequence[str | int | None]


def product(path: Path, first: Shape, second: Shape | None = None) -> str:
    """A model of one or two products of an input with a matrix."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y" if second is None else "a"], name="fc")]
    inputs = {"x": list(first)}
    if second is not None:
        nodes += [helper.make_node("MatMul", ["z", "w"], ["b"]), helper.make_node("Add", ["a", "b"], ["y"])]
        inputs["z"] = list(second)
    write_model(path, nodes, inputs, [tensor("w", value=np.zeros((4, 6), np.float32))])
    return str(path)


def test_all_open_dims_are_a_ready_command_line(tmp_path: Path) -> None:
    path = product(tmp_path / "m.onnx", ["batch", "two words", 4], ["batch", None, 4])
    with pytest.raises(SpecError, match="'batch' of the model's input 'x' has no fixed extent, and 2 more") as caught:
        import_onnx(path)
    assert caught.value.remedy.startswith("add --dim batch=? --dim 'two words'=? --dim z.1=?, ")
    assert import_onnx(path, dims={"batch": 2, "two words": 3, "z.1": 3}).macs == 2 * 2 * 3 * 4 * 6


def test_dims_without_names_are_told_apart(tmp_path: Path) -> None:
    path = product(tmp_path / "m.onnx", ["?", "?", 4], ["", "?", 4])
    assert [one.called for one in open_dims_of(path)] == ["x.0", "x.1", "z.0", "z.1"]
    network = import_onnx(path, dims={"x.0": 2, "x.1": 3, "z.0": 2, "z.1": 3})
    assert network.macs == 2 * 2 * 3 * 4 * 6
    with pytest.raises(SpecError, match="no such dim") as caught:
        import_onnx(path, dims={"?": 2})
    assert caught.value.allowed == "x.0, x.1, z.0, z.1"


def test_a_place_goes_before_a_name(tmp_path: Path) -> None:
    path = product(tmp_path / "m.onnx", ["n", 4])
    with pytest.raises(SpecError, match="--dim n"):  # nothing is left for the name
        import_onnx(path, dims={"n": 2, "x.0": 3})
    with pytest.raises(SpecError, match=r"--dim x\.1"):  # fixed by the model
        import_onnx(path, dims={"n": 2, "x.1": 4})


def test_dims_go_to_the_models_that_have_them(tmp_path: Path) -> None:
    a, b = product(tmp_path / "a.onnx", ["batch", 4]), product(tmp_path / "b.onnx", ["batch", "seq", 4])
    specs = [a, "alexnet", b]
    assert dims_of(specs, [("batch", 2), ("seq", 3)]) == {a: (("batch", 2),), b: (("batch", 2), ("seq", 3))}
    own = dims_of(specs, [("batch", 2), ("seq", 3), (f"{a}:batch", 5)])
    assert own == {a: (("batch", 5),), b: (("batch", 2), ("seq", 3))}
    assert dims_of(specs, [("a:batch", 5), ("b:batch", 2), ("b:seq", 3)]) == own | {b: (("batch", 2), ("seq", 3))}
    assert dims_of(["alexnet"], [("batch", 2)]) == {}


@pytest.mark.parametrize(
    ("given", "field", "remedy"),
    [
        ([("batch", 1), ("sec", 2)], "--dim sec", "did you mean seq?"),
        ([("batch", 1), ("a:batch", 2), ("b:batch", 2), ("seq", 1)], "--dim batch", "leave it out"),
        ([("batch", 1), ("batch", 2)], "--dim batch", "leave one of the two out"),
        ([("a:batch", 1), ("a:batch", 2)], "--dim a:batch", "leave one of the two out"),
        ([], "--dim", "add --dim batch=? --dim seq=?, with an extent for every question mark"),
    ],
)
def test_what_is_wrong_with_dims(given: list[tuple[str, int]], field: str, remedy: str, tmp_path: Path) -> None:
    models = [product(tmp_path / "a.onnx", ["batch", 4]), product(tmp_path / "b.onnx", ["batch", "seq", 4])]
    with pytest.raises(SpecError) as caught:
        dims_of(models, given)
    assert (caught.value.field, caught.value.remedy) == (field, remedy)


def test_names_with_colons_are_names(tmp_path: Path) -> None:
    path = product(tmp_path / "m.onnx", ["m:n", 4])
    assert dims_of([path], [("m:n", 3)]) == {path: (("m:n", 3),)}
    assert dims_of([path], [("m:m:n", 3)]) == {path: (("m:n", 3),)}


def test_the_commands(tmp_path: Path) -> None:
    a, b = product(tmp_path / "a.onnx", ["batch", 4]), product(tmp_path / "b.onnx", ["batch", "seq", 4])
    (tmp_path / "chip.yaml").write_text(ARCHITECTURE)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, list(arguments))
        return done.exit_code, " ".join(done.output.split())

    chip = ["-a", str(tmp_path / "chip.yaml"), "--no-cache", "--workers", "1"]
    code, said = run("codesign", a, b, *chip, "--dim", "batch=2", "--dim", "b:seq=3", "--quiet")
    assert code == 0 and "OPTIMAL" in said
    code, said = run("codesign", a, b, *chip, "--dim", "batch=2", "--dim", "sec=3")
    assert code == 2 and "no model has such a dim" in said
    code, said = run("codesign", a, b, *chip, "--dim", "batch=2", "--dim", "a:seq=3", "--dim", "seq=3")
    assert code == 2 and "a.onnx: --dim seq: the model has no such dim" in said
    code, said = run("inspect", b, "--dim", "b:batch=2", "--dim", "seq=3")
    assert code == 0 and "M=6" in said
    code, said = run("inspect", a, "--dim", "b:batch=2", "--dim", "batch=3")
    assert code == 2 and "--dim b:batch" in said
