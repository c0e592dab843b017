"""Where compiled kernels are kept."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path


def kernel_folder(name: str, sources: Iterable[Path]) -> str:
    """Folder for the compiled code of exactly these sources.

    The compiler's cache looks at one source file only and would miss a change in a file that it calls, so the folder is
    named after the contents of all of them. It is in ``NUMBA_CACHE_DIR`` if set, else in the user's cache folder. Where
    that cannot be written the code goes to a private folder that ends with the process.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()[:16]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = os.environ.get("NUMBA_CACHE_DIR") or Path(home) / "tilewright"
    folder = Path(base) / f"{name}-{digest}"
    return str(folder) if _is_writable(folder) else _private_folder()


def _is_writable(folder: Path) -> bool:
    """Is there such a folder, or can it be made, and may we write there?"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _private_folder() -> str:
    """A folder of this process."""
    folder = tempfile.mkdtemp(prefix="tilewright-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
