"""Optima by exhaustion, priced by the cost model: all loop nests (no block lemma), or all blocks (with halo)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from formulations.problem import LayerProblem
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import LayerCost
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.pricing.lowering import lift
from optimizer.workload.layer import ROLES, Layer
from tests.support.block_space import divisors, solutions
from tests.support.layer_cases import Case

Rest = tuple[tuple[str, int], ...]
Price = tuple[int, int]
Keep = tuple[tuple[str, ...], ...]


def keep_sets(hardware: Hardware) -> Iterator[Keep]:
    """Operands kept per level."""
    options = []
    for level in hardware.levels[1:]:
        free = [r for r in ROLES if r not in level.must_keep | level.must_bypass]
        fixed = [r for r in ROLES if r in level.must_keep]
        options.append([(*fixed, *more) for n in range(len(free) + 1) for more in itertools.combinations(free, n)])
    for chosen in itertools.product(*options):
        yield (ROLES, *chosen)


def fan_outs(hardware: Hardware, level: int, rest: Rest) -> Iterator[tuple[list[Item], Rest]]:
    """Every choice of spatial loops below a level, and the extents left inside."""
    spec = hardware.levels[level]
    width = hardware.fanout(level)
    x_lists = [divisors(e) if spec.spatial_x is None or d in spec.spatial_x else [1] for d, e in rest]
    for x in itertools.product(*x_lists):
        if math.prod(x) > width[0]:
            continue
        left = [(d, e // f) for (d, e), f in zip(rest, x, strict=True)]
        y_lists = [divisors(e) if spec.spatial_y is None or d in spec.spatial_y else [1] for d, e in left]
        for y in itertools.product(*y_lists):
            if math.prod(y) > width[1]:
                continue
            loops: list[Item] = [Loop(d, f, level, "X") for (d, _), f in zip(rest, x, strict=True) if f > 1]
            loops += [Loop(d, f, level, "Y") for (d, _), f in zip(rest, y, strict=True) if f > 1]
            yield loops, tuple((d, e // f) for (d, e), f in zip(left, y, strict=True))


@dataclass(frozen=True)
class Raised:
    """A node to be hoisted to the block of level `outer`, and the dims that do not index its tensor."""

    node: Node
    outer: int
    passes: frozenset[str]


def raised_nodes(layer: Layer, keep: Keep) -> Iterator[Raised | None]:
    """No node, or one that may be hoisted: its tensor is not kept at the levels that it passes."""
    yield None
    for operand in layer.operands:
        keepers = [level for level, roles in enumerate(keep) if operand.role in roles]
        for outer_keeper, level in itertools.pairwise(keepers):
            for outer in range(outer_keeper, 1 if operand.role == "I" else level):
                passes = frozenset(d for d, _ in layer.dims) - operand.dims
                yield Raised(Node(operand.role, level), outer, passes)


@dataclass(frozen=True)
class Choices:
    """What a series of nests has in common: hardware, tensors kept, and a hoisted node."""

    layer: Layer
    hardware: Hardware
    keep: Keep
    raised: Raised | None

    def waiting(self, level: int) -> tuple[str, ...]:
        """Nodes that stand in the block of their own level."""
        own = self.keep[level] if level < len(self.keep) else ()
        return tuple(role for role in own if self.raised is None or self.raised.node != Node(role, level))

    def next_nodes(self, level: int, waiting: tuple[str, ...]) -> tuple[str, ...]:
        """Nodes that may stand first: the tensor of a node hoisted to this block comes last."""
        last = self.raised.node.role if self.raised and self.raised.outer == level else None
        return tuple(role for role in waiting if role != last) or waiting

    def dims(self, level: int, items: list[Item], waiting: tuple[str, ...]) -> frozenset[str] | None:
        """Dims that loops of the block may run over (None: all)."""
        if self.raised is None or not self.raised.outer <= level < self.raised.node.level:
            return None
        if level > self.raised.outer:
            return frozenset() if waiting or self.raised.node.role == "I" else self.raised.passes
        return self.raised.passes if self.raised.node in items else None

    def belongs_below(self, level: int, waiting: tuple[str, ...], dim: str) -> bool:
        """Does a loop over the dim profit a node to come and one kept where the hoisted node passes? (Rule 6.)"""
        if self.raised is None or self.raised.node.level != level:
            return False
        between = {role for n in range(self.raised.outer + 1, level) for role in self.keep[n]}
        return any(dim not in self.layer.operand(role).dims for role in between.intersection(waiting))

    def rises(self, level: int, items: list[Item]) -> bool:
        """Is the hoisted node still to stand in this block?"""
        return self.raised is not None and self.raised.outer == level and self.raised.node not in items


def nests(choices: Choices, level: int, waiting: tuple[str, ...], rest: Rest, items: list[Item]) -> Iterator[Mapping]:
    """All total orders of loops and nodes from the current position inwards; `waiting` nodes of `level` come first."""
    hardware = choices.hardware
    if level == len(hardware.levels):
        if all(e == 1 for _, e in rest):
            yield Mapping(tuple(items))
        return
    for role in choices.next_nodes(level, waiting):
        others = tuple(r for r in waiting if r != role)
        yield from nests(choices, level, others, rest, [*items, Node(role, level)])
    if not waiting and choices.rises(level, items) and choices.raised is not None:
        yield from nests(choices, level, waiting, rest, [*items, choices.raised.node])
    previous = items[-1] if items and isinstance(items[-1], Loop) and items[-1].axis is None else None
    allowed = choices.dims(level, items, waiting)
    for position, (dim, extent) in enumerate(rest):
        if previous is not None and isinstance(previous, Loop) and previous.dim == dim:
            continue
        if choices.belongs_below(level, waiting, dim):
            continue
        for bound in divisors(extent)[1:] if allowed is None or dim in allowed else []:
            inner = (*rest[:position], (dim, extent // bound), *rest[position + 1 :])
            yield from nests(choices, level, waiting, inner, [*items, Loop(dim, bound, level)])
    if not waiting and not choices.rises(level, items):
        for loops, inner in fan_outs(hardware, level, rest):
            yield from nests(choices, level + 1, choices.waiting(level + 1), inner, [*items, *loops])


def all_nests(layer: Layer, hardware: Hardware) -> Iterator[Mapping]:
    """Every mapping of a layer: DRAM's nodes, then loops and nodes in any order; at most one node is hoisted."""
    rest = tuple((d, e) for d, e in layer.dims if e > 1)
    outermost: list[Item] = [Node(role, 0) for role in ROLES]
    for keep in keep_sets(hardware):
        for raised in raised_nodes(layer, keep):
            yield from nests(Choices(layer, hardware, keep, raised), 0, (), rest, outermost)


def fits(layer: Layer, hardware: Hardware, cost: LayerCost) -> bool:
    """Do the tiles of every level fit it?"""
    for number, level in enumerate(hardware.levels):
        kept = [o for o in layer.operands if (number, o.role) in cost.counts]
        held = sum(cost.counts[number, o.role].tile_words * o.bits for o in kept)
        if level.usable_bits is not None and held > level.usable_bits:
            return False
    return True


def price(problem: LayerProblem, cost: LayerCost) -> Price:
    """(energy, latency) in the problem's units."""
    latency = cost.latency_cycles * problem.latency_unit
    assert latency.denominator == 1
    return cost.energy, latency.numerator


def front(prices: Iterator[Price]) -> dict[str, Price | None]:
    """Lexicographic optimum of every objective."""
    found = set(prices)
    keys = {
        "energy": lambda p: (p[0], p[1]),
        "latency": lambda p: (p[1], p[0]),
        "edp": lambda p: (p[0] * p[1], p[0]),
    }
    return {name: min(found, key=key, default=None) for name, key in keys.items()}


def optimum_of_nests(case: Case) -> dict[str, Price | None]:
    """Best (energy, latency) over all loop nests."""
    problem = case.problem
    costs = (case.cost(nest) for nest in all_nests(case.layer, case.hardware))
    return front(price(problem, cost) for cost in costs if fits(case.layer, case.hardware, cost))


def optimum_of_blocks(case: Case, limit: int) -> dict[str, Price | None] | None:
    """Best (energy, latency) over the declared space; None if it holds more than `limit` mappings."""
    problem = case.problem
    every = list(itertools.islice(solutions(problem), limit + 1))
    if len(every) > limit:
        return None
    return front(price(problem, case.cost(lift(case.layer, problem, s))) for s in every)
