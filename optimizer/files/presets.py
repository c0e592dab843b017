"""Presets in the package: find them by name, list them, read them or a user's file."""

from __future__ import annotations

import copy
import difflib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from optimizer.errors import SpecError
from optimizer.files.arguments import check_arguments
from optimizer.files.exact_yaml import load_exact
from optimizer.files.yaml_fields import read_yaml


def preset_names(kind: str) -> list[str]:
    """Names of the presets of a kind (``architectures``, ``technologies``, ``devices``, ``fabrics``), sorted."""
    names = [entry.name for entry in (resources.files("optimizer") / "data" / kind).iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def presets(kind: str = "architectures") -> list[tuple[str, str]]:
    """Name and one-line description of every preset."""
    return [(name, " ".join(read_spec(kind, name)[0]["description"].split())) for name in preset_names(kind)]


def read_spec(kind: str, spec: str | Path, *, beside: str | None = None) -> tuple[Any, str]:
    """Parsed YAML of a preset or of a user's file, and the file's name for messages.

    A spec with a ``.yaml`` or ``.yml`` ending, or of type Path, is a file; anything else is a preset's name.

    Raises
    ------
    SpecError
        On an unknown name (with the presets and a close match) or a file that cannot be read.
    """
    check_arguments(spec=(spec, str | Path))
    if isinstance(spec, Path) or spec.endswith((".yaml", ".yml")):
        path = Path(spec)
        if beside is not None:
            path = Path(beside).parent / path
            if not path.exists():
                raise SpecError(
                    f"there is no file {path}",
                    value=str(spec),
                    allowed="the path of a YAML file, or a preset",
                    remedy="check the path; it starts from this file's folder",
                )
        return read_yaml(path), str(path)
    names = preset_names(kind)
    if spec not in names:
        close = difflib.get_close_matches(spec, names, n=1)
        raise SpecError(
            f"there is no preset of this name in {kind}",
            value=spec,
            allowed=", ".join(names),
            remedy=f"did you mean {close[0]!r}?" if close else "use a preset or the path of a .yaml file",
        )
    file = f"{spec}.yaml"
    return copy.deepcopy(_parsed(kind, file)), file


@cache
def _parsed(kind: str, file: str) -> Any:
    """A preset, parsed once: designs, results and their verification ask for the same few again and again."""
    text = (resources.files("optimizer") / "data" / kind / file).read_text(encoding="utf-8")
    return load_exact(text, file=file)
