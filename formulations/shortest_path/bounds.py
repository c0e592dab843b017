"""Lower bounds on what labels have still to pay: the charges of their nodes' parents, and the tables of the guide."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from formulations.shortest_path.kernels import bounds as kernels
from formulations.shortest_path.kernels.bounds import Terms
from formulations.shortest_path.potentials import Guide
from formulations.shortest_path.prices import first_bits, first_steps
from formulations.shortest_path.statuses import HELD, NONE, Behind, Table
from formulations.shortest_path.tables import TENSORS, Floats, Ints, Lattice, Machine


@dataclass(frozen=True)
class Chart:
    """Tables side by side: a row per point, a column per combination of statuses; with slopes as of :class:`Table`.

    ``spans`` are the columns of every code, or of all choices of known parents for the same statuses; ``parents`` are
    those of :class:`Behind`.
    """

    values: Floats
    slopes: Floats
    statuses: Ints
    spans: Ints
    parents: Ints


@dataclass(frozen=True)
class Charts:
    """The guide as arrays: by region the tables of all codes, those without a node yet, and what lies behind."""

    terms: Terms
    multicast: Ints
    inside: tuple[Chart, ...]
    entered: tuple[Chart, ...]
    behind: dict[int, Chart]


def charts_of(t: Lattice, m: Machine, guide: Guide) -> Charts:
    """The guide as arrays."""
    inside = tuple(_inside(m, guide, region) for region in range(m.regions))
    entered = tuple(_entered(guide.tables[region, (0, 0, 0)]) for region in range(m.regions))
    behind = {region: _behind(table) for region, table in guide.behind.items()}
    return Charts(_terms(t, m, guide), guide.prices.multicast, inside, entered, behind)


def _side_by_side(tables: list[Table]) -> Chart:
    values, slopes = (
        np.ascontiguousarray(np.concatenate(rows).T)
        for rows in ([table.values for table in tables], [table.slopes for table in tables])
    )
    statuses = np.array([s for table in tables for s in table.statuses], np.int64)
    return Chart(values, slopes, statuses, np.zeros((0, 2), np.int64), np.zeros((0, 3), np.int64))


def _inside(m: Machine, guide: Guide, region: int) -> Chart:
    codes = [code for r, code in guide.tables if r == region]
    tables = [guide.tables[region, code] for code in codes]
    most = len(m.members[region]) + 1
    spans, begin = np.zeros((most, most, most, 2), np.int64), 0
    for code, table in zip(codes, tables, strict=True):
        spans[code] = begin, begin + len(table.statuses)
        begin += len(table.statuses)
    chart = _side_by_side(tables)
    return Chart(chart.values, chart.slopes, chart.statuses, spans, chart.parents)


def _entered(table: Table) -> Chart:
    """Combinations by the tensors held and those without a node (bits): ``spans[held, without]`` are their columns."""
    kinds = [tuple(sum((s[T] == status) << T for T in TENSORS) for status in (HELD, NONE)) for s in table.statuses]
    order = sorted(range(len(kinds)), key=kinds.__getitem__)
    chart = _side_by_side([Table(tuple(table.statuses[n] for n in order), table.values[order], table.slopes[order])])
    ranked = sorted(kinds)
    spans = [[[bisect(ranked, (h, w)) for bisect in (bisect_left, bisect_right)] for w in range(8)] for h in range(8)]
    return Chart(chart.values, chart.slopes, chart.statuses, np.array(spans, np.int64), chart.parents)


def _behind(table: Behind) -> Chart:
    plain = [n for n, parents in enumerate(table.parents) if max(parents) < 0]
    spans = []
    for n in plain:
        others = [o for o in range(len(plain), len(table.statuses)) if table.statuses[o] == table.statuses[n]]
        spans.append((others[0], others[-1] + 1) if others else (0, 0))
    return Chart(
        np.ascontiguousarray(table.values.T),
        np.ascontiguousarray(table.slopes.T),
        np.array(table.statuses, np.int64),
        np.array(spans, np.int64),
        np.array(table.parents, np.int64),
    )


def _terms(t: Lattice, m: Machine, guide: Guide) -> Terms:
    p = guide.prices
    shared = np.cumprod(p.shared[::-1], axis=0)[::-1]
    regions = np.empty((m.regions + 1, 3, 5))
    regions[:, :, kernels.AGAIN], regions[:, :, kernels.FILLS] = p.again, p.fills
    regions[:-1, :, kernels.WITHOUT], regions[-1, :, kernels.WITHOUT] = m.without, 0
    regions[:, :, kernels.ASKED] = float(m.steps) * t.step_bits / shared
    regions[:, :, kernels.LATER] = p.later[:, None]
    return Terms(
        traffic=t.traffic,
        divisors=t.divisors,
        place=t.place,
        stride=t.stride,
        leaves=m.leaves,
        rates=m.rates,
        regions=regions,
        visits=float(first_bits(t, m, np.array(1.0))),
        step_visits=float(first_steps(t, m, np.array(1.0))),
    )


def ahead(charts: Charts, rows: Ints, region: int) -> Floats:
    """A lower bound on what labels of a region have still to pay."""
    chart = charts.inside[region]
    found: Floats = kernels.ahead(charts.terms, rows, region, chart.values, chart.slopes, chart.statuses, chart.spans)
    return found


def leaving(charts: Charts, rows: Ints, region: int) -> Floats:
    """The same if they leave the region now; infinite if they may not."""
    behind = charts.behind.get(region + 1)
    if behind is None:
        found: Floats = kernels.at_multipliers(charts.terms, rows, region)
    else:
        found = kernels.leaving(
            charts.terms,
            rows,
            region + 1,
            behind.values,
            behind.slopes,
            behind.statuses,
            behind.parents,
            behind.spans,
        )
    return found
