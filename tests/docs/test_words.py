"""The words: what the glossary defines is used, and docstrings and comments say what the field says."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"
PACKAGE = ROOT / "optimizer"
if not GLOSSARY.is_file() or not PACKAGE.is_dir():
    pytest.skip("the documentation or the sources are not beside the tests", allow_module_level=True)
BANNED = {
    r"floors?(?!\()": "lower bound of a layer, layer bound",
    r"ideal corners?": "optimistic corner",
    r"visits?|visited|visiting": "evaluation of a box",
    r"archives?": "incumbents",
    r"NEVER": "INFEASIBLE_COST",
    r"(?:a|one|another|any|every|each) hardware(?! point| description)": "hardware point",
    r"of (?:no )?interest": "may improve on the incumbent",
    r"(?:is|are|was|were|gets?) given up|gives? up": "is stopped",
    r"what is known": "cached; the status; the bounds",
    r"so many": "n, or the name of the number",
    r"dear|dearest": "expensive, most expensive",
    r"frugal|most frugal": "of least energy",
    r"to beat": "cutoff, incumbent",
}
"""What is not said in docstrings and comments, and what is said in its place."""
EXCEPTIONS = {
    "golden/walk.py": ("visits?|visited|visiting",),  # of a partial sum: the word of the glossary
    "mapping/cost.py": ("visits?|visited|visiting",),
    "mapping/lower_bounds.py": ("visits?|visited|visiting",),
    "cli/study.py": ("what is known",),  # printed as help
}


COMMENT = re.compile(r"(?:^[ ]*|  )(#[ !:].*)$", re.MULTILINE)
"""As the formatter writes them: on a line of their own, or two spaces behind the code."""


def prose(text: str) -> Iterator[str]:
    """Docstrings, also those of attributes, and comments, with code in backticks left out."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    yield from COMMENT.findall(text)


@cache
def plain(path: Path) -> tuple[str, ...]:
    """The prose of a file without code in backticks."""
    return tuple(re.sub(r"`+[^`]*`+", "", piece) for piece in prose(path.read_text(encoding="utf-8")))


def said(path: Path, pattern: str) -> list[str]:
    """Places of a file that say a pattern in prose."""
    words = pattern.replace(" ", r"\s+")
    found = re.compile(rf"(?<![\w./_])(?:{words})(?![\w_])", 0 if pattern.isupper() else re.IGNORECASE)
    hits = ((piece, hit) for piece in plain(path) for hit in found.finditer(piece))
    return [" ".join(piece[max(0, hit.start() - 40) : hit.end() + 40].split()) for piece, hit in hits]


def terms() -> list[str]:
    """Every word or phrase that the glossary defines."""
    rows = re.findall(r"^\| (.+?) \| .+ \|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    cells = (re.sub(r"\([^)]*\)|`", "", row) for row in rows)
    return [term.strip() for cell in cells for term in re.split(r"[,:;]", cell) if term.strip() not in ("", "word")]


@pytest.mark.parametrize("pattern", BANNED)
def test_docstrings_and_comments_say_what_the_field_says(pattern):
    found = {
        name: places
        for path in sorted(PACKAGE.rglob("*.py"))
        if pattern not in EXCEPTIONS.get(name := path.relative_to(PACKAGE).as_posix(), ())
        and (places := said(path, pattern))
    }
    assert found == {}, f"say: {BANNED[pattern]}"


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_are_needed(name):
    assert all(said(PACKAGE / name, pattern) for pattern in EXCEPTIONS[name])


def test_every_term_of_the_glossary_is_used():
    pages = [page for page in (ROOT / "docs").rglob("*.md") if page != GLOSSARY]
    files = [*pages, *PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.yaml")]
    text = " ".join(" ".join(file.read_text(encoding="utf-8").split()) for file in files).lower()
    defined = terms()
    assert len(defined) > 100
    unused = []
    for term in defined:
        before = "" if term.startswith("_") else "(?<![a-z0-9])"
        if not re.search(rf"{before}{re.escape(term.lower())}(?:s|es)?(?![a-z0-9])", text):
            unused.append(term)
    assert unused == []
