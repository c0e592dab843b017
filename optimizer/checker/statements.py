"""Statements about single layers that bounds rest on.

A statement is ``no mapping of the layer on this hardware, within a cap on its cycles, costs less than a lower bound``,
where the cost is energy, energy + weight x cycles, or cycles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from formulations.primes import divisors
from optimizer.architecture.hardware import Hardware
from optimizer.checker.claims.solve import EqualLayers
from optimizer.checker.least_cycles import least_cycles
from optimizer.checker.physical_bounds import energy_at_least


@dataclass(frozen=True)
class Statement:
    """No mapping of a layer on a hardware point costs less than the layer bound.

    Parameters
    ----------
    weight : int, optional
        Energy units per cycle; None: the cost is cycles alone.
    cap : int, optional
        Only mappings of at most `cap` cycles.
    """

    group: EqualLayers
    hardware: Hardware
    lower_bound: int
    weight: int | None = 0
    cap: int | None = None

    @property
    def key(self) -> object:
        """A key that is equal for equal statements about one network."""
        machine = self.hardware.levels, self.hardware.mac_mesh, self.hardware.mac_energy
        return self.group.layer.name, machine, self.lower_bound, self.weight, self.cap

    @property
    def work(self) -> tuple[int, str]:
        """Sort key by expected effort: few divisors and few choices of kept tensors first."""
        points = sum(math.prod(len(divisors(e)) for e in extents.values()) for extents in self.group.variants)
        free = sum(3 - len(level.must_keep | level.must_bypass) for level in self.hardware.levels[1:])
        return points << free, self.group.layer.name

    def __str__(self) -> str:
        cost = "cycles" if self.weight is None else f"energy + {self.weight} x cycles" if self.weight else "energy"
        within = "" if self.cap is None else f" within {self.cap} cycles"
        return f"{self.group.layer.name}: {cost}{within} of at least {self.lower_bound}"


def by_counting(statement: Statement) -> bool:
    """True if counts of words, steps and port accesses prove the statement for every mapping."""
    cycles = least_cycles(statement.group, statement.hardware)
    if statement.weight is None:
        return statement.lower_bound <= cycles
    return (
        statement.lower_bound <= energy_at_least(statement.group.layer, statement.hardware) + statement.weight * cycles
    )
