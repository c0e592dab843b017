"""Labels: arrays with a row for every partial nest, outside in."""

from __future__ import annotations

EXTENTS = 0
"""Code of the extents that are still inside."""
RUN, RUN_TRIPS = 1, 2
"""Tensor that sits out the last loops (-1: none), and their trips."""
SLIDE, SLIDE_TRIPS, SLIDE_INSIDE = 3, 4, 5
"""The last loop that moves the input: its dim if it may slide (else -1), trips and the extent inside."""
CLOSING = 6
"""Tensor whose loops alone may follow up to the next fan-out (-1: none)."""
FREE_DIMS = 7
"""Dims whose loops may come next, as bits."""
ROOF = 8
"""1: no loops yet since the last fan-out."""
ASKED = 9
"""Three: distinct tiles among children since the tensor's last node."""
INSTANCES, OUTPUTS = 12, 13
"""Children so far; those that differ in the outputs."""
PARENT = 14
"""Three: instances of the tensor's last node."""
PARENT_OUTPUTS, DRAINED = 17, 18
"""Of the outputs' last node: instances that differ in outputs; bits that a drain reads, per instance."""
COST = 19
"""Energy without leakage, modulo 2**64."""
BEFORE, ITEM = 20, 21
"""Number of the label before; what was placed last."""
KEY_END = 19
BITS = 22
"""From here on: bits in use, bits read and bits written, per level and instance."""

NO_ITEM, FAN_OUT = -1, 1 << 20
"""Items: ``tensor + 4 level`` for a node, FAN_OUT + number of its factors for a fan-out."""
