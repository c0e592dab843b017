"""Walk a fused group tile after tile and count what it computes, moves, holds and costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from optimizer.architecture.hardware import Hardware, Level
from optimizer.golden.group_claim import ClaimedRun, FusedClaim, RunKey, Stage
from optimizer.golden.group_legality import breaches
from optimizer.golden.group_slices import foreign_reads, sliced_dim
from optimizer.golden.group_steps import Occupancy, Step, execute, occupancy, size_of, uneven, whole_range
from optimizer.golden.walk import Accounting, Walk, walk
from optimizer.workload.layer import Layer, VectorLayer
from optimizer.workload.network import Network

Stream = tuple[int, int]
"""Words and bits of one word."""


@dataclass(frozen=True)
class FusedWalk:
    """Everything that a walk of a fused group counts. With `sound` false nothing was counted and all numbers are 0.

    Parameters
    ----------
    violations : tuple of str
        Rules that the claim breaks, as sentences; empty for a legal claim.
    sound : bool
        Whether the claim can be executed (known names, an order that works, parts that divide ...).
    energy, latency : int
        Energy units and whole cycles of the group, one part after the other.
    dram_words : int
        Words read and written at the outermost level.
    macs : int
        Multiply-accumulates, repeated ones included.
    computed : dict of str to int
        Positions of its output that a member computes, repeated ones included.
    held_bits : dict of str to int
        Most bits of tensors and weights that the buffer holds while a member runs, tiles of its mapping aside.
    peak_bits : int
        The same of all members, with the tiles that the running mapping keeps there.
    shares : dict of str to (int, int)
        Energy units and cycles of every member's own work; the rest are moves between the outermost level and the
        buffer.
    """

    violations: tuple[str, ...]
    sound: bool = True
    energy: int = 0
    latency: int = 0
    dram_words: int = 0
    macs: int = 0
    computed: dict[str, int] = field(default_factory=dict)
    held_bits: dict[str, int] = field(default_factory=dict)
    peak_bits: int = 0
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Cost:
    """Energy units, cycles, words at the outermost level and multiply-accumulates."""

    energy: int = 0
    latency: int = 0
    dram_words: int = 0
    macs: int = 0

    def __add__(self, other: _Cost) -> _Cost:
        return _Cost(
            self.energy + other.energy,
            self.latency + other.latency,
            self.dram_words + other.dram_words,
            self.macs + other.macs,
        )

    def times(self, count: int) -> _Cost:
        """The cost of n equal items."""
        return _Cost(self.energy * count, self.latency * count, self.dram_words * count, self.macs * count)


def walk_fused(network: Network, hardware: Hardware, claim: FusedClaim, *, accounting: Accounting) -> FusedWalk:
    """Count one run of a fused group by executing it.

    Weights that stay and inputs that are held are brought from the outermost level to the buffer, one part after the
    other; an output that is read inside as well as outside is written from the buffer to the outermost level, once.
    Runs of multiply-accumulate layers, parts of vector layers and these moves follow one another.

    Parameters
    ----------
    network : Network
        The network; it determines the outputs that leave the group.
    hardware : Hardware
        The hardware point; its level 1 is the buffer.
    claim : FusedClaim
        The claim about the group.
    accounting : {"timeloop", "looptree"}
        Convention for the runs of multiply-accumulate layers.

    Raises
    ------
    SpecError
        If `accounting` is not a known name. Breaches by the claim are returned, not raised.
    """
    stage = Stage(network, claim)
    faults = breaches(stage, hardware) or [
        f"the rows of {name} on some tile cannot be cut into {claim.strips[name]} equal strips"
        for name in uneven(stage)
    ]
    if faults:
        return FusedWalk(tuple(faults), sound=False)
    steps = list(execute(stage))
    held = occupancy(stage, steps)
    runs = _Runs(stage, hardware, accounting, _run_counts(stage, steps))
    shares = runs.costs | _vectors(stage, hardware, steps)
    cost = sum((*shares.values(), _moves(stage, hardware, steps)), _Cost())
    filled = {key: held.most[_sizes(stage, key)] + runs.filled.get(key, 0) for key in runs.counts}
    computed = Counter[str]()
    for step in (step for step in steps if step.turn == 0):
        computed[step.member] += size_of(step.block)
    return FusedWalk(
        (*_gaps(stage, steps, held), *runs.faults, *_too_full(stage, hardware, held, runs)),
        True,
        cost.energy,
        cost.latency,
        cost.dram_words,
        cost.macs,
        dict(computed),
        _by_member(stage, held),
        max((*held.most.values(), *filled.values())),
        {name: (share.energy, share.latency) for name, share in shares.items()},
    )


def _by_member(stage: Stage, held: Occupancy) -> dict[str, int]:
    found = dict.fromkeys(stage.claim.members, 0)
    for (name, _), bits in held.most.items():
        found[name] = max(found[name], bits)
    return found


def _run_key(stage: Stage, layer: Layer, step: Step) -> RunKey:
    sizes = zip(layer.tile_dims, step.block, strict=True)
    extents = [(dim, len(positions)) for dim, positions in sizes if dim is not None]
    chain = stage.claim.chain
    if layer.name in chain:
        dim = sliced_dim(stage, layer.name)
        assert dim is not None
        extents.append((dim, layer.extents[dim] // stage.claim.slices))
    return layer.name, tuple(extents), step.turn > 0 and layer.name == chain[-1]


def _sizes(stage: Stage, key: RunKey) -> tuple[str, tuple[int, ...]]:
    """Positions along each axis that a run computes."""
    layer, extents = stage.layer(key[0]), dict(key[1])
    assert isinstance(layer, Layer)
    return key[0], tuple(1 if dim is None else extents[dim] for dim in layer.tile_dims)


def _run_counts(stage: Stage, steps: list[Step]) -> Counter[RunKey]:
    """How often each multiply-accumulate layer runs with which extents."""
    counts: Counter[RunKey] = Counter()
    for step in steps:
        layer = stage.layer(step.member)
        if isinstance(layer, Layer) and size_of(step.block):
            counts[_run_key(stage, layer, step)] += 1
    return counts


def _gaps(stage: Stage, steps: list[Step], held: Occupancy) -> Iterator[str]:
    """Positions read too early, and outputs that are not computed."""
    for name, count in held.missing.items():
        yield f"{count} positions of {name} are read before they are in the buffer"
    yield from foreign_reads(stage, steps)
    for name in sorted(stage.leaving):
        total = math.prod(stage.layer(name).grid)
        done = len({p for step in steps if step.member == name for p in _positions(step)})
        if done < total:
            yield f"{total - done} positions of {name} are never computed"


def _positions(step: Step) -> Iterator[tuple[int, int, int]]:
    batch, rows, columns = step.block
    return ((b, r, c) for b in batch for r in rows for c in columns)


class _Runs:
    """Compares the runs of the execution with the claimed runs."""

    def __init__(self, stage: Stage, hardware: Hardware, accounting: Accounting, counts: Counter[RunKey]) -> None:
        self.counts, self.filled, self.costs = counts, dict[RunKey, int](), dict[str, _Cost]()
        self.faults: list[str] = []
        claimed = stage.claim.runs
        for key, count in counts.items():
            if key not in claimed:
                self.faults.append(f"no mapping is given for {_named(key)}, which runs {count} times")
                continue
            if claimed[key].count != count:
                self.faults.append(f"{_named(key)} runs {count} times, not {claimed[key].count}")
            layer = stage.layer(key[0])
            assert isinstance(layer, Layer)
            walked = self._walk(stage, hardware, accounting, layer, key, claimed[key])
            self.faults += [f"{_named(key)}: {fault}" for fault in walked.violations]
            self.filled[key] = _filled(layer, walked, stage.pinned(layer))
            self.costs[key[0]] = self.costs.get(key[0], _Cost()) + _cost_of(walked).times(count)
        self.faults += [f"{_named(key)} never runs" for key in claimed if key not in counts]

    @staticmethod
    def _walk(
        stage: Stage, hardware: Hardware, accounting: Accounting, layer: Layer, key: RunKey, run: ClaimedRun
    ) -> Walk:
        return walk(
            layer.with_extents(dict(key[1])),
            hardware,
            run.mapping,
            accounting=accounting,
            reuse="innermost",
            pinned=stage.pinned(layer),
            room_bits=run.room_bits,
            resumes=key[2],
        )


def _named(key: RunKey) -> str:
    extents = ", ".join(f"{dim} {extent}" for dim, extent in key[1]) or "all extents"
    return f"{key[0]} with {extents}{', adding to partial sums' if key[2] else ''}"


def _filled(layer: Layer, walked: Walk, pinned: frozenset[str]) -> int:
    """Bits of the buffer that the tiles of a mapping fill."""
    return sum(
        count.tile_words * layer.operand(role).bits
        for (level, role), count in walked.counts.items()
        if level == 1 and role not in pinned
    )


def _cost_of(walked: Walk) -> _Cost:
    outermost = [count for (level, _), count in walked.counts.items() if level == 0]
    words = sum(count.reads + count.updates for count in outermost)
    return _Cost(walked.energy, math.ceil(walked.latency_cycles), words, walked.macs)


def _too_full(stage: Stage, hardware: Hardware, held: Occupancy, runs: _Runs) -> Iterator[str]:
    """Steps at which the buffer holds more than fits, with the tiles of a run or what is reserved for them."""
    usable = hardware.levels[1].usable_bits
    if usable is None:
        return
    for (name, sizes), bits in held.most.items():
        if bits > usable:
            yield f"the buffer holds {bits} bits while {name} computes {sizes} positions, {usable} are usable"
    for key in runs.counts:
        bits, room = held.most[_sizes(stage, key)], runs.filled.get(key, 0)
        claimed = stage.claim.runs.get(key)
        if claimed is not None and claimed.room_bits is not None:
            room = max(room, claimed.room_bits)
        if bits + room > usable:
            yield f"{_named(key)}: the buffer holds {bits} bits and {room} are for tiles, {usable} are usable"


def _moves(stage: Stage, hardware: Hardware, steps: list[Step]) -> _Cost:
    """Cost of loads into the buffer, and of writes from the buffer to the outermost level."""
    cost = _Cost()
    for name in sorted(stage.claim.resident):
        layer = stage.layer(name)
        assert isinstance(layer, Layer)
        weights = layer.operand("W")
        cost += _load(hardware, weights.footprint(layer.extents), weights.bits)
    for step in steps:
        for name, block in step.loaded:
            words, bits = stage.output(name)
            cost += _load(hardware, size_of(block) * words, bits)
    for name in sorted((stage.inner & stage.leaving) | stage.gathered):
        words, bits = stage.output(name)
        cost += _store(hardware, math.prod(stage.layer(name).grid) * words, bits)
    return cost


def _load(hardware: Hardware, words: int, bits: int) -> _Cost:
    outer, buffer = hardware.levels[:2]
    energy = _accesses(outer, words * bits) * outer.read_energy + _accesses(buffer, words * bits) * buffer.fill_energy
    cycles = max(_busy(outer, words * bits, 0), _busy(buffer, 0, words * bits))
    return _Cost(energy + cycles * (outer.leak_energy + buffer.leak_energy), cycles, words)


def _store(hardware: Hardware, words: int, bits: int) -> _Cost:
    outer, buffer = hardware.levels[:2]
    energy = _accesses(outer, words * bits) * outer.update_energy + _accesses(buffer, words * bits) * buffer.read_energy
    cycles = max(_busy(outer, 0, words * bits), _busy(buffer, words * bits, 0))
    return _Cost(energy + cycles * (outer.leak_energy + buffer.leak_energy), cycles, words)


def _vectors(stage: Stage, hardware: Hardware, steps: list[Step]) -> dict[str, _Cost]:
    """Work of every vector layer, part by part."""
    costs: dict[str, _Cost] = {}
    for step in steps:
        layer = stage.layer(step.member)
        if isinstance(layer, VectorLayer) and size_of(step.block):
            costs[layer.name] = costs.get(layer.name, _Cost()) + _part(stage, hardware, layer, step)
    return costs


def _part(stage: Stage, hardware: Hardware, layer: VectorLayer, step: Step) -> _Cost:
    """Cost of a part of a vector layer: it streams ranges of its sources, and inputs that no layer computes as a
    whole.
    """
    streams: dict[tuple[int, str], list[Stream]] = {(level, way): [] for level in (0, 1) for way in ("read", "write")}
    whole = list(layer.reads)
    for source, block in step.read:
        words, bits = stage.output(source)
        volume = words * math.prod(stage.layer(source).grid)
        own = next((stream for stream in whole if stream[0] == volume), None)
        if own is not None:
            whole.remove(own)
        span = math.prod(len(whole_range(positions)) for positions in block)
        streams[int(source in stage.buffered), "read"].append((span * words, bits if own is None else own[1]))
    streams[0, "read"] += whole
    words, bits = stage.output(layer.name)
    streams[int(layer.name in stage.inner), "write"].append((size_of(step.block) * words, bits))
    operations = -(-layer.operations * size_of(step.block) // math.prod(layer.grid))
    energy, cycles = operations * hardware.vector_energy, -(-operations // hardware.vector_lanes)
    for number, level in enumerate(hardware.levels[:2]):
        reads, writes = streams[number, "read"], streams[number, "write"]
        energy += sum(_accesses(level, n * width) * level.read_energy for n, width in reads)
        energy += sum(_accesses(level, n * width) * level.update_energy for n, width in writes)
        cycles = max(cycles, _busy(level, sum(n * width for n, width in reads), sum(n * width for n, width in writes)))
    return _Cost(energy, cycles, sum(n for n, _ in (*streams[0, "read"], *streams[0, "write"])))


def _accesses(level: Level, bits: int) -> int:
    return -(-bits // level.access_bits)


def _busy(level: Level, read_bits: int, written_bits: int) -> int:
    """Whole cycles that the ports of an instance need."""
    ports = (
        (read_bits, level.read_bits_per_cycle),
        (written_bits, level.write_bits_per_cycle),
        (read_bits + written_bits, level.shared_bits_per_cycle),
    )
    return max((math.ceil(bits / limit) for bits, limit in ports if limit is not None), default=0)
