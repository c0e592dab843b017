"""Which constraints on mappings leave a layer without a mapping on every hardware point."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from optimizer.architecture.hardware import Hardware
from optimizer.bodies.infeasibility import Infeasibility
from optimizer.fusion.group_pricer import GroupPricer, group_pricers
from optimizer.fusion.tile_pricer import Runs
from optimizer.pricing.layer_pricer import Pricer
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.search.room import roomy
from optimizer.store.store import Store
from optimizer.workload.layer import Layer
from optimizer.workload.mapping_rules import MappingRule


class _LateError(Exception):
    """Time is over."""


def ruled_out(prepared: PreparedProblem, deadline: float | None) -> Infeasibility | None:
    """The first layer that has a mapping on some hardware point, but none under its rules.

    With fusion, neither by itself nor in a group, whatever the rules of other layers.

    Parameters
    ----------
    prepared : PreparedProblem
    deadline : float, optional
        ``time.perf_counter`` at which the rules that are not known to be needed stay blamed.

    Returns
    -------
    Infeasibility or None
        Rules none of which can be left out, and those without any one of which the layer has a mapping; None if every
        layer has a mapping somewhere, no rule is to blame, or the time did not suffice to tell.
    """
    points = [point for _, point in roomy(prepared, prepared.points)]
    for pricer in prepared.pricers:
        blame = _Blame(pricer, points, prepared, deadline)
        try:
            if pricer.layer.rules and blame.excluded(pricer.layer.rules) and not blame.excluded(()):
                return blame.reason()
        except _LateError:
            return None
    return None


class _Blame:
    """Questions about one layer under some of its rules."""

    def __init__(
        self, pricer: Pricer, points: Sequence[Hardware], prepared: PreparedProblem, deadline: float | None
    ) -> None:
        self._pricer, self._points, self._prepared, self._deadline = pricer, points, prepared, deadline

    def reason(self) -> Infeasibility:
        """What is to blame. Rules are left out one by one while the others still exclude every mapping."""
        every = self._pricer.layer.rules
        titles = list(dict.fromkeys(rule.title for rule in every))  # a partial nest is several rules
        blamed, removable, complete = titles, [], True
        try:
            for title in titles:
                fewer = [other for other in blamed if other != title]
                if self.excluded([rule for rule in every if rule.title in fewer]):
                    blamed = fewer
            removable = [one for one in blamed if not self.excluded([rule for rule in every if rule.title != one])]
        except _LateError:
            complete = False
        return Infeasibility(
            budgets=(),
            relaxations=(),
            complete=complete,
            layer=self._pricer.layer.name,
            constraints=tuple(blamed),
            removable=tuple(removable),
        )

    def excluded(self, rules: Sequence[MappingRule]) -> bool:
        """Has the layer no mapping under these rules on any point, with fusion in no group either?"""
        layer = replace(self._pricer.layer, rules=tuple(rules))
        padding = self._prepared.padding.get(layer.name, {})
        asked = Pricer(layer, 1, self._prepared.accounting, padding, Store(None), self._pricer.engine)
        for point in self._in_time():
            if asked.price(point) is not None:
                return False
        return not any(group.has_plan(point) for group in self._groups(layer) for point in self._in_time())

    def _in_time(self) -> Iterator[Hardware]:
        """The points, as long as there is time."""
        for point in self._points:
            if self._deadline is not None and time.perf_counter() > self._deadline:
                raise _LateError
            yield point

    def _groups(self, layer: Layer) -> Iterator[GroupPricer]:
        """The groups that may hold the layer, under its rules alone; none without fusion."""
        prepared = self._prepared
        if prepared.fusion is None:
            return
        network = replace(prepared.network, graph=prepared.network.graph.copy())
        for other in prepared.network.mac_layers():
            network.graph.nodes[other.name]["layer"] = replace(other, rules=())
        network.graph.nodes[layer.name]["layer"] = layer
        runs = Runs(prepared.accounting, Store(None), engine=self._pricer.engine)
        for group in group_pricers(network, prepared.fusion, runs):
            if layer.name in group.group.members:
                yield group
