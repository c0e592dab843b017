"""Every ``optimum/1`` case: proved, confirmed by cost model and walk, and no worse than the best value known."""

from __future__ import annotations

from fractions import Fraction

import pytest
from reference_cases import OptimumCase, optimum_cases

from formulations.lattice import solve
from optimizer.cost import evaluate
from optimizer.lowering import lift, lower
from optimizer.verify.walk import walk

def _best_value(case: OptimumCase) -> Fraction:
    """Best of the optimum under both reuse rules: the exact rule can only count fewer words."""
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    solution = solve(problem, case.objective).solution
    assert solution is not None
    mapping = lift(case.layer, problem, solution)
    values = []
    for reuse in ("innermost", "exact"):
        cost = evaluate(case.layer, case.hardware, mapping, accounting=case.accounting, reuse=reuse)
        walked = walk(case.layer, case.hardware, mapping, accounting=case.accounting, reuse=reuse)
        assert not walked.violations
        assert (walked.energy, walked.latency_cycles) == (cost.energy, cost.latency_cycles)
        if reuse == "innermost":
            assert (cost.energy, cost.latency_cycles * problem.latency_unit) == (solution.energy, solution.latency)
        energy = Fraction(cost.energy, case.hardware.energy_scale)
        values.append({"energy": energy, "latency": cost.latency_cycles, "edp": energy * cost.latency_cycles})
    return min(value[case.objective] for value in values)


@pytest.mark.parametrize("case", optimum_cases())
def test_no_worse_than_best_known(case: OptimumCase) -> None:
    found = _best_value(case)
    known = case.best_known["cycles" if case.objective == "latency" else case.objective]
    assert found == known if case.proved_optimal else found <= known
