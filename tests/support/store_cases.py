"""Entries of the store, and processes that write them."""

from __future__ import annotations

import random
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path

from formulations.nest import FanOutItem, LoopItem, Nest, NodeItem
from optimizer.store.store import Store

KEYS = [f"key{number}" for number in range(12)]
SOLVED = frozenset(KEYS[::3])
"""Keys of which some process knows the optimum."""

ROUNDS = 40


def solution(value: int) -> Nest:
    """Some nest of this energy."""
    loops = (LoopItem(dim, 3) for dim in range(20))
    return Nest((NodeItem(0, 0), *loops, FanOutItem(0, (2, 1)), NodeItem(2, 1)), value, 7)


def bounds_of(writer: int) -> list[tuple[str, int]]:
    """The bounds that a process notes, shuffled: each key many times, good ones and bad ones."""
    found = [(key, 10 * turn + writer) for key in KEYS for turn in range(ROUNDS)]
    random.Random(writer).shuffle(found)
    return found


def write_entries(writer: int, folder: Path, barrier: Barrier) -> None:
    """A process of several that open a new store at the same moment and note bounds and optima of the same keys."""
    barrier.wait()
    store = Store(folder)
    barrier.wait()
    for number, (key, bound) in enumerate(bounds_of(writer)):
        store.note_bound(key, bound)
        if key in SOLVED and number % 5 == writer:
            store.note_optimum(key, solution(1000))
    store.close()


def write_until_killed(folder: Path, start: int) -> None:
    """Note optima, bounds and outcomes of tasks without end; each number is said once all of its entries are noted."""
    store, number = Store(folder), start
    while True:
        store.note_optimum(f"optimum{number}", solution(number))
        store.note_bound(f"bound{number % 7}", number)
        store.note_outcome("test", {"number": number}, {"square": number * number})
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    write_until_killed(Path(sys.argv[1]), int(sys.argv[2]))
