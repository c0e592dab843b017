"""An access pattern for tests of the sparse engine."""

from __future__ import annotations

from optimizer.sparse_engine.engine import Junction
from optimizer.sparse_engine.patterns import AccessPattern


def turned_pattern(junction: Junction) -> AccessPattern:
    """The plainest pattern: memory m starts at row ``m mod D``, in every sweep."""
    starts = tuple(memory % junction.depth for memory in range(junction.parallel))
    return AccessPattern(junction, (starts,) * junction.out_degree)
