"""What a network is made of: per layer its work, its learned words and the bytes of its tensors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from fractions import Fraction

from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.network import Network
from optimizer.workload.sparsity import dense


@dataclass(frozen=True)
class LayerFacts:
    """One layer, all of its runs together.

    Attributes
    ----------
    name, type : str
    dims : str
        Extents of one run, e.g. ``M=4 N=8``; empty for vector layers.
    bits : str
        Per element of W, I and O, e.g. ``8/8/32``; empty for vector layers.
    runs : int
    macs : int
        Multiply-accumulates that are asked for.
    operations : int
        Scalar operations of a vector layer.
    parameters : int
        Learned words.
    bytes_in, bytes_out : Fraction
        Every word of its tensors once, weights included.
    """

    name: str
    type: str
    dims: str
    bits: str
    runs: int
    macs: int
    operations: int
    parameters: int
    bytes_in: Fraction
    bytes_out: Fraction

    @property
    def macs_per_byte(self) -> Fraction:
        """Arithmetic intensity: multiply-accumulates per byte that moves at least."""
        moved = self.bytes_in + self.bytes_out
        return Fraction(self.macs) / moved if moved else Fraction(0)


def facts_of(network: Network) -> list[LayerFacts]:
    """The facts of every layer, in the order in which they run."""
    return [_facts(layer) for layer in network.layers()]


def total(rows: Iterable[LayerFacts]) -> LayerFacts:
    """The sums over layers, as a layer of the name ``total``; runs count layers."""
    listed = list(rows)
    return LayerFacts(
        "total",
        "",
        "",
        "",
        runs=sum(row.runs for row in listed),
        macs=sum(row.macs for row in listed),
        operations=sum(row.operations for row in listed),
        parameters=sum(row.parameters for row in listed),
        bytes_in=sum((row.bytes_in for row in listed), Fraction(0)),
        bytes_out=sum((row.bytes_out for row in listed), Fraction(0)),
    )


def columns() -> list[str]:
    """Names of the columns of a table of facts."""
    return [*(field.name for field in fields(LayerFacts)), "macs_per_byte"]


def _facts(layer: AnyLayer) -> LayerFacts:
    runs = layer.multiplicity
    if isinstance(layer, Layer):
        plain = dense(layer)
        moved = [Fraction(o.footprint(layer.extents) * o.bits, 8) for o in layer.operands]
        return LayerFacts(
            name=layer.name,
            type=layer.kind,
            dims=" ".join(f"{dim}={extent}" for dim, extent in plain.dims),
            bits="/".join(str(operand.bits) for operand in plain.operands),
            runs=runs,
            macs=layer.asked_macs * runs,
            operations=0,
            parameters=layer.parameter_count * runs,
            bytes_in=(moved[0] + moved[1]) * runs,
            bytes_out=moved[2] * runs,
        )
    read, written = (
        sum(Fraction(words * bits, 8) for words, bits in part) * runs for part in (layer.reads, layer.writes)
    )
    return LayerFacts(
        layer.name,
        layer.kind,
        "",
        "",
        runs,
        0,
        layer.operations * runs,
        layer.parameter_count * runs,
        Fraction(read),
        Fraction(written),
    )
