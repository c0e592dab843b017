"""Solving, in Python: thin wrappers around a problem, options and a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optimizer.architecture.architecture import Architecture
from optimizer.errors import SpecError
from optimizer.files.arguments import check_arguments
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.problem import Problem
from optimizer.problem.progress import Watch
from optimizer.problem.serving_caps import ServingCaps
from optimizer.problem.space import Padding, engine_named
from optimizer.results.kinds import SolveResult
from optimizer.scaling.options import Options
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

if TYPE_CHECKING:
    from optimizer.scaling.pool import Pool

ProgressArgument = Watch | Literal["auto"] | None
Folder = str | Path


def solve(
    network: Network,
    architecture: Architecture,
    *,
    objective: str = "energy",
    padding: Padding = "none",
    fusion: Fusion | None = None,
    caps: ServingCaps | None = None,
    engine: str = "auto",
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
    cache_dir: Folder | None = None,
    progress: ProgressArgument = None,
) -> SolveResult:
    """Best hardware of an architecture's menus and best mapping of every layer, with a proof.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        Its budgets are kept (see :meth:`Architecture.with_budgets`).
    objective : {"energy", "latency", "edp"}
        Sums over the layers; ``edp`` is (sum of energies) x (sum of latencies).
    padding : {"none", "auto"} or mapping of dim to extents
        Larger extents that dims may be padded to; the padded work is paid for.
    fusion : Fusion, optional
        Groups of layers may run tile by tile with their inner tensors on chip; by default every layer runs by itself.
    caps : ServingCaps, optional
        Of a language model: time to the first token or per output token, tokens per second, energy per token.
    engine : {"auto", "path", "cp-sat", "both"}
        What searches the loop nests: ``path``, a shortest path; ``cp-sat``, CP-SAT alone (slower); ``both`` these two,
        which have to agree. ``auto`` is path.
    time_limit_s : float, optional
        Seconds after which the best design so far is returned with its bound.
    workers : int
        Threads; the answer does not depend on it.
    seed : int
        Of the CP-SAT master.
    cache_dir : str or Path, optional
        Folder of the store of results; without it results are kept in memory only.
    progress : callable, "auto" or None
        Called with a :class:`Progress` now and then; "auto" shows a line in a terminal or notebook.

    Returns
    -------
    SolveResult

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    from optimizer.solving.run import run  # noqa: PLC0415

    check_arguments(network=(network, Network), architecture=(architecture, Architecture))
    return run(
        Problem(network, architecture, objective, padding, fusion, engine_named(engine), caps),
        run_options(time_limit_s, workers, seed, cache_dir, progress),
    )


def compare(
    network: Network,
    architecture: Architecture,
    *,
    fusion: Fusion | None = None,
    without: str | None = None,
    objective: str = "energy",
    engine: str = "auto",
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
    cache_dir: Folder | None = None,
    progress: ProgressArgument = None,
) -> SolveResult:
    """The best design, and beside it (``result.beside``) the best one of another problem.

    With `fusion`, the other one is layer by layer; with `without`, the other one need not keep that constraint on
    mappings, which is named as results name it; with both, both are fused and differ by the constraint. Each has the
    hardware that is best for it. The other parameters are those of :func:`solve`; the time limit is for each.

    Raises
    ------
    SpecError
        If neither `fusion` nor `without` is given, or there is no such constraint.
    """
    from optimizer.solving.run import compare as run  # noqa: PLC0415
    from optimizer.solving.run import without_rule  # noqa: PLC0415

    check_arguments(
        network=(network, Network),
        architecture=(architecture, Architecture),
        fusion=(fusion, Fusion | None),
        without=(without, str | None),
    )
    if fusion is None and without is None:
        raise SpecError(
            "nothing to compare with",
            field="fusion, without",
            value=None,
            allowed="fusion, without, or both",
            remedy="give fusion=Fusion(...), or without the name of a constraint on mappings",
        )
    asked = Problem(network, architecture, objective, "none", fusion, engine_named(engine))
    how = run_options(time_limit_s, workers, seed, cache_dir, progress)
    return run(asked, how) if without is None else without_rule(asked, without, how)


def map_layer(
    layer: Layer,
    architecture: Architecture,
    *,
    objective: str = "energy",
    padding: Padding = "none",
    engine: str = "auto",
    time_limit_s: float | None = None,
    workers: int = 2,
    seed: int = 0,
    cache_dir: Folder | None = None,
    progress: ProgressArgument = None,
) -> SolveResult:
    """Best mapping of a single layer; where the architecture has menus, the best hardware as well.

    Parameters are those of :func:`solve`.
    """
    return solve(
        network_of(layer),
        architecture,
        objective=objective,
        padding=padding,
        engine=engine,
        time_limit_s=time_limit_s,
        workers=workers,
        seed=seed,
        cache_dir=cache_dir,
        progress=progress,
    )


def network_of(layer: Layer, origin: Network | None = None) -> Network:
    """A network of a single layer, with its name; its file and constraints on mappings are those of its `origin`."""
    check_arguments(layer=(layer, Layer))
    network = Network(layer.name) if origin is None else Network(layer.name, mapping=origin.mapping, file=origin.file)
    network.add(layer)
    return network


def run_options(
    time_limit_s: float | None,
    workers: int,
    seed: int,
    cache_dir: Folder | None,
    progress: ProgressArgument,
    pool: Pool | None = None,
) -> Options:
    """How a task is run, from the keywords of its function."""
    return Options(time_limit_s, workers, seed, _path(cache_dir), pool, watching(progress))


def _path(folder: Folder | None) -> Path | None:
    return Path(folder) if isinstance(folder, str) else folder


def watching(progress: ProgressArgument) -> Watch | None:
    """The callback that `progress` asks for."""
    if progress != "auto":
        return progress
    from optimizer.report.live import live_progress  # noqa: PLC0415

    return live_progress()


__all__ = ["compare", "map_layer", "solve"]
