"""Which caps of a language model stand behind the budgets that exclude every design, and what they would have to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from optimizer.problem.budget_text import rounded_down, rounded_up
from optimizer.problem.serving_caps import BUDGET, ServingCaps, as_budget, in_unit_of
from optimizer.workload.serving import Serving


class Needed(NamedTuple):
    """The least limit (ms or mJ) of a blamed budget that is known; ``exact``: there is a design at it."""

    least: float
    exact: bool


class CapNeed(NamedTuple):
    """A cap to blame, and what it would have to be; None where that is not known."""

    cap: str
    budget: str
    limit: float
    least: float | None


def blamed_caps(
    caps: ServingCaps, serving: Serving, budgets: Sequence[str], needed: Mapping[str, Needed]
) -> Iterator[CapNeed]:
    """The caps behind blamed budgets: those below what is needed, or where that is not known, the tightest."""
    given = caps.given()
    for budget in budgets:
        limits = {cap: as_budget(cap, limit, serving) for cap, limit in given.items() if BUDGET[cap] == budget}
        need = needed.get(budget)
        for cap, limit in limits.items():
            if need is None and limit == min(limits.values()):
                yield CapNeed(cap, budget, float(given[cap]), None)
            elif need is not None and limit < Fraction(str(need.least)):
                yield CapNeed(cap, budget, float(given[cap]), float(_rounded(cap, need, serving)))


def _rounded(cap: str, need: Needed, serving: Serving) -> Decimal:
    """What a cap would have to be, rounded so that the design that is known keeps it (or the bound holds)."""
    value = in_unit_of(cap, Fraction(str(need.least)), serving)
    falling = cap == "min_tokens_per_s"
    return rounded_up(value) if need.exact != falling else rounded_down(value)
