"""Least energy still to come, for every point of the lattice: the graph without what couples its steps.

A table belongs to a region, a code and a combination of statuses (:mod:`statuses`).

What is left out: bits in use are added up for the nodes placed last only; a node's words are those that the loops
inside touch; a parent further out is read at its least price, and what it costs more is charged where the fan-out is
passed, as if all nodes stood there.

Copies of the output. First visits of a node of the output cost nothing, once for every copy that fan-outs passed so far
have made (over dims that the output lacks). So what completes a label costs a - b x copies, with numbers a and b of its
own, and the least over all completions is a concave function of the copies: between one copy and the most that can be
in front of a region it lies on or above its chord. Tables are filled for both ends, formally (with most copies, values
may be too low for any real nest, even negative), and labels take the chord at their own copies, or 0. Where all
completions have equal b (one level keeps the output from the region on) the chord is exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from formulations.problem import I, LayerProblem, O, W
from formulations.shortest_path.fan_out import behind_fan_out
from formulations.shortest_path.prices import (
    Prices,
    fill_price,
    first_bits,
    first_steps,
    least_fill,
    most_copies,
    outside,
    price,
    prices_of,
)
from formulations.shortest_path.statuses import FREE, HELD, NONE, TIGHT, Behind, Code, Statuses, Table, slopes_of
from formulations.shortest_path.tables import (
    TENSORS,
    Flags,
    Floats,
    Lattice,
    Machine,
)


@dataclass(frozen=True)
class Guide:
    """What bounds labels: tables by region and code, and what lies behind the fan-outs that lead into regions.

    Without what a parent further out is read for at least (:func:`_net`), since labels know that parent.
    """

    prices: Prices
    tables: dict[tuple[int, Code], Table]
    behind: dict[int, Behind]


def guide_of(problem: LayerProblem, t: Lattice, m: Machine) -> Guide:
    """Tables of all regions, innermost first."""
    prices = prices_of(t, m)
    tables: dict[tuple[int, Code], Table] = {}
    behind: dict[int, Behind] = {}
    for region in range(m.regions - 1, -1, -1):
        most = most_copies(m, prices, region)
        copies = np.array([[1.0]] if most == 1 else [[1.0], [most]])
        for code, (statuses, ends) in _Region(t, m, region, prices, copies, behind.get(region + 1)).fill().items():
            one = np.maximum(0.0, ends[:, 0])
            table = Table(statuses, one, slopes_of(one, ends[:, -1], most))
            _leave_out_parents(t, m, region, prices, code, table)
            tables[region, code] = table
        if region:
            before = most_copies(m, prices, region - 1)
            behind[region] = behind_fan_out(t, m, region, prices, tables[region, (0, 0, 0)], before)
    return Guide(prices, tables, behind)


def _leave_out_parents(t: Lattice, m: Machine, region: int, prices: Prices, code: Code, table: Table) -> None:
    """Take off the values what parents further out charge if the next nodes stood right here."""
    for tensor in TENSORS:
        if parent_of(m, region, tensor, code[tensor]) < 0:
            for n, statuses in enumerate(table.statuses):
                if statuses[tensor] in (FREE, TIGHT):
                    charged = outside(m, prices, region, tensor, _crossing(t, prices, tensor, statuses[tensor]))
                    table.values[n] -= charged


def _crossing(t: Lattice, prices: Prices, tensor: int, status: int) -> Floats:
    """Bits of a tensor that come in from further out at least."""
    again = float(prices.again[tensor])
    found: Floats = t.traffic[tensor] * (again if status == FREE and again < np.inf else 1.0)
    return found


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


def closed(t: Lattice, values: Floats, dims: list[int]) -> Floats:
    """Loops over dims: every value at most that of the points inside that they reach. In place."""
    for d in dims:
        grid = values.reshape(len(values), -1, t.counts[d], t.stride[d])
        for p, there in t.steps[d]:
            np.minimum(grid[:, :, p], grid[:, :, there], out=grid[:, :, p])
    return values


def bare_dims(t: Lattice) -> list[int]:
    """Dims over which a loop may stand between a fan-out and the first node behind it (rule R2)."""
    return [d for d in range(len(t.lacks)) if t.halo[d] or t.regional]


class _Ends(NamedTuple):
    """Values of one code by combination of statuses, number of copies and point."""

    statuses: tuple[Statuses, ...]
    values: Floats

    def row(self, statuses: Statuses) -> Floats:
        """The values of one combination."""
        found: Floats = self.values[self.statuses.index(statuses)]
        return found


@dataclass(frozen=True)
class _Region:
    """One region, whose tables are filled from the innermost nodes outwards.

    They are filled for several numbers of copies of the output (a column) at once.
    """

    t: Lattice
    m: Machine
    region: int
    prices: Prices
    copies: Floats
    behind: Behind | None
    fitting: dict[tuple[Code, int, int], Flags] = field(default_factory=dict)
    placing: dict[tuple[int, int, int], Floats] = field(default_factory=dict)
    """Where nodes fit and what they cost: found once for all combinations of statuses."""

    def fill(self) -> dict[Code, _Ends]:
        """Tables by code."""
        tables: dict[Code, _Ends] = {}
        for code in codes_of(self.m, self.region):
            statuses = tuple(statuses_of(self.m, self.region, code))
            tables[code] = _Ends(statuses, np.full((len(statuses), len(self.copies), self.t.size), np.inf))
            groups = itertools.groupby(range(len(statuses)), key=lambda n: statuses[n].count(HELD))
            for _, numbers in groups:
                self._rows(code, tables, list(numbers))
        return tables

    def _rows(self, code: Code, tables: dict[Code, _Ends], numbers: list[int]) -> None:
        """Rows of combinations with as many tensors held."""
        table = tables[code]
        for n in numbers:
            statuses, values = table.statuses[n], table.values[n]
            self._leave(statuses, code, values)
            for tensor in TENSORS:
                if statuses[tensor] != NONE:
                    for digit in self.m.digits(self.region, tensor):
                        if digit > code[tensor]:
                            self._place(statuses, code, tensor, digit, tables, values)
                if statuses[tensor] < NONE:
                    self._hold(statuses, code, tensor, table, values)
        alike = itertools.groupby(
            sorted(numbers, key=lambda n: self._loops(table.statuses[n], code)),
            key=lambda n: self._loops(table.statuses[n], code),
        )
        for dims, group in alike:
            rows = list(group)
            table.values[rows] = closed(self.t, table.values[rows], dims)

    def _loops(self, statuses: Statuses, code: Code) -> list[int]:
        """Dims over which loops may come.

        In front of the first node of a region a loop may stand outside of the fan-out as well: what comes into nodes is
        the same, but for the input, if the loop is over one of its windows.
        """
        t = self.t
        dims = bare_dims(t) if self.region and not any(code) else list(range(len(t.lacks)))
        return [
            d for d in dims if all(statuses[tensor] != (TIGHT if t.lacks[d] == tensor else HELD) for tensor in TENSORS)
        ]

    def _leave(self, statuses: Statuses, code: Code, values: Floats) -> None:
        """Lower the values by those of leaving the region."""
        t, m = self.t, self.m
        if not all(m.leaves[self.region, tensor, code[tensor]] for tensor in TENSORS):
            return
        known = [parent_of(m, self.region, tensor, code[tensor]) for tensor in TENSORS]
        if self.behind is None:
            total = np.zeros_like(self.copies)
            for tensor in TENSORS:
                if known[tensor] >= 0:
                    bits = float(m.steps) * t.step_bits[tensor] / self.prices.shared[self.region, tensor]
                    total = total + price(m, known[tensor], tensor, np.array(bits), first_steps(t, m, self.copies))
                elif statuses[tensor] != NONE:
                    return
            np.minimum(values, total, out=values)
            return
        rows = self.behind.values[:, None] + (self.copies - 1) * self.behind.slopes[:, None]
        for then, parents, row in zip(self.behind.statuses, self.behind.parents, rows, strict=True):
            if all(
                then[T] == statuses[T] if statuses[T] == HELD or known[T] < 0 else then[T] != HELD for T in TENSORS
            ) and all(parents[T] == (known[T] if then[T] == NONE else -1) for T in TENSORS):
                total = row
                for T in TENSORS:
                    if then[T] in (FREE, TIGHT):
                        total = total + self._serving(T, known[T], then[T])
                np.minimum(values, total, out=values)

    def _serving(self, tensor: int, level: int, status: int) -> Floats:
        """What a node behind the fan-out costs at least at its parent, whose level may not be known (-1)."""
        bits = _crossing(self.t, self.prices, tensor, status)
        if level < 0:
            return outside(self.m, self.prices, self.region, tensor, bits)
        return price(self.m, level, tensor, bits, first_bits(self.t, self.m, self.copies))

    def _reading(self, tensor: int, digit: int) -> Floats:
        """What a node of a tensor costs at least at its parent."""
        level, bits = parent_of(self.m, self.region, tensor, digit), self.t.traffic[tensor]
        if level < 0:
            return outside(self.m, self.prices, self.region, tensor, bits)
        return price(self.m, level, tensor, bits, first_bits(self.t, self.m, self.copies))

    def _fits(self, code: Code, tensor: int, digit: int) -> Flags:
        """Points at which the nodes that stand last at a level, and the one to place, fit its capacity."""
        t, m = self.t, self.m
        level = m.members[self.region][digit - 1]
        capacity = m.levels[level].capacity_bits
        if capacity is None:
            return np.ones(t.size, bool)
        bits = t.words[tensor] * t.bits[tensor]
        for other in TENSORS:
            if other == tensor:
                continue
            if code[other] == digit:
                bits = bits + t.words[other] * t.bits[other]
            elif code[other] < digit and not m.may_skip[level, other]:
                bits = bits + t.bits[other]
        fits: Flags = bits <= capacity
        return fits

    def _place(
        self, statuses: Statuses, code: Code, tensor: int, digit: int, tables: dict[Code, _Ends], values: Floats
    ) -> None:
        """Lower the values by those of placing a node."""
        t, m = self.t, self.m
        members = m.members[self.region]
        if not all(m.may_skip[members[k], tensor] for k in range(code[tensor], digit - 1)):
            return
        inner = tables[_changed(code, tensor, digit)]
        least = inner.row(_changed(statuses, tensor, FREE))
        held = statuses[tensor] == HELD
        if held:
            least = np.minimum(least, inner.row(statuses))
        if (code, tensor, digit) not in self.fitting:
            self.fitting[code, tensor, digit] = self._fits(code, tensor, digit)
        least = np.where(self.fitting[code, tensor, digit], least, np.inf)
        if held:
            np.minimum(values, least, out=values)
            return
        if (code[tensor], tensor, digit) not in self.placing:
            firsts = first_bits(t, m, self.copies)
            fill = fill_price(m, members[digit - 1], tensor, t.traffic[tensor], firsts)
            self.placing[code[tensor], tensor, digit] = fill + self._reading(tensor, code[tensor])
        self._lower(statuses, code, tensor, least, self.placing[code[tensor], tensor, digit], values)

    def _lower(self, statuses: Statuses, code: Code, tensor: int, least: Floats, cost: Floats, values: Floats) -> None:
        """Lower the values by those of a node that breaks here; the input may slide along a loop."""
        np.minimum(values, least + cost, out=values)
        if tensor == I:
            for d in self._loops(statuses, code):
                if self.t.halo[d]:
                    np.minimum(values, closed(self.t, least[None].copy(), [d])[0] + cost, out=values)

    def _hold(self, statuses: Statuses, code: Code, tensor: int, table: _Ends, values: Floats) -> None:
        """Lower the values by those of a node further inside that breaks here."""
        held = _changed(statuses, tensor, HELD)
        if held not in table.statuses:
            return
        fill = least_fill(self.t, self.m, self.prices, self.region, tensor, self.t.traffic[tensor], self.copies)
        self._lower(statuses, code, tensor, table.row(held), fill + self._reading(tensor, code[tensor]), values)


def _changed(row: tuple[int, int, int], tensor: int, value: int) -> tuple[int, int, int]:
    w, i, o = (value if n == tensor else old for n, old in enumerate(row))
    return w, i, o
