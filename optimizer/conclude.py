"""The end of an exploration: a settled proof, a result and its certificate."""

from __future__ import annotations

from fractions import Fraction

from formulations.master import Entry, settle
from optimizer.assemble import certificate, result_data
from optimizer.explore import Exploration
from optimizer.fabric import Caps
from optimizer.reconcile import reconciled
from optimizer.result import Result
from optimizer.session import Session


def conclude(session: Session, state: Exploration, *, seed: int, wall_s: float) -> Result:
    """The result of one network; `wall_s` is how long it took.

    Where parts of Tilewright disagree about it, the result is at most FEASIBLE, and says so under ``disagreements``.
    """
    state = reconciled(session, state)
    master = settled(state, session.area_cap_um2, session.resource_caps, seed)
    return Result(result_data(session, state, seed, wall_s), certificate(session, state, master))


def settled(state: Exploration, area_cap_um2: int | None, limits: Caps, seed: int) -> str | None:
    """The master's proof that no box undercuts the design; values beyond its integers are scaled down."""
    if state.value is None:
        return None
    scale = max(1, int(state.value) >> 50)
    entries = [
        Entry(
            c.area_um2, int(c.bound / scale), int(state.value / scale) if c.box == state.best_box else None, c.resources
        )
        for c in state.closed if c.by != "infeasible"
    ]  # fmt: skip
    found = settle(entries, area_cap=area_cap_um2, limits=limits, seed=seed)
    return None if found is None else str(Fraction(found) * scale)
