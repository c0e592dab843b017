"""Choices to start a search from: simple rules, tried by replaying them."""

from __future__ import annotations

from collections.abc import Iterator

from formulations.networks.checkpoint_search import Choice
from optimizer.golden.training_memory import replay
from optimizer.recompute.costs import RecomputeCosts, overhead_of
from optimizer.recompute.lifetimes import Lifetimes
from optimizer.workload.network import Network

PARTS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32)


def start_from(
    network: Network,
    lives: Lifetimes,
    costs: RecomputeCosts,
    *,
    peak_bits: int | None,
    overhead: int | None,
    by_peak: bool,
) -> tuple[Choice, ...]:
    """The best of the simple rules within the caps, as choices in the order of the activations; empty if none is.

    Rules: keep all; compute again what costs less than a share of all work per bit; cut the forward pass into parts of
    about equal saved bits and keep what later parts read, with and without the rule before.
    """
    best: tuple[tuple[int, int], tuple[Choice, ...]] | None = None
    for row in dict.fromkeys(_rules(lives, costs)):
        choices = _needed_only(lives, row)
        found = replay(network, dict(zip((a.name for a in lives.activations), choices, strict=True)))
        cost, peak = overhead_of(found, {}, costs), found.peak.off_chip_bits
        if found.breaches or (peak_bits is not None and peak > peak_bits) or (overhead is not None and cost > overhead):
            continue
        value = (peak, cost) if by_peak else (cost, peak)
        if best is None or value < best[0]:
            best = value, choices
    return () if best is None else best[1]


def _rules(lives: Lifetimes, costs: RecomputeCosts) -> Iterator[tuple[bool, ...]]:
    """Which activations are kept."""
    yield (True,) * len(lives.activations)
    cost_per_bit = [costs.redo[a.name] / max(1, a.bits) for a in lives.activations]
    cheap = [tuple(cost > limit for cost in cost_per_bit) for limit in sorted(set(cost_per_bit))]
    yield from cheap
    whole = sum(a.bits for a in lives.activations if a.reads)
    for parts in PARTS:
        ends = _checkpoints(lives, whole // parts + 1)
        yield ends
        for kept in cheap[:3]:
            yield tuple(a or b for a, b in zip(ends, kept, strict=True))


def _checkpoints(lives: Lifetimes, most: int) -> tuple[bool, ...]:
    """Activations that are the only ones between what is before and after them, as soon as `most` bits were dropped."""
    kept, dropped, reach = [], 0, 0
    for activation in lives.activations:
        alone = reach <= activation.born
        reach = max(reach, activation.last_forward)
        dropped += activation.bits if activation.reads else 0
        kept.append(alone and dropped >= most)
        dropped = 0 if kept[-1] else dropped
    return tuple(kept)


def _needed_only(lives: Lifetimes, kept: tuple[bool, ...]) -> tuple[Choice, ...]:
    """What nothing needs after the forward pass is dropped."""
    needed = {a.name for a in lives.activations if a.reads}
    choices: list[Choice] = []
    for activation, keep in reversed(list(zip(lives.activations, kept, strict=True))):
        if activation.name not in needed:
            choices.append("drop")
            continue
        choices.append("keep" if keep else "redo")
        needed.update(() if keep else activation.inputs)
    return tuple(reversed(choices))
