"""Words that an instance fetches while the loops outside of it run, counted step by step.

The loops are executed; only a run of an inner nest that starts with the same history as an earlier run is not
repeated, but looked up. (Shifts between neighbouring tiles depend on which loop advances and not on where the
tile is, so such runs are equal step by step.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Literal

from optimizer.golden.tiles import LoopPlace, Vector, shifted

Reuse = Literal["exact", "innermost"]
"""Rule by which words of the previous tile are used again.

``exact``: a shift equal to the last one, or the first after a reset, brings only the words that are new; any
other shift fetches the whole tile and resets the history. Where the tile stays, nothing is fetched and the
history stays as well.

``innermost``: only steps of the loop right above the node bring less than the whole tile, and only if they move
it; steps of any other loop fetch the whole tile, wherever it lies.
"""

History = Vector | None
Step = Callable[[int, Vector, History], tuple[int, History]]
"""(depth of the loop that advances, shift of the tile, history) -> (words fetched, new history)."""


def fetched_words(place: LoopPlace, reuse: Reuse) -> int:
    """Words that one instance of a node fetches over the whole execution, the first tile included."""
    step = _exact_step(place) if reuse == "exact" else _innermost_step(place)
    return math.prod(place.tile) + _execute(place, step)


def new_words(tile: Vector, shift: Vector) -> int:
    """Words of a tile that were not in the same tile before it moved by `shift`."""
    kept = math.prod(max(0, extent - abs(s)) for extent, s in zip(tile, shift, strict=True))
    return math.prod(tile) - kept


def _execute(place: LoopPlace, step: Step) -> int:
    loops = place.outside
    origin = (0,) * len(place.tile)

    @cache
    def run(depth: int, history: History) -> tuple[int, History, Vector]:
        """Run loops `depth` and deeper from their first to their last tile.

        Returns the words fetched on the way, the history after it and where the last tile lies.
        """
        if depth == len(loops):
            return 0, history, origin
        words, history, last = run(depth + 1, history)
        for trip in range(1, loops[depth].trips):
            first = shifted(origin, loops[depth].step, trip)
            cost, history = step(depth, shifted(first, last, -1), history)
            inner, history, end = run(depth + 1, history)
            words, last = words + cost + inner, shifted(end, first)
        return words, history, last

    return run(0, None)[0]


def _exact_step(place: LoopPlace) -> Step:
    def step(depth: int, shift: Vector, history: History) -> tuple[int, History]:
        if not any(shift):
            return 0, history
        if history is None or history == shift:
            return new_words(place.tile, shift), shift
        return math.prod(place.tile), None

    return step


def _innermost_step(place: LoopPlace) -> Step:
    running = [depth for depth, entry in enumerate(place.outside) if entry.trips > 1]
    innermost = running[-1] if running else -1

    def step(depth: int, shift: Vector, history: History) -> tuple[int, History]:
        if depth == innermost and any(shift):
            return new_words(place.tile, shift), None
        return math.prod(place.tile), None

    return step
