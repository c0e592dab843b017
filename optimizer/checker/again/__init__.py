"""The complete verifier: all checks of :mod:`optimizer.checker`, plus a new proof of the statements that bounds rest
on.

The checks import no search. This package passes them one, with fresh tables.
"""

from __future__ import annotations

from pathlib import Path

from optimizer.checker import codesign, folder, solve
from optimizer.checker.again.search_again import SearchAgain
from optimizer.checker.stored import StoredCodesign, StoredResult
from optimizer.checker.verification import Verification
from optimizer.problem.progress import Watch
from optimizer.results.kinds import CodesignResult
from optimizer.results.result import Result

__all__ = ["SearchAgain", "verify", "verify_folder", "verify_joint"]


def verify(
    source: str | Path | Result | StoredResult,
    *,
    thorough: bool = False,
    seed: int | None = None,
    progress: Watch | None = None,
) -> Verification:
    """Check a result; parameters, outcome and errors are those of :func:`optimizer.checker.solve.verify`."""
    return solve.verify(source, SearchAgain(), thorough=thorough, seed=seed, progress=progress)


def verify_joint(
    source: str | Path | CodesignResult | StoredCodesign,
    *,
    thorough: bool = False,
    seed: int | None = None,
    progress: Watch | None = None,
) -> Verification:
    """Check a co-design; parameters, outcome, errors: those of :func:`optimizer.checker.codesign.verify_joint`."""
    return codesign.verify_joint(source, SearchAgain(), thorough=thorough, seed=seed, progress=progress)


def verify_folder(
    directory: str | Path,
    *,
    thorough: bool = False,
    seed: int | None = None,
    progress: Watch | None = None,
) -> Verification:
    """Check a folder; parameters, outcome and errors are those of :func:`optimizer.checker.folder.verify_folder`."""
    return folder.verify_folder(directory, SearchAgain(), thorough=thorough, seed=seed, progress=progress)
