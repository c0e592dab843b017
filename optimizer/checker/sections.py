"""Sections allowed only in results of certain kinds: in other results no check reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optimizer.checker.claims.solve import Claim

OTHER_KINDS = ("networks", "cross", "energy_unit", "dram_words", "layer_by_layer", "request", "design", "junctions")
"""Sections of co-designs, evaluations, adjustments and sparse engines."""


def misplaced(data: dict[str, Any], claim: Claim) -> Iterator[str]:
    """Sections of a result of a network that belong to results of another kind."""
    places = {
        "groups": claim.fusion is not None and claim.design is not None,
        "comparison": claim.fusion is not None,
        "dropped": "dropped" in data["problem"],
        "infeasible": data["status"] == "INFEASIBLE",
    } | dict.fromkeys(OTHER_KINDS, False)
    yield from (f"{name} should not be there" for name, fits in places.items() if name in data and not fits)
