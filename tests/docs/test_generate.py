"""What makes parts of the documentation from the code."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

GENERATE = Path(__file__).parents[2] / "docs" / "generate"
if not GENERATE.is_dir():
    pytest.skip("the documentation is not beside the tests", allow_module_level=True)


@pytest.fixture
def module(monkeypatch):
    """Import a module of the generator."""
    monkeypatch.syspath_prepend(str(GENERATE))
    return importlib.import_module


def included(module, line):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))
    return module("hook").on_page_markdown(f"before\n\n{line}\n\nafter", page=page)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("<!-- include: theory formulations.networks.cover.Cover -->", "for every layer n."),
        ("<!-- include: schema architecture -->", "<code>levels[].double_buffered</code>"),
        ("<!-- include: schema technology -->", "<code>components.NAME(kind: table).rows[].leakage_uw</code>"),
        ("<!-- include: operators -->", "<code>ConvTranspose</code>"),
        ("<!-- include: presets devices -->", "<code>zcu102</code>"),
        ("<!-- include: commands -->", "## tilewright codesign"),
        ("<!-- include: interface -->", "::: optimizer."),
    ],
)
def test_marker_is_replaced_by_what_the_code_says(module, line, found):
    text = included(module, line)
    assert found in text and line not in text and text.startswith("before\n") and text.endswith("\nafter")


@pytest.mark.parametrize(
    "line",
    [
        "<!-- include: nothing -->",
        "<!-- include: theory formulations.no_module -->",
        "<!-- include: theory formulations.networks.cover.Uncovered -->",
        "<!-- include: schema mapping -->",
        "<!-- include: presets chips -->",
        "<!-- include: theory formulations -->",
    ],
)
def test_marker_that_cannot_be_replaced_stops_the_build(module, line):
    errors = module("mkdocs.exceptions")
    with pytest.raises(errors.PluginError, match=r"page\.md"):
        included(module, line)


def test_every_command_is_on_the_page(module):
    text = included(module, "<!-- include: commands -->")
    for name, command in module("commands").leaves():
        assert f"# {name}\n" in text
        assert all(option in text for parameter in command.params for option in parameter.opts if option[0] == "-")


def test_docstrings_become_markdown(module):
    docstrings = module("docstrings")
    assert docstrings.plain("see :func:`a.b` and :math:`E \\ge v`") == "see `a.b` and `E >= v`"
    text = docstrings.with_definitions("Keys::\n\n    a: b\n\nTerm\n    what it is\n\n    inner\n        more\nend")
    assert text == "Keys:\n\n    a: b\n\n**Term**\n\nwhat it is\n\n**inner**\n\nmore\n\nend"
