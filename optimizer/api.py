"""The typed Python interface: solve a network, map a layer."""

from __future__ import annotations

import time
from pathlib import Path

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.boxes import size
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.problem import Problem
from optimizer.problem.space import Padding
from optimizer.results.comparison import comparison
from optimizer.results.result import Result
from optimizer.results.solve_result import conclude
from optimizer.results.totals import unit_value
from optimizer.search.branch_and_bound import Report
from optimizer.search.infeasibility import explain, patience
from optimizer.search.progress import Reporter, Show, Watch
from optimizer.search.session import Session, prepare
from optimizer.search.threads import asker, explore_session
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network


def solve(
    network: Network, architecture: Architecture, *, objective: str = "energy", padding: Padding = "none",
    time_limit_s: float | None = None, workers: int = 2, seed: int = 0, cache_dir: Path | None = None,
    fusion: Fusion | None = None, progress: Watch | None = None,
) -> Result:  # fmt: skip
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
    time_limit_s : float, optional
        Seconds after which the best design so far is returned with its bound. Without it, the reason why there is no
        design is sought only for a short while (:func:`optimizer.search.infeasibility.explain`).
    workers : int
        Threads; the answer does not depend on it.
    seed : int
        Of the CP-SAT master.
    cache_dir : Path, optional
        Folder of the layer store; without it results are kept in memory only.
    fusion : Fusion, optional
        Groups of layers may run tile by tile with their inner tensors on chip; by default every layer runs by itself.
    progress : callable, optional
        Called with a :class:`Progress` at the start and after every box of hardware points; also while the reason
        is sought why there is no design.

    Returns
    -------
    Result
        Where the search and the cost model disagree (a fault of Tilewright) its ``data["disagreements"]`` says so: the
        best design found is kept, FEASIBLE, with the bound that holds without a search.

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    started = time.perf_counter()
    asked = Problem(network, architecture, objective, padding, fusion)
    session = prepare(asked, cache_dir=cache_dir, workers=workers)
    deadline = None if time_limit_s is None else started + time_limit_s

    def reports(other: Session, purpose: str = "") -> Report | None:
        return progress and _reporter(other, started, progress, purpose)

    state = explore_session(session, workers, deadline, reports(session))
    result = conclude(session, state, seed=seed, wall_s=time.perf_counter() - started)
    if result.status == "INFEASIBLE":
        ask = asker(session, workers, patience([session], started, deadline), reports)
        result.data["infeasible"] = explain(session, ask, asked=deadline is not None)
        result.data["wall_s"] = round(time.perf_counter() - started, 3)
    return result


def compare(
    network: Network, architecture: Architecture, *, fusion: Fusion, objective: str = "energy",
    padding: Padding = "none", time_limit_s: float | None = None, workers: int = 2, seed: int = 0,
    cache_dir: Path | None = None, progress: Watch | None = None,
) -> Result:  # fmt: skip
    """Best design with fusion, and under ``comparison`` the best one layer by layer beside it.

    Each has the hardware that is best for it. Parameters are those of :func:`solve`; the time limit is for each.
    """

    def solved(fused: Fusion | None) -> Result:
        return solve(
            network, architecture, objective=objective, padding=padding, time_limit_s=time_limit_s, workers=workers,
            seed=seed, cache_dir=cache_dir, fusion=fused, progress=progress,
        )  # fmt: skip

    alone, fused = solved(None), solved(fusion)
    faults = [fault for result in (alone, fused) for fault in result.data.get("disagreements", ())]
    both = {"comparison": comparison(alone.data, fused.data)} | ({"disagreements": faults} if faults else {})
    return Result(fused.data | both, fused.certificate, alone)


def map_layer(
    layer: Layer, architecture: Architecture, *, objective: str = "energy", padding: Padding = "none",
    time_limit_s: float | None = None, workers: int = 2, seed: int = 0, cache_dir: Path | None = None,
    progress: Watch | None = None,
) -> Result:  # fmt: skip
    """Best mapping of a single layer; where the architecture has menus, the best hardware as well.

    Parameters are those of :func:`solve`.
    """
    return solve(
        network_of(layer), architecture, objective=objective, padding=padding, time_limit_s=time_limit_s,
        workers=workers, seed=seed, cache_dir=cache_dir, progress=progress,
    )  # fmt: skip


def network_of(layer: Layer) -> Network:
    """A network of a single layer, with its name."""
    network = Network(layer.name)
    network.add(layer)
    return network


def _reporter(session: Session, started: float, watch: Watch, purpose: str = "") -> Reporter:
    """Reports an exploration; the values of one with a purpose besides the main one are not those of the problem."""
    whole = session.points.whole
    unit, worth = unit_value(session.goal.objective, session.points.corner(whole))
    show: Show | None = None if purpose else lambda value: float(value * worth)
    return Reporter(watch, started, size(whole), unit, show, purpose, purpose or "solving a first hardware point")
