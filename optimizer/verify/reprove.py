"""Proof of floors by another route: the CP-SAT program of a layer on the ideal hardware of a box.

Where the program does not finish in its time, the lattice search with fresh tables decides whether any mapping
costs less than the floor.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from formulations import lattice
from formulations.kernels.memo import Memos
from formulations.primes import divisors
from formulations.problem import Problem
from formulations.solver import Status, solve_layer
from optimizer.hardware import Hardware
from optimizer.lowering import lower
from optimizer.pricing import NEVER
from optimizer.verify.claim import Check, Claim, Group
from optimizer.verify.design_checks import verdict
from optimizer.verify.least_cycles import least_cycles
from optimizer.verify.physical import energy_at_least

OTHER_SEED = 104729
SAMPLE = 3
CHEAPEST = 12
SAMPLE_SECONDS = 20.0
THOROUGH_SECONDS = 60.0
MOST_SECONDS = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pair:
    """A floor to prove: no mapping of a layer on the ideal hardware of a box costs less."""

    group: Group
    hardware: Hardware
    objective: str
    floor: int
    box: object


def reprove(claim: Claim, tables: Memos, *, thorough: bool, say: Say) -> Check:
    """Prove floors of the certificate again: a sample that the problem's hash picks, or all."""
    found = list(_pairs(claim))
    sought = [pair for pair in found if pair.floor > counted(pair.group, pair.hardware, pair.objective)]
    pairs = sorted(sought, key=_work)
    total, known = len(pairs), len(found) - len(pairs)
    if not thorough:
        pairs = pairs[:CHEAPEST]
        random.Random(str(claim.data["problem_hash"])).shuffle(pairs)
        pairs = sorted(pairs[:SAMPLE], key=_work)
    until = time.perf_counter() + (THOROUGH_SECONDS if thorough else SAMPLE_SECONDS)
    faults: list[str] = []
    routes: Counter[str] = Counter()
    for number, pair in enumerate(pairs):
        say(f"proving floor {number + 1} of {len(pairs)} again")
        route = _prove(claim, pair, until, tables)
        routes[route or "refuted"] += 1
        if route is None:
            faults.append(
                f"box {pair.box}, layer {pair.group.layer.name}: some mapping has less {pair.objective} than the floor "
                f"{pair.floor}"
            )  # fmt: skip
    how = ", ".join(f"{count} by {route}" for route, count in sorted(routes.items()))
    text = f"{len(pairs)} of {total} floors proved again{': ' if how else ''}{how}"
    return verdict("proof again", faults, text + (f"; {known} more follow from counting" if known else ""))


def counted(group: Group, hardware: Hardware, objective: str) -> int:
    """Energy units or cycles that a layer takes at least, without any search."""
    return least_cycles(group, hardware) if objective == "latency" else energy_at_least(group.layer, hardware)


def _pairs(claim: Claim) -> Iterator[Pair]:
    """All floors above zero that bounds rest on, equal ones once."""
    latency = claim.target.objective == "latency" and not claim.target.capped
    seen = set()
    for entry in claim.entries:
        if entry.over_budget:
            continue
        corner = claim.points.corner(entry.box)
        for number, group in enumerate(claim.groups):
            floor = (entry.latency if latency else entry.energy)[number]
            key = (number, floor, corner.levels, corner.mac_mesh, corner.mac_energy)
            if floor > 0 and key not in seen:
                seen.add(key)
                yield Pair(group, corner, "latency" if latency else "energy", floor, entry.box)


def _work(pair: Pair) -> tuple[int, str, str]:
    """Few divisors and few choices of kept tensors are proved fast."""
    points = sum(math.prod(len(divisors(e)) for e in extents.values()) for extents in pair.group.variants)
    free = sum(3 - len(level.must_keep | level.must_bypass) for level in pair.hardware.levels[1:])
    return points << free, pair.group.layer.name, str(pair.box)


def _prove(claim: Claim, pair: Pair, until: float, tables: Memos) -> str | None:
    """The slowest route that was needed over all padded variants; None if the floor is wrong."""
    routes = set()
    for extents in pair.group.variants:
        problem = lower(pair.group.layer, pair.hardware, accounting=claim.accounting, extents=extents)
        route = _by_program(problem, pair, until) or _by_lattice(problem, pair, tables)
        if route in ("refuted", None):
            return None
        routes.add(route)
    return "lattice" if "lattice" in routes else "CP-SAT"


def _by_program(problem: Problem, pair: Pair, until: float) -> str | None:
    """``CP-SAT`` if it proves the floor, ``refuted`` if it finds a cheaper mapping, None if time runs out."""
    seconds = min(MOST_SECONDS, until - time.perf_counter())
    if seconds <= 0:
        return None
    energy = pair.objective == "energy"
    found = solve_layer(problem, "energy" if energy else "latency", time_limit_s=seconds, workers=1, seed=OTHER_SEED)
    unit = 1 if energy else problem.latency_unit
    if found.status is Status.INFEASIBLE or -(-found.bound // unit) >= pair.floor:
        return "CP-SAT"
    if found.solution is None:
        return None
    cost = found.solution.energy if energy else found.solution.latency
    return "refuted" if -(-cost // unit) < pair.floor else None


def _by_lattice(problem: Problem, pair: Pair, tables: Memos) -> str | None:
    """``lattice`` if no mapping beats the floor."""
    least = min(pair.floor, NEVER)
    if pair.objective == "energy":
        with tables.of(problem) as memo:
            cheaper = lattice.solve(problem, "energy", beat=(least, 0), memo=memo).solution
    else:
        most = min(least * problem.latency_unit, NEVER) - 1
        with tables.of(problem) as memo:
            cheaper = lattice.solve(problem, "latency", latency_cap=most, memo=memo).solution
    return "lattice" if cheaper is None else None
