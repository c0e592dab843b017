"""One layer on fixed hardware, proved: every case with a known optimum in the reference folder."""

from __future__ import annotations

import os
import statistics
import time
from fractions import Fraction
from pathlib import Path

from benchmarks.registry import Details, Measured, benchmark
from formulations.engines import PathEngine
from optimizer.interop.reference_cases import VARIABLE, OptimumCase, optimum_cases
from optimizer.pricing.lowering import lower


def _ratio_to_best_known(case: OptimumCase, objective: str, energy: Fraction, cycles: Fraction) -> float | None:
    """Value found / best known; below 1 is better. None where the case is of another objective."""
    if case.objective != objective:
        return None
    value = {"energy": energy, "latency": cycles, "edp": energy * cycles}[objective]
    return float(value / case.best_known["cycles" if objective == "latency" else objective])


def solve_case(case: OptimumCase, objective: str) -> Details:
    """Time and value of one case; lowering is inside the time.

    Raises
    ------
    RuntimeError
        If there is no mapping: every case has one.
    """
    start = time.perf_counter()
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    solution = PathEngine().solve(problem, objective)
    seconds = time.perf_counter() - start
    if solution is None:
        raise RuntimeError(f"{case.name}: no mapping found")
    energy = Fraction(solution.energy, case.hardware.energy_scale)
    cycles = Fraction(solution.latency, problem.latency_unit)
    return {
        "case": case.name,
        "seconds": seconds,
        "energy": float(energy),
        "cycles": float(cycles),
        "ratio_to_best_known": _ratio_to_best_known(case, objective, energy, cycles),
    }


def _distinct(cases: list[OptimumCase], objective: str) -> list[OptimumCase]:
    """One case per problem, the one of this objective if there is one."""
    ranked = sorted(cases, key=lambda case: case.objective == objective)
    return list({lower(case.layer, case.hardware, accounting=case.accounting): case for case in ranked}.values())


def _all_cases(objective: str) -> Measured:
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise RuntimeError(f"set {VARIABLE} to the folder of reference cases")
    found = [solve_case(case, objective) for case in _distinct(optimum_cases(Path(folder)), objective)]
    seconds = [float(str(case["seconds"])) for case in found]
    return Measured({"median_layer": statistics.median(seconds), "worst_layer": max(seconds)}, {"cases": found})


@benchmark("layer-energy", target={"median_layer": 0.2, "worst_layer": 2})
def layer_energy(folder: Path) -> Measured:
    """Least energy of one layer on fixed hardware, all reference cases"""
    return _all_cases("energy")
