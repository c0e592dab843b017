"""Lower bounds on what labels have still to pay: the charges of their nodes' parents, and the tables of the guide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from formulations.problem import I, O
from formulations.shortest_path import labels as k
from formulations.shortest_path.potentials import Guide, parent_of
from formulations.shortest_path.prices import least_fill, price
from formulations.shortest_path.statuses import FREE, HELD, NONE, TIGHT, Behind, Code, Statuses
from formulations.shortest_path.tables import TENSORS, Floats, Ints, Lattice, Machine, by_value


def ahead(t: Lattice, m: Machine, guide: Guide, rows: Ints, region: int) -> Floats:
    """A lower bound on what labels of a region have still to pay."""
    least = np.empty(rows.shape[1])
    for code, chosen in by_code(rows):
        some = rows[:, chosen]
        charges = []
        for tensor in TENSORS:
            if parent_of(m, region, tensor, code[tensor]) >= 0:
                known = np.full((4, len(chosen)), np.inf)
                known[FREE] = 0.0
                _held_charge(t, m, guide, some, region, tensor, known)
                charges.append(known)
            else:
                charges.append(_charges(t, m, guide, some, region, tensor))
        table = guide.tables[region, code]
        least[chosen] = _least(table.statuses, table.values, some[k.X], charges)
    return least


def leaving(t: Lattice, m: Machine, guide: Guide, rows: Ints, region: int) -> Floats:
    """The same if they leave the region now; infinite if they may not."""
    may = np.ones(rows.shape[1], bool)
    for tensor in TENSORS:
        may &= m.leaves[region, tensor, rows[k.DIGIT + tensor]] == 1
    found = np.full(rows.shape[1], np.inf)
    chosen = np.flatnonzero(may)
    if len(chosen) == 0:
        return found
    some = rows[:, chosen]
    if region + 1 == m.regions:
        found[chosen] = _steps_charge(t, m, guide, some, region)
        return found
    charges = [_charges(t, m, guide, some, region + 1, tensor) for tensor in TENSORS]
    behind = guide.behind[region + 1]
    least = np.full(len(chosen), np.inf)
    plain = [n for n, parents in enumerate(behind.parents) if max(parents) < 0]
    values = dict(zip((behind.statuses[n] for n in plain), behind.values[plain], strict=True))
    for statuses, row in values.items():
        total = row[some[k.X]] + sum(charges[T][statuses[T]] for T in TENSORS)
        if NONE in statuses:
            total = np.maximum(total, _bypassing(behind, statuses, some, charges))
        np.minimum(least, total, out=least)
    found[chosen] = least
    return found


def _bypassing(behind: Behind, statuses: Statuses, rows: Ints, charges: list[Floats]) -> Floats:
    """The same of tensors without a node inside: every vector with its own multicast, where no fan-out lies between."""
    least = np.zeros(rows.shape[1])
    gone = [T for T in TENSORS if statuses[T] == NONE]
    alone = (rows[[k.KIDS + T for T in gone]] == 1).all(axis=0)
    rest = sum((charges[T][statuses[T]] for T in TENSORS if T not in gone), np.zeros(rows.shape[1]))
    for n, (then, parents) in enumerate(zip(behind.statuses, behind.parents, strict=True)):
        if then == statuses and all((parents[T] >= 0) == (T in gone) for T in TENSORS):
            fits = alone & (rows[[k.LAST + T for T in gone]] == np.array([parents[T] for T in gone])[:, None]).all(
                axis=0
            )
            least[fits] = (behind.values[n][rows[k.X]] + rest)[fits]
    return least


def _steps_charge(t: Lattice, m: Machine, guide: Guide, rows: Ints, region: int) -> Floats:
    """What the multipliers ask behind the last fan-out at least."""
    total = np.zeros(rows.shape[1])
    for tensor in TENSORS:
        share, first = _share(t, m, rows, tensor)
        bits = float(m.steps) * t.step_bits[tensor] * share / guide.prices.shared[region, tensor]
        for level, chosen in by_value(rows[k.LAST + tensor]):
            total[chosen] += price(m, level, tensor, bits[chosen], first[chosen])
    return total


def _share(t: Lattice, m: Machine, rows: Ints, tensor: int) -> tuple[Floats, Floats]:
    """Distinct tiles per child of a tensor's last node, and bits of first visits there."""
    share = rows[k.APART + tensor] / rows[k.KIDS + tensor]
    first = rows[k.COPIES] * share * float(m.volume * max(t.bits[O], t.step_bits[O]))
    return share, first


def _prices(m: Machine, levels: Ints, tensor: int, bits: Floats, first: Floats) -> Floats:
    """What nodes of a tensor at these levels charge for these bits."""
    if (levels == levels[:1]).all():
        return price(m, int(levels[0]), tensor, bits, first) if len(levels) else bits
    found = np.empty(len(levels))
    for level, chosen in by_value(levels):
        found[chosen] = price(m, level, tensor, bits[chosen], first[chosen])
    return found


def _charges(
    t: Lattice, m: Machine, guide: Guide, rows: Ints, region: int, tensor: int, *, filled: bool = True
) -> Floats:
    """What a tensor's next node costs, per status, if it lies behind the fan-out that leads into a region.

    Filling a held node is among the costs if `filled`.
    """
    p = guide.prices
    charges = np.full((4, rows.shape[1]), np.inf)
    share, first = _share(t, m, rows, tensor)
    bits = t.traffic[tensor, rows[k.X]]
    charges[TIGHT] = _prices(m, rows[k.LAST + tensor], tensor, bits * share, first)
    if p.again[tensor] < np.inf:
        charges[FREE] = _prices(m, rows[k.LAST + tensor], tensor, bits * p.again[tensor] * share, first)
    if m.without[region, tensor]:
        bits = float(m.steps) * t.step_bits[tensor] * share / _shared_from(m, guide, rows, tensor)
        charges[NONE] = _prices(m, rows[k.LAST + tensor], tensor, bits, first)
    _held_charge(t, m, guide, rows, region, tensor, charges, filled=filled)
    return charges


def _shared_from(m: Machine, guide: Guide, rows: Ints, tensor: int) -> Floats:
    """The most children that one read serves, over all fan-outs still to come."""
    products = np.cumprod(guide.prices.shared[::-1, tensor])[::-1]
    found: Floats = products[rows[k.IN]]
    return found


def _held_charge(
    t: Lattice, m: Machine, guide: Guide, rows: Ints, region: int, tensor: int, charges: Floats, *, filled: bool = True
) -> None:
    """The same for a node that no loop has moved since its break."""
    held = _held(rows, tensor)
    if len(held) == 0:
        return
    some = rows[:, held]
    share, first = _share(t, m, some, tensor)
    bits = _broken(t, some, tensor)
    charges[HELD, held] = _prices(m, some[k.LAST + tensor], tensor, bits * share, first)
    if filled:
        charges[HELD, held] += least_fill(t, m, guide.prices, region, tensor, bits)


def _held(rows: Ints, tensor: int) -> Ints:
    """Labels whose last loops do not move a tensor, or slide it."""
    held = (rows[k.RUN] == tensor + 1) & (rows[k.RHO] > 1)
    return np.flatnonzero(held | (rows[k.SLIDE] >= 0) if tensor == I else held)


def _broken(t: Lattice, rows: Ints, tensor: int) -> Floats:
    """Bits that come into the next node of a tensor at least, if no loop moves it any more."""
    x = rows[k.X]
    rho = np.where(rows[k.RUN] == tensor + 1, rows[k.RHO], 1)
    if tensor == I:
        slides = np.flatnonzero(rows[k.SLIDE] >= 0)
        x = x.copy()
        for d, chosen in by_value(rows[k.SLIDE, slides]):
            of = slides[chosen]
            outer = t.divisors[d][t.place[d, x[of]]] * rows[k.TRIPS, of]
            up = np.searchsorted(t.divisors[d, : t.counts[d]], outer)
            x[of] += (up - t.place[d, x[of]]) * t.stride[d]
    found: Floats = t.traffic[tensor, x] / rho
    return found


def _least(statuses: tuple[Statuses, ...], values: Floats, x: Ints, charges: list[Floats]) -> Floats:
    """The least sum of charges and the value of their statuses."""
    least = np.full(len(x), np.inf)
    finite = [[bool((charge[s] < np.inf).any()) for s in range(4)] for charge in charges]
    for n, (w, i, o) in enumerate(statuses):
        if finite[0][w] and finite[1][i] and finite[2][o]:
            np.minimum(least, values[n][x] + (charges[0][w] + charges[1][i] + charges[2][o]), out=least)
    return least


def constant_charges(t: Lattice, m: Machine, guide: Guide, rows: Ints, region: int) -> list[Floats]:
    """What parents charge for tensors' next nodes behind the fan-out that leads into a region, whatever its vector.

    Distinct tiles of all children hold at least what the tile in front of the fan-out touches; of weights and outputs
    as much: ``traffic(child) / children * apart`` is at least ``traffic``. Filling a node that is held depends on the
    vector and is not among the charges.
    """
    return [_charges(t, m, guide, rows, region, tensor, filled=False) for tensor in TENSORS]


def sifted(
    t: Lattice, m: Machine, guide: Guide, rows: Ints, y: Ints, constant: list[Floats], of: Ints, vectors: Ints
) -> Floats:
    """A bound, quick to tell, on what labels have to pay behind the fan-out of their region.

    `constant` are the charges of the labels in `rows`, `of` the numbers of labels, `vectors` those of vectors, `y` the
    points behind. What multipliers ask of parents depends on the vector's own multicast.
    """
    region = int(rows[k.IN, 0]) + 1
    charges = [charge[:, of] for charge in constant]
    for tensor in TENSORS:
        if m.without[region, tensor]:
            share, first = _share(t, m, rows, tensor)
            bits = float(m.steps) * t.step_bits[tensor] * share / guide.prices.shared[region:, tensor].prod()
            bits = bits[of] / guide.prices.multicast[tensor, vectors]
            charges[tensor][NONE] = _prices(m, rows[k.LAST + tensor][of], tensor, bits, first[of])
    table = guide.tables[region, (0, 0, 0)]
    return _least(table.statuses, table.values, y, charges)


def by_code(rows: Ints) -> Iterator[tuple[Code, Ints]]:
    """Labels by code."""
    digits = rows[k.DIGIT : k.DIGIT + 3]
    number = (digits[0] << 20) + (digits[1] << 10) + digits[2]
    for value, chosen in by_value(number):
        yield (value >> 20, value >> 10 & 1023, value & 1023), chosen
