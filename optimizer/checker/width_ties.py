"""Check that a network with other channel widths is consistent, edge by edge, against the original network.

It reads the two networks only, and shares no code with the classes of widths. The relation between the channels that a
layer reads and those that its producers compute must be preserved (all channels, all positions of all channels, or the
concatenation of all parts). Where none of these relations held, nothing may change. All else must be equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network

CHANNELS = {"conv": ("K", "C"), "dwconv": ("G", "G"), "matmul": ("N", "K")}
"""Dims of the output and input channels by kind of layer."""


def tie_faults(before: Network, after: Network) -> Iterator[str]:
    """Inconsistencies, as sentences."""
    if list(before.graph.nodes) != list(after.graph.nodes) or set(before.graph.edges) != set(after.graph.edges):
        yield "the networks do not have the same layers and edges"
        return
    for edge in before.graph.edges:
        if before.graph.edges[edge] != after.graph.edges[edge]:
            yield f"{edge[0]} to {edge[1]}: another tensor or view"
    for name in before.graph:
        old, new = before.graph.nodes[name]["layer"], after.graph.nodes[name]["layer"]
        yield from (f"{name}: {fault}" for fault in _layer_faults(old, new))
        yield from (f"{name}: {fault}" for fault in _edge_faults(before, after, name))


def written(layer: AnyLayer) -> int:
    """Channels that a layer computes at every position."""
    if isinstance(layer, VectorLayer):
        batch, rows, columns = layer.grid
        return sum(words for words, _ in layer.writes[:1]) // (batch * rows * columns)
    sizes = layer.extents
    return sizes.get("G", 1) * sizes.get("K", 1) if layer.kind != "matmul" else sizes["N"]


def _read(layer: Layer) -> int:
    """Channels that a layer reads."""
    sizes = layer.extents
    return sizes.get("G", 1) * sizes.get("C", 1) if layer.kind != "matmul" else sizes["K"]


def bottleneck_layers(network: Network) -> Iterator[str]:
    """1 x 1 convolutions that widen what a layer computes, for depthwise ones that a 1 x 1 convolution narrows again.

    Those where each reads what the one before computes, and nothing else does.
    """
    graph = network.graph
    for layer in network.mac_layers():
        chain: list[AnyLayer] = [layer]
        while len(chain) < 3 and graph.out_degree(chain[-1].name) == 1:
            chain.append(graph.nodes[next(graph.successors(chain[-1].name))]["layer"])
        sources = list(graph.predecessors(layer.name))
        if (
            len(chain) == 3
            and len(sources) == 1
            and chain[1].kind == "dwconv"
            and _narrowing(layer) < 0 < _narrowing(chain[2])
            and _of_convolutions(network, sources[0])
        ):
            yield layer.name


def _of_convolutions(network: Network, name: str) -> bool:
    """Is it a convolution, or a sum of such?"""
    layer = network.graph.nodes[name]["layer"]
    summed = list(network.graph.predecessors(name)) if layer.kind == "add" else []
    return _is_plain(layer) or (bool(summed) and all(_of_convolutions(network, other) for other in summed))


def _is_plain(layer: AnyLayer) -> bool:
    """Is it a convolution that is neither grouped nor in blocks?"""
    return isinstance(layer, Layer) and layer.kind == "conv" and layer.block is None and "G" not in layer.extents


def _narrowing(layer: AnyLayer) -> int:
    """How many channels less a 1 x 1 convolution writes than it reads; 0 of other layers."""
    if not isinstance(layer, Layer) or not _is_plain(layer):
        return 0
    sizes = layer.extents
    one = sizes.get("R", 1) == sizes.get("S", 1) == 1
    return sizes.get("C", 1) - sizes.get("K", 1) if one else 0


def _layer_faults(old: AnyLayer, new: AnyLayer) -> Iterator[str]:
    """Nothing but channels, and what is in proportion to them, may differ."""
    if isinstance(old, Layer) and isinstance(new, Layer):
        free = set(CHANNELS.get(old.kind, ())) if "G" not in old.extents or old.kind == "dwconv" else set()
        changed = {dim for (dim, was), (_, now) in zip(old.dims, new.dims, strict=True) if was != now}
        if [dim for dim, _ in old.dims] != [dim for dim, _ in new.dims] or not changed <= free:
            yield f"dims {sorted(changed - free)} differ"
        elif replace(new, dims=old.dims, parameters=old.parameters) != old:
            yield "more than its channels differs"
        elif changed:
            extra = [layer.parameter_count - layer.operand("W").footprint(layer.extents) for layer in (old, new)]
            each, rest = divmod(extra[0], written(old))
            if extra[1] != each * written(new) + rest:
                yield f"{new.parameter_count} learned words do not follow from its channels"
        return
    if not isinstance(old, VectorLayer) or not isinstance(new, VectorLayer):
        yield "a layer of another kind"
        return
    bare = {"reads": (), "writes": (), "operations": 0, "parameters": 0}
    if replace(old, **bare) != replace(new, **bare):  # type: ignore[arg-type]
        yield "more than its channels differs"
    for traffic in ("reads", "writes"):
        if [bits for _, bits in getattr(old, traffic)] != [bits for _, bits in getattr(new, traffic)]:
            yield f"its {traffic} differ in number or bits"


def _edge_faults(before: Network, after: Network, name: str) -> Iterator[str]:
    """The relations between what a layer reads, what its producers write, and what it writes itself."""
    old, new = before.graph.nodes[name]["layer"], after.graph.nodes[name]["layer"]
    producers = list(before.graph.predecessors(name))
    was, now = ([written(n.graph.nodes[p]["layer"]) for p in producers] for n in (before, after))
    grids = [before.graph.nodes[p]["layer"].grid for p in producers]
    if not before.graph.out_degree(name) and written(old) != written(new):
        yield "an output of the network has other channels"
    if isinstance(old, VectorLayer) and isinstance(new, VectorLayer):
        yield from _stream_faults(old, new, was, now)
        return
    if not producers:
        if _read(old) != _read(new):
            yield "an input of the network has other channels"
        return
    for extent, other, (_, rows, columns) in zip(was, now, grids, strict=True):
        if extent == _read(old):
            fits = other == _read(new)
        elif extent * rows * columns == _read(old):
            fits = other * rows * columns == _read(new)
        else:
            fits = (extent, _read(old)) == (other, _read(new))
        if not fits:
            yield f"it reads {_read(new)} channels of what has {other}"


def _stream_faults(old: VectorLayer, new: VectorLayer, was: list[int], now: list[int]) -> Iterator[str]:
    """Words and operations of a vector layer are in proportion to its channels, or those of its parts."""
    if was == now and old == new:
        return
    reads = [([words for words, _ in layer.reads]) for layer in (old, new)]
    if old.kind == "concat":
        batch, rows, columns = old.grid
        if sum(now) != written(new) or [n * batch * rows * columns for n in now] != reads[1]:
            yield f"it joins {now} channels to {written(new)}"
        return
    if any(n != written(old) for n in was) or any(n != written(new) for n in now):
        yield f"it writes {written(new)} channels and reads {now}"
    scaled = [*zip(*reads, strict=True), (old.operations, new.operations), (old.parameters, new.parameters)]
    if any(a * written(new) != b * written(old) for a, b in scaled):
        yield "its words or operations are not in proportion to its channels"
