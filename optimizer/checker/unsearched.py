"""Checks without a search: counting proves what it can of a bound, and the rest is named as not checked."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from optimizer.checker.bound_weights import BOXES, LAYER_BOUNDS, LINES, POINTS, Bearing, LayerBound
from optimizer.checker.claims.solve import Claim
from optimizer.checker.effort import Effort, ProofTally, Route
from optimizer.checker.outcome import Check, not_searched
from optimizer.checker.statements import by_counting


def unsearched_bounds(
    claim: Claim, effort: Effort, raised: Collection[int] = (), beside: Collection[int] = ()
) -> list[Check]:
    """Prove by counting what the bounds of a certificate rest on, as far as possible.

    Parameters are those of :meth:`optimizer.checker.searches.Searches.bounds`.
    """
    if claim.fusion is not None:
        boxes = len(Bearing(claim).parts)
        return _left(ProofTally(BOXES, boxes, whole=Fraction(bool(boxes))), effort)
    bearing = Bearing(claim, {*raised, *beside})
    whole = bearing.of(bearing.parts.keys() - set(raised) - set(beside))
    found = _left(_counted(LAYER_BOUNDS, bearing.layer_bounds(), whole), effort)
    return found + _left(ProofTally(POINTS, len(raised), whole=bearing.of(raised)), effort) if raised else found


def unsearched_lines(layer_bounds: Collection[LayerBound], effort: Effort) -> list[Check]:
    """Prove by counting the statements about single layers that the lines of a front rest on, as far as possible."""
    return _left(
        _counted(LINES, layer_bounds, sum((lower_bound.share for lower_bound in layer_bounds), Fraction(0))), effort
    )


def _counted(what: str, layer_bounds: Collection[LayerBound], whole: Fraction) -> ProofTally:
    proved = [lower_bound for lower_bound in layer_bounds if by_counting(lower_bound.statement)]
    by = {Route.COUNTING: len(proved)} if proved else {}
    shares = {Route.COUNTING: sum((lower_bound.share for lower_bound in proved), Fraction(0))} if proved else {}
    return ProofTally(what, len(layer_bounds), by, shares, whole=whole)


def _left(tally: ProofTally, effort: Effort) -> list[Check]:
    """Name the statements of a kind that are not proved, if any."""
    left = effort.record(tally).total - tally.proved
    return [not_searched(f"certificate.json: {left} {tally.what}")] if left else []
