"""Membership of a mapping in the declared space, over which OPTIMAL holds. `evaluate` also prices loop nests outside of
it.

Loops of one trip do not count, neighbouring loops may change places, and so may neighbouring nodes and fan-outs of
different levels, the outer ones first. Each loop is in the *block* of a level: of one whose fan-out stands below it,
the next one outside of it above. V(d) is the tensor that dim d is irrelevant to, and a *halo dim* is one along which
the input has a window or a stride. A mapping is in the declared space if

1. every node stands in the block of its level, but for at most one *hoisted* node (3 to 6);
2. in the block of every level but the outermost, the nearest node above a loop over d is that of V(d); or it is the
   input's, if d is a halo dim, and V(d) is not kept at the level or its node stands above the input's. In the outermost
   block loops stand in any order;
3. a hoisted node of T at level l stands right above the loops over dims irrelevant to T that close the block of a level
   ``o < l``, below all nodes of that block; if T is kept at ``o > 0``, its node is the last one there;
4. the blocks of the levels between have no other loops than such, below all of their nodes, and do not keep T;
5. the input is hoisted to the outermost block only, and the blocks of the levels between have no loops;
6. a hoisted node counts as the first of the block of its level. A loop over d right below it is also allowed where no
   tensor kept at level l profits from it, but one kept at a level between does: V(d), or the input if d is a halo dim.

``formulations.problem.Hoist`` states 3 to 6 for the two searches.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer


def outside_of_space(layer: Layer, mapping: Mapping) -> str | None:
    """Why a legal mapping is not in the declared space; None if it is.

    Parameters
    ----------
    layer : Layer
    mapping : Mapping
        One that `evaluate` accepts.

    Returns
    -------
    str or None
        One sentence that names the loop or node.
    """
    items = _ordered([item for item in mapping.items if isinstance(item, Node) or item.bound > 1])
    nodes = [(n, item) for n, item in enumerate(items) if isinstance(item, Node) and _is_hoisted(items, n)]
    if len(nodes) > 1:
        return f"more than one node is hoisted: {' and '.join(f'{n.role} at level {n.level}' for _, n in nodes)}"
    lacking = {dim: role for role in ROLES for dim, _ in layer.dims if dim not in layer.operand(role).dims}
    start, node = nodes[0] if nodes else (len(items), None)
    if node is not None:
        del items[start]
        start = next(n for n in range(start, len(items)) if _temporal(items[n]))
    return _Nest(lacking, _halo(layer, items), items, node, start).fault()


@dataclass(frozen=True)
class _Nest:
    """Loops and nodes without the hoisted one, which stands right above the item at `start`."""

    lacking: dict[str, str]
    halo: frozenset[str]
    items: list[Item]
    hoisted: Node | None
    start: int

    def fault(self) -> str | None:
        """The first breach of rules 1 to 6, under the most favourable choice of the hoisted node's outer block."""
        if self.hoisted is None:
            return self._fault(-1)
        faults = [self._fault(outer) for outer in self._levels(self.start) if outer < self.hoisted.level]
        return None if None in faults else faults[0]

    def _fault(self, outer: int) -> str | None:
        if self.hoisted is not None:
            fault = self._hoist_fault(self.hoisted, outer)
            if fault is not None:
                return fault
        for place, item in enumerate(self.items):
            if not isinstance(item, Loop) or item.axis is not None:
                continue
            if not any(self._allowed(item.dim, place, level, outer) for level in self._levels(place)):
                return f"a loop over {item.dim} stands {self._where(place)}"
        return None

    def _hoist_fault(self, node: Node, outer: int) -> str | None:
        """The breach of the rules by a hoisted node, if any."""
        kept = self._nodes(outer, 0, len(self.items))
        if node.role == "I" and outer > 0:
            return "the input is hoisted to a block that is not the outermost"
        if any(node.role in self._nodes(n, 0, len(self.items)) for n in range(outer + 1, node.level)):
            return f"{node.role} is hoisted past a level that keeps it"
        if outer > 0 and node.role in kept and kept[-1] != node.role:
            return f"{node.role} is hoisted to the block of level {outer}, where its node is not the last"
        return None

    def _levels(self, place: int) -> range:
        """Levels whose block a loop may be in."""
        last = max(_rank(item) for item in self.items) // 2
        above = (_rank(item) for item in self.items[:place] if not _temporal(item))
        below = (_rank(item) for item in self.items[place:] if not _temporal(item))
        return range((max(above, default=0) + 1) // 2, min(below, default=2 * last) // 2 + 1)

    def _nodes(self, level: int, first: int, last: int) -> list[str]:
        """Tensors kept at a level by nodes from place `first` to `last` (excluded)."""
        return [item.role for item in self.items[first:last] if isinstance(item, Node) and item.level == level]

    def _allowed(self, dim: str, place: int, level: int, outer: int) -> bool:
        """True if a loop over `dim` may stand at this place of a block."""
        hoisted, lacking = self.hoisted, self.lacking.get(dim)
        if hoisted is not None and place >= self.start and level < hoisted.level:
            if lacking != hoisted.role or self._nodes(level, place, len(self.items)):
                return False
            return level == outer or (level > outer and hoisted.role != "I")
        if level == 0:
            return True
        above = self._nodes(level, 0, place)
        kept = {*above, *self._nodes(level, place, len(self.items))}
        first = hoisted is not None and hoisted.level == level
        if hoisted is not None and first:
            above, kept = [hoisted.role, *above], {hoisted.role, *kept}
        if not above:
            return False
        if above[-1] == "I" and dim in self.halo and (lacking not in kept or lacking in above):
            return True
        if above[-1] == lacking:
            return True
        profits = {lacking, "I"} if dim in self.halo else {lacking}
        between = {role for n in range(outer + 1, level) for role in self._nodes(n, 0, len(self.items))}
        return first and len(above) == 1 and not profits & kept and bool(profits & between)

    def _where(self, place: int) -> str:
        nodes = [item for item in self.items[:place] if isinstance(item, Node)]
        beside = f"right below the node of {nodes[-1].role} at level {nodes[-1].level}" if nodes else "above all nodes"
        return beside if self.hoisted is None else f"{beside}, inside of a hoisted node of {self.hoisted.role}"


def _is_hoisted(items: list[Item], place: int) -> bool:
    """True if a node or fan-out of an outer level stands inside of this node."""
    return any(_rank(other) < _rank(items[place]) and not _temporal(other) for other in items[place + 1 :])


def _temporal(item: Item) -> bool:
    return isinstance(item, Loop) and item.axis is None


def _rank(item: Item) -> int:
    """Order of nodes and fan-outs of all levels; of a temporal loop, that of its level's nodes."""
    return 2 * item.level + (isinstance(item, Loop) and item.axis is not None)


def _ordered(items: list[Item]) -> list[Item]:
    """The same nest, neighbouring nodes and fan-outs in the order of their levels."""
    groups = itertools.groupby(items, key=_temporal)
    return [item for loops, group in groups for item in (group if loops else sorted(group, key=_rank))]


def _halo(layer: Layer, items: list[Item]) -> frozenset[str]:
    """Dims along which the input has a window or a stride, of those that have loops."""
    present = {item.dim for item in items if isinstance(item, Loop)}
    axes = [[term for term in axis.terms if term[0] in present] for axis in layer.operand("I").axes]
    return frozenset(dim for terms in axes if len(terms) > 1 or any(c != 1 for _, c in terms) for dim, _ in terms)
