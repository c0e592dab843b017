"""Inverted bottlenecks: hidden widths that have to be one of some ratios times the width of their input.

A *bottleneck* is a class of widths that one convolution alone writes, a 1 x 1 one that reads a narrower class; that
goes through a depthwise convolution; and that a 1 x 1 convolution narrows again. Blocks whose depthwise convolution
works on the input itself have no such class, and a hidden width that is frozen stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from formulations.networks.widths import Values
from optimizer.errors import SpecError
from optimizer.network_adjustment.request import WidthChanges
from optimizer.network_adjustment.sizes import Form
from optimizer.network_adjustment.ties import Ties
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network


@dataclass(frozen=True)
class Bottleneck:
    """Classes of the hidden channels and of those that the block reads."""

    hidden: int
    given: int


def find_bottlenecks(network: Network, ties: Ties) -> tuple[Bottleneck, ...]:
    """The bottlenecks whose hidden width is not frozen."""
    writers: dict[int, list[Layer]] = {}
    deep: set[Form] = set()
    narrowed: set[Form] = set()
    for layer in network.mac_layers():
        shape = ties.shapes[layer.name]
        if shape.kind == "depthwise" and shape.reads is not None:
            deep.add(shape.reads)
        elif shape.kind in ("conv", "matmul") and shape.writes is not None:
            writers.setdefault(shape.writes[0], []).append(layer)
            if shape.reads is not None and _pointwise(layer) and layer.extents["K"] < layer.extents["C"]:
                narrowed.add(shape.reads)
    found = []
    for hidden, layers in writers.items():
        given, free = ties.shapes[layers[0].name].reads, ties.classes[hidden].frozen is None
        alone = len(layers) == 1 and _pointwise(layers[0]) and (hidden,) in deep & narrowed
        if alone and free and given is not None and len(given) == 1 and ties.widths[given[0]] < ties.widths[hidden]:
            found.append(Bottleneck(hidden, given[0]))
    return tuple(found)


def _pointwise(layer: Layer) -> bool:
    sizes = layer.extents
    return layer.kind == "conv" and sizes.get("R", 1) == sizes.get("S", 1) == 1


def candidates_of(ties: Ties, bottlenecks: tuple[Bottleneck, ...], request: WidthChanges) -> tuple[Values, ...]:
    """Candidate widths of every class; those of bottlenecks are all ratios times all candidates of their input.

    Raises
    ------
    SpecError
        If a ratio is asked for and there is no bottleneck, or one has no whole width.
    """
    if not bottlenecks:
        raise SpecError(
            "the network has no inverted bottlenecks whose hidden width is free",
            field="--expansion",
            value=", ".join(map(str, request.expansion)),
            allowed="networks with 1 x 1, depthwise, 1 x 1 convolutions",
            remedy="leave --expansion out, or freeze less",
        )
    given = {pair.hidden: pair.given for pair in bottlenecks}
    found: dict[int, Values] = {}

    def widths(number: int) -> Values:
        if number not in given:
            return request.candidates(ties.classes[number])
        if number not in found:
            products = {ratio * width for ratio in request.expansion for width in widths(given[number])}
            found[number] = tuple(sorted(int(n) for n in products if n.denominator == 1))
        if not found[number]:
            raise SpecError(
                f"no ratio gives {', '.join(ties.classes[number].layers)} a whole number of channels",
                field="--expansion",
                value=", ".join(map(str, request.expansion)),
                allowed=f"ratios of {', '.join(map(str, widths(given[number])))} channels",
                remedy="add a ratio, e.g. a whole number",
            )
        return found[number]

    return tuple(widths(number) for number in range(len(ties.classes)))


def ratio_of(pair: Bottleneck, widths: Values) -> Fraction:
    """Ratio of a bottleneck in a network of these widths."""
    return Fraction(widths[pair.hidden], widths[pair.given])
