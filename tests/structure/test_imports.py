"""What the syntax tree shows: the directions of imports and the rules of library code."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cache
from pathlib import Path

import pytest

Module = ast.Module | ast.ClassDef

MOST_LINES = 400
GOLDEN = (
    "optimizer.errors",
    "optimizer.workload.layer",
    "optimizer.workload.network",
    "optimizer.workload.views",
    "optimizer.workload.nm_blocks",
    "optimizer.workload.mapping_rules",
    "optimizer.architecture.hardware",
    "optimizer.mapping.mapping",
    "optimizer.mapping.reader",
)
BASE = ("optimizer.files", "optimizer.workload")
BODIES = ("optimizer.bodies",)
MODEL = (*BASE, "optimizer.architecture", "optimizer.mapping")
PRICED = (*MODEL, "optimizer.problem", "optimizer.store", "optimizer.pricing", "formulations")
SEARCHED = (*PRICED, *BODIES, "optimizer.fusion", "optimizer.scaling", "optimizer.search")
PROVER = (
    "optimizer.architecture",
    "optimizer.problem",
    "optimizer.checker",
    "optimizer.pricing.lowering",
    "formulations",
)
FOUND = (*SEARCHED, "optimizer.golden", "optimizer.results")

DIRECTIONS = {
    "formulations": (),
    "optimizer.errors": (),
    "optimizer.files": (),
    "optimizer.bodies": ("optimizer.files.records", "optimizer.files.rules", "optimizer.problem.status"),
    "optimizer.workload": ("optimizer.files",),
    "optimizer.architecture": (
        "optimizer.files",
        "optimizer.workload.nm_blocks",
        "optimizer.workload.mapping_constraints",
        "optimizer.workload.mapping_schema",
    ),
    "optimizer.mapping": (*BASE, "optimizer.architecture.hardware"),
    "optimizer.golden": GOLDEN,
    "optimizer.networks": (*BASE, "optimizer.onnx_import", "optimizer.training", "optimizer.language_models"),
    "optimizer.language_models": (*BASE, "optimizer.networks.builder"),
    "optimizer.onnx_import": (*BASE,),
    "optimizer.training": BASE,
    "optimizer.interop": MODEL,
    "optimizer.problem": (*MODEL, "formulations.problem"),
    "optimizer.store": (
        "optimizer.files.json_text",
        "optimizer.problem.space",
        "optimizer.problem.versions",
        "formulations.problem",
        "formulations.nest",
        "formulations.nest_check",
    ),
    "optimizer.pricing": (*MODEL, "optimizer.problem", "optimizer.store", "formulations"),
    "optimizer.fusion": PRICED,
    "optimizer.scaling": (
        "optimizer.files.arguments",
        "optimizer.files.rules",
        "optimizer.store",
        "optimizer.problem.versions",
        "optimizer.problem.progress",
    ),
    "optimizer.search": (*PRICED, *BODIES, "optimizer.fusion", "optimizer.scaling"),
    "optimizer.results": (*SEARCHED, "optimizer.golden"),
    "optimizer.solving": FOUND,
    "optimizer.given_groups": FOUND,
    "optimizer.multi_network": FOUND,
    "optimizer.studies": FOUND,
    "optimizer.network_adjustment": (*FOUND, "optimizer.solving", "optimizer.interop.onnx_writer"),
    "optimizer.recompute": (*FOUND, "optimizer.training"),
    "optimizer.checker.again.layer_bounds": PROVER,
    "optimizer.checker.again.points": PROVER,
    "optimizer.checker.again.statements": PROVER,
    "optimizer.checker.again.tangent_lines": PROVER,
    "optimizer.checker.again.time_limit": PROVER,
    "optimizer.checker.again.groups": (
        *PROVER,
        "optimizer.workload",
        "optimizer.pricing",
        "optimizer.fusion",
        "optimizer.store",
    ),
    "optimizer.sparse_engine.check": (),
    "optimizer.sparse_engine.pattern_check": (),
    "optimizer.sparse_engine": (
        "formulations",
        "optimizer.bodies",
        "optimizer.files.arguments",
        "optimizer.files.records",
        "optimizer.problem.versions",
        "optimizer.problem.disagreement",
        "optimizer.problem.status",
        "optimizer.report.figures",
        "optimizer.results.formats",
        "optimizer.results.kinds",
        "optimizer.results.result",
        "optimizer.scaling.options",
    ),
}
"""What a package, or a module of it, may import of us besides itself and the errors."""

SEARCHING = "optimizer.checker.again"
"""The only part of the checker that searches."""
CLOSURES = {
    "optimizer.golden": (
        "optimizer.errors",
        "optimizer.files",
        "optimizer.workload",
        "optimizer.architecture.hardware",
        "optimizer.mapping.mapping",
        "optimizer.mapping.reader",
        "optimizer.mapping.legality",
        "optimizer.mapping.rule_check",
    ),
    "optimizer.checker": (
        "optimizer.errors",
        "optimizer.files",
        "optimizer.bodies",
        "optimizer.workload",
        "optimizer.architecture",
        "optimizer.golden",
        "optimizer.mapping.mapping",
        "optimizer.mapping.reader",
        "optimizer.mapping.legality",
        "optimizer.mapping.rule_check",
        "optimizer.problem",
        "optimizer.results.result",
        "optimizer.results.kinds",
        "optimizer.results.dataframes",
        "optimizer.results.formats",
        "optimizer.results.folder",
        "optimizer.results.load",
        "optimizer.results.codesign_folder",
        "optimizer.results.study_csv",
        "optimizer.results.units",
        "optimizer.interop.onnx_writer",
        "formulations.nest_rules",
        "formulations.problem",
        "formulations.networks.master",
        "formulations.rows",
        "formulations.primes",
    ),
}
"""What a package may import besides itself, directly or through others. Of the checker: no search, no pricing, no cost
model, no fusion, no store and no kernels. ``formulations.rows`` and ``primes`` are what the master needs."""

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


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """All nodes of a module: every rule looks at them."""
    return tuple(ast.walk(tree))


def inside(name: str, packages: tuple[str, ...]) -> bool:
    """Is a module one of these or inside one of them?"""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Our own modules that these parts of a module import, those inside functions included."""
    for node in nodes:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [member if member in MODULES else str(node.module) for member in members]
        yield from (name for name in names if inside(name, OWN))


def packages_of(name: str) -> Iterator[str]:
    """The packages around a module: importing it runs them first."""
    parts = name.split(".")
    yield from (".".join(parts[:number]) for number in range(1, len(parts)))


def closure(start: Iterable[str], edges: Mapping[str, Set[str]]) -> dict[str, str]:
    """Everything that is imported, directly or through others, and by which module first."""
    found = dict.fromkeys(start, "the start")
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        for imported in (*edges.get(name, ()), *packages_of(name)):
            if imported not in found:
                found[imported] = name
                waiting.append(imported)
    return found


def outside(package: str, edges: Mapping[str, Set[str]]) -> list[str]:
    """Modules that the closure of a package, without what searches in it, must not have."""
    start = [name for name in edges if inside(name, (package,)) and not inside(name, (SEARCHING,))]
    allowed = (package, *CLOSURES[package])
    found = closure(start, edges)
    around = {folder for name in found if inside(name, allowed) for folder in packages_of(name)}
    return [
        f"{by} imports {name}"
        for name, by in found.items()
        if inside(name, (SEARCHING,)) or (not inside(name, allowed) and name not in around)
    ]


def calls(tree: ast.Module, *names: str) -> Iterator[ast.Call]:
    """Calls of functions or methods of these names."""
    for node in nodes(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", None))
            if called in names:
                yield node


def breaks_direction(name: str, tree: ast.Module) -> Iterator[str]:
    """Imports against the table, and imports of tests or benchmarks."""
    for imported in imports(nodes(tree)):
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
    for node in nodes(tree):
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
    breaks_direction: ("formulations.nest_program.program", "def f():\n    from optimizer import cost"),
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


PARTS_WITH_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


def at_runtime(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements of a module but what only type checkers see: the body of ``if TYPE_CHECKING`` never runs."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        else:
            inner = ast.iter_child_nodes(node)
            waiting.extend(part for part in inner if isinstance(part, PARTS_WITH_STATEMENTS))


def loads(tree: ast.Module) -> set[str]:
    """Our own modules that a module loads when it runs."""
    return {name for name in imports(at_runtime(tree)) if name in MODULES}


@cache
def edges() -> dict[str, set[str]]:
    """What each module loads."""
    return {name: loads(tree) for name, tree in trees().items()}


@pytest.mark.parametrize("package", CLOSURES)
def test_closure(package: str) -> None:
    assert not outside(package, edges())


@pytest.mark.parametrize("package", CLOSURES)
def test_no_import_of_a_closure_is_hidden(package: str) -> None:
    """No module is named in a string, and none takes a name from the face of ``optimizer``, which imports on demand."""
    allowed = (package, *CLOSURES[package])
    found = {name: tree for name, tree in trees().items() if inside(name, allowed) and not inside(name, (SEARCHING,))}
    assert len(found) > len(CLOSURES[package])
    assert not [name for name, tree in found.items() if list(calls(tree, "import_module", "__import__"))]
    assert not [name for name in found if "optimizer" in edges()[name]]


@pytest.mark.parametrize(
    ("package", "by", "imported"),
    [
        ("optimizer.checker", "optimizer.checker.solve", "optimizer.checker.again.layer_bounds"),
        ("optimizer.checker", "optimizer.problem.goal", "optimizer.search.prepared_problem"),
        ("optimizer.checker", "formulations.networks.master", "formulations.shortest_path.kernels.bounds"),
        ("optimizer.checker", "optimizer.results", "optimizer.results.solve_result"),
        ("optimizer.golden", "optimizer.workload.layer", "optimizer.mapping.cost"),
    ],
)
def test_a_closure_sees_a_breach(package: str, by: str, imported: str) -> None:
    """Also where an allowed module, or a package around one, imports what is not allowed."""
    assert imported in edges()
    assert f"{by} imports {imported}" in outside(package, {**edges(), by: {*edges()[by], imported}})


def test_closures_name_existing_modules() -> None:
    assert {SEARCHING, *CLOSURES, *(name for names in CLOSURES.values() for name in names)} <= set(MODULES)


LIGHT = (
    "optimizer.checker.solve",
    "optimizer.checker.folder",
    "optimizer.golden.group_entry",
    "optimizer.golden.training_memory",
    "optimizer.report.folder",
    "optimizer.cli.solving",
    "optimizer.solving.run",
)
LOADED = """
import importlib, sys
for module in {modules}:
    importlib.import_module(module)
    found = sorted(name for name in sys.modules if name.split(".")[0] in ("numba", "llvmlite", "ortools"))
    assert not found, (module, found)
"""


def test_no_kernels_and_no_solver_are_loaded() -> None:
    """In a fresh process: they are loaded where a program is solved, or a layer is searched."""
    script = LOADED.format(modules=LIGHT)
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_imports_of_type_checkers_alone_are_not_loaded() -> None:
    code = "if TYPE_CHECKING:\n    import optimizer.api\nelse:\n    import optimizer.errors"
    code += "\ndef f():\n    import optimizer.cli"
    assert loads(ast.parse(code)) == {"optimizer.errors", "optimizer.cli"}
