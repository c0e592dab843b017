"""Attacks for as long as you like."""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter
from collections.abc import Iterator

from tests.adversary.duel import Effort, fight, random_instance
from tests.adversary.own_optimum import cases, check

Outcome = tuple[dict[str, int], str]
"""What to count, and a fault or nothing."""


def duels(seed: int, effort: Effort) -> Iterator[Outcome]:
    """Random instances against the annealer."""
    for number in itertools.count():
        duel = fight(random_instance(number, seed), effort)
        counts = {
            "instances": 1,
            "reached": duel.reached,
            "without a mapping": duel.found is None,
            "beaten": duel.beaten,
        }
        yield counts, str(duel) if duel.beaten else ""


def own_optima(seed: int, seconds: float) -> Iterator[Outcome]:
    """Real layers, each optimum asked for again."""
    for case in cases(seed):
        faults = check(case, seconds)
        yield {"pairs": 1, "given up": faults is None, "beaten": bool(faults)}, "\n".join(faults or ())


def main() -> int:
    """Run and report; 1 if a claim was beaten."""
    parser = argparse.ArgumentParser(prog="python -m tests.adversary", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20000, help="of annealing, per start")
    parser.add_argument("--restarts", type=int, default=6)
    parser.add_argument("--own-optimum", action="store_true", help="ask for optima of real layers again instead")
    parser.add_argument("--patience", type=float, default=30, help="seconds for an optimum of a real layer")
    options = parser.parse_args()
    effort = Effort(options.steps, options.restarts)
    attacks = own_optima(options.seed, options.patience) if options.own_optimum else duels(options.seed, effort)
    count: Counter[str] = Counter()
    started = time.perf_counter()
    for counts, fault in attacks:
        count.update(counts)
        if fault:
            print(fault, flush=True)
        if time.perf_counter() - started > options.seconds:
            break
    print(", ".join(f"{what} {number}" for what, number in count.items()), f"in {time.perf_counter() - started:.0f} s")
    return 1 if count["beaten"] else 0
