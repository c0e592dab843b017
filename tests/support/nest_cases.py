"""Random layers on random machines for the searches over every nest."""

from __future__ import annotations

from random import Random

from formulations.nest import Nest
from formulations.nest_check import is_nest_of
from formulations.problem import LayerProblem
from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.mapping.cost import evaluate
from optimizer.mapping.legality import PlacedItem, check_mapping
from optimizer.mapping.mapping import Mapping
from optimizer.pricing.lowering import lift, lower
from tests.adversary.duel import random_instance
from tests.adversary.every_nest import without_leakage
from tests.adversary.layers import layer_of
from tests.adversary.machines import machine_of
from tests.adversary.task import primes


class Case:
    """A random layer on a random machine; all of its loops together are at most so many primes."""

    def __init__(self, number: int, most: int = 8, *, leaks: bool = False) -> None:
        seeds = Random(f"path {number}")
        while True:
            self.instance = random_instance(number, seeds.randrange(2**20))
            self.layer = layer_of(self.instance.layer)
            if sum(len(primes(extent)) for extent in self.layer.extents.values()) <= most:
                break
        architecture = machine_of(self.instance.machine)
        self.accounting = architecture.accounting
        point = next(iter(architecture.points()))
        self.hardware: Hardware = point if leaks else without_leakage(point)
        self.problem: LayerProblem = lower(self.layer, self.hardware, accounting=self.accounting)

    def checks(self, nest: Nest) -> None:
        """The nest is one of the problem, and the cost model gives its costs."""
        mapping = lift(self.layer, self.problem, nest)
        assert is_nest_of(self.problem, nest)
        assert self.legal(mapping)
        cost = evaluate(self.layer, self.hardware, mapping, accounting=self.accounting)
        unit = self.problem.latency_unit
        assert (cost.energy, -(-cost.latency_cycles // 1)) == (nest.energy, -(-nest.latency // unit))

    def legal(self, mapping: Mapping) -> bool:
        """Is a nest one that `evaluate` accepts?"""
        try:
            check_mapping(placed(mapping), self.layer, self.hardware)
        except SpecError:
            return False
        return True


def placed(mapping: Mapping) -> list[PlacedItem]:
    """Items with their places."""
    return [PlacedItem(item, str(number)) for number, item in enumerate(mapping.items)]


def cycles_of(problem: LayerProblem, nest: Nest) -> int:
    """Whole cycles."""
    return -(-nest.latency // problem.latency_unit)
