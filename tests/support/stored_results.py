"""What searches find as its files hold it, for tests that change it and look at its verification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optimizer import api, features
from optimizer.checker.stored import StoredCodesign, StoredResult, stored
from optimizer.results.folder import write_files
from optimizer.results.formats import CERTIFICATE_FILE, RESULT_FILE
from tests.support import codesign_cases


def solve(*args: Any, **asked: Any) -> StoredResult:
    """The best design."""
    return stored(api.solve(*args, **asked))


def compare(*args: Any, **asked: Any) -> StoredResult:
    """The best design with fusion, beside the one without."""
    return stored(api.compare(*args, **asked))


def study(*args: Any, **asked: Any) -> StoredResult:
    """A staircase."""
    return stored(features.study(*args, **asked))


def front(*args: Any, **asked: Any) -> StoredResult:
    """A front."""
    return stored(features.front(*args, **asked))


def codesign(*args: Any, **asked: Any) -> StoredCodesign:
    """One design for several networks."""
    found = stored(features.codesign(*args, **asked))
    assert isinstance(found, StoredCodesign)
    return found


def joint(*args: Any, **asked: Any) -> StoredCodesign:
    """A co-design of the small networks."""
    found = stored(codesign_cases.joint(*args, **asked))
    assert isinstance(found, StoredCodesign)
    return found


def written(result: StoredResult, folder: str | Path) -> Path:
    """The folder with both files of a result, whatever was there."""
    parts = {RESULT_FILE: result.data, CERTIFICATE_FILE: result.certificate}
    return write_files({name: json.dumps(data).encode() for name, data in parts.items()}, folder)
