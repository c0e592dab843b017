"""Rules of the tests: no test module imports another one, every test lies in an area."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODULES = {".".join(("tests", *path.relative_to(TESTS).with_suffix("").parts)): path for path in TESTS.rglob("*.py")}
IMPORT_OF_TESTS = re.compile(r"^\s*(from|import)\b.*\btest_", re.MULTILINE)


def imported(code: str) -> Iterator[str]:
    """Dotted names of everything that a module imports; of whole modules with a dot at the end."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (f"{alias.name}." for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_tests(code: str) -> list[str]:
    """Test modules, and things of them, that a module imports."""
    if not IMPORT_OF_TESTS.search(code):
        return []  # most modules need not be parsed
    return [name for name in imported(code) if any(part.startswith("test_") for part in name.split(".")[:-1])]


@pytest.mark.parametrize("code", ["from tests.search.test_stop import late", "import tests.search.test_stop"])
def test_an_import_of_a_test_module_is_seen(code: str) -> None:
    assert imported_tests(code)


def test_no_module_imports_a_test_module() -> None:
    assert len(MODULES) > 100
    found = {name: imported_tests(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
    assert not {name: tests for name, tests in found.items() if tests}


def test_every_test_module_lies_in_an_area() -> None:
    for name, path in MODULES.items():
        if path.stem.startswith("test_"):
            assert name.count(".") == 2 and (path.parent / "__init__.py").exists(), name
            assert path.parent.name != "support", name
