"""Every tutorial runs as it is printed, in an empty folder and with an empty cache."""

from pathlib import Path

import pytest

from tests.docs.tutorial_blocks import blocks, check, run

PAGES = Path(__file__).parents[2] / "docs" / "tutorial"
if not PAGES.is_dir():
    pytest.skip("the documentation is not beside the tests", allow_module_level=True)
QUICK = ("03-own-onnx-model",)
TUTORIALS = [
    pytest.param(page, id=page.stem, marks=() if page.stem in QUICK else pytest.mark.slow)
    for page in sorted(PAGES.glob("[0-9]*.md"))
]


def test_there_are_ten_tutorials():
    assert [page.name[:2] for page in sorted(PAGES.glob("[0-9]*.md"))] == [f"{n:02}" for n in range(1, 11)]


@pytest.mark.parametrize("page", TUTORIALS)
def test_tutorial_runs_and_prints_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert any(block.language == "console" for block in blocks(page))
    run(page)


@pytest.mark.slow
def test_guide_to_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(PAGES.parent / "guide" / "python.md")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a\nb", "a\n\n│ b │\n"),
        ("...\nc", "a\nb\nc\n"),
        ("a\n...", "a\nb\n"),
        ("a\n...\nc", "a\nb\nc\n"),
        ("it took 3 s", "it took 1.25 s"),
        ("a ... c", "a b c"),
        ("b", "0.1 s  working\nb\n"),
        ("a\n...", "a\n"),
    ],
)
def test_what_counts_as_shown(shown, printed):
    check(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a\nb", "a\nc\nb\n"),
        ("...\nc", "c\nb\n"),
        ("a\n...\nb\n...", "a\nc\n"),
        ("a", "a\nb\n"),
        ("5 mJ", "6 mJ"),
        ("a ... c", "a b d"),
        ("a\n...\na", "a\n"),
        ("...\nb\n...\nc\n...", "c\nb\n"),
        ("...", "a\n"),
    ],
)
def test_what_does_not(shown, printed):
    with pytest.raises(AssertionError):
        check(shown, printed)
