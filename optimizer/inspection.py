"""What the Python interface does with designs given by hand and with results: price, check, save, read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optimizer.api import Folder, ProgressArgument, watching
from optimizer.architecture.architecture import Architecture
from optimizer.files.arguments import check_arguments
from optimizer.problem.versions import versions
from optimizer.results.kinds import EvaluationResult
from optimizer.results.load import load_result, save_result
from optimizer.results.result import Result
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

if TYPE_CHECKING:
    from optimizer.architecture.hardware import Hardware
    from optimizer.checker.verification import Verification
    from optimizer.mapping.cost import LayerCost
    from optimizer.mapping.mapping import Mapping as LoopNest

__all__ = ["evaluate", "evaluate_groups", "load_result", "save", "show_versions", "verify"]


def evaluate(
    layer: Layer,
    hardware: Hardware,
    mapping: LoopNest,
    *,
    accounting: Literal["timeloop", "looptree"] = "timeloop",
    reuse: Literal["held", "innermost", "exact"] = "held",
) -> LayerCost:
    """What a mapping costs on a hardware point: accesses, energy, cycles.

    Parameters
    ----------
    layer : Layer
    hardware : Hardware
        One point of an architecture (``next(iter(architecture.points()))``).
    mapping : Mapping
        A loop nest; it is not checked for legality.
    accounting : {"timeloop", "looptree"}
        How accesses are counted.
    reuse : {"held", "innermost", "exact"}
        What a node need not fetch again. ``innermost``, the rule of the proofs: the overlap of a window that the loop
        right above the node slides. ``held``: the same, with every node moved out past the loops that do not move its
        tile. ``exact``, Timeloop's: also the overlap where the tile moves as it did before.
    """
    from optimizer.architecture.hardware import Hardware  # noqa: PLC0415
    from optimizer.mapping.held import HandReuse, priced  # noqa: PLC0415
    from optimizer.mapping.mapping import Mapping as LoopNest  # noqa: PLC0415

    check_arguments(
        layer=(layer, Layer),
        hardware=(hardware, Hardware),
        mapping=(mapping, LoopNest),
        accounting=(accounting, Literal["timeloop", "looptree"]),
        reuse=(reuse, HandReuse),
    )
    return priced(layer, hardware, mapping, reuse, accounting)[1]


def evaluate_groups(
    network: Network,
    architecture: Architecture,
    groups: str | Path | Mapping[str, Any],
    *,
    objective: str = "energy",
    cache_dir: Folder | None = None,
) -> EvaluationResult:
    """Costs of fused groups chosen by hand, and of the same hardware layer by layer.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        One hardware point (see :func:`optimizer.architecture.selection.select`).
    groups : path or mapping
        A groups file, or its contents.
    objective : {"energy", "latency"}
        What the loop nest inside of every run of a layer minimizes.
    cache_dir : str or Path, optional
        Folder of the store of results.

    Raises
    ------
    SpecError
        On groups that make no sense or do not fit.
    """
    from optimizer.given_groups.evaluate import evaluate_groups as run  # noqa: PLC0415

    check_arguments(
        network=(network, Network),
        architecture=(architecture, Architecture),
        groups=(groups, str | Path | Mapping[str, Any]),
        cache_dir=(cache_dir, str | Path | None),
    )
    given = dict(groups) if isinstance(groups, Mapping) else groups
    return EvaluationResult(
        run(network, architecture, given, objective=objective, cache_dir=None if cache_dir is None else Path(cache_dir))
    )


def verify(
    subject: Result | Folder, *, thorough: bool = False, seed: int | None = None, progress: ProgressArgument = None
) -> Verification:
    """Check the numbers and the proof of a result, or of whatever a command's ``--out`` wrote, by other code.

    Parameters
    ----------
    subject : Result, str or Path
        A result, or the folder of one.
    thorough : bool
        Prove every bound again, not only those of the design and a sample.
    seed : int, optional
        Draws the sample; without one a fresh seed.
    progress : callable, "auto" or None
        As for :func:`solve`.

    Returns
    -------
    Verification
        ``ok``, ``verdict`` (one line) and ``checks``; what is not checked is named.

    Raises
    ------
    SpecError
        If no command wrote the folder, or a file is missing.
    """
    from optimizer.checker.again import verify_folder  # noqa: PLC0415
    from optimizer.checker.again.result import verify_result  # noqa: PLC0415

    check_arguments(
        subject=(subject, Result | str | Path),
        thorough=(thorough, bool),
        seed=(seed, int | None),
        progress=(progress, ProgressArgument),
    )
    watch = watching(progress)
    if isinstance(subject, Result):
        return verify_result(subject, thorough=thorough, seed=seed, progress=watch)
    return verify_folder(subject, thorough=thorough, seed=seed, progress=watch)


def save(result: Result, directory: Folder, *, force: bool = False) -> Path:
    """Write all files of a result into a folder; they appear together.

    Parameters
    ----------
    result : Result
    directory : str or Path
        Made if need be.
    force : bool
        Write over a result of another kind, or over a better one.

    Raises
    ------
    SpecError
        If the folder cannot be written, or holds what only `force` writes over.
    """
    check_arguments(result=(result, Result), directory=(directory, str | Path), force=(force, bool))
    return save_result(result, directory, force=force)


def show_versions() -> dict[str, str]:
    """Versions of Python, Tilewright and what its answers depend on."""
    return versions()
