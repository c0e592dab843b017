"""Which layer's output is which operand of a layer, and whether an operand is learned."""

from __future__ import annotations

from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.network import Network


def output_words(layer: AnyLayer) -> int:
    """Words of a layer's output, all runs together."""
    if isinstance(layer, Layer):
        return layer.operand("O").footprint(layer.extents) * layer.multiplicity
    return layer.writes[0][0] * layer.multiplicity


def tied_to(network: Network, layer: Layer) -> str | None:
    """The layer that owns the weights of this one, if they are another layer's."""
    owner = layer.operand("W").tensor.removesuffix(".weight")
    tied = owner != layer.name and owner in network.graph and layer.operand("W").tensor.endswith(".weight")
    return owner if tied else None


def has_weights(network: Network, layer: Layer) -> bool:
    """Whether operand W is learned: its words are among the layer's parameters, or another layer's."""
    own = layer.parameter_count >= layer.operand("W").footprint(layer.extents)
    return own or tied_to(network, layer) is not None


def producers(network: Network, layer: Layer, role: str) -> dict[str, str]:
    """Layers that compute operand W or I, with the tensor on the edge; none for inputs of the network.

    An operand that is a view of a layer's output has another name than the tensor on the edge. Where no name tells, the
    first producer is taken to compute I, the others W.

    Parameters
    ----------
    network : Network
    layer : Layer
    role : {"W", "I"}

    Returns
    -------
    dict of str to str
        Tensor by producer.
    """
    edges = {producer: str(tensor) for producer, _, tensor in network.graph.in_edges(layer.name, data="tensor")}
    if has_weights(network, layer):
        return edges if role == "I" else {}
    names = {operand: layer.operand(operand).tensor for operand in "WI"}
    named = {key: {p: t for p, t in edges.items() if t == names[key]} for key in "WI"}
    if named[role] or not edges:
        return named[role]
    other = named["I" if role == "W" else "W"]
    rest = {producer: tensor for producer, tensor in edges.items() if producer not in other}
    if other or len(edges) == 1:
        return rest or edges
    first, *others = edges.items()
    return dict([first]) if role == "I" else dict(others)


def shares(network: Network, name: str) -> dict[str, int]:
    """Words that one run of a vector layer reads of each producer's output.

    A producer with as many words as a read is matched with it; any other has the largest read left, at most its output.
    """
    layer = network.graph.nodes[name]["layer"]
    left = [words for words, _ in layer.reads]
    found = {}
    for producer in network.graph.predecessors(name):
        produced = output_words(network.graph.nodes[producer]["layer"]) // layer.multiplicity
        if produced in left:
            left.remove(produced)
            found[producer] = produced
        else:
            found[producer] = min(produced, max(left, default=produced))
    return found
