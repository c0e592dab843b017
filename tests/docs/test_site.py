"""The documentation: it builds strictly and offline, links hold, README is short, the glossary has every word."""

import hashlib
import pydoc
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import optimizer
from formulations.cp_sat import SolverStatus
from optimizer.architecture.device import RESOURCES
from optimizer.architecture.schema import json_schema
from optimizer.cli import main
from optimizer.given_groups.schema import groups_schema
from optimizer.problem.aggregate import KINDS
from optimizer.problem.space import OBJECTIVES
from optimizer.workload.network import PHASES
from optimizer.workload.views import TILE_AXES
from tests.docs.tutorial_blocks import blocks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
if not DOCS.is_dir():
    pytest.skip("the documentation is not beside the tests", allow_module_level=True)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
OFFLINE = """
import socket, sys
def refuse(*arguments, **named):
    raise OSError("the build must not use the network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from mkdocs.__main__ import cli
cli()
"""
OUTSIDE = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//", re.IGNORECASE)
STYLE_OUTSIDE = re.compile(r"@import[^;]*//|url\([\"']?(?:https?:)?//", re.IGNORECASE)
RULES = "f6da483a12f1b43b05d78fb9879159d2b946fd4498bef52ceec013c5d5d0e7eb"
"""Of the text of the rules of the declared space, spaces aside."""


def section(text: str, heading: str) -> str:
    """The text below a heading of the second rank, up to the next one."""
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.slow
def test_site_builds_strictly_and_needs_no_network(tmp_path):
    command = [sys.executable, "-c", OFFLINE, "build", "--strict", "--site-dir", str(tmp_path / "site")]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    pages = [page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")]
    assert pages and all((tmp_path / "site" / page).is_file() for page in pages)
    for file in (tmp_path / "site").rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert not OUTSIDE.search(text), file
        assert "<!-- include:" not in text, file
    for file in (tmp_path / "site").rglob("*.css"):
        assert not STYLE_OUTSIDE.search(file.read_text(encoding="utf-8")), file


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))], ids=str)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in (first or second for first, second in LINK.findall(text)):
        place, _, anchor = link.partition("#")
        if place.startswith(("http:", "https:")):
            continue
        target = (page.parent / place).resolve() if place else page
        assert target.is_file(), f"{page}: {link}"
        if anchor:
            assert anchor in _anchors(target), f"{page}: {link}"


CODE = re.compile(r"``?([^`\n]+)``?")
PLACE = re.compile(r"(?:optimizer|formulations|examples|tests|benchmarks|docs|\.ci)/[\w./-]+")
NAME = re.compile(r"(?:optimizer|formulations)(?:\.\w+)+")


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))], ids=str)
def test_what_pages_name_is_there(page):
    """Files and objects of the code."""
    named = CODE.findall(page.read_text(encoding="utf-8"))
    places = {place for text in named for place in PLACE.findall(text) if "DATE" not in place}
    assert {place for place in places if not (ROOT / place).exists()} == set()
    assert {name for text in named for name in NAME.findall(text) if pydoc.locate(name) is None} == set()


def shown_commands() -> list[str]:
    """Commands in blocks that are shown and not run, of README and of all pages."""
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    texts = (block.text for page in pages for block in blocks(page) if block.language == "sh")
    return [line for text in texts for line in text.splitlines() if line.startswith("tilewright ")]


@pytest.mark.parametrize("line", shown_commands())
def test_commands_that_are_shown_are_understood(line):
    _, *arguments = shlex.split(line, comments=True)
    command = main
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), arguments.pop(0))
        assert found is not None
        command = found
    assert set(_missing(command, arguments)) == set()


def _missing(command: click.Command, arguments: list[str]) -> Iterator[str]:
    """Names of required parameters that are not given; unknown options raise."""
    given, left, _ = command.make_parser(click.Context(command, **main.context_settings)).parse_args(list(arguments))
    assert left == []
    for parameter in command.params:
        if parameter.required and not given.get(parameter.name):
            yield str(parameter.name)


def test_every_page_has_a_place():
    places = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert [page for page in pages if not re.search(rf"[ :]{re.escape(page)}$", places, re.MULTILINE)] == []


def test_readme_is_short_and_starts_with_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    block = re.search(r"^```\w*\n(.*?)^```$", section(text, "Quick start"), re.MULTILINE | re.DOTALL)
    assert block is not None
    solve, test = block[1].splitlines()
    assert solve.endswith("tilewright solve alexnet --architecture edge_small --objective energy --out results/alexnet")
    assert test.endswith('.venv/bin/pip install -e ".[dev]" && .venv/bin/python -m pytest -n 2')


def test_contributing_is_short():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80 and section(text, "Tests").strip()


def test_declared_space_is_stated_word_for_word():
    """Tests and the adversary are written from the four rules: whoever changes the text looks at them, too."""
    rules = section((DOCS / "theory" / "mapspace.md").read_text(encoding="utf-8"), "The declared space")
    stated = rules[: rules.index("Nothing else is asked")]
    assert re.findall(r"^(\d)\. ", stated, re.MULTILINE) == list("1234")
    assert hashlib.sha256(" ".join(stated.split()).encode()).hexdigest() == RULES


def words() -> list[str]:
    """Words of results, options and files that a user meets."""
    level = json_schema()["properties"]["levels"]["items"]["properties"]
    group = groups_schema()["properties"]["groups"]["items"]["properties"]
    policies = group["halo"]["properties"]["rows"]["enum"] + group["weights"]["additionalProperties"]["enum"]
    accountings = json_schema()["properties"]["accounting"]["enum"]
    modes = json_schema()["properties"]["sparsity"]["properties"]["mode"]["enum"]
    statuses = [*(status.name for status in SolverStatus), "EVALUATED"]
    suffixes = ("_pj", "_mj", "_cycles", "_ms", "_s", "_um2", "_mm2", "_w", "_mhz", "_bits", "_words", "_percent")
    return [
        *statuses,
        *OBJECTIVES,
        *accountings,
        *(name for name in level if name != "name"),
        *RESOURCES,
        *KINDS,
        *PHASES,
        *TILE_AXES,
        *policies,
        *modes,
        *suffixes,
        "menu",
        "hardware point",
        "box",
        "floor",
        "gap",
        "certificate",
    ]


@pytest.mark.parametrize("word", words())
def test_glossary_explains(word):
    text = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
    defined = " ".join(re.findall(r"^\| (.+?) \|", text, re.MULTILINE))
    assert re.search(rf"(?<![\w_]){re.escape(word)}(?![\w_])", defined), word


NO_UNITS = frozenset(("_area", "_bound", "_caps", "_energy", "_size"))
"""Ends of keys of counts (``closed_by_area``) and of bounds."""


@pytest.fixture(scope="module")
def result():
    layer = optimizer.load(str(ROOT / "examples" / "conv.yaml")).mac_layers()[0]
    return optimizer.map_layer(layer, optimizer.load_architecture("eyeriss_rs"))


def test_glossary_explains_the_units_in_keys(result):
    text = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
    found = units(result.to_json()) | units(result.certificate)
    assert {"_pj", "_cycles", "_ms", "_w"} <= found
    assert {unit for unit in found - NO_UNITS if f"`{unit}`" not in text} == set()


def units(data: object) -> set[str]:
    """Suffixes behind the last underscore of the keys of a result that stand for numbers."""
    if isinstance(data, dict):
        own = {f"_{key.rpartition('_')[2]}" for key, value in data.items() if "_" in key and _is_number(value)}
        return own.union(*(units(value) for value in data.values()))
    return set().union(*(units(value) for value in data)) if isinstance(data, list) else set()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
