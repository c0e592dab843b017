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

from dataclasses import dataclass

import numpy as np

from formulations.problem import LayerProblem
from formulations.shortest_path.fan_out import behind_fan_out
from formulations.shortest_path.prices import Prices, most_copies, outside, prices_of
from formulations.shortest_path.region_steps import parent_of
from formulations.shortest_path.region_tables import crossing, filled
from formulations.shortest_path.statuses import FREE, TIGHT, Behind, Code, Table, slopes_of
from formulations.shortest_path.tables import TENSORS, Lattice, Machine
from formulations.shortest_path.twins import mirror_of


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
    prices, mirror = prices_of(t, m), mirror_of(problem, t)
    tables: dict[tuple[int, Code], Table] = {}
    behind: dict[int, Behind] = {}
    for region in range(m.regions - 1, -1, -1):
        most = most_copies(m, prices, region)
        copies = np.array([[1.0]] if most == 1 else [[1.0], [most]])
        for code, (statuses, ends) in filled(t, m, region, prices, copies, behind.get(region + 1)).items():
            one = np.maximum(0.0, ends[:, 0])
            table = Table(statuses, one, slopes_of(one, ends[:, -1], most))
            _leave_out_parents(t, m, region, prices, code, table)
            tables[region, code] = table
        if region:
            before = most_copies(m, prices, region - 1)
            behind[region] = behind_fan_out(t, m, region, prices, tables[region, (0, 0, 0)], before, mirror)
    return Guide(prices, tables, behind)


def _leave_out_parents(t: Lattice, m: Machine, region: int, prices: Prices, code: Code, table: Table) -> None:
    """Take off the values what parents further out charge if the next nodes stood right here."""
    for tensor in TENSORS:
        if parent_of(m, region, tensor, code[tensor]) < 0:
            for n, statuses in enumerate(table.statuses):
                if statuses[tensor] in (FREE, TIGHT):
                    charged = outside(m, prices, region, tensor, crossing(t, prices, tensor, statuses[tensor]))
                    table.values[n] -= charged
