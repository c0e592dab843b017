"""What a search minimizes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from formulations.shortest_path.tables import Floats, Ints, Machine

KINDS = ("energy", "latency", "edp", "weighted")


@dataclass
class Goal:
    """The objective, a cap on cycles, and the best value so far.

    Parameters
    ----------
    kind : {"energy", "latency", "edp", "weighted"}
        Weighted is energy + weight x cycles; latency breaks no ties.
    weight : int
        Energy units per cycle.
    cap : int or None
        Most cycles.
    best : float
        Nests have to undercut this value.
    """

    kind: str = "energy"
    weight: int = 0
    cap: int | None = None
    best: float = math.inf
    exact: int | None = field(default=None, init=False)

    def timed(self, m: Machine) -> bool:
        """Do cycles count?"""
        return self.kind != "energy" or self.cap is not None or m.leaks

    def values(self, energies: Floats, cycles: Ints) -> Floats:
        """The objective of energies and cycles, infinite above the cap."""
        if self.kind == "latency":
            found = cycles.astype(float)
        elif self.kind == "edp":
            found = energies * cycles
        else:
            found = energies + float(self.weight) * cycles
        if self.cap is not None:
            found = np.where(cycles > self.cap, np.inf, found)
        return np.where(np.isfinite(energies), found, np.inf)

    def value(self, energy: int, cycles: int) -> int:
        """The exact objective."""
        if self.kind == "latency":
            return cycles
        return energy * cycles if self.kind == "edp" else energy + self.weight * cycles

    def worse(self, m: Machine, bounds: Floats) -> Ints:
        """Can nothing from these bounds on be better than the best? Bounds are wrong by less than 1e-13 of themselves."""
        step = float(m.grain) if self.kind == "energy" else 1.0
        found: Ints = bounds - np.abs(np.where(np.isfinite(bounds), bounds, 0.0)) * 1e-13 > self.best - 0.5 * step
        return found | ~np.isfinite(bounds)

    def note(self, energy: int, cycles: int) -> bool:
        """Is a nest better than the best? Then it is the best from now on."""
        value = self.value(energy, cycles)
        if (self.cap is not None and cycles > self.cap) or value >= (math.ceil(self.best) if self.exact is None and self.best < math.inf else value + 1 if self.exact is None else self.exact):
            return False
        self.exact, self.best = value, float(value)
        return True
