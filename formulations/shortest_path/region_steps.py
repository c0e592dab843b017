"""The steps that fill the tables of a region (:mod:`potentials`), from the innermost nodes outwards.

Where they are left out. Nodes that stand last at levels of the region hold tiles of at least what the point of a label
now touches, and these tiles fit. So a table of a code is not needed at points at which what the tensors of its nodes
touch does not fit: no label gets there. If a point is needed so are all points inside of it, which touch no more, and
the same point in tables that it is filled from: a node is placed where it fits beside the others. Values stay infinite
elsewhere (:func:`needed`).
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

import numpy as np

from formulations.problem import I, O, W
from formulations.shortest_path.filling import EVERY, Program, Steps
from formulations.shortest_path.statuses import FREE, HELD, NONE, TIGHT, Behind, Code, Statuses
from formulations.shortest_path.tables import TENSORS, Flags, Lattice, Machine

Begins = dict[Code, tuple[int, tuple[Statuses, ...]]]
"""By code the first column, and combinations of statuses."""
MOST = 256
"""Programs that are kept."""
_PROGRAMS: dict[tuple[object, ...], tuple[Begins, Program]] = {}


def parent_of(m: Machine, region: int, tensor: int, digit: int) -> int:
    """The level of a tensor's last node where it is known: in the region, or the outermost one; -1 where it is not."""
    if digit:
        return m.members[region][digit - 1]
    return int(m.tops[tensor]) if region == 0 else -1


def codes_of(m: Machine, region: int) -> list[Code]:
    """Codes of a region, innermost nodes first."""
    found = itertools.product(m.digits(region, W), m.digits(region, I), m.digits(region, O))
    return sorted(found, key=lambda code: -sum(code))


def statuses_of(m: Machine, region: int, code: Code) -> Iterator[Statuses]:
    """Combinations of statuses that there are tables of, those with most tensors held first."""

    def choices(tensor: int) -> tuple[int, ...]:
        if parent_of(m, region, tensor, code[tensor]) >= 0:
            return FREE, HELD
        return (FREE, TIGHT, NONE, HELD) if m.without[region, tensor] else (FREE, TIGHT, HELD)

    every = itertools.product(choices(W), choices(I), choices(O))
    found = [s for s in every if s.count(HELD) < 2 or (s.count(HELD) == 2 and s[I] == HELD)]
    yield from sorted(found, key=lambda s: -s.count(HELD))


def bare_dims(t: Lattice) -> list[int]:
    """Dims over which a loop may stand between a fan-out and the first node behind it (rule R2).

    Behind a loop over a window any may.
    """
    return list(range(len(t.lacks))) if t.regional or t.halo.any() else []


def needed(t: Lattice, m: Machine, region: int, code: Code) -> Flags:
    """Points at which what the tensors of nodes that stand last in a region touch fits together."""
    fits = np.ones(t.size, bool)
    for digit, level in enumerate(m.members[region], 1):
        capacity = m.levels[level].capacity_bits
        held = [tensor for tensor in TENSORS if code[tensor] == digit]
        if capacity is not None and held:
            fits &= sum(t.words[tensor] * t.bits[tensor] for tensor in held) <= capacity
    return fits


def program_of(t: Lattice, m: Machine, region: int, copies: int, behind: Behind | None) -> tuple[Begins, Program]:
    """The columns of codes, and the program of a region for so many numbers of copies of the output at once.

    The last ones are kept: a program depends on what levels may keep and on whether they are bounded, not on sizes.
    """
    bounded = tuple(level.capacity_bits is None for level in m.levels)
    arrays = (m.may_keep, m.may_skip, m.leaves, m.without, m.tops, t.lacks, t.halo, t.prime_dims)
    inner = None if behind is None else (behind.statuses, behind.parents)
    bare = tuple(bare_dims(t))
    key = region, copies, m.members, bounded, inner, bare, *(row.tobytes() for row in arrays)
    found = _PROGRAMS.get(key)
    if found is None:
        builder = _Builder(t, m, region, copies, behind, bare)
        found = builder.begins, builder.build()
        if len(_PROGRAMS) >= MOST:
            _PROGRAMS.clear()
        _PROGRAMS[key] = found
    return found


@dataclass
class _Builder:
    """The steps of one region.

    There is a column for each number of copies of the output; they follow each other.
    """

    t: Lattice
    m: Machine
    region: int
    copies: int
    behind: Behind | None
    bare: tuple[int, ...]
    columns: dict[tuple[Code, Statuses], int] = field(default_factory=dict)
    """The first column of every combination of statuses."""
    begins: Begins = field(default_factory=dict)

    def build(self) -> Program:
        """All steps: a part per code."""
        self.steps = Steps(self.t)
        for code in codes_of(self.m, self.region):
            statuses = tuple(statuses_of(self.m, self.region, code))
            begin = self.steps.columns(len(statuses) * self.copies)
            self.begins[code] = begin, statuses
            for n, combination in enumerate(statuses):
                self.columns[code, combination] = begin + n * self.copies
            for combination in statuses:
                for copy in range(self.copies):
                    self._row(combination, code, copy)
            self.steps.part()
        return self.steps.program()

    def _row(self, statuses: Statuses, code: Code, copy: int) -> None:
        """Steps of one combination; those with more tensors held come first."""
        column, loops = self.columns[code, statuses] + copy, self._loops(statuses, code)
        self._leave(statuses, code, column, copy)
        for tensor in TENSORS:
            if statuses[tensor] != NONE:
                for digit in self.m.digits(self.region, tensor):
                    if digit > code[tensor]:
                        self._place(statuses, code, tensor, digit, column, copy, loops)
            if statuses[tensor] < NONE:
                held = _changed(statuses, tensor, HELD)
                if (code, held) in self.columns:
                    cost = self._cost("holding", code[tensor], tensor) + copy
                    self._lower(code, tensor, (self.columns[code, held] + copy, cost, EVERY), column, loops)
        self.steps.close(column, loops)

    def _cost(self, *key: Hashable) -> int:
        return self.steps.cost(key, self.copies)

    def _loops(self, statuses: Statuses, code: Code) -> list[int]:
        """Dims over which loops may come.

        In front of the first node of a region it may stand outside of the fan-out as well, unless there are windows.
        """
        t = self.t
        dims = self.bare if self.region and not any(code) else range(len(t.lacks))
        return [
            d for d in dims if all(statuses[tensor] != (TIGHT if t.lacks[d] == tensor else HELD) for tensor in TENSORS)
        ]

    def _leave(self, statuses: Statuses, code: Code, column: int, copy: int) -> None:
        """Lower the values by those of leaving the region."""
        m = self.m
        if not all(m.leaves[self.region, tensor, code[tensor]] for tensor in TENSORS):
            return
        known = [parent_of(m, self.region, tensor, code[tensor]) for tensor in TENSORS]
        if self.behind is None:
            if all(known[tensor] >= 0 or statuses[tensor] == NONE for tensor in TENSORS):
                self.steps.lower(column, self.steps.given(("asked", *known), self.copies) + copy)
            return
        for n, (then, parents) in enumerate(zip(self.behind.statuses, self.behind.parents, strict=True)):
            if all(
                then[T] == statuses[T] if statuses[T] == HELD or known[T] < 0 else then[T] != HELD for T in TENSORS
            ) and all(parents[T] == (known[T] if then[T] == NONE else -1) for T in TENSORS):
                served = [
                    self._cost("serving", T, known[T], then[T]) + copy for T in TENSORS if then[T] in (FREE, TIGHT)
                ]
                self.steps.lower(column, self.steps.given(("entry", n), self.copies) + copy, *served)

    def _place(
        self, statuses: Statuses, code: Code, tensor: int, digit: int, column: int, copy: int, loops: list[int]
    ) -> None:
        """Lower the values by those of placing a node."""
        members = self.m.members[self.region]
        if not all(self.m.may_skip[members[k], tensor] for k in range(code[tensor], digit - 1)):
            return
        inner, room = _changed(code, tensor, digit), EVERY
        if self.m.levels[members[digit - 1]].capacity_bits is not None:
            room = self.steps.cost(("room", code, tensor, digit), 1)
        least = self.columns[inner, _changed(statuses, tensor, FREE)] + copy
        if statuses[tensor] == HELD:
            self.steps.lower(column, least, room)
            self.steps.lower(column, self.columns[inner, statuses] + copy, room)
        else:
            cost = self._cost("placing", code[tensor], tensor, digit) + copy
            self._lower(code, tensor, (least, cost, room), column, loops)

    def _lower(self, code: Code, tensor: int, by: tuple[int, int, int], column: int, loops: list[int]) -> None:
        """Lower the values by a column with two costs: a node breaks here.

        The input may slide along a loop; the second cost is that of points behind the loop.
        """
        least, cost, room = by
        self.steps.lower(column, least, cost, room)
        if tensor == I:
            for d in loops:
                if self.t.halo[d]:
                    self.steps.lower(column, self.steps.moved((code,), least, room, d), cost)


def _changed(row: tuple[int, int, int], tensor: int, value: int) -> tuple[int, int, int]:
    w, i, o = (value if n == tensor else old for n, old in enumerate(row))
    return w, i, o
