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
DEFAULT_ENGINE = "path"
ENGINES = (DEFAULT_ENGINE, "cp-sat", "both")
"""What searches the loop nests of a layer (:mod:`formulations.engines`)."""
OBJECTIVES = ("energy", "latency", "edp")
SPACE = (
    "Every loop nest that `tilewright evaluate` prices: per level a choice of kept tensors (where free), perfect "
    "factors of every (padded) extent over temporal and spatial loops of both axes, temporal loops in any order, and "
    "the nodes of every tensor anywhere between them, outermost level first and above the fan-out of their level; "
    "above a fan-out of an outer level only where no temporal loop in between moves the tile."
)


def engine_named(name: str) -> str:
    """The engine that a name stands for: "auto" is the default."""
    return DEFAULT_ENGINE if name == AUTO else name


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
