"""What the syntax tree shows: the directions of imports and the rules of library code."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

Module = ast.Module | ast.ClassDef

MOST_LINES = 400
GOLDEN = (
    "optimizer.errors", "optimizer.workload.layer", "optimizer.workload.network", "optimizer.workload.views",
    "optimizer.workload.nm_blocks", "optimizer.architecture.hardware", "optimizer.mapping.mapping",
    "optimizer.mapping.reader",
)  # fmt: skip
BASE = ("optimizer.files", "optimizer.workload")
MODEL = (*BASE, "optimizer.architecture", "optimizer.mapping")
PRICED = (*MODEL, "optimizer.problem", "optimizer.store", "optimizer.pricing", "formulations")
SEARCHED = (*PRICED, "optimizer.fusion", "optimizer.scaling", "optimizer.search")
FOUND = (*SEARCHED, "optimizer.golden", "optimizer.results")

DIRECTIONS = {
    "formulations": (),
    "optimizer.errors": (),
    "optimizer.files": (),
    "optimizer.workload": ("optimizer.files",),
    "optimizer.architecture": ("optimizer.files", "optimizer.workload.nm_blocks"),
    "optimizer.mapping": (*BASE, "optimizer.architecture.hardware"),
    "optimizer.golden": GOLDEN,
    "optimizer.networks": (*BASE, "optimizer.onnx_import", "optimizer.training"),
    "optimizer.onnx_import": (*BASE,),
    "optimizer.training": (*BASE, "optimizer.onnx_import.transposed"),
    "optimizer.interop": MODEL,
    "optimizer.problem": (*MODEL, "formulations.problem"),
    "optimizer.store": ("optimizer.problem.versions", "formulations.problem", "formulations.layer.fitting"),
    "optimizer.pricing": (*MODEL, "optimizer.problem", "optimizer.store", "formulations"),
    "optimizer.fusion": PRICED,
    "optimizer.scaling": ("optimizer.store", "optimizer.problem.versions"),
    "optimizer.search": (*PRICED, "optimizer.fusion", "optimizer.scaling"),
    "optimizer.results": (*SEARCHED, "optimizer.golden"),
    "optimizer.given_groups": FOUND,
    "optimizer.codesign": FOUND,
    "optimizer.study": FOUND,
    "optimizer.adjust": (*FOUND, "optimizer.api"),
    "optimizer.recompute": (*FOUND, "optimizer.training"),
    "optimizer.sparse_engine.check": (),
    "optimizer.sparse_engine.pattern_check": (),
    "optimizer.sparse_engine": ("formulations", "optimizer.problem.versions", "optimizer.report.figures"),
}
"""What a package, or a module of it, may import of us besides itself and the errors."""

OWN = ("formulations", "optimizer", "tests", "benchmarks")


def _modules() -> dict[str, Path]:
    """Every module of the installed packages by its dotted name."""
    found = {}
    for package in ("formulations", "optimizer"):
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        root = Path(spec.origin).parent
        for path in root.rglob("*.py"):
            parts = (package, *path.relative_to(root).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = _modules()


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax trees of all modules."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def inside(name: str, packages: tuple[str, ...]) -> bool:
    """Is a module one of these or inside one of them?"""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def imports(tree: ast.AST) -> Iterator[str]:
    """Our own modules that a module imports, those inside functions included."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [member if member in MODULES else str(node.module) for member in members]
        yield from (name for name in names if inside(name, OWN))


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Calls of functions or methods of these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", None))
            if called in names:
                yield node


def breaks_direction(name: str, tree: ast.Module) -> Iterator[str]:
    """Imports against the table, and imports of tests or benchmarks."""
    for imported in imports(tree):
        for part, allowed in DIRECTIONS.items():
            if inside(name, (part,)) and not inside(imported, (part, "optimizer.errors", *allowed)):
                yield f"imports {imported}"
        if inside(imported, ("tests", "benchmarks")):
            yield f"imports {imported}"


def prints(name: str, tree: ast.Module) -> Iterator[str]:
    """Only the command line writes to the terminal."""
    if not name.startswith("optimizer.cli"):
        yield from (f"line {call.lineno}: print" for call in calls(tree, "print"))


def swallows(name: str, tree: ast.Module) -> Iterator[str]:
    """Handlers that catch everything, or do nothing at all."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield f"line {node.lineno}: bare except"
            if all(isinstance(statement, ast.Pass) for statement in node.body):
                yield f"line {node.lineno}: except that only passes"


def lacks_docstring(name: str, tree: Module) -> Iterator[str]:
    """Modules, public functions, public classes and their public methods without a docstring."""
    path = MODULES[name]
    if isinstance(tree, ast.Module) and path.read_text(encoding="utf-8") and not ast.get_docstring(tree):
        yield "module"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield f"line {node.lineno}: {node.name}"
            if isinstance(node, ast.ClassDef):
                yield from lacks_docstring(name, node)


def too_long(name: str, tree: ast.Module) -> Iterator[str]:
    """Small files, one idea each."""
    lines = len(MODULES[name].read_text(encoding="utf-8").splitlines())
    if lines > MOST_LINES:
        yield f"{lines} lines"


def depends_on_folder(name: str, tree: ast.Module) -> Iterator[str]:
    """Paths written in the code: they would depend on where the program is started."""
    for call in calls(tree, "open", "Path", "mkdir", "makedirs"):
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
            yield f"line {call.lineno}: literal path {call.args[0].value!r}"
    yield from (
        f"line {call.lineno}: changes or reads the working folder" for call in calls(tree, "chdir", "cwd", "getcwd")
    )


RULES = [breaks_direction, prints, swallows, lacks_docstring, too_long, depends_on_folder]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule) -> None:
    broken = [f"{name}: {fault}" for name, tree in trees().items() for fault in rule(name, tree)]
    assert not broken, "\n".join(broken)


BAD = {
    breaks_direction: ("formulations.layer.model", "def f():\n    from optimizer import cost"),
    prints: ("optimizer.api", "def f():\n    print(1)"),
    swallows: ("optimizer.api", "try:\n    f()\nexcept OSError:\n    pass"),
    lacks_docstring: ("optimizer.mapping.cost", '"""M."""\nclass A:\n    """A."""\n    def f(self):\n        return 1'),
    depends_on_folder: ("optimizer.api", "open('out.json', 'w')"),
}


@pytest.mark.parametrize("rule", BAD, ids=lambda rule: rule.__name__)
def test_rule_sees_a_breach(rule) -> None:
    name, code = BAD[rule]
    assert list(rule(name, ast.parse(code)))


def test_directions_name_existing_modules() -> None:
    assert set(DIRECTIONS) <= set(MODULES)
