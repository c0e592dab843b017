"""A fused group executed: what every member computes and reads on every tile, position by position."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.errors import SpecError
from optimizer.golden.group_claim import Stage
from optimizer.workload.views import View, Window

Positions = tuple[int, ...]
"""Positions along one axis, in rising order."""

Block = tuple[Positions, Positions, Positions]
"""All combinations of positions along batch, rows and columns."""

NOTHING: Block = ((), (), ())

LONGEST = 1 << 20
"""Positions along an axis that are executed one by one at most."""


@dataclass(frozen=True)
class Step:
    """A member at work on a tile, or on one strip of it.

    Parameters
    ----------
    member : str
    block : Block
        What it computes; empty if there is nothing to do on this tile.
    read : tuple of (str, Block)
        The block needed of every source.
    loaded : tuple of (str, Block)
        Blocks brought into the buffer before the step.
    turn : int
        The slice of channels, from 0, where layers take turns.
    """

    member: str
    block: Block
    read: tuple[tuple[str, Block], ...]
    loaded: tuple[tuple[str, Block], ...]
    turn: int = 0


def size_of(block: Block) -> int:
    """Positions of a block."""
    return len(block[0]) * len(block[1]) * len(block[2])


def execute(stage: Stage) -> Iterator[Step]:
    """All steps: tile after tile, columns innermost, and on each tile the members in their order."""
    claim = stage.claim
    along = [_computed(stage, axis) for axis in range(3)]
    for tile in itertools.product(*(range(parts) for parts in claim.parts)):
        blocks = {name: _block(tuple(along[axis][name][n] for axis, n in enumerate(tile))) for name in along[0]}
        waiting = set(claim.held)
        for member, turn in _turns(stage):
            here = sorted(waiting.intersection(stage.sources(member)), key=stage.outside.index)
            waiting.difference_update(here)
            loaded = tuple((name, blocks[name]) for name in here if size_of(blocks[name]))
            for number, block in enumerate(_strips(blocks[member], claim.strips.get(member, 1))):
                read = tuple((source, needed(stage, source, member, block)) for source in stage.sources(member))
                yield Step(member, block, read, () if number else loaded, turn)


def _turns(stage: Stage) -> Iterator[tuple[str, int]]:
    """Members in the order in which they run on a tile; those of the chain once for every slice."""
    chain = stage.claim.chain
    for member in stage.claim.members:
        if chain and member == chain[0]:
            yield from ((name, turn) for turn in range(stage.claim.slices) for name in chain)
        elif member not in chain:
            yield member, 0


def uneven(stage: Stage) -> list[str]:
    """Layers whose rows on some tile cannot be cut into equal strips."""
    rows = _computed(stage, 1)
    return [name for name, n in stage.claim.strips.items() if any(len(positions) % n for positions in rows[name])]


def needed(stage: Stage, source: str, reader: str, block: Block) -> Block:
    """The block of a source that a reader needs to compute a block."""
    view, grid = stage.view(source, reader), stage.layer(source).grid
    return _block(tuple(_seen(view, axis, block[axis], grid[axis]) for axis in range(3)))


def whole_range(positions: Iterable[int]) -> Positions:
    """The positions and all between them."""
    some = set(positions)
    return tuple(range(min(some), max(some) + 1)) if some else ()


def _computed(stage: Stage, axis: int) -> dict[str, list[Positions]]:
    """Positions of every tensor that are computed (or loaded) along an axis, step by step.

    Needed are a member's own part of its output, if that leaves the group, and what its readers need for what they
    compute, with all between. With recomputation all of this is computed; with caching, positions computed before are
    dropped at either end.
    """
    parts, cached = stage.claim.parts[axis], axis == 0 or stage.claim.halo[axis - 1] == "cache"
    tensors = (*reversed(stage.claim.members), *stage.outside)
    longest = max(parts, *(stage.layer(name).grid[axis] for name in tensors))
    if longest > LONGEST:
        raise SpecError(
            "a fused group is executed position by position, and this is too many",
            field=f"{stage.claim.members[-1]}.tile",
            value=longest,
            allowed=f"up to {LONGEST} positions or parts along an axis",
            remedy="map the layers one by one",
        )
    found: dict[str, list[Positions]] = {name: [] for name in tensors}
    done: dict[str, set[int]] = {name: set() for name in tensors}
    for step in range(parts):
        for name in tensors:
            extent = stage.layer(name).grid[axis]
            wanted = {p for p in range(extent) if name in stage.leaving and p * parts // extent == step}
            for reader in stage.readers(name):
                wanted |= set(_seen(stage.view(name, reader), axis, found[reader][step], extent))
            fresh = whole_range(set(whole_range(wanted)) - (done[name] if cached else set()))
            found[name].append(fresh)
            done[name].update(fresh)
    return found


def _seen(view: View, axis: int, outputs: Positions, extent: int) -> Positions:
    """Positions of a source that some positions of a reader see along an axis, borders left out."""
    window = view[axis]
    if window is None:
        return tuple(range(extent)) if outputs else ()
    return tuple(sorted({p for o in outputs for p in _field(window, o) if 0 <= p < extent}))


def _field(window: Window, output: int) -> range:
    first = window.stride * output - window.before
    return range(first, first + window.reach)


def _block(axes: tuple[Positions, ...]) -> Block:
    batch, rows, columns = axes
    return (batch, rows, columns) if batch and rows and columns else NOTHING


def _strips(block: Block, strips: int) -> list[Block]:
    """The block cut along its rows, from the first row on."""
    batch, rows, columns = block
    height = -(-len(rows) // strips)
    return [(batch, rows[at : at + height], columns) for at in range(0, len(rows), height)] if rows else [block]


@dataclass(frozen=True)
class Occupancy:
    """What the buffer holds, in bits.

    ``most`` is the largest number during the steps of a member that compute a given number of positions along each
    axis; ``missing`` counts the positions of every tensor that are read before anything put them into the buffer.
    """

    most: dict[tuple[str, tuple[int, ...]], int]
    missing: dict[str, int]


def occupancy(stage: Stage, steps: list[Step]) -> Occupancy:
    """The contents of the buffer during every step, found from the last step to the first.

    A position of a tensor is in the buffer from the step that writes it there to its last read before the next write.
    The output block of a step is in the buffer during the whole step. Partial sums stay from one slice to the next; a
    tensor between layers that take turns is held one slice at a time.
    """
    bits = {name: words * width for name in stage.buffered for words, width in [stage.output(name)]}
    bits |= {name: bits[name] // stage.claim.slices for name in stage.sliced}
    live = {name: np.zeros(stage.layer(name).grid, dtype=np.bool_) for name in stage.buffered}
    count = dict.fromkeys(stage.buffered, 0)
    most: Counter[tuple[str, tuple[int, ...]]] = Counter()
    always = stage.weight_bits()
    for step in reversed(steps):
        put = [(name, block) for name, block in (*step.loaded, (step.member, step.block)) if name in live]
        read = [(name, block) for name, block in step.read if name in live]
        _mark(live, count, [*put, *read], True)
        key = step.member, tuple(len(positions) for positions in step.block)
        most[key] = max(most[key], always + sum(count[name] * bits[name] for name in live))
        adds = step.turn > 0 and step.member == stage.claim.chain[-1]
        _mark(live, count, [] if adds else put, False)
    return Occupancy(dict(most), {name: count[name] for name in sorted(live) if count[name]})


def _mark(
    live: dict[str, npt.NDArray[np.bool_]], count: dict[str, int], blocks: list[tuple[str, Block]], value: bool
) -> None:
    for name, block in blocks:
        if size_of(block):
            live[name][np.ix_(*block)] = value
            count[name] = int(np.count_nonzero(live[name]))
