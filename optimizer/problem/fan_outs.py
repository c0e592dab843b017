"""Where hardware points of an architecture have fan-outs."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.menus import AnyMenu

Instances = tuple[object, object]
"""Of both axes: a number, or the path of the menu that says it."""


def has_fan_out(architecture: Architecture, number: int) -> bool:
    """May some point have a fan-out below a level? False only if none has."""
    instances = list(_instances(architecture))
    return instances[number] != instances[number + 1]


def _instances(architecture: Architecture) -> Iterator[Instances]:
    """Instances of every level, then of the multipliers."""
    array = _stated(architecture.array[0]), _stated(architecture.array[1])
    found: Instances = (1, 1)
    for number, level in enumerate(architecture.levels):
        x, y = array if number > architecture.array_below else found
        menus = level.instances
        x = x if menus[0] is None else _stated(menus[0]) or array[0]
        y = y if menus[1] is None else _stated(menus[1]) or array[1]
        found = (x, y)
        yield found
    yield array


def _stated(menu: AnyMenu) -> object:
    """The only entry of a menu, or its path."""
    return menu.entries[0].value if len(menu.entries) == 1 else menu.path
