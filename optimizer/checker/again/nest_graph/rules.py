"""What a search leaves out, and when it ends without an answer."""

from __future__ import annotations

from typing import NamedTuple


class Rules(NamedTuple):
    """Pruning rules, each of which a test switches off."""

    bounds: bool = True
    canonical: bool = True
    dominance: bool = True
    groups: bool = True
    room: bool = True
    early: bool = True


ALL_RULES = Rules()


class GaveUpError(Exception):
    """Out of time, or too many labels."""
