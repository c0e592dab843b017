"""The interleaver program's answer: a checked pattern, or what excludes every pattern."""

from __future__ import annotations

import hashlib
import itertools
import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from formulations.cp_sat import SolverStatus
from formulations.sparse.interleaver import Interleaved, Interleaving, solve_interleaving
from optimizer.bodies.sparse import PATTERN, FoundPattern, JunctionEntry, PatternEntry, SpreadObjective
from optimizer.errors import SpecError
from optimizer.problem.disagreement import disagreement
from optimizer.problem.status import Status
from optimizer.problem.versions import versions
from optimizer.sparse_engine.engine import Junction
from optimizer.sparse_engine.pattern_check import pattern_faults, spread
from optimizer.sparse_engine.patterns import AccessPattern, pattern_count

MOST_LITERALS = 600_000


@dataclass(frozen=True)
class Pattern:
    """The pattern if there is one, and everything about it or about why there is none."""

    pattern: AccessPattern | None
    entry: PatternEntry

    @property
    def status(self) -> Status:
        """What is proved."""
        return self.entry.status


def interleave(
    junction: Junction,
    kind: int = 2,
    *,
    dither: bool = False,
    latency: int | None = None,
    wanted_spread: int | None = None,
    time_limit_s: float | None = None,
    workers: int = 1,
    seed: int = 0,
) -> Pattern:
    """A clash-free pattern of a junction.

    Parameters
    ----------
    junction : Junction
        Its z must divide ``N_{i-1}``.
    kind : {2, 3}
        Start rows per sweep, or the same in all sweeps.
    dither : bool
        May slots read other memories than their own?
    latency : int, optional
        Clocks from the reading of a partial delta to its writing (1 + PROCTIME): no row may be read again before.
    wanted_spread : int, optional
        Rows that each right neuron must read from; by default as many as possible.
    time_limit_s : float, optional
    workers, seed : int

    Returns
    -------
    Pattern

    Raises
    ------
    SpecError
        If z does not divide ``N_{i-1}``, or there are too many literals.
    InternalDisagreementError
        If the independent check refuses the pattern.
    """
    started = time.perf_counter()
    asked = Interleaving(
        junction.depth,
        junction.parallel,
        junction.out_degree,
        junction.in_degree,
        kind == 3,
        dither,
        latency,
        True,
        wanted_spread,
    )
    _check(junction, asked)
    found = solve_interleaving(asked, time_limit_s=time_limit_s, workers=workers, seed=seed)
    pattern, stated = None, None
    if found.starts is not None:
        pattern = AccessPattern(junction, found.starts, found.order if dither else None)
        stated = _found(junction, pattern, found, latency)
    infeasible = found.status is SolverStatus.INFEASIBLE
    entry = PatternEntry(
        kind=PATTERN,
        status=Status(found.status.name),
        objective=_objective(asked, found),
        junction=_junction(junction),
        pattern_type=kind,
        dither=asked.dither,
        latency=asked.latency,
        wanted_spread=asked.spread,
        patterns={str(some): count_text(pattern_count(junction, some, dither=asked.dither)) for some in (1, 2, 3)},
        found=stated,
        infeasible=tuple(_blame(asked, time_limit_s)) if infeasible else None,
        seed=seed,
        workers=workers,
        wall_s=round(time.perf_counter() - started, 3),
        versions=versions(),
    )
    return Pattern(pattern, entry)


def _found(junction: Junction, pattern: AccessPattern, found: Interleaved, latency: int | None) -> FoundPattern:
    """The pattern as a result states it.

    Raises
    ------
    InternalDisagreementError
        If it breaks its definition.
    """
    edges = pattern.left_of_edge()
    faults = list(pattern_faults(edges, junction.left, junction.right, junction.parallel, latency))
    reached = spread(edges, junction.right, junction.parallel)
    if faults or reached < (found.spread or 0):
        raise disagreement(f"the pattern breaks its definition: {'; '.join(faults) or 'spread'}")
    return FoundPattern(
        starts=tuple(tuple(row) for row in pattern.starts),
        spread=reached,
        order=None if pattern.order is None else tuple(tuple(row) for row in pattern.order),
        edges_sha256=_digest(edges),
    )


def _check(junction: Junction, asked: Interleaving) -> None:
    if junction.left % junction.parallel:
        raise SpecError(
            "z does not divide the left layer",
            field="z",
            value=junction.parallel,
            allowed=f"divisors of {junction.left}",
            remedy="a sweep then fills whole clocks",
        )
    if asked.literals > MOST_LITERALS:
        raise SpecError(
            "too large for the interleaver program",
            field="z",
            value=asked.literals,
            allowed=f"up to {MOST_LITERALS} pairs of slot, memory and row",
            remedy="use no dither, or type 3",
        )


def _objective(asked: Interleaving, found: Interleaved) -> SpreadObjective:
    none = found.spread is None or asked.spread is not None
    return SpreadObjective(
        name="spread",
        sense="max",
        unit="rows",
        value=found.spread,
        bound=found.bound,
        gap=None if none or found.spread is None else (found.bound - found.spread) / found.spread,
    )


def _junction(junction: Junction) -> JunctionEntry:
    return JunctionEntry(
        left=junction.left,
        right=junction.right,
        out_degree=junction.out_degree,
        in_degree=junction.in_degree,
        z=junction.parallel,
        depth=junction.depth,
    )


def _blame(asked: Interleaving, time_limit_s: float | None) -> list[str]:
    """Fewest of the demands (distinct, latency, spread) that are shown to exclude every pattern."""
    drops: dict[str, dict[str, Any]] = {
        "distinct": {"distinct": False},
        "latency": {"latency": None},
        "spread": {"spread": None},
    }
    active = [name for name in drops if getattr(asked, name) not in (None, False)]
    for count in range(1, len(active)):
        for names in itertools.combinations(active, count):
            rest: dict[str, Any] = {}
            for name in active:
                rest |= {} if name in names else drops[name]
            if solve_interleaving(replace(asked, **rest), time_limit_s=time_limit_s).status is SolverStatus.INFEASIBLE:
                return list(names)
    return active


def count_text(count: int) -> str:
    """All digits up to thirty of them, then the power of ten next below."""
    return f"{count:,}" if count < 10**30 else f"10^{math.floor(math.log10(count))} and more"


def _digest(edges: np.ndarray[Any, np.dtype[np.int64]]) -> str:
    """SHA-256 of the table of edges, to tell patterns apart."""
    return hashlib.sha256(edges.astype("<i8").tobytes()).hexdigest()
