"""Random small layers of every kind, as entries of workload files."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import yaml

from optimizer.workload.layer import Layer
from optimizer.workload.reader import parse_network

Entry = dict[str, Any]
EXTENTS = (1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 10, 12, 12, 14, 16, 18, 20, 24)
BITS = (16, 16, {"W": 8, "I": 8, "O": 16}, {"W": 4, "I": 8, "O": 32}, {"W": 16, "I": 8, "O": 24})
EINSUMS = (
    ("O[a,b,c] += W[a,d] * I[d,b,c]", {"A": 8, "B": 8, "C": 8, "D": 8}),
    ("O[b,h,q,e] += W[b,h,k,e] * I[b,h,q,k]", {"B": 2, "H": 4, "Q": 8, "K": 8, "E": 8}),
    ("O[k,p] += W[k,c,r] * I[c,2p+3r]", {"K": 8, "C": 6, "P": 12, "R": 6}),
    ("O[k,p,x] += W[k,r,y] * I[2p+r,3x+2y]", {"K": 6, "P": 8, "X": 6, "R": 4, "Y": 4}),
    ("O[m,n] += W[n,k] * I[3m,k]", {"M": 12, "N": 12, "K": 8}),
    ("O[m,n] += W[m,n,k] * I[n,k]", {"M": 12, "N": 8, "K": 8}),
)


def extent(r: Random, most: int) -> int:
    """An extent of at most so much."""
    return r.choice([e for e in EXTENTS if e <= most])


def _dims(r: Random, most: dict[str, int]) -> dict[str, int]:
    return {dim: extent(r, limit) for dim, limit in most.items()}


def _window(r: Random) -> Entry:
    return {"stride": r.choice([1, 1, 2, 3, [1, 2], [2, 1]]), "dilation": r.choice([1, 1, 1, 2, 3, [1, 2]])}


def matmul(r: Random) -> Entry:
    """A matrix product."""
    return {"type": "matmul", "dims": _dims(r, {"M": 24, "N": 24, "K": 24})}


def batched(r: Random) -> Entry:
    """A batch of matrix products."""
    return {"type": "matmul", "dims": _dims(r, {"B": 8, "M": 16, "N": 16, "K": 12})}


def conv2d(r: Random) -> Entry:
    """A convolution of an image."""
    kernel = {"R": r.choice([1, 3, 3, 5]), "S": r.choice([1, 2, 3])}
    return {"type": "conv", "dims": _dims(r, {"N": 2, "K": 12, "C": 8, "P": 12, "Q": 8}) | kernel} | _window(r)


def conv1d(r: Random) -> Entry:
    """A convolution of a sequence."""
    dims = _dims(r, {"K": 12, "C": 12, "P": 24}) | {"R": r.choice([2, 3, 4, 5, 6])}
    return {"type": "conv", "dims": dims} | _window(r)


def strided(r: Random) -> Entry:
    """A window smaller than its stride: the input's tiles have words that nothing reads."""
    dims = _dims(r, {"K": 16, "C": 8, "P": 14}) | ({"Q": extent(r, 8)} if r.random() < 0.5 else {})
    return {"type": "conv", "dims": dims, "stride": r.choice([2, 2, 3, [1, 2]])}


def depthwise(r: Random) -> Entry:
    """A convolution of every channel by itself."""
    kernel = {"R": 3, "S": r.choice([1, 3, 3])}
    return {"type": "dwconv", "dims": _dims(r, {"N": 2, "G": 12, "P": 12, "Q": 12}) | kernel} | _window(r)


def grouped(r: Random) -> Entry:
    """A convolution in groups."""
    dims = {"G": r.choice([2, 3, 4])} | _dims(r, {"K": 8, "C": 6, "P": 8, "Q": 6}) | {"R": 3, "S": r.choice([1, 3])}
    return {"type": "conv", "dims": dims, "stride": r.choice([1, 2])}


def einsum(r: Random) -> Entry:
    """Another product of two tensors."""
    text, most = r.choice(EINSUMS)
    return {"einsum": text, "dims": _dims(r, most)}


def in_blocks(r: Random) -> Entry:
    """An operand in N:M blocks."""
    size = r.choice([2, 4])
    sparsity = {"sparsity": {"W": f"{r.randint(1, size - 1)}:{size}"}}
    if r.random() < 0.5:
        dims = _dims(r, {"M": 12, "N": 12, "K": 8})
        return {"type": "matmul", "dims": dims | {"K": size * dims["K"]}} | sparsity
    dims = _dims(r, {"K": 8, "C": 4, "P": 8, "Q": 6}) | {"R": 3, "S": 1}
    return {"type": "conv", "dims": dims | {"C": size * dims["C"]}, "stride": r.choice([1, 2])} | sparsity


KINDS: dict[str, Callable[[Random], Entry]] = {
    "matmul": matmul,
    "batched": batched,
    "conv2d": conv2d,
    "conv1d": conv1d,
    "strided": strided,
    "depthwise": depthwise,
    "grouped": grouped,
    "einsum": einsum,
    "in_blocks": in_blocks,
}


def layer_of(entry: Entry) -> Layer:
    """The layer that an entry of a workload file describes."""
    return parse_network(yaml.safe_dump(entry)).mac_layers()[0]


def random_layer(r: Random, kind: str) -> Entry:
    """A layer of a kind."""
    return {"name": "layer", "bits": r.choice(BITS)} | KINDS[kind](r)
