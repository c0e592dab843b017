"""Architectures: hardware with menus, and the hardware points they stand for.

A point takes one entry of every menu. All points of an architecture count energy in the same integer unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, TypeVar

from optimizer.architecture.budgets import Budgets, Limits, limits_of
from optimizer.architecture.constraints import Constraint
from optimizer.architecture.device_plan import DevicePlan
from optimizer.architecture.hardware import Hardware, Level
from optimizer.architecture.level import Bandwidth, LevelSpec
from optimizer.architecture.menus import AnyMenu, Assignment, Menu, MenuEntry, assignments, tie_groups
from optimizer.architecture.technology import Technology, to_units
from optimizer.errors import SpecError
from optimizer.files.arguments import check_arguments
from optimizer.files.quantities import format_number
from optimizer.workload.mapping_constraints import MappingConstraint
from optimizer.workload.nm_blocks import Sparsity

T = TypeVar("T")


@dataclass(frozen=True)
class Architecture:
    """A family of hardware points.

    Parameters
    ----------
    name, description : str
    technology : Technology
    levels : tuple of LevelSpec
        Outermost first.
    array : (Menu, Menu)
        Multipliers on the whole chip along X and Y.
    array_below : int
        Level whose fan-out the array is; levels inside it are per PE unless they state their instances.
    mac_energy : Fraction
        In the technology's unit; `mac_bits` is the width of an operand.
    pe_area_um2, lane_area_um2, fixed_area_um2 : Fraction
        Of a PE without its memories, a vector lane, and the rest of the chip.
    vector_lanes : Menu
    vector_energy : Fraction
    clock_mhz : Fraction
    word_bits, mac_bits : int
    accounting : {"timeloop", "looptree"}
    budgets : Budgets
        Defaults; :meth:`with_budgets` replaces them. Only ``dram_gbps`` changes the points: bandwidth entries
        of the outermost level above it are removed, a bandwidth that is no menu is lowered to it, and a level
        that does not state a shared bandwidth gets one equal to it, so that reads and writes together respect
        the budget. All other budgets are left to the solver: points above the area budget are still points.
    plan : DevicePlan or None
        What points take of an FPGA device; then they have no area.
    file : str or None
        Where it was read from, for messages.
    sparsity : Sparsity or None
        Which N:M blocks the multipliers take; None: none.
    source : dict or None
        The parsed YAML it was made of, its technology as a mapping in place of a name: nothing else is needed to
        make it again.
    constraints : tuple of Constraint
        Relations and tables that the points keep.
    mapping : tuple of MappingConstraint
        What the mappings of layers keep.
    """

    name: str
    description: str
    technology: Technology
    levels: tuple[LevelSpec, ...]
    array: tuple[Menu[int], Menu[int]]
    array_below: int
    mac_energy: Fraction
    mac_bits: int
    pe_area_um2: Fraction
    lane_area_um2: Fraction
    fixed_area_um2: Fraction
    vector_lanes: Menu[int]
    vector_energy: Fraction
    clock_mhz: Fraction
    word_bits: int
    accounting: Literal["timeloop", "looptree"]
    budgets: Budgets
    plan: DevicePlan | None = None
    file: str | None = None
    sparsity: Sparsity | None = None
    source: dict[str, Any] | None = field(default=None, compare=False)
    constraints: tuple[Constraint, ...] = ()
    mapping: tuple[MappingConstraint, ...] = ()

    def with_budgets(self, budgets: Budgets) -> Architecture:
        """The same architecture under other budgets."""
        check_arguments(budgets=(budgets, Budgets))
        return replace(self, budgets=budgets)

    @property
    def unconstrained(self) -> Architecture:
        """The same architecture without constraints."""
        return replace(self, constraints=())

    @property
    def limits(self) -> Limits:
        """The budgets, the resources of the device, and the constraints."""
        return limits_of(self.budgets, None if self.plan is None else self.plan.limits, self.constraints)

    def within(self, limits: Limits) -> Architecture:
        """The same architecture under other budgets, of device resources too, and under these constraints."""
        plan = None if self.plan is None else replace(self.plan, limits=limits.resources)
        return replace(self, budgets=limits.budgets, plan=plan, constraints=limits.constraints)

    @cached_property
    def capped_levels(self) -> tuple[LevelSpec, ...]:
        """The levels under the off-chip bandwidth budget (see the class's parameters)."""
        if self.budgets.dram_gbps is None:
            return self.levels
        limit = self.budgets.dram_gbps * 8000 / self.clock_mhz
        entry = MenuEntry(f"{format_number(self.budgets.dram_gbps)} GB/s", limit)
        outer = self.levels[0]

        def cap(menu: Menu[Fraction] | None) -> Menu[Fraction] | None:
            if menu is None or max(menu.values) <= limit:
                return menu
            if not menu.listed:
                return replace(menu, entries=(entry,))
            if menu.tie is not None:
                raise self._cap_error(menu, "a tied bandwidth menu cannot lose entries", "drop `tie`")
            kept = tuple(e for e in menu.entries if e.value <= limit)
            if not kept:
                raise self._cap_error(menu, "no entry keeps the budget", "add a smaller entry, or raise it")
            return replace(menu, entries=kept)

        band = outer.bandwidth
        shared = cap(band.shared) or Menu(f"{outer.name}.bandwidth.shared", (entry,))
        capped = Bandwidth(cap(band.read), cap(band.write), shared)
        return (replace(outer, bandwidth=capped), *self.levels[1:])

    def _cap_error(self, menu: Menu[Fraction], problem: str, remedy: str) -> SpecError:
        limit = format_number(self.budgets.dram_gbps or Fraction(0))
        return SpecError(
            problem,
            file=self.file,
            field=f"levels[0].{menu.path.split('.', 1)[1]}",
            value=[entry.label for entry in menu.entries],
            remedy=remedy,
            allowed=f"at most {limit} GB/s (budgets.dram_gbps)",
        )

    @cached_property
    def menus(self) -> tuple[AnyMenu, ...]:
        """All menus, the array's first."""
        of_levels = (menu for level in self.capped_levels for menu in level.menus)
        return (*self.array, *of_levels, self.vector_lanes)

    @cached_property
    def energy_scale(self) -> int:
        """Integer energy units per unit of the technology, the same for all points.

        The least multiple of the technology's ``units_per_energy`` in which every energy that does not come
        from a size table is a whole number; energies from tables are rounded to it.
        """
        exact = [self.mac_energy, self.vector_energy]
        for level in self.levels:
            if level.energies is not None or (level.component is not None and level.component.exact):
                energies = level.access_energies(None)
                exact += [energies.read, energies.fill, energies.update]
            exact += [level.leakage] if level.leakage is not None else []
        return math.lcm(self.technology.units_per_energy, *(energy.denominator for energy in exact))

    def __repr__(self) -> str:
        levels = ", ".join(level.name for level in self.levels)
        return f"<Architecture {self.name}: {len(self):,} hardware points, levels {levels}>"

    def known_source(self, field: str, remedy: str) -> dict[str, Any]:
        """The YAML that it was read from.

        Raises
        ------
        SpecError
            If it was not read from YAML; with the field that asks for it, and a remedy.
        """
        if self.source is None:
            raise SpecError(
                "the architecture does not know its source",
                field=field,
                value=self.name,
                allowed="architectures that were read from YAML",
                remedy=remedy,
            )
        return self.source

    def __len__(self) -> int:
        from optimizer.architecture.menu_points import MenuPoints  # noqa: PLC0415 - that module needs this one

        return MenuPoints(self).total if self.constraints else self.combinations

    @property
    def combinations(self) -> int:
        """Number of combinations of menu entries, whether or not they keep constraints."""
        return math.prod(len(group[0].entries) for group in tie_groups(self.menus))

    def points(self) -> Iterator[Hardware]:
        """Every hardware point that keeps the constraints, in a fixed order."""
        return filter(self.keeps, self.menu_points)

    def keeps(self, point: Hardware) -> bool:
        """Does a point of the menus keep the constraints?"""
        return all(constraint.holds(point) for constraint in self.constraints)

    @property
    def menu_points(self) -> Iterator[Hardware]:
        """Every hardware point of the menus, whether or not it keeps the constraints, in a fixed order."""
        return (self.point(chosen) for chosen in assignments(self.menus))

    def meshes(self, chosen: Assignment) -> tuple[tuple[int, int], ...]:
        """Instances along X and Y of every level, then of the multipliers."""
        array = self._pick(self.array[0], chosen), self._pick(self.array[1], chosen)
        meshes = [(1, 1)]
        for index, level in enumerate(self.levels):
            x, y = array if index > self.array_below else meshes[-1]
            stated = [None if menu is None else self._pick(menu, chosen) for menu in level.instances]
            x = x if stated[0] is None else stated[0] or array[0]
            y = y if stated[1] is None else stated[1] or array[1]
            meshes.append((x, y))
        return (*meshes[1:], array)

    def area_parts_um2(self, chosen: Assignment) -> dict[str, Fraction]:
        """Exact area of every level, ``PE``, ``vector``, ``fixed``; a chip's area is the sum, rounded up."""
        *meshes, array = self.meshes(chosen)
        parts = {
            level.name: level.instance_area_um2(self._pick(level.size, chosen)) * math.prod(mesh)
            for level, mesh in zip(self.levels, meshes, strict=True)
        }
        parts["PE"] = self.pe_area_um2 * math.prod(array)
        parts["vector"] = self.lane_area_um2 * self._pick(self.vector_lanes, chosen)
        parts["fixed"] = self.fixed_area_um2
        return parts

    @staticmethod
    def _pick(menu: Menu[T], chosen: Assignment) -> T:
        value: T = chosen[menu.path].value
        return value

    def point(self, chosen: Assignment) -> Hardware:
        """The hardware point that takes these entries."""
        *meshes, array = self.meshes(chosen)
        scale = self.energy_scale
        specs = zip(self.capped_levels, meshes, strict=True)
        area = 0 if self.plan is not None else math.ceil(sum(self.area_parts_um2(chosen).values()))
        point = Hardware(
            levels=tuple(self._level(level, mesh, chosen) for level, mesh in specs),
            mac_mesh=array,
            mac_energy=to_units(self.mac_energy, scale),
            energy_unit_pj=Fraction(1, scale) if self.technology.in_picojoules else None,
            energy_scale=scale,
            clock_mhz=self.clock_mhz,
            area_um2=area,
            vector_lanes=self._pick(self.vector_lanes, chosen),
            vector_energy=to_units(self.vector_energy, scale),
            choices=tuple((menu.path, chosen[menu.path].label) for menu in self.menus if menu.listed),
            sparsity=self.sparsity,
        )
        return point if self.plan is None else replace(point, resources=self.plan.place(point).use)

    @cached_property
    def _known_energies(self) -> dict[tuple[str, int | None], tuple[int, int, int, int]]:
        """Cached access energies by level and size, which most points share."""
        return {}

    def _level_energies(self, spec: LevelSpec, size_bits: int | None) -> tuple[int, int, int, int]:
        """Energy units of a read, a fill, an update, and of a cycle's leakage."""
        known = self._known_energies
        if (spec.name, size_bits) not in known:
            each = spec.access_energies(size_bits)
            leakage = spec.leakage_per_cycle(size_bits, self.clock_mhz)
            read, fill, update, leak = (
                to_units(energy, self.energy_scale) for energy in (each.read, each.fill, each.update, leakage)
            )
            known[spec.name, size_bits] = read, fill, update, leak
        return known[spec.name, size_bits]

    def _level(self, spec: LevelSpec, mesh: tuple[int, int], chosen: Assignment) -> Level:
        size_bits = self._pick(spec.size, chosen)
        read, fill, update, leak = self._level_energies(spec, size_bits)

        def bandwidth(menu: Menu[Fraction] | None) -> Fraction | None:
            return None if menu is None else self._pick(menu, chosen)

        return Level(
            name=spec.name,
            size_bits=size_bits,
            mesh=mesh,
            access_bits=spec.access_bits,
            read_energy=read,
            fill_energy=fill,
            update_energy=update,
            leak_energy=leak,
            read_bits_per_cycle=bandwidth(spec.bandwidth.read),
            write_bits_per_cycle=bandwidth(spec.bandwidth.write),
            shared_bits_per_cycle=bandwidth(spec.bandwidth.shared),
            must_keep=spec.must_keep,
            must_bypass=spec.must_bypass,
            buffering=spec.buffering,
            spatial_x=spec.unroll[0],
            spatial_y=spec.unroll[1],
        )
