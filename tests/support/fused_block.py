"""A block of two convolutions and a sum, which run as one group on a chip with one buffer."""

from __future__ import annotations

from typing import Any

from optimizer.architecture.reader import parse_architecture
from optimizer.files.exact_yaml import load_exact
from optimizer.workload.reader import parse_network
from tests.support.chip_cases import chip_yaml

ARCHITECTURE = chip_yaml(
    "{x: 2, y: 2}",
    "{name: GLB, component: sram, size: [1 KiB, 2 KiB], bandwidth: {read: 4 words/cycle, write: 4 words/cycle}}",
    "{name: RF, component: regfile, size: [16 words], must_keep: [W, I, O]}",
)
NETWORK = """
name: block
layers:
  - {name: one, type: conv, dims: {K: 4, C: 4, P: 8, Q: 8, R: 1, S: 1}}
  - name: three
    type: conv
    dims: {K: 4, C: 4, P: 8, Q: 8, R: 3, S: 3}
    inputs: [one]
    views: {one: [[1, 1, 0], [1, 3, 1], [1, 3, 1]]}
  - name: sum
    type: vector
    kind: add
    reads: [256, 256]
    writes: [256]
    operations: 256
    inputs: [one, three]
    grid: [1, 8, 8]
    views: {one: [[1, 1, 0], [1, 1, 0], [1, 1, 0]], three: [[1, 1, 0], [1, 1, 0], [1, 1, 0]]}
"""


def tiny() -> Any:
    return parse_architecture(load_exact(ARCHITECTURE))


def block() -> Any:
    return parse_network(NETWORK)
