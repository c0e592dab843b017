"""Selection of menu entries by the user, and the errors for menus that are still open."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.menus import AnyMenu, tie_groups
from optimizer.architecture.reader import parse_architecture
from optimizer.errors import SpecError

STANDARD_DIMS = frozenset("NGKCPQZRSTBM")


def select(architecture: Architecture, choices: Mapping[str, str]) -> Architecture:
    """The architecture with some menus cut down to one entry.

    Parameters
    ----------
    architecture : Architecture
    choices : mapping of path to entry
        Paths as in :attr:`Hardware.choices` (``GLB.size``), entries as in the file (``128 KiB``). Menus tied
        to a chosen one follow it.

    Raises
    ------
    SpecError
        On a path that is no menu, or an entry that the menu does not have.
    """
    kept: dict[str, object] = {}
    menus = architecture.with_budgets(Budgets()).menus
    for group in tie_groups(menus):
        places = {menu.path: _entry(menu, choices[menu.path]) for menu in group if menu.path in choices}
        if len(set(places.values())) > 1:
            raise SpecError(
                f"tied menus are chosen apart ({group[0].tie})",
                field=f"--choose {group[0].path}",
                value={path: choices[path] for path in places},
                remedy="choose one of them only",
                allowed="entries of the same place in all tied menus",
            )
        for place in set(places.values()):
            kept |= {menu.path: menu.entries[place].label for menu in group if menu.listed}
        choices = {path: entry for path, entry in choices.items() if path not in places}
    known = [menu.path for menu in menus if menu.listed]
    for path in choices:
        close = difflib.get_close_matches(path, known, n=1)
        raise SpecError(
            "there is no menu of this path",
            field=f"--choose {path}",
            value=path,
            allowed=", ".join(known) or "none: the architecture has no menus",
            remedy=f"did you mean {close[0]}?" if close else "leave it out",
        )
    return _cut(architecture, kept) if kept else architecture


def at(architecture: Architecture, choices: Mapping[str, object]) -> Architecture:
    """The architecture with only one point, from the entries of its menus (:attr:`Hardware.choices`).

    Raises
    ------
    SpecError
        As for :func:`select`.
    """
    return select(architecture, {path: str(label) for path, label in choices.items()})


def single_point(architecture: Architecture) -> Hardware:
    """The only hardware point of an architecture.

    Raises
    ------
    SpecError
        If menus leave a choice: the open menus with their entries.
    """
    points = architecture.points()
    first = next(points, None)
    if first is None:
        raise SpecError(
            "no hardware point keeps the constraints",
            file=architecture.file,
            field="constraints",
            value=[constraint.title for constraint in architecture.constraints],
            allowed="constraints that a point of the menus keeps",
            remedy="drop or loosen one, or choose other entries",
        )
    if next(points, None) is not None:
        menus = [menu for menu in architecture.menus if len(menu.entries) > 1]
        listing = "; ".join(f"{menu.path}: {_labels(menu)}" for menu in menus)
        chosen = " ".join(f"--choose '{menu.path}={menu.entries[0].label}'" for menu in menus if _leads(menu, menus))
        raise SpecError(
            f"the architecture stands for {len(architecture)} hardware points, one is needed",
            file=architecture.file,
            allowed=listing,
            remedy=f"pick one, e.g. {chosen}",
        )
    return first


def unroll_warnings(architecture: Architecture, present: Set[str]) -> list[str]:
    """Dims that may be unrolled but that no layer has.

    A list that mixes dims of convolutions and matrix products is usual, so a standard dim is only reported
    where nothing else in its list is among the dims `present`.
    """
    found = []
    seen = set()
    for level in architecture.levels:
        for axis, dims in zip("xy", level.unroll, strict=True):
            if (axis, dims) in seen:  # the array's list, taken over by the levels inside of it
                continue
            seen.add((axis, dims))
            idle = dims is not None and not present & set(dims)
            for dim in dims or ():
                if dim not in present and (idle or dim not in STANDARD_DIMS):
                    found.append(
                        f"{level.name}.unroll.{axis}: no layer has the dim {dim} (dims: {', '.join(sorted(present))})"
                    )
    return found


def _labels(menu: AnyMenu) -> str:
    return ", ".join(str(entry.label) for entry in menu.entries)


def _leads(menu: AnyMenu, menus: Sequence[AnyMenu]) -> bool:
    """Is it the first of its tied menus?"""
    return menu.tie is None or menu.path == next(other.path for other in menus if other.tie == menu.tie)


def _entry(menu: AnyMenu, wanted: str) -> int:
    """Place of an entry in its menu, spaces aside."""
    labels = ["".join(str(entry.label).split()) for entry in menu.entries]
    text = "".join(wanted.split())
    if text not in labels:
        raise SpecError(
            "the menu has no such entry",
            field=f"--choose {menu.path}",
            value=wanted,
            allowed=_labels(menu),
            remedy="take one of these entries, as written",
        )
    return labels.index(text)


def _cut(architecture: Architecture, kept: Mapping[str, object]) -> Architecture:
    """Read the architecture's source again with these menus replaced by lists of one entry."""
    source = copy.deepcopy(architecture.source)
    if source is None:
        raise SpecError(
            "the architecture does not know its source",
            field="--choose",
            value=architecture.name,
            allowed="architectures that were read from YAML",
            remedy="build it with the sizes you want",
        )
    levels = {level["name"]: level for level in source["levels"]}
    for path, label in kept.items():
        owner, *keys = path.split(".")
        fields = levels[owner] if owner in levels else source[owner]
        for key in keys[:-1]:
            fields = fields[key]
        fields[keys[-1]] = [label]
    parsed = parse_architecture(source, file=architecture.file)
    return replace(parsed, budgets=architecture.budgets, accounting=architecture.accounting)
