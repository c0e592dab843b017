"""Verification of a result in memory, with the checks of the folder that it would be saved into."""

from __future__ import annotations

import tempfile

from optimizer.checker.again import verify_folder
from optimizer.checker.verification import Verification
from optimizer.problem.progress import Watch
from optimizer.results.folder import write_files
from optimizer.results.result import Result


def verify_result(
    result: Result,
    *,
    thorough: bool = False,
    seed: int | None = None,
    progress: Watch | None = None,
) -> Verification:
    """Check a result of any kind; outcome and errors are those of :func:`optimizer.checker.again.verify_folder`."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(result.files(), folder)
        return verify_folder(folder, thorough=thorough, seed=seed, progress=progress)
