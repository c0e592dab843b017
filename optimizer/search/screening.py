"""Screening: which points of a box may improve on the incumbents. It guides the search and proves nothing.

The layer bounds of a box hold for all of its points, but every point has vector layers, least cycles and budgets of its
own. The objectives that these give are compared with the cutoffs for all points at once, as rounded logarithms. Boxes
are closed by exact bounds only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from optimizer.architecture.boxes import Box, PointSet
from optimizer.architecture.hardware import Hardware
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.search.box_evaluation import OpenBox
from optimizer.search.incumbents import Logs
from optimizer.search.network_bounds import NetworkBounds


class Screening:
    """The points of an exploration in grids of the menus' sizes.

    Parameters
    ----------
    networks : sequence of Part
        One per network.
    points : PointSet
    aggregate : Aggregate
    allowed : callable
        Does a hardware point keep the budgets of the chip?
    """

    def __init__(
        self,
        networks: Sequence[NetworkBounds],
        points: PointSet,
        aggregate: Aggregate,
        allowed: Callable[[Hardware], bool],
    ) -> None:
        self._points, self._aggregate, self._is_allowed = points, aggregate, allowed
        self._sheets = [_Sheet(network, points) for network in networks]

    def promising_box(self, open_box: OpenBox, cutoffs: Logs) -> tuple[Box, float] | None:
        """The smallest box around the points of a box that may improve on the incumbents; None if there are none.

        Parameters
        ----------
        open_box : OpenBox
        cutoffs : array
            Cutoffs of the incumbents.

        Returns
        -------
        (box, float)
            The float is the largest ratio by which the bound of such a point would have to rise.
        """
        window = tuple(slice(low, high + 1) for low, high in open_box.box)
        known = zip(self._sheets, open_box.energy, open_box.latency, strict=True)
        single = [sheet.bounds(window, energy, latency) for sheet, energy, latency in known]
        with np.errstate(invalid="ignore"):
            bounds = self._aggregate.logarithm(single)
        is_open = self._allowed[window] & (bounds <= cutoffs[window]) & (bounds < np.inf)
        if not is_open.any():
            return None
        most, least = cutoffs[window][is_open], bounds[is_open]
        with np.errstate(over="ignore", invalid="ignore"):  # equal ones, also two infinite ones, need no rise
            rise = float(np.exp(np.max(np.where(most == least, 0.0, most - least))))
        sides = [(int(found.min()), int(found.max())) for found in np.nonzero(is_open)]
        return tuple((low + a, low + b) for (low, _), (a, b) in zip(open_box.box, sides, strict=True)), rise

    @cached_property
    def _allowed(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        flags = np.zeros(self._points.shape, dtype=np.bool_)
        for index, point in self._points.points.items():
            flags[index] = self._is_allowed(point)
        return flags


class _Sheet:
    """One network: its vector layers and least cycles on every point."""

    def __init__(self, network: NetworkBounds, points: PointSet) -> None:
        self._goal, self._points, self._network = network.goal, points, network
        self._counts = np.array([pricer.count for pricer in network.pricers], dtype=float)

    @cached_property
    def _fixed(self) -> tuple[Logs, Logs]:
        """Energy units and cycles of the vector layers."""
        fixed = np.zeros((*self._points.shape, 2))
        for index, point in self._points.points.items():
            fixed[index] = self._network.fixed(point)
        return fixed[..., 0], fixed[..., 1]

    @cached_property
    def _layer_bounds(self) -> Logs:
        """Cycles, by point and pricer."""
        layer_bounds = np.zeros((*self._points.shape, len(self._counts)))
        for index, point in self._points.points.items():
            layer_bounds[index] = self._network.latency_bounds(point)
        return layer_bounds

    def bounds(self, window: tuple[slice, ...], energy: Sequence[int], latency: Sequence[int]) -> Logs:
        """Logarithms of the bounds of the points in a window; infinite where a cap is broken."""
        goal = self._goal
        energies = self._fixed[0][window] + float(sum(c * e for c, e in zip(self._counts, energy, strict=True)))
        cycles = np.maximum(self._layer_bounds[window], np.array(latency, dtype=float)) @ self._counts
        cycles += self._fixed[1][window]
        if goal.power_cap is not None:
            cycles = np.maximum(cycles, energies / float(goal.power_cap))
        with np.errstate(divide="ignore"):
            terms = {"energy": [energies], "latency": [cycles], "edp": [energies, cycles]}[goal.objective]
            found: Logs = np.sum([np.log(term) for term in terms], axis=0)
        for amount, cap in ((energies, goal.energy_cap), (cycles, goal.latency_cap)):
            if cap < INFEASIBLE_COST:
                found[amount > cap * (1 + 1e-9)] = np.inf
        return found
