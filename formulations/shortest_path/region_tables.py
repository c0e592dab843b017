"""Tables of one region: what the steps of :mod:`region_steps` cost, and their values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.shortest_path.filling import Key, run
from formulations.shortest_path.prices import (
    Prices,
    fill_price,
    first_bits,
    first_steps,
    least_fill,
    outside,
    price,
)
from formulations.shortest_path.region_steps import needed, parent_of, program_of
from formulations.shortest_path.statuses import FREE, TIGHT, Behind, Code, Statuses
from formulations.shortest_path.tables import TENSORS, Floats, Lattice, Machine


def filled(
    t: Lattice, m: Machine, region: int, prices: Prices, copies: Floats, behind: Behind | None
) -> dict[Code, tuple[tuple[Statuses, ...], Floats]]:
    """By code combinations of statuses, and values by combination, number of copies of the output (rows) and point."""
    begins, program = program_of(t, m, region, len(copies), behind)
    costs = _Costs(t, m, region, prices, copies, behind)
    values = run(
        t,
        program,
        {key: costs.of(key) for key in program.given},
        {key: costs.of(key) for key in program.costs},
        [needed(t, m, region, code) for code in begins],
    )
    every = len(copies)
    return {
        code: (statuses, values[begin : begin + len(statuses) * every].reshape(len(statuses), every, -1))
        for code, (begin, statuses) in begins.items()
    }


def crossing(t: Lattice, prices: Prices, tensor: int, status: int) -> Floats:
    """Bits of a tensor that come in from further out at least."""
    again = float(prices.again[tensor])
    found: Floats = t.traffic[tensor] * (again if status == FREE and again < np.inf else 1.0)
    return found


@dataclass(frozen=True)
class _Costs:
    """What the names of costs and given columns stand for."""

    t: Lattice
    m: Machine
    region: int
    prices: Prices
    copies: Floats
    behind: Behind | None

    def of(self, key: Key) -> Floats:
        """A row per number of copies, a column per point."""
        kind, *rest = key
        found = getattr(self, f"_{kind}")(*rest)
        return found if kind == "room" else np.broadcast_to(found, (len(self.copies), self.t.size))

    def _asked(self, *known: int) -> Floats:
        """What the multipliers ask of parents at these levels (-1: not known)."""
        t, m = self.t, self.m
        total = np.zeros_like(self.copies)
        for tensor in TENSORS:
            if known[tensor] >= 0:
                bits = float(m.steps) * t.step_bits[tensor] / self.prices.shared[self.region, tensor]
                total = total + price(m, known[tensor], tensor, np.array(bits), first_steps(t, m, self.copies))
        return total

    def _entry(self, n: int) -> Floats:
        """One combination behind the fan-out."""
        assert self.behind is not None
        found: Floats = self.behind.values[n] + (self.copies - 1) * self.behind.slopes[n]
        return found

    def _serving(self, tensor: int, level: int, status: int) -> Floats:
        """A node that comes in from its parent, whose level may not be known (-1)."""
        bits = crossing(self.t, self.prices, tensor, status)
        if level < 0:
            return outside(self.m, self.prices, self.region, tensor, bits)
        return price(self.m, level, tensor, bits, first_bits(self.t, self.m, self.copies))

    def _placing(self, code: int, tensor: int, digit: int) -> Floats:
        """A node at a level of the region, at least."""
        t, m = self.t, self.m
        level = m.members[self.region][digit - 1]
        fill = fill_price(m, level, tensor, t.traffic[tensor], first_bits(t, m, self.copies))
        return fill + self._serving(tensor, parent_of(m, self.region, tensor, code), TIGHT)

    def _holding(self, code: int, tensor: int) -> Floats:
        """A node from the region on, at least."""
        fill = least_fill(self.t, self.m, self.prices, self.region, tensor, self.t.traffic[tensor], self.copies)
        return fill + self._serving(tensor, parent_of(self.m, self.region, tensor, code), TIGHT)

    def _room(self, code: Code, tensor: int, digit: int) -> Floats:
        """Infinite where a node does not fit beside those that stand last at its level."""
        t, m = self.t, self.m
        level = m.members[self.region][digit - 1]
        bits = t.words[tensor] * t.bits[tensor]
        for other in TENSORS:
            if other == tensor:
                continue
            if code[other] == digit:
                bits = bits + t.words[other] * t.bits[other]
            elif code[other] < digit and not m.may_skip[level, other]:
                bits = bits + t.bits[other]
        return np.where(bits <= m.levels[level].capacity_bits, 0.0, np.inf)[None]
