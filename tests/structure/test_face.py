"""What Python users see of ``optimizer``: complete, typed, cheap to import."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import optimizer

LINES = 40


def stated_imports() -> dict[str, str]:
    """Name and module of the imports that type checkers see."""
    tree = ast.parse(Path(str(optimizer.__file__)).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def test_names_for_type_checkers_are_those_of_the_first_use() -> None:
    assert stated_imports() == optimizer._MODULES
    assert set(optimizer.__all__) == {*optimizer._MODULES, "__version__"} == set(dir(optimizer))


@pytest.mark.parametrize("name", optimizer.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(optimizer, name)
    if name == "__version__":
        assert found
        return
    assert inspect.getdoc(found)
    if inspect.isfunction(found):
        assert len(str(inspect.getdoc(found)).splitlines()) <= LINES


@pytest.mark.slow
def test_submodules_do_not_hide_functions() -> None:
    code = "import optimizer.checker.folder, optimizer.features, optimizer; print(callable(optimizer.verify))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"
    parts = {path.stem for path in Path(str(optimizer.__file__)).parent.iterdir()}
    assert not parts & set(optimizer.__all__)


def test_an_import_loads_nothing_heavy() -> None:
    names = "numpy", "numba", "ortools", "networkx", "onnx"
    code = f"import sys, optimizer; print([m for m in sys.modules if m in {names}])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


WRONG = """
import optimizer

network = optimizer.load("alexnet")
chip = optimizer.load_architecture("edge_small")
result = optimizer.solve(network, chip, objectiv="edp")
optimizer.verify(result, thorough="yes")
energy: str = result.layers[0].energy_pj
"""


@pytest.mark.slow
def test_mypy_sees_every_signature(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    root = Path(str(optimizer.__file__)).parent.parent
    (tmp_path / "wrong.py").write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--ignore-missing-imports", "--follow-imports", "silent", "wrong.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(root), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [int(line.split(":")[1]) for line in errors] == [6, 7, 8], done.stdout
    assert "objectiv" in errors[0]
