"""Rules of the engine, by name; symbols as in :mod:`optimizer.sparse_engine.engine`.

``z-divides-n``, ``z-divides-w``, ``fi-divides-z``, ``fo-divides-z``
    z divides N_{i-1} (full memories) and W (full clocks); whole right neurons and whole left neurons per clock.
``power-of-two``
    z, fo and D are powers of two: the index logic of the release slices bits. Off unless asked for.
``balanced``
    All junctions take C clocks.
``right-side``
    ``z_{i+1} >= ceil(z_i / fi_i)``: right neurons of one clock lie in different memories of the next junction.
``hazard``
    ``(1 + PROCTIME) mod D_i != 0`` where D_i > 1 and i >= 2: a partial delta is written back 1 + PROCTIME clocks after
    it is read, and the release must not read the same row in that clock. Junction 1 has no deltas on its left.
``fresh``
    ``D_i > 1 + PROCTIME`` where fo_i > 1 and i >= 2: sweeps that start at equal rows then read no partial delta before
    its sum is written, and with a smaller D every pattern does. Off unless asked for: the release does not keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from optimizer.errors import SpecError
from optimizer.sparse_engine.engine import Junction


def _power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


JUNCTION_RULES: dict[str, Callable[[Junction], bool]] = {
    "z-divides-n": lambda j: j.left % j.parallel == 0,
    "z-divides-w": lambda j: j.edges % j.parallel == 0,
    "fi-divides-z": lambda j: j.parallel % j.in_degree == 0,
    "fo-divides-z": lambda j: j.parallel % j.out_degree == 0,
    "power-of-two": lambda j: all(map(_power_of_two, (j.parallel, j.out_degree, j.depth))),
}
"""Rules that look at one junction."""
PIPELINE_RULES = ("balanced", "right-side", "hazard", "fresh")
"""Rules that join junctions, or a junction and PROCTIME."""
ALL_RULES = (*JUNCTION_RULES, *PIPELINE_RULES)
DEFAULT_RULES = tuple(name for name in ALL_RULES if name not in ("power-of-two", "fresh"))


def chosen_rules(added: Iterable[str] = (), dropped: Iterable[str] = ()) -> tuple[str, ...]:
    """The default rules with some added and some dropped.

    Raises
    ------
    SpecError
        On a name that is no rule.
    """
    added, dropped = set(added), set(dropped)
    for option, names in (("--with", added), ("--without", dropped)):
        for name in sorted(names - set(ALL_RULES)):
            raise SpecError(
                "there is no such rule",
                field=option,
                value=name,
                allowed=", ".join(ALL_RULES),
                remedy="use one of these names",
            )
    return tuple(name for name in ALL_RULES if name in (set(DEFAULT_RULES) | added) - dropped)


def keeps(junction: Junction, rules: Iterable[str]) -> bool:
    """Does a junction keep those of the rules that look at one junction?"""
    return all(JUNCTION_RULES[name](junction) for name in rules if name in JUNCTION_RULES)
