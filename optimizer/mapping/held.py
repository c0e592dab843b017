"""Loop nests written by hand, with every node as far out as it keeps the same tile, and what they cost.

A file puts a node into the block of its level. Where the loop right above it does not index its tensor, the tile stays
while the loop runs, and the node can as well stand above it: it holds the same words, and is filled less often. The
same goes for the fan-outs of outer levels, which tell its instances apart. Only a loop that moves the tile, or the
next outer node of the tensor, ends its way out.

Nodes move on their own: the traffic of a node depends on the loops above itself. Under the rule ``innermost`` a step
outwards never costs more, so the nest returned is the cheapest of all that differ in the places of nodes with these
tiles.
"""

from __future__ import annotations

from typing import Literal

from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting, LayerCost, evaluate
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.workload.layer import Layer

HandReuse = Literal["held", "innermost", "exact"]
"""Rule by which a nest written by hand is priced.

``held``: by ``innermost``, with the nodes where :func:`held` puts them.
``innermost``, ``exact``: with the nodes where the nest has them; see :mod:`optimizer.mapping.cost`.
"""


def held(layer: Layer, mapping: Mapping) -> Mapping:
    """The same loops, every node above all loops right above it that do not move its tile.

    Parameters
    ----------
    layer : Layer
    mapping : Mapping
        A legal one of the layer.

    Returns
    -------
    Mapping
        A legal one: tiles, instances and loops are those of `mapping`.
    """
    items = list(mapping.items)
    for node in [item for item in items if isinstance(item, Node) and item.level > 0]:
        place = items.index(node)
        goal = place
        for above in range(place - 1, -1, -1):
            if _ends(layer, node, items[above]):
                break
            goal = above if _repeats(items[above]) else goal
        items.insert(goal, items.pop(place))
    return Mapping(tuple(items))


def _ends(layer: Layer, node: Node, above: Item) -> bool:
    """Must the node stay inside of this item?"""
    if isinstance(above, Node):
        return above.level == 0 or above.role == node.role
    if above.axis is not None:
        return above.level >= node.level
    return above.bound > 1 and above.dim in layer.operand(node.role).dims


def _repeats(item: Item) -> bool:
    """Does the node gain by standing above this item?"""
    return isinstance(item, Loop) and item.axis is None and item.bound > 1


def priced(
    layer: Layer, hardware: Hardware, mapping: Mapping, reuse: HandReuse, accounting: Accounting
) -> tuple[Mapping, LayerCost]:
    """The nest that a rule prices, and its cost."""
    if reuse == "held":
        mapping, reuse = held(layer, mapping), "innermost"
    return mapping, evaluate(layer, hardware, mapping, accounting=accounting, reuse=reuse)
