"""What a search minimizes."""

from __future__ import annotations

import math

from formulations.shortest_path.kernels.dominance import TIED, TIMED
from formulations.shortest_path.kernels.goal import KINDS, MARGIN, Aim, is_hopeless, value
from formulations.shortest_path.tables import Machine

MOST_CYCLES = (1 << 63) - 1


class Goal:
    """An objective, limits, and the best value so far, which nests have to undercut.

    Parameters
    ----------
    kind : {"energy", "latency", "edp", "weighted"}
        Weighted is energy + weight x cycles.
    weight : int
        Energy units per cycle.
    cap : int, optional
        Most cycles.
    ceiling : int, optional
        Most energy units.
    below : int, optional
        Only nests of a smaller value count. Of nests found of equal energy, the one of fewer cycles.
    """

    def __init__(
        self,
        kind: str,
        *,
        weight: int = 0,
        cap: int | None = None,
        ceiling: int | None = None,
        below: int | None = None,
    ) -> None:
        self.kind, self.weight, self.cap, self.ceiling, self.best = kind, weight, cap, ceiling, below
        self._step, self._cycles = 1, 0

    def timing(self, m: Machine) -> int:
        """When cycles count: always, or between labels of equal energy.

        Where the least energy has no limit of cycles and nothing leaks, a label that costs less than another one, and
        is no worse in all that later energies depend on, leaves it out whatever the cycles: what completes the second
        one completes the first at less energy, so the second is part of no nest of the least energy.
        """
        return TIED if self.kind == "energy" and self.cap is None and not m.leaks else TIMED

    @property
    def aim(self) -> Aim:
        """The same for kernels."""
        return Aim(
            KINDS.index(self.kind),
            float(self.weight),
            MOST_CYCLES if self.cap is None else min(self.cap, MOST_CYCLES),
            math.inf if self.ceiling is None else float(self.ceiling),
            math.inf if self.best is None else float(self.best),
            float(self._step),
            self._cycles if self.kind == "energy" else 0,
        )

    @property
    def most_energy(self) -> float:
        """Bounds on energies above this are hopeless, whatever the cycles."""
        limits = [self.best if self.kind in ("energy", "weighted") else None, self.ceiling]
        return min((limit * (1 + 10 * MARGIN) for limit in limits if limit is not None), default=math.inf)

    def is_out_of_reach(self, energy: float, cycles: int) -> bool:
        """Can no nest be better than the best that costs at least so much?"""
        aim = self.aim
        found: bool = is_hopeless(aim, value(aim, energy, cycles), cycles)
        return found

    def value(self, energy: int, cycles: int) -> int:
        """The exact objective."""
        if self.kind == "latency":
            return cycles
        return energy * cycles if self.kind == "edp" else energy + self.weight * cycles

    def note(self, m: Machine, energy: int, cycles: int) -> bool:
        """Is a nest better than the best? Then it is the best from now on.

        Energies of two nests differ by a multiple of the machine's grain.
        """
        value = self.value(energy, cycles)
        tied = self.kind == "energy" and value == self.best and cycles < self._cycles
        if self.best is not None and value >= self.best and not tied:
            return False
        if cycles > (math.inf if self.cap is None else self.cap):
            return False
        if energy > (math.inf if self.ceiling is None else self.ceiling):
            return False
        self.best, self._step, self._cycles = value, m.grain if self.kind == "energy" else 1, cycles
        return True
