"""Proof of a fused network's layer bounds again: fresh tables, and covers by dynamic programming instead of CP-SAT.

The groups are priced by the code of the search, which the tests compare with the CP-SAT program and with brute force.
The cover of the network by groups is found by a different algorithm.
"""

from __future__ import annotations

from fractions import Fraction

from formulations.engines import engine_of
from optimizer.architecture.hardware import Hardware
from optimizer.checker.again.layer_bounds import LEAST_DRAWN, conclusion
from optimizer.checker.again.tangent_lines import Cost, prove
from optimizer.checker.bound_weights import BOXES, Bearing
from optimizer.checker.claims.solve import Claim, ClaimedBox, vector_run
from optimizer.checker.effort import Effort, ProofTally, Route
from optimizer.checker.least_cycles import part_cycles
from optimizer.checker.outcome import Check
from optimizer.fusion.group_pricer import group_pricers
from optimizer.fusion.tile_pricer import Runs
from optimizer.pricing.layer_pricer import Pricer
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.store.store import Store
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network


def fused_again(claim: Claim, effort: Effort) -> Check:
    """Prove the bounds of boxes again: that of the design's point and a random sample of the others, or all."""
    bearing = Bearing(claim)
    own = [number for number in bearing.parts if bearing.owns(claim.entries[number])]
    others = [number for number in bearing.parts if number not in own]
    effort.random("boxes").shuffle(others)
    again = _Again(claim)
    faults: list[str] = []
    proved: list[int] = []
    for place, number in enumerate([*own, *others]):
        drawn = place - len(own)
        if drawn >= 0 and (effort.left_s if drawn >= LEAST_DRAWN else effort.most_s) <= 0:
            break
        effort.say(f"proving box {place + 1} of {len(bearing.parts)} again")
        wrong = again.faults(claim.entries[number])
        faults += wrong
        proved += [] if wrong else [number]
    by, shares = ({Route.PATH: len(proved)}, {Route.PATH: bearing.of(proved)}) if proved else ({}, {})
    tally = ProofTally(BOXES, len(bearing.parts), by, shares, whole=Fraction(bool(bearing.parts)))
    return conclusion("proof again", faults, effort.record(tally), effort)


class _Again:
    """Best totals of a network on hardware points, by dynamic programming over finished layers."""

    def __init__(self, claim: Claim) -> None:
        assert claim.fusion is not None
        self._claim, self._network, accounting = claim, claim.network, claim.accounting
        store, engine = Store(), engine_of(claim.engine)
        self._groups = group_pricers(claim.network, claim.fusion, Runs(accounting, store, engine=engine))
        layers = claim.network.mac_layers()
        self._singles = {layer.name: Pricer(layer, 1, accounting, {}, store, engine) for layer in layers}

    def faults(self, entry: ClaimedBox) -> list[str]:
        """Faults of the layer bound of a box, or of the bound of a solved point."""
        hardware, objective = self._claim.points.corner(entry.box), self._claim.target.objective
        aim = Aim("latency" if objective == "latency" else "energy")
        least = self._least(hardware, aim)
        if least is None:
            return []
        stated = entry.latency[0] if objective == "latency" else entry.energy[0]
        if stated > aim.value(*least):
            return [f"box {entry.box}: some cover has {aim.objective} {aim.value(*least)}, the floor is {stated}"]
        if objective != "edp" or entry.by != "solved":
            return []
        proof = prove(
            least,
            sum(part_cycles(self._claim, hardware)),
            entry.bound,
            lambda weight: self._least(hardware, Aim(weight=weight)),
            lambda: self._least(hardware, Aim("latency")),
        )
        if proof is not None:
            return []
        return [f"box {entry.box}: the bound {entry.bound} of the product is not proved"]

    def _least(self, hardware: Hardware, aim: Aim) -> Cost | None:
        singles = {}
        for layer in self._network.layers():
            cost = self._single(layer.name, hardware, aim)
            if cost is not None:
                singles[layer.name] = layer.multiplicity * cost[0], layer.multiplicity * cost[1]
        steps = [(frozenset([name]), aim.value(*cost), cost) for name, cost in singles.items()]
        for pricer in self._groups:
            members = pricer.group.members
            alone = [aim.value(*singles[name]) for name in members if name in singles]
            plan = pricer.best(hardware, aim, sum(alone) if len(alone) == len(members) else INFEASIBLE_COST).plan
            if plan is not None:
                cost = plan.energy, plan.latency
                steps.append((frozenset(plan.members), aim.value(*cost), cost))
        return cheapest_cover(self._network, steps)

    def _single(self, name: str, hardware: Hardware, aim: Aim) -> Cost | None:
        layer = self._network.graph.nodes[name]["layer"]
        if not isinstance(layer, Layer):
            run = vector_run(layer, hardware)
            return run.energy, run.cycles
        price = self._singles[name].price(hardware, aim.objective, weight=aim.weight)
        return None if price is None else (price.energy, price.latency)


def cheapest_cover(network: Network, steps: list[tuple[frozenset[str], int, Cost]]) -> Cost | None:
    """Totals of the cheapest steps that run every layer once, after its producers; None if none do.

    A state is a set of finished layers. A step may follow if the producers outside it have finished.
    """
    order = list(network.graph)
    reads = {name: frozenset(network.graph.predecessors(name)) for name in order}
    needs = [
        (members, frozenset().union(*(reads[name] for name in members)) - members, value, cost)
        for members, value, cost in steps
    ]
    start: frozenset[str] = frozenset()
    best: dict[frozenset[str], tuple[int, Cost]] = {start: (0, (0, 0))}
    waves: dict[int, set[frozenset[str]]] = {0: {start}}
    for size in range(len(order)):
        for done in waves.pop(size, set()):
            known, (energy, latency) = best[done]
            for members, before, value, cost in needs:
                if before <= done and not members & done:
                    total = known + value, (energy + cost[0], latency + cost[1])
                    after = done | members
                    if after not in best or total < best[after]:
                        best[after] = total
                    waves.setdefault(len(after), set()).add(after)
    found = best.get(frozenset(order))
    return None if found is None else found[1]
