"""The typed Python interface: solve a network, map a layer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from optimizer.architecture import Architecture
from optimizer.assemble import unit_value
from optimizer.budgets import Limits
from optimizer.conclude import conclude
from optimizer.explore import Exploration, Explorer
from optimizer.fusion.compare import comparison
from optimizer.fusion.options import Fusion
from optimizer.infeasible import explain
from optimizer.part import Part
from optimizer.points import point_set, size
from optimizer.result import Progress, Result
from optimizer.session import Padding, Session, make_goal, prepare
from optimizer.workload import Layer, Network

Watch = Callable[[Progress], None]


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
        Seconds after which the best design so far is returned with its bound.
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

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    started = time.perf_counter()
    session = prepare(
        network, architecture, objective=objective, padding=padding, cache_dir=cache_dir, fusion=fusion, workers=workers
    )  # fmt: skip
    deadline = None if time_limit_s is None else started + time_limit_s

    def ask(limits: Limits, other_objective: str, purpose: str) -> Exploration:
        other = _rebudget(session, limits, other_objective)
        return _explore(other, workers, deadline, progress and _Reporter(other, started, progress, purpose))

    state = _explore(session, workers, deadline, progress and _Reporter(session, started, progress))
    result = conclude(session, state, seed=seed, wall_s=time.perf_counter() - started)
    if result.status == "INFEASIBLE":
        result.data["infeasible"] = explain(session, ask)
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
    return Result(fused.data | {"comparison": comparison(alone.data, fused.data)}, fused.certificate)


def map_layer(
    layer: Layer, architecture: Architecture, *, objective: str = "energy", padding: Padding = "none",
    time_limit_s: float | None = None, workers: int = 2, seed: int = 0, cache_dir: Path | None = None,
    progress: Watch | None = None,
) -> Result:  # fmt: skip
    """Best mapping of a single layer; where the architecture has menus, the best hardware as well.

    Parameters are those of :func:`solve`.
    """
    network = Network(layer.name)
    network.add(layer)
    return solve(
        network, architecture, objective=objective, padding=padding, time_limit_s=time_limit_s, workers=workers,
        seed=seed, cache_dir=cache_dir, progress=progress,
    )  # fmt: skip


def _explore(
    session: Session, workers: int, deadline: float | None, report: Callable[[Exploration], None] | None
) -> Exploration:  # fmt: skip
    part = Part(session.parts, session.goal, session.vector_cost)
    explorer = Explorer([part], session.points, session.area_cap_um2, workers=workers, limits=session.resource_caps)
    return explorer.run(deadline=deadline, report=report)


def _rebudget(session: Session, limits: Limits, objective: str) -> Session:
    """The same problem under other limits; on a device they also decide which kinds of memory suit a point best."""
    points = session.points
    architecture = session.architecture.within(replace(limits, dram_gbps=session.architecture.budgets.dram_gbps))
    if architecture.plan != session.architecture.plan:
        points = point_set(list(architecture.points()))
    some = next(iter(points.points.values()))
    return replace(session, architecture=architecture, points=points, goal=make_goal(objective, limits, some))


class _Reporter:
    """Hands the state of an exploration to a progress callback: at the start, and after every box.

    Parameters
    ----------
    session : Session
    started : float
        When the solve began (``time.perf_counter``).
    watch : callable
    purpose : str, optional
        What an exploration besides the main one is for. Its values are not those of the problem: they are left out.
    """

    def __init__(self, session: Session, started: float, watch: Watch, purpose: str = "") -> None:
        self._started, self._watch, self._purpose = started, watch, purpose
        self._total = size(session.points.whole)
        self._unit, self._worth = unit_value(session.goal.objective, session.points.corner(session.points.whole))
        self._read = self._closed = self._solved = 0
        self._tell(purpose or "solving a first hardware point")

    def __call__(self, state: Exploration) -> None:
        """Report the boxes closed since the last call, and the values."""
        for entry in state.closed[self._read :]:
            self._closed += size(entry.box)
            self._solved += size(entry.box) if entry.by == "solved" else 0
        self._read = len(state.closed)
        if self._purpose:
            self._tell(self._purpose)
        else:
            self._tell("", state.value, state.bound or None)

    def _tell(self, message: str, value: Fraction | None = None, bound: Fraction | None = None) -> None:
        gap = None if not value or bound is None else max(0.0, float((value - bound) / value))
        self._watch(Progress(
            elapsed_s=time.perf_counter() - self._started,
            incumbent=None if value is None else float(value * self._worth),
            bound=None if bound is None else float(bound * self._worth),
            gap=gap, points_total=self._total, points_closed=self._closed, points_solved=self._solved,
            message=message, unit=self._unit,
        ))  # fmt: skip
