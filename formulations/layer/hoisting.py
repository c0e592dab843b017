"""Which hoisted nodes a search needs: with any other, some mapping without it costs as little."""

from __future__ import annotations

import math
from collections.abc import Iterator

from formulations.problem import AxisSpec, Hoist, I, LayerProblem


def legal_hoists(problem: LayerProblem) -> Iterator[Hoist]:
    """Every hoist that rules 1 and 5 of :class:`Hoist` and the choices of kept tensors allow."""
    levels = range(len(problem.levels))
    for tensor in range(3):
        passed = [d for d, lacking in enumerate(problem.irrelevant_to) if lacking == tensor]
        if all(problem.extents[d] == 1 for d in passed):
            continue
        for level in levels[1:]:
            if not any(option[tensor] for option in problem.levels[level].keep_options):
                continue
            for outer in range(level - 1, -1, -1):
                if tensor != I or outer == 0:
                    yield Hoist(tensor, level, outer)
                if all(option[tensor] for option in problem.levels[outer].keep_options):
                    break


def hoists(problem: LayerProblem) -> tuple[Hoist, ...]:
    """The legal hoists that can pay in some mapping.

    ``Hoist(T, l, o)`` can pay in a mapping only if

    a. a level n, ``o < n < l``, of finite capacity keeps another tensor; or
    b. children of a fan-out n, ``o <= n < l``, share words along an axis of the input where a dim of irr(T) meets
       another dim, which takes spatial factors of both; or
    c. a level n, ``o < n < l``, keeps the input, whose tile may have gaps along a dim of irr(T): the dim's coefficient
       is above 1, so steps along it may be longer than the tile is wide.

    **Lemma.** A mapping with any other hoist can be changed into one without, at no more cost.

    *Proof.* Let c be the loops over irr(T) that close block o and those between, and move them to the run right below
    T's node in block l, where T is the first of the order. All extents of irr(T) from the bottom of block o to the top
    of block l grow by c; all others stay.

    1. Capacity. At o the tiles hold the loops c before (rule 4) and after. At l no tile changes: T's does not depend
       on irr(T), and the other nodes stand below T's, hence below the loops. Tiles between grow: those of other
       tensors at levels between, which by not (a) have no capacity.
    2. Words of T. The extents below its node are the same: ``span == top``.
    3. Words of another tensor U without halo depend on irr(U) alone, and no dim is in irr(T) and irr(U).
    4. Words of an input with halo (T is not I: irr(I) has no halo dim). A node at o has the same tile. A node at l has
       the same tile, as it stands below T's, and so have those further in. If one of them slides along c, it slides
       along a loop with fewer fan-outs in between, by smaller steps; c joins the loops of T's run at l, so what slid
       along these slides along more trips. A node between had c among its trips, each of a whole tile or, where it
       slid along c, of the new words; now its tile holds c, which is not more words than any of that.
    5. Sharing. Children of fan-out n share the input's words depending on ``top[n+1]`` of the two dims of an axis;
       what is shared otherwise depends on factors only. By not (b) nothing was shared that way, and cannot be lost.

    Loops of rule 6 in block l belonged to a node between, of U; they move out to right below it, or below the input's
    innermost node outside of l if their dim is a halo dim and that stands further in. U's words stay, T's do too (no
    dim is in irr(T) and irr(U)), and tiles between shrink; by (5) nothing shared is lost, and the input's own loops
    over a halo dim may stay in block l.

    So all words are at most what they were, per instance too, and costs do not fall when words rise. ∎

    (b) and (c) need a dim of irr(T) with halo, so they never hold for the input.
    """
    return tuple(
        hoist
        for hoist in legal_hoists(problem)
        if _holds_others_between(problem, hoist) or shares_between(problem, hoist) or gaps_between(problem, hoist)
    )


def _holds_others_between(problem: LayerProblem, hoist: Hoist) -> bool:
    """May (a) hold?"""
    between = problem.levels[hoist.outer + 1 : hoist.level]
    return any(
        level.capacity_bits is not None and any(any(keep) and not keep[hoist.tensor] for keep in level.keep_options)
        for level in between
    )


def shared_axes(problem: LayerProblem, tensor: int) -> list[AxisSpec]:
    """Axes of the input where a dim of irr(T) meets another dim."""
    return [
        axis
        for axis in problem.input_axes
        if len(axis.terms) > 1 and any(problem.irrelevant_to[d] == tensor for d, _ in axis.terms)
    ]


def shares_between(problem: LayerProblem, hoist: Hoist) -> bool:
    """May (b) hold?"""
    return any(
        math.prod(level.fanout) >= 4 and all(level.spatial_x[d] or level.spatial_y[d] for d, _ in axis.terms)
        for axis in shared_axes(problem, hoist.tensor)
        for level in problem.levels[hoist.outer : hoist.level]
    )


def gaps_between(problem: LayerProblem, hoist: Hoist) -> bool:
    """May (c) hold?"""
    between = problem.levels[hoist.outer + 1 : hoist.level]
    return any(
        coefficient > 1 and problem.irrelevant_to[d] == hoist.tensor
        for axis in problem.input_axes
        for d, coefficient in axis.terms
    ) and any(keep[I] for level in between for keep in level.keep_options)
