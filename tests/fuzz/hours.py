"""Broken input for as long as you like, each batch in a process of its own: one that dies is a fault too."""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.campaign import PATIENCE, run
from tests.fuzz.targets import TARGETS, Inputs

BATCH = 200


def _batch(pipe, name: str, seed: int, first: int, most: int) -> None:
    outcome = run(name, seed, seconds=10**9, most=most, first=first)
    pipe.send((outcome.counts, outcome.faults, outcome.last_resort))


def _keep(folder: Path | None, place: str, label: str, files: Inputs, text: str) -> None:
    """Show a fault, and write its input."""
    print(f"--- {place}\n{label}\n{text}", flush=True)
    if folder is not None:
        for name, data in files.items():
            where = folder / label.replace(" ", "_")
            where.mkdir(parents=True, exist_ok=True)
            (where / name).write_bytes(data)


def main() -> int:
    """Run and report; 1 if there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--target", choices=TARGETS, action="append", help="default: all in turn")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that are faults")
    parser.add_argument("--last-resort", action="store_true", help="show what only the last resort refused")
    options = parser.parse_args()
    names, started = options.target or list(TARGETS), time.perf_counter()
    total: dict[str, Counter[str]] = {name: Counter() for name in names}
    context, seen, turn = multiprocessing.get_context("fork"), set(), 0
    while time.perf_counter() - started < options.seconds:
        name, first = names[turn % len(names)], options.first + BATCH * (turn // len(names))
        turn += 1
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_batch, args=(there, name, options.seed, first, BATCH))
        process.start()
        there.close()
        try:
            late = Counter({"hangs": 1}), {}, {}
            counts, faults, resorts = here.recv() if here.poll(BATCH * PATIENCE) else late
        except EOFError:  # the process died before it could say anything
            counts, faults, resorts = Counter({"process deaths": 1}), {}, {}
            print(f"--- a process died in {name} --seed {options.seed} --first {first}", flush=True)
        process.kill()
        process.join()
        total[name].update(counts)
        for problem in resorts.keys() - seen if options.last_resort else ():
            seen.add(problem)
            print(f"--- last resort: {resorts[problem]}", flush=True)
        for place in faults.keys() - seen:
            seen.add(place)
            _keep(options.keep, place, *faults[place])
    for name, count in total.items():
        print(f"{name}: " + ", ".join(f"{what} {number}" for what, number in sorted(count.items())))
    bad = sum(count[what] for count in total.values() for what in ("crashes", "hangs", "process deaths"))
    inputs = sum(count["inputs"] for count in total.values())
    print(f"{inputs} inputs, {bad} faults in {time.perf_counter() - started:.0f} s")
    return 1 if bad else 0
