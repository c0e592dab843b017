"""Semantic checks of an architecture: what a schema cannot say."""

from __future__ import annotations

from itertools import pairwise

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.menus import assignments, tie_groups
from optimizer.errors import SpecError
from optimizer.files.schema_check import placed

MAX_ENERGY_SCALE = 10**9
RESERVED = ("array", "vector", "PE", "fixed")


def check_architecture(architecture: Architecture) -> None:
    """Run every check; the first failure is raised as a :class:`SpecError`."""
    check_names(architecture)
    check_ties(architecture)
    check_outermost(architecture)
    check_keeping(architecture)
    check_unrolling(architecture)
    check_access_widths(architecture)
    check_sizes(architecture)
    check_meshes(architecture)
    check_energy_scale(architecture)


def check_names(architecture: Architecture) -> None:
    """Level names are different and none is a name that menus or area parts use."""
    names = [level.name for level in architecture.levels]
    for index, name in enumerate(names):
        if name in names[:index] or name in RESERVED:
            raise SpecError(
                "the level's name is taken",
                file=architecture.file,
                field=f"levels[{index}].name",
                value=name,
                allowed=f"different names, none of {', '.join(RESERVED)}",
                remedy="rename the level",
            )


def check_outermost(architecture: Architecture) -> None:
    """The outermost level is unbounded, single and keeps every tensor."""
    outer = architecture.levels[0]
    file = architecture.file
    if outer.size.values != (None,):
        raise SpecError(
            "the outermost level must be unbounded",
            file=file,
            field="levels[0].size",
            value=[entry.label for entry in outer.size.entries],
            allowed="unbounded",
            remedy="remove `size`, or put an off-chip level outside",
        )
    if outer.must_bypass:
        raise SpecError(
            "the outermost level keeps every tensor",
            file=file,
            field="levels[0].must_bypass",
            value=sorted(outer.must_bypass),
            allowed="nothing",
            remedy="remove `must_bypass`",
        )


def check_keeping(architecture: Architecture) -> None:
    """No tensor must both be kept and bypass a level."""
    for index, level in enumerate(architecture.levels):
        both = sorted(level.must_keep & level.must_bypass)
        if both:
            raise SpecError(
                "a tensor must both be kept and bypass the level",
                file=architecture.file,
                field=f"levels[{index}].must_bypass",
                value=both,
                allowed="tensors that are not in must_keep",
                remedy="remove it from one of the two lists",
            )


def check_unrolling(architecture: Architecture) -> None:
    """An axis that may not unroll any dim is as long as 1."""
    all_meshes = _all_meshes(architecture)
    for index, level in enumerate(architecture.levels):
        for number, (axis, dims) in enumerate(zip("xy", level.unroll, strict=True)):
            if dims == () and any(mesh[index][number] != mesh[index + 1][number] for mesh in all_meshes):
                raise SpecError(
                    "no dim may be unrolled along an axis with a fan-out",
                    file=architecture.file,
                    field=f"levels[{index}].unroll.{axis}",
                    value=list(dims),
                    allowed="at least one dim",
                    remedy="list dims such as K, or leave the axis out to allow all",
                )


def check_access_widths(architecture: Architecture) -> None:
    """A bounded level holds at least one access, also when it is double-buffered."""
    for index, level in enumerate(architecture.levels):
        for entry in level.size.entries:
            if entry.value is not None and entry.value // level.buffering < level.access_bits:
                raise SpecError(
                    "the level is smaller than one access",
                    file=architecture.file,
                    field=f"levels[{index}].size",
                    value=entry.label,
                    allowed=f"at least {level.access_bits * level.buffering} bits",
                    remedy="make it larger, or set a smaller access_bits",
                )


def check_sizes(architecture: Architecture) -> None:
    """Every size has an energy and an area in its component's table, or the level states them."""
    for index, level in enumerate(architecture.levels):
        field = f"levels[{index}].size"
        if level.component is None and level.area_um2 is None and index > 0:
            raise SpecError(
                "the level has no area",
                file=architecture.file,
                field=f"levels[{index}].area_um2",
                value=level.name,
                allowed="um2 of one instance, a number >= 0",
                remedy="state area_um2 (0 leaves it out), or name a component",
            )
        for entry in level.size.entries:
            try:
                level.access_energies(entry.value)
                level.instance_area_um2(entry.value)
                level.leakage_per_cycle(entry.value, architecture.clock_mhz)
            except SpecError as error:
                raise placed(error, architecture.file, field, entry.label) from None


def check_ties(architecture: Architecture) -> None:
    """Tied menus are equally long."""
    try:
        tie_groups(architecture.menus)
    except SpecError as error:
        raise placed(error, architecture.file, error.field) from None


def check_meshes(architecture: Architecture) -> None:
    """Along each axis, the instances of a level divide those of the next one, for all menu choices."""
    names = [*(level.name for level in architecture.levels), "the array"]
    for meshes in _all_meshes(architecture):
        if meshes[0] != (1, 1):
            raise SpecError(
                "the outermost level has one instance",
                file=architecture.file,
                field="levels[0].instances",
                value=meshes[0],
                allowed="1 along x and y",
                remedy="remove `instances`",
            )
        for index, (outer, inner) in enumerate(pairwise(meshes)):
            for axis, a, b in zip("xy", outer, inner, strict=True):
                if b % a:
                    stated = [level.instances["xy".index(axis)] for level in architecture.levels[index + 1 :]]
                    inner_stated = bool(stated) and stated[0] is not None
                    field = f"levels[{index + 1}].instances.{axis}" if inner_stated else f"array.{axis}"
                    raise SpecError(
                        f"the fan-out from {names[index]} to {names[index + 1]} is not integral",
                        file=architecture.file,
                        field=field,
                        value=b,
                        allowed=f"multiples of {a}",
                        remedy="change the instances or array extents, or tie their menus",
                    )


def check_energy_scale(architecture: Architecture) -> None:
    """The common energy unit is not absurdly fine: totals must fit the solver's integers."""
    if architecture.energy_scale > MAX_ENERGY_SCALE:
        raise SpecError(
            "the stated energies have no common unit that is coarse enough",
            file=architecture.file,
            field="levels",
            value=architecture.energy_scale,
            allowed=f"at most {MAX_ENERGY_SCALE} units per {architecture.technology.energy_unit}",
            remedy="round the energies to fewer decimals",
        )


def _all_meshes(architecture: Architecture) -> list[tuple[tuple[int, int], ...]]:
    stated = [menu for level in architecture.levels for menu in level.instances if menu is not None]
    return [architecture.meshes(chosen) for chosen in assignments([*architecture.array, *stated])]
