"""Duels for as long as you like."""

from __future__ import annotations

import argparse
import time
from collections import Counter

from adversary.duel import Effort, fight, random_instance


def main() -> int:
    """Run duels and report; 1 if a claim was beaten."""
    parser = argparse.ArgumentParser(prog="python -m tests.adversary", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first instance")
    parser.add_argument("--instances", type=int, default=10**9)
    parser.add_argument("--steps", type=int, default=20000, help="of annealing, per start")
    parser.add_argument("--restarts", type=int, default=6)
    parser.add_argument("--any-nest", action="store_true", help="search all that `evaluate` takes")
    options = parser.parse_args()
    effort = Effort(options.steps, options.restarts, not options.any_nest)
    count: Counter[str] = Counter()
    started = time.perf_counter()
    for number in range(options.first, options.first + options.instances):
        if time.perf_counter() - started > options.seconds:
            break
        duel = fight(random_instance(number, options.seed), effort)
        count["instances"] += 1
        count["reached"] += duel.reached
        count["infeasible"] += duel.found is None
        if duel.beaten:
            inside = duel.found is not None and duel.found.outside is None
            count["beaten" if inside else "beaten from outside"] += 1
            print(duel, flush=True)
    print(f"{dict(count)} in {time.perf_counter() - started:.0f} s")
    return 1 if count["beaten"] else 0
