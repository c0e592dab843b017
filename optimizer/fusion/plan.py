"""A plan: one way to run a group on a hardware point, with its cut, the tensors kept on chip, and all costs."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from optimizer.architecture.hardware import Hardware
from optimizer.fusion.groups import operand_sources
from optimizer.fusion.moves import Charge, Mover
from optimizer.fusion.slices import Slices, slice_chains
from optimizer.fusion.tilings import Cut, GroupTiling
from optimizer.mapping.cost import Accounting
from optimizer.pricing.price import Price
from optimizer.workload.layer import Layer, VectorLayer

Extents = tuple[tuple[str, int], ...]
"""Dims that tiles (and slices) cut, with the extents of a run."""
VectorPart = tuple[tuple[int, ...], tuple[int, ...], int]
"""Equal parts of a vector layer: positions computed along each axis, positions read of every source, how many."""
STRIPS = (2, 4, 8)
"""Numbers of strips that are tried."""


@dataclass(frozen=True)
class RunChoice:
    """Tensors kept in the buffer for the whole group besides its inner tensors.

    ``resident`` names layers whose weights are loaded once, ``held`` layers outside whose output is fetched tile by
    tile for all its readers. Other weights and inputs are streamed by every run that reads them.

    ``slices`` is a chain of layers that take turns on slices of the channels between them.

    ``strips`` gives layers that compute their part of a tile in n equal strips of rows, one after the other. Input rows
    that only earlier strips needed are freed, and output rows of later strips need no space yet.
    """

    resident: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    strips: frozenset[tuple[str, int]] = frozenset()
    slices: Slices | None = None

    def strips_of(self, name: str) -> int:
        """Strips of a layer."""
        return dict(self.strips).get(name, 1)

    @property
    def chain(self) -> tuple[str, ...]:
        """Layers that take turns."""
        return self.slices.chain if self.slices else ()

    @property
    def gathered(self) -> frozenset[str]:
        """Layers whose partial sums the buffer holds, though their output only leaves the group."""
        return self.slices.gathered if self.slices else frozenset()


@dataclass(frozen=True)
class RunShape:
    """Equal runs of a layer: extents of the dims that tiles (and slices) cut, and how many runs.

    A run that ``resumes`` adds to partial sums from before.
    """

    layer: str
    extents: Extents
    count: int
    resumes: bool = False


@dataclass(frozen=True)
class PricedRun:
    """Equal runs with the operands pinned to the buffer, the room that is left, and the price of one."""

    shape: RunShape
    pinned: frozenset[str]
    room_bits: int
    price: Price


@dataclass(frozen=True)
class Plan:
    """A group's plan with its costs: energy units and cycles."""

    members: tuple[str, ...]
    cut: Cut
    choice: RunChoice
    energy: int
    latency: int
    runs: tuple[PricedRun, ...]
    charges: tuple[Charge, ...]


class Frame:
    """A group under one cut: everything that does not depend on the hardware point."""

    def __init__(self, tiling: GroupTiling) -> None:
        self.tiling, self.group = tiling, tiling.group
        group = self.group
        self.layers = [layer for name in group.members if isinstance(layer := group.layer(name), Layer)]
        self.vectors = [layer for name in group.members if isinstance(layer := group.layer(name), VectorLayer)]
        self.sources = {layer.name: operand_sources(group.network, layer) or {} for layer in self.layers}
        self.inner = frozenset(name for name in group.members if group.stays(name))
        self._vector_work: dict[str, list[VectorPart]] = {}
        self._spared: dict[tuple[str, int], int] = {}
        self._whole = {layer.name: tuple(self._shapes(layer, 1)) for layer in self.layers}

    def shapes(self, layer: Layer, choice: RunChoice) -> tuple[RunShape, ...]:
        """Runs of a layer, equal ones together."""
        strips = choice.strips_of(layer.name)
        if choice.slices is not None and layer.name in choice.chain:
            return tuple(self._sliced(layer, choice.slices))
        return self.coarse(layer) if strips == 1 else tuple(self._shapes(layer, strips))

    def coarse(self, layer: Layer) -> tuple[RunShape, ...]:
        """Runs without strips and slices. The optimal cost of a coarse run is a lower bound on the sum of equal parts.

        The parts run one after the other are a mapping of the coarse run. It costs no more, because it rounds up less
        often. Parts that resume sums may have another nest than the first one: :meth:`resumed_share`.
        """
        return self._whole[layer.name]

    def resumed_share(self, layer: Layer, choice: RunChoice) -> Fraction:
        """The part of a coarse run's optimal cost that its resumed parts cost at least; 1: no part resumes sums.

        Let r parts add to the same outputs, all but the first one by the nest n of optimal cost. Parts that all have
        nest n are a mapping of the coarse run. The first of them costs no more than the others, since it reads fewer
        partial sums. So the coarse run costs at most r times what a resumed part does, and r - 1 parts are resumed.
        """
        slices = choice.slices
        if slices is None or layer.name != slices.chain[-1]:
            return Fraction(1)
        return Fraction(slices.number - 1, slices.number)

    def _sliced(self, layer: Layer, slices: Slices) -> Iterator[RunShape]:
        place = slices.chain.index(layer.name)
        dim, number = slices.dims[place], slices.number
        part = (dim, layer.extents[dim] // number)
        for shape in self.coarse(layer):
            extents = (*shape.extents, part)
            if place + 1 < len(slices.chain):
                yield RunShape(layer.name, extents, shape.count * number)
            else:
                yield RunShape(layer.name, extents, shape.count)
                yield RunShape(layer.name, extents, shape.count * (number - 1), resumes=True)

    def _shapes(self, layer: Layer, strips: int) -> Iterator[RunShape]:
        for (batch, rows, columns), count in self.tiling.tensors[layer.name].parts():
            sizes = zip(layer.tile_dims, (batch, rows // strips, columns), strict=True)
            yield RunShape(layer.name, tuple((dim, size) for dim, size in sizes if dim is not None), count * strips)

    def choices(self) -> Iterator[RunChoice]:
        """Every choice but those that hold what a single vector layer reads once."""
        weights = [layer.name for layer in self.layers if "W" not in self.sources[layer.name]]
        parts: list[tuple[frozenset[tuple[str, int]], Slices | None]] = [(frozenset(), None)]
        parts += [(frozenset([(name, n)]), None) for name in self.strippable() for n in self._strip_numbers(name)]
        parts += [(frozenset(), slices) for slices in self.slices]
        for strips, slices in parts:
            for resident, held in itertools.product(_subsets(weights), _subsets(self._inputs)):
                yield RunChoice(frozenset(resident), frozenset(held), strips, slices)

    @cached_property
    def slices(self) -> list[Slices]:
        """Chains in which no tile needs inner results of another tile; gathered or not, where that differs."""
        found = []
        for slices in slice_chains(self.group):
            if not any(self.tiling.tensors[name].kept for name in slices.chain[:-1]):
                ways = (False,) if slices.chain[-1] in self.inner else (False, True)
                found += [replace(slices, gathers=gathers) for gathers in ways]
        return found

    @cached_property
    def _inputs(self) -> list[str]:
        """Tensors from outside that may be held."""
        return [name for name in self.group.outside if self._may_hold(name)]

    def _may_hold(self, source: str) -> bool:
        """Can it be of use to hold a tensor? Not if one vector layer streams no more of it than would be fetched."""
        name, *others = self.group.readers(source)
        tensor, reader = self.tiling.tensors[source], self.group.layer(name)
        if others or isinstance(reader, Layer):
            return True
        sources = self.group.sources(name)
        place = sources.index(source)
        words = tensor.words * sum(reads[place] * count for _, reads, count in self._vector_parts(name))
        return words * self._widths(reader, sources)[0][place] > tensor.moved * tensor.bits

    def strippable(self) -> list[str]:
        """Layers that may run in strips: the last reader of one inner tensor, with an inner output, columns whole."""
        found = []
        for layer in self.layers:
            sources = self.sources[layer.name]
            last = [n for n in (sources.get("I"),) if n in self.inner and self._last_reader(n) == layer.name]
            uncut = self.tiling.cut.parts[2] == 1 and layer.tile_dims[1] is not None
            if layer.name in self.inner and uncut and last and sources.get("W") not in self.inner:
                found.append(layer.name)
        return found

    def _last_reader(self, name: str) -> str:
        return max(self.group.readers(name), key=self.group.position.__getitem__)

    def _strip_numbers(self, name: str) -> list[int]:
        rows = math.gcd(*self.tiling.tensors[name].steps[1].sizes)
        return [n for n in STRIPS if rows % n == 0]

    def pinned(self, layer: Layer, choice: RunChoice) -> frozenset[str]:
        """Roles of the operands that a layer finds, or leaves, in the buffer."""
        sources = self.sources[layer.name]
        kept = {role for role, source in sources.items() if source in self.inner or source in choice.held}
        if layer.name in self.inner | choice.gathered:
            kept.add("O")
        if layer.name in choice.resident:
            kept.add("W")
        return frozenset(kept)

    def reserved_bits(self, choice: RunChoice) -> list[int]:
        """Bits of the buffer that are taken, per position in the group's order.

        Resident weights always; a tensor that stays or is held, ``live`` from the layer that computes (or first reads)
        it to the last that reads it, and ``kept`` otherwise. Layers that take turns begin and end together; of a tensor
        between two of them a slice is live.
        """
        group = self.group
        taken = [0] * len(group.members)
        for layer in self.layers:
            if layer.name in choice.resident:
                operand = layer.operand("W")
                bits = operand.footprint(layer.extents) * operand.bits
                taken = [known + bits for known in taken]
        turns = [group.position[name] for name in choice.chain]
        for name in (*self.inner, *choice.held, *choice.gathered):
            tensor = self.tiling.tensors[name]
            uses = [group.position[reader] for reader in group.readers(name)]
            uses.append(group.position.get(name, min(uses, default=0)))
            live = tensor.live
            if name in choice.chain[:-1]:
                assert choice.slices is not None
                live //= choice.slices.number
            elif set(uses) & set(turns):
                uses += turns
            for n in range(len(taken)):
                taken[n] += (live if min(uses) <= n <= max(uses) else tensor.kept) * tensor.bits
        for name, strips in choice.strips:
            if (name, strips) not in self._spared:
                self._spared[name, strips] = self._spared_bits(name, strips)
            taken[group.position[name]] -= self._spared[name, strips]
        return taken

    def _spared_bits(self, name: str, strips: int) -> int:
        """Bits by which strips reduce the buffer space of the layer's input and output together."""
        source = self.sources[name]["I"]
        read, made = self.tiling.tensors[source], self.tiling.tensors[name]
        rows, row = read.steps[1], read.row_bits
        most = 0
        for n, (low, high) in enumerate(made.steps[1].computed):
            here, there = rows.window(n), made.steps[1].window(n)
            for strip in range(strips if high > low else 0):
                start, end = (low + (high - low) * (strip + k) // strips for k in (0, 1))
                needed = self.tiling.along.read(source, name, 1, (start, high))[0]
                kept = rows.kept[n]
                first = min(needed, kept[0]) if kept[1] > kept[0] else needed
                held = (here[1] - max(first, here[0])) * row + (there[1] - there[0] - (high - end)) * made.row_bits
                most = max(most, held)
        return rows.held * row + made.steps[1].held * made.row_bits - most

    def charges(self, hardware: Hardware, accounting: Accounting, choice: RunChoice) -> tuple[Charge, ...]:
        """Everything but the multiply-accumulate runs."""
        mover = Mover(hardware, accounting)
        found = []
        for layer in self.layers:
            if layer.name in choice.resident:
                operand = layer.operand("W")
                words = operand.footprint(layer.extents)
                found.append(mover.load(f"{layer.name}.W", Counter({words: 1}), operand.bits))
        for name in sorted(choice.held, key=self.group.outside.index):
            tensor = self.tiling.tensors[name]
            parts = Counter[int]()
            for sizes, count in tensor.parts():
                parts[math.prod(sizes) * tensor.words] += count
            found.append(mover.load(name, parts, tensor.bits))
        for name in self.group.members:
            if name in choice.gathered or (name in self.inner and self.group.leaves(name)):
                tensor = self.tiling.tensors[name]
                found.append(mover.store(name, tensor.volume, tensor.bits))
        return (*found, *(self._vector(layer, mover, choice) for layer in self.vectors))

    def _vector(self, layer: VectorLayer, mover: Mover, choice: RunChoice) -> Charge:
        """Work of a vector layer, part by part; inputs that no layer computes are read whole by every part."""
        group, out = self.group, self.tiling.tensors[layer.name]
        sources = group.sources(layer.name)
        widths, others = self._widths(layer, sources)
        energy = latency = moved = 0
        positions = math.prod(layer.grid)
        for sizes, reads, count in self._vector_parts(layer.name):
            inside: list[tuple[int, int]] = []
            outside = list(others)
            for source, read, bits in zip(sources, reads, widths, strict=True):
                near = source in self.inner or source in choice.held
                (inside if near else outside).append((read * self.tiling.tensors[source].words, bits))
            size = math.prod(sizes)
            written = (size * out.words, out.bits)
            near = layer.name in self.inner
            spent, cycles = mover.vector(
                -(-layer.operations * size // positions),
                outside,
                inside,
                [] if near else [written],
                [written] if near else [],
            )
            energy, latency = energy + spent * count, latency + cycles * count
            moved += count * (sum(words for words, _ in outside) + (0 if near else written[0]))
        return Charge("vector", layer.name, energy, latency, moved)

    def _widths(self, layer: VectorLayer, sources: list[str]) -> tuple[list[int], list[tuple[int, int]]]:
        """Bits per word with which the layer reads every source, and what else it reads: (words, bits).

        A source is the first tensor read that has as many words.
        """
        widths, others = [], list(layer.reads)
        for source in sources:
            tensor = self.tiling.tensors[source]
            own = next((read for read in others if read[0] == tensor.volume), None)
            widths.append(tensor.bits if own is None else own[1])
            if own is not None:
                others.remove(own)
        return widths, others

    def _vector_parts(self, name: str) -> list[VectorPart]:
        if name not in self._vector_work:
            self._vector_work[name] = list(self._work(name, self.group.sources(name)))
        return self._vector_work[name]

    def _work(self, name: str, sources: list[str]) -> Iterator[VectorPart]:
        axes = []
        for axis in range(3):
            steps = self.tiling.tensors[name].steps[axis]
            parts = Counter[tuple[int, tuple[int, ...]]]()
            for computed in steps.computed:
                if computed[1] > computed[0]:
                    read = tuple(self._length(source, name, axis, computed) for source in sources)
                    parts[computed[1] - computed[0], read] += 1
            axes.append(parts)
        for combination in itertools.product(*(parts.items() for parts in axes)):
            sizes = tuple(size for (size, _), _ in combination)
            reads = tuple(math.prod(read[n] for (_, read), _ in combination) for n in range(len(sources)))
            yield sizes, reads, math.prod(count for _, count in combination)

    def _length(self, source: str, name: str, axis: int, computed: tuple[int, int]) -> int:
        low, high = self.tiling.along.read(source, name, axis, computed)
        return high - low


def _subsets(names: list[str]) -> list[tuple[str, ...]]:
    return [chosen for n in range(len(names) + 1) for chosen in itertools.combinations(names, n)]
