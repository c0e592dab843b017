"""The optimum of a sizing result once more, without CP-SAT: every engine is looked at.

Rules, times and resources come from :mod:`optimizer.sparse_engine.check`; nothing is shared with the sizing program.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from optimizer.sparse_engine.check import DIVIDES, counted_uses, violations

MOST_ENGINES = 300_000
Pair = tuple[int, int]
"""(out-degree, z)."""


def faults(data: dict[str, Any]) -> tuple[list[str], int | None]:
    """What is wrong with a sizing result, and how many engines were looked at.

    Returns
    -------
    list of str
        Empty if figures, rules and budgets hold and no engine is better than the stated bound.
    int or None
        None if there are too many engines to look at: the bound is then not proved again.
    """
    found = violations(data) if "design" in data else []
    asked, goal = data["request"], data["objective"]
    if found or data["status"] not in ("OPTIMAL", "FEASIBLE", "INFEASIBLE"):
        return found, None
    seen = 0
    best: Fraction | None = None
    for _, value in engines(asked, goal["name"]):
        seen += 1
        if seen > MOST_ENGINES:
            return found, None
        if value is not None:
            best = value if best is None else min(best, value)
    if data["status"] == "INFEASIBLE":
        return (["an engine exists"] if best is not None else []), seen
    sign = -1 if goal["sense"] == "max" else 1
    value, bound = (sign * Fraction(goal["exact"][name]) for name in ("value", "bound"))
    if best is None or best < bound:
        found.append(f"an engine of {goal['name']} {sign * (best or 0)} beats the bound")
    if best is None or (best != value if data["status"] == "OPTIMAL" else best > value):
        found.append(f"the value is not that of any engine, or not the best: {sign * (best or 0)}")
    return found, seen


def engines(asked: dict[str, Any], goal: str) -> Iterator[tuple[tuple[Pair, ...], Fraction | None]]:
    """Every engine as (out-degree, z) per junction, with its value of the goal; None where it breaks a rule or a
    budget.
    """
    for pairs in _choices(asked):
        for multiplier, width in itertools.product(asked["multipliers"], asked["widths_bits"]):
            yield pairs, _value(asked, goal, pairs, multiplier, width)


def _choices(asked: dict[str, Any]) -> Iterator[tuple[Pair, ...]]:
    """Every choice of out-degrees and z that keeps the rules of single junctions and the balance."""
    sizes, rules = asked["neurons"], asked["rules"]
    options: list[dict[int, list[Pair]]] = []
    for left, right, menu in zip(sizes, sizes[1:], asked["out_degrees"], strict=False):
        by_cycles: dict[int, list[Pair]] = defaultdict(list)
        for degree, z in itertools.product(menu, range(1, left + 1)):
            if _fits(rules, left, right, degree, z):
                by_cycles[math.ceil(left * degree / z)].append((degree, z))
        options.append(by_cycles)
    if "balanced" not in rules:
        yield from itertools.product(*([pair for some in by_cycles.values() for pair in some] for by_cycles in options))
        return
    for cycles in sorted(set.intersection(*(set(by_cycles) for by_cycles in options))):
        yield from itertools.product(*(by_cycles[cycles] for by_cycles in options))


def _fits(rules: list[str], left: int, right: int, degree: int, z: int) -> bool:
    edges = left * degree
    if any(name in rules and breaks(z, left, edges, degree, edges // right) for name, breaks in DIVIDES.items()):
        return False
    powers = (z, degree, math.ceil(left / z))
    return "power-of-two" not in rules or all(bin(number).count("1") == 1 for number in powers)


def _value(
    asked: dict[str, Any], goal: str, pairs: tuple[Pair, ...], multiplier: dict[str, Any], width: int
) -> Fraction | None:
    """The engine's value of the goal (density with its sign), or None if it breaks a rule or a budget."""
    sizes, rules, last = asked["neurons"], asked["rules"], len(pairs)
    degrees, parallel = [degree for degree, _ in pairs], [z for _, z in pairs]
    fan_ins = [sizes[i] * degrees[i] // sizes[i + 1] for i in range(last)]
    deep = multiplier["stages"] + math.ceil(math.log2(max(fan_ins))) + 1
    proctime = {"combinational": 0, "pipelined": 2, "deep": deep}[multiplier["kind"]]
    for i in range(1, last):
        depth = math.ceil(sizes[i] / parallel[i])
        if "hazard" in rules and depth > 1 and (1 + proctime) % depth == 0:
            return None
        if "fresh" in rules and degrees[i] > 1 and depth <= 1 + proctime:
            return None
        if "right-side" in rules and parallel[i] * fan_ins[i - 1] < parallel[i - 1]:
            return None
    block = max(math.ceil(sizes[i] * degrees[i] / parallel[i]) for i in range(last)) + 2 + proctime
    time_us = block / Fraction(multiplier["clock_mhz"])
    if asked["max_time_us"] is not None and time_us > Fraction(asked["max_time_us"]):
        return None
    uses = counted_uses(sizes, degrees, parallel, width, asked["input_bits"])
    if any(uses[name] > limit for name, limit in asked["budgets"].items()):
        return None
    dense = sum(a * b for a, b in itertools.pairwise(sizes))
    edges = sum(left * degree for left, degree in zip(sizes, degrees, strict=False))
    if goal in uses:
        return Fraction(uses[goal])
    return time_us if goal == "time" else -Fraction(edges, dense)
