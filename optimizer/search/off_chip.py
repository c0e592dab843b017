"""Problems whose network does not fit into the outermost memory: there is no design, and nothing is searched."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from optimizer.bodies.infeasibility import Infeasibility, OffChipExcess, Relaxation
from optimizer.errors import SpecError
from optimizer.problem.off_chip import BUDGET, REASON, Excess, excess_of, excess_text, memory_relaxation
from optimizer.problem.status import Termination
from optimizer.search.exploration import Closed, Exploration
from optimizer.search.incumbents import Best
from optimizer.search.prepared_problem import PreparedProblem


def excess_in(prepared: PreparedProblem) -> Excess | None:
    """What does not fit into the outermost memory; None where there is room, or no limit."""
    return excess_of(prepared.network, prepared.architecture.budgets)


def closed_at_once(prepared: PreparedProblem) -> Exploration:
    """An exploration that closes all points because the network does not fit."""
    points, parts = prepared.points, len(prepared.search_pricers)
    state = Exploration(prepared.goal, points.total, Best(), complete=True, ended=Termination.COMPLETE)
    for box in points.occupied([points.whole]):
        corner = points.corner(box)
        floors = (0,) * parts
        count = points.count(box)
        closed = Closed(box, REASON, count, corner.area_um2, Fraction(0), floors, floors, corner.resources)
        state.closed.append(closed)
    return state


def memory_reason(prepared: PreparedProblem, excess: Excess) -> Infeasibility:
    """Why there is no design: the capacity, and the bytes that do not fit."""
    stated: dict[str, Any] = memory_relaxation(prepared.network, prepared.architecture.budgets, excess)
    memory = OffChipExcess(**excess._asdict())
    return Infeasibility(budgets=(BUDGET,), relaxations=(Relaxation(**stated),), complete=True, memory=memory)


def refuse_excess(prepared: PreparedProblem) -> None:
    """Refuse a network that does not fit, where the answer would be that there is nothing to compare.

    Raises
    ------
    SpecError
    """
    excess = excess_in(prepared)
    if excess is not None:
        raise SpecError(
            f"{prepared.network.name} does not fit off chip: {excess_text(excess)}",
            file=prepared.architecture.file,
            field=f"budgets.{BUDGET}",
            value=str(prepared.architecture.budgets.dram_gib),
            allowed="a capacity that holds the weights, and the cache of a language model",
            remedy="raise it (--dram-gib), or make the network smaller, e.g. with --bits",
        )
