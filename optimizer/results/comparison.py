"""Comparison of a fused design with the best layer-by-layer design, and of one under a constraint with one without."""

from __future__ import annotations

from optimizer.bodies.solve import Comparison, Design, DesignFigures, DroppedRule, Increase, Reduction
from optimizer.problem.status import Status


def comparison(layer_by_layer: DesignFigures, fused: DesignFigures) -> Comparison:
    """Figures of both results, and the relative reduction by fusion; ``status`` says what is proved of each."""
    reduction = Reduction(
        energy_pj=_reduction(layer_by_layer.energy_pj, fused.energy_pj),
        latency_cycles=_reduction(layer_by_layer.latency_cycles, fused.latency_cycles),
        dram_words=_reduction(layer_by_layer.dram_words, fused.dram_words),
    )
    return Comparison(layer_by_layer=layer_by_layer, fused=fused, reduction=reduction)


def dropped(constraint: str, kept: DesignFigures, without: DesignFigures, *, same: bool) -> DroppedRule:
    """What a constraint on mappings costs; `same` says that both designs have the same exact objective."""
    names = ("objective", "energy_pj", "latency_cycles", "dram_words")
    increase = Increase(**{name: _increase(getattr(without, name), getattr(kept, name)) for name in names})
    binds: bool | None = None
    if without.status is Status.OPTIMAL and kept.status in (Status.OPTIMAL, Status.INFEASIBLE):
        binds = not same
    return DroppedRule(constraint=constraint, kept=kept, without=without, increase=increase, binds=binds)


def figures(status: Status, objective: float | None, design: Design | None) -> DesignFigures:
    """Totals of a design: energy, latency, words that pass the outermost level, and the hardware chosen; None where
    there is no design.
    """
    return DesignFigures(
        status=status,
        objective=objective,
        energy_pj=None if design is None else design.energy_pj,
        latency_cycles=None if design is None else design.latency_cycles,
        dram_words=None if design is None else off_chip_words(design),
        hardware=None if design is None else design.hardware.choices,
    )


def off_chip_words(design: Design) -> int:
    """Words that pass the outermost level in one run of the network."""
    outer = design.hardware.levels[0].name
    total = sum(group.dram_words for group in design.groups or ())
    for entry in design.layers:
        if entry.group is None:
            counts = entry.accesses.get(outer, {}).values()
            words = sum((a.reads + a.updates) * a.instances for a in counts)
            total += entry.multiplicity * (words + (entry.dram_words or 0))
    return total


def _increase(without: float | None, kept: float | None) -> float | None:
    return None if without is None or kept is None or not without else kept / without - 1


def _reduction(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or not before else 1 - after / before
