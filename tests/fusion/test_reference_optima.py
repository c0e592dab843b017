"""Every ``fused-optimum/1`` case of the reference folder: confirmed by the walk, no worse than the best value known.

A network whose layers may be fused, or (``fusion_allowed: false``) run one by one.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from optimizer.fusion.network_pricer import Fused, FusedPrice
from optimizer.golden.group_walk import walk_fused
from optimizer.pricing.lowering import latency_unit
from optimizer.problem.goal import Goal
from optimizer.search.point_solver import Site
from tests.support.fusion_cases import Case, claim_of, network_pricer
from tests.support.reference_cases import FusedCase, fused_cases


def _designs(case: Case, most: int, objective: str) -> list[Fused]:
    """Designs of which one has the least value: by the objective itself, or for the product by several weights."""
    pricer = network_pricer(case, most)
    prices = [pricer.price(case.hardware, "latency" if objective == "latency" else "energy")]
    if objective == "edp":
        site = Site([pricer], case.hardware, (0, 0))
        assert prices[0] is not None
        picks, _, bound = site.hull(Goal("edp"), site.total([prices[0]]), None)
        assert bound == min(pick.energy * pick.latency for pick in picks)
        prices = [price for pick in picks for price in pick.prices if isinstance(price, FusedPrice)]
    return [price.fused for price in prices if price is not None and price.fused is not None]


def _exact_latency(case: Case, fused: Fused) -> Fraction:
    """Cycles without rounding those of every run."""
    charges = sum(charge.latency for plan in fused.plans for charge in plan.charges)
    runs = [(run.shape.layer, run.shape.count, run.price) for plan in fused.plans for run in plan.runs]
    runs += [(single.layer, single.count, single.price) for single in fused.alone if single.price is not None]
    layers = {layer.name: layer for layer in case.network.mac_layers()}
    cycles = (
        Fraction(count * price.solution.latency, latency_unit(layers[name], case.hardware, case.accounting))
        for name, count, price in runs
        if price.solution is not None
    )
    return charges + sum(cycles)


@pytest.mark.parametrize("case", fused_cases())
def test_fused_networks_are_no_worse_than_best_known(case: FusedCase) -> None:
    """Energies to the last digit, cycles to within one, as the cases are."""
    problem = Case(case.network, case.hardware, case.accounting)
    most = len(case.network.graph) if case.fusion_allowed else 1
    values = []
    for fused in _designs(problem, most, case.objective):
        for plan in fused.plans:
            walked = walk_fused(case.network, case.hardware, claim_of(plan, problem), accounting=case.accounting)
            assert not walked.violations and (walked.energy, walked.latency) == (plan.energy, plan.latency)
        energy, latency = Fraction(fused.energy, case.hardware.energy_scale), _exact_latency(problem, fused)
        known_to = {"energy": (energy, 0), "latency": (latency, 1), "edp": (energy * latency, energy)}
        values.append(known_to[case.objective])
    found, slack = min(values)
    known = case.best_known["cycles" if case.objective == "latency" else case.objective]
    assert abs(found - known) <= slack if case.proved_optimal else found <= known + slack
