"""The declared space of mappings, the objectives, and what padding may be asked for."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from optimizer.architecture.architecture import Architecture
    from optimizer.workload.mapping_constraints import MappingConstraint

Padding = Literal["none", "auto"] | Dict[str, tuple[int, ...]]
AUTO = "auto"
DEFAULT_ENGINE = "lattice"
ENGINES = (DEFAULT_ENGINE, "path", "cp-sat", "both")
"""What searches the loop nests of a layer (:mod:`formulations.engines`)."""
OBJECTIVES = ("energy", "latency", "edp")
EVERY_NEST = (
    "Every loop nest that `tilewright evaluate` prices: per level a choice of kept tensors (where free), perfect "
    "factors of every (padded) extent over temporal and spatial loops of both axes, temporal loops in any order, and "
    "the nodes of every tensor anywhere between them, outermost level first and above the fan-out of their level; "
    "above a fan-out of an outer level only where no temporal loop in between moves the tile."
)
SPACE = (
    "Uneven mappings: per level a choice of kept tensors (where free), one order of their nodes, perfect factors of "
    "every (padded) extent over temporal and spatial loops of both axes. In the block of an inner level, a loop over a "
    "dim stands right below the node of the tensor that the dim is irrelevant to; along an input axis with a window or "
    "a stride also right below the input's node, if the block does not keep that tensor or its node stands above the "
    "input's. At most one node, the first of its level, stands further out: above the loops irrelevant to it that "
    "close an outer block (of the input, the outermost), past levels that do not keep it and have only such loops (of "
    "the input, none); a loop right below it may then also be one that no tensor kept at its level profits from, but "
    "one kept at a level between does. Reuse between neighbouring input tiles is counted along the loop right above "
    "the node, where that moves the tile."
)


def space_of(engine: str) -> str:
    """The declared space of an engine: only the lattice search looks at less than every nest."""
    return SPACE if engine == "lattice" else EVERY_NEST


def named_in_data(engine: str) -> dict[str, str]:
    """How data states an engine: only where it is not the default."""
    return {} if engine == DEFAULT_ENGINE else {"engine": engine}


def engine_in(data: Dict[str, Any]) -> str:
    """The engine that data states.

    Raises
    ------
    ValueError
        If there is none of this name, or the default is stated.
    """
    engine: str = data.get("engine", DEFAULT_ENGINE)
    if engine not in ENGINES or named_in_data(engine) != {k: v for k, v in data.items() if k == "engine"}:
        raise ValueError(f"unknown engine: {engine!r}")
    return engine


def constraints_text(architecture: Architecture, rules: Sequence[MappingConstraint]) -> str:
    """What the declared space says of constraints on sizes and mappings; nothing without any."""
    sizes, kept = ("; ".join(one.title for one in some) for some in (architecture.constraints, rules))
    points = f" Of the hardware points of the menus only those that keep these constraints: {sizes}." if sizes else ""
    return points + (f" Of the mappings only those that keep these constraints: {kept}." if kept else "")
