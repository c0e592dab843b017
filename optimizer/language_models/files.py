"""Configurations in files: a ``.json`` file, or a folder that holds a ``config.json``."""

from __future__ import annotations

from pathlib import Path

from optimizer.errors import SpecError
from optimizer.files.json_text import parse_json
from optimizer.files.names import one_line
from optimizer.language_models.fields import Fields

CONFIGURATION = "config.json"
ENDINGS = (".config", ".facts")


def is_configuration(spec: str) -> bool:
    """Whether a spec is the path of a configuration or of a folder."""
    return spec.lower().endswith(".json") or _is_folder(spec)


def _is_folder(spec: str) -> bool:
    try:
        return Path(spec).is_dir()
    except (OSError, ValueError):  # a name that is too long for one
        return False


def read_configuration(spec: str) -> tuple[Fields, str]:
    """The keys of a configuration, and the name of its model: that of the folder or of the file.

    Raises
    ------
    SpecError
        If the file is missing, unreadable, or no JSON object.
    """
    path = Path(spec) / CONFIGURATION if _is_folder(spec) else Path(spec)
    file = str(path)
    allowed = "a config.json, or a folder that holds one"
    try:
        data = parse_json(path.read_text(encoding="utf-8"), file)
    except FileNotFoundError:
        raise SpecError("no such file", file=file, allowed=allowed, remedy="check the path") from None
    except OSError as error:
        problem = f"cannot read the file: {error.strerror}"
        raise SpecError(problem, file=file, allowed=allowed, remedy="check the path") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(
            f"not JSON: {error}", file=file, allowed=allowed, remedy="download the file again, or mend it"
        ) from None
    if not isinstance(data, dict):
        raise SpecError(
            "not the configuration of a model",
            file=file,
            value=data,
            allowed="an object with the key model_type",
            remedy="give the config.json of a model",
        )
    return Fields(data, file), one_line(_name(path))


def _name(path: Path) -> str:
    if path.name == CONFIGURATION:
        return path.absolute().parent.name or "model"
    name = path.stem
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name
