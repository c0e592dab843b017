"""The loop nests of a final design: of those that cost the same, the ones that depend on the problem alone."""

from __future__ import annotations

import time
from dataclasses import replace

from formulations.stop import Stop, StoppedError
from optimizer.errors import InternalDisagreementError
from optimizer.fusion.network_pricer import FusedPrice
from optimizer.problem.disagreement import disagreement
from optimizer.results.reconciliation import distrusted
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Best, Incumbent
from optimizer.search.point_solver import Pick, Site
from optimizer.search.prepared_problem import PreparedProblem


def with_settled_nests(prepared: PreparedProblem, state: Exploration, deadline: float | None = None) -> Exploration:
    """A complete exploration whose design has the nests of :mod:`optimizer.pricing.settled`.

    Workers, stores and what was searched before do not change them. Once the deadline (``time.perf_counter``) passes,
    or on Ctrl-C, the design keeps the nests that were found. Where a nest of its costs is not found again, nothing is
    proved.
    """
    found = state.found
    if found is None or not state.complete or not found.picks[0].prices:
        return state
    stop, goal = Stop(), prepared.goal
    try:
        with stop.after(None if deadline is None else deadline - time.perf_counter()):
            pick = _settled(prepared, found, stop)
        value = goal.value(pick.energy, pick.latency)
        if value != found.value:
            raise disagreement(f"the best design has {found.value}, its mappings searched once more {value}")
    except (StoppedError, KeyboardInterrupt):
        return state
    except InternalDisagreementError as error:
        return distrusted(prepared, state, error)
    incumbents, cycles = Best(), goal.stretched(pick.energy, pick.latency)
    incumbents.offer(replace(found, picks=(pick,), rank=(value, (cycles,), (pick.energy,), found.box)))
    return replace(state, incumbents=incumbents)


def _settled(prepared: PreparedProblem, found: Incumbent, stop: Stop) -> Pick:
    """The costs of the network with the nests."""
    prices = found.picks[0].prices
    if prepared.fused is None:
        pairs = zip(prepared.pricers, prices, strict=True)
        again = [pricer.settled(found.point, price, stop) for pricer, price in pairs]
        return Site(prepared.pricers, found.point, prepared.vector_cost(found.point)).total(again)
    (price,) = prices
    assert isinstance(price, FusedPrice)
    return replace(found.picks[0], prices=(prepared.fused.settled(found.point, price, stop),))
