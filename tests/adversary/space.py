"""Is a mapping in the declared space? Written from rules 1 to 6 of docs/theory/mapspace.md, *The declared space*."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer

MOST = 4096
"""Ways of taking loops to blocks that are tried."""


@dataclass(frozen=True)
class Hoisted:
    """The hoisted node, its place in the nest, and the level of the block that it stands in."""

    node: Node
    place: int
    outer: int

    @property
    def between(self) -> range:
        """Levels that it passes."""
        return range(self.outer + 1, self.node.level)


def lacks(layer: Layer, dim: str) -> str | None:
    """The tensor that a dim is irrelevant to."""
    return next((role for role in ROLES if dim not in layer.operand(role).dims), None)


def is_halo(layer: Layer, dim: str, running: Container[str]) -> bool:
    """Has the input a window (of two dims of more than one trip) or a stride along a dim?"""
    axes = [axis for axis in layer.operand("I").axes if dim in dict(axis.terms)]
    return any(dict(axis.terms)[dim] > 1 or sum(d in running for d, _ in axis.terms) > 1 for axis in axes)


def is_temporal(item: Item) -> bool:
    """A loop in time?"""
    return isinstance(item, Loop) and item.axis is None


def hoisted_nodes(items: Sequence[Item]) -> list[Hoisted]:
    """Nodes with temporal loops inside of them that nodes or fan-outs of outer levels close in."""
    found = []
    for place, item in enumerate(items):
        inner = [n for n in range(place, len(items)) if not is_temporal(items[n]) and items[n].level < item.level]
        passed = [other.level for other in items[place : max(inner, default=place)] if is_temporal(other)]
        if isinstance(item, Node) and passed:
            found.append(Hoisted(item, place, min(passed)))
    return found


def outside(layer: Layer, mapping: Mapping) -> str | None:
    """Why a mapping is not in the declared space; None if it is."""
    items = [item for item in mapping.items if isinstance(item, Node) or item.bound > 1]
    raised = hoisted_nodes(items)
    if len(raised) > 1:
        return "two hoisted nodes: " + ", ".join(f"{h.node.role} at level {h.node.level}" for h in raised)
    places = [hoisted.place for hoisted in raised]
    faults = (_fault(layer, nest) for nest in itertools.islice(_owned(items, places), MOST))
    first = next(faults)
    return None if first is None or None in faults else first


def _owned(items: Sequence[Item], hoisted: Sequence[int]) -> Iterator[list[Item]]:
    """The nest with every loop in a block that it may be in: as the mapping says, as far out as can be, all ways."""
    last = max(item.level for item in items)
    blocks: list[range] = []
    for place in range(len(items)):
        around = [(n, items[n]) for n in range(len(items)) if n not in hoisted and not is_temporal(items[n])]
        above = [item.level + isinstance(item, Loop) for n, item in around if n < place]
        below = [item.level for n, item in around if n > place]
        blocks.append(range(max(above, default=0), min(below, default=last) + 1))
    temporal = [place for place, item in enumerate(items) if is_temporal(item)]
    stated = [min(blocks[place], key=lambda level: abs(level - items[place].level)) for place in temporal]
    for levels in itertools.chain([stated], itertools.product(*(blocks[place] for place in temporal))):
        owned = list(items)
        for place, level in zip(temporal, levels, strict=True):
            owned[place] = replace(items[place], level=level)
        yield owned


def _fault(layer: Layer, items: Sequence[Item]) -> str | None:
    """The first breach, with loops in the blocks of the levels that own them."""
    raised = hoisted_nodes(items)
    hoisted = raised[0] if raised else None
    complaints = [*(_of_hoist(layer, items, hoisted) if hoisted else ()), *_of_loops(layer, items, hoisted)]
    return complaints[0] if complaints else None


def _of_hoist(layer: Layer, items: Sequence[Item], hoisted: Hoisted) -> Iterator[str]:
    node, outer = hoisted.node, hoisted.outer
    if node.role == "I" and outer:
        yield "the input is hoisted to an inner block"
    if any(item.role == node.role and item.level in hoisted.between for item in items if isinstance(item, Node)):
        yield f"{node.role} is kept at a level that its hoisted node passes"
    for place in range(hoisted.place, len(items)):
        item = items[place]
        if isinstance(item, Node) and item.level == outer and any(map(is_temporal, items[hoisted.place : place])):
            yield f"the loops below the hoisted node do not close the block of level {outer}"
    own = [item.role for item in items if isinstance(item, Node) and item.level == outer]
    if outer and node.role in own and own[-1] != node.role:
        yield f"{node.role} is not the last node of block {outer}"
    for place, item in enumerate(items):
        if is_temporal(item) and item.level in hoisted.between:
            if node.role == "I":
                yield f"a loop of level {item.level}, which the hoisted input passes"
            elif any(isinstance(other, Node) and other.level == item.level for other in items[place:]):
                yield f"a loop above a node of level {item.level}, which the hoisted node passes"


def _of_loops(layer: Layer, items: Sequence[Item], hoisted: Hoisted | None) -> Iterator[str]:
    """Loops that stand elsewhere than right below the node that profits from them."""
    for place, item in enumerate(items):
        if not isinstance(item, Loop) or item.axis is not None or item.level == 0:
            continue
        if hoisted and place > hoisted.place and hoisted.outer <= item.level < hoisted.node.level:
            if lacks(layer, item.dim) != hoisted.node.role:
                yield f"a loop over {item.dim}, which {hoisted.node.role} is hoisted above"
            continue
        level = item.level
        above = [
            other.role
            for other in items[:place]
            if isinstance(other, Node) and other.level == level and not (hoisted and other == hoisted.node)
        ]
        if (above[-1] if above else None) not in _homes(layer, items, hoisted, item):
            yield f"a loop over {item.dim} of level {level} stands below {above[-1] if above else 'no node'}"


def _homes(layer: Layer, items: Sequence[Item], hoisted: Hoisted | None, loop: Loop) -> set[str | None]:
    """Nodes of its block that a loop may stand right below; None: at the beginning of the block."""
    kept = [item.role for item in items if isinstance(item, Node) and item.level == loop.level]
    running = {item.dim for item in items if isinstance(item, Loop)}
    profits, halo = lacks(layer, loop.dim), is_halo(layer, loop.dim, running)
    homes: set[str | None] = set()
    if profits in kept:
        homes.add(profits)
    if halo and "I" in kept and (profits not in kept or kept.index("I") > kept.index(str(profits))):
        homes.add("I")
    if hoisted is None or hoisted.node.level != loop.level:
        return homes
    passed = {item.role for item in items if isinstance(item, Node) and item.level in hoisted.between}
    if not homes and (profits in passed or (halo and "I" in passed)):
        homes.add(None)
    return {None if home == hoisted.node.role else home for home in homes}
