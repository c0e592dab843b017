"""A small architecture and small networks for tests of co-design."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.features import codesign
from optimizer.files.exact_yaml import load_exact
from optimizer.multi_network.request import Member
from optimizer.results.kinds import CodesignResult
from optimizer.workload.network import Network
from optimizer.workload.reader import parse_network
from tests.support.chip_cases import chip_yaml

SIZES = "8 words, 16 words, 64 words, 256 words"
ARCHITECTURE = chip_yaml(
    "{x: [1, 4], y: 1, below: GLB}",
    f"{{name: GLB, component: regfile, size: [{SIZES}], must_keep: [W, I, O], bandwidth: {{read: 2 words/cycle}}}}",
)
"""Large buffers cost more per access, so small networks prefer small ones."""

NETWORKS = {
    "small": "{name: fc, type: matmul, dims: {M: 2, N: 2, K: 12}}",
    "large": "{name: fc, type: matmul, dims: {M: 8, N: 8, K: 8}}",
    "conv": "{name: conv, type: conv, dims: {K: 2, C: 2, P: 4, R: 2}, multiplicity: 3}",
}


def architecture(sizes: str = SIZES) -> Architecture:
    """The small architecture with buffers of these sizes."""
    return parse_architecture(load_exact(ARCHITECTURE.replace(SIZES, sizes)))


def network(name: str, *more: str, layers: str | None = None) -> Network:
    """One of the networks, with more layers."""
    lines = [layers or NETWORKS[name], *more]
    return parse_network(f"name: {name}\nlayers:\n" + "".join(f"  - {line}\n" for line in lines))


def joint(*members: Member | str, **options: Any) -> CodesignResult:
    """A co-design of networks, by name or with weights and caps."""
    made = [member if isinstance(member, Member) else Member(network(member)) for member in members]
    return codesign(made, architecture(), **options)


def capped(name: str, weight: int = 1, **caps: str) -> Member:
    """A network with caps."""
    return Member(network(name), Fraction(weight), {cap: Fraction(limit) for cap, limit in caps.items()})
