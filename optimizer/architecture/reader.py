"""Read architecture files: schema, menus, units, technology look-ups, then the semantic checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import UM2_PER_MM2, Budgets
from optimizer.architecture.checks import check_architecture
from optimizer.architecture.constraints import ConstraintReader, check_rows
from optimizer.architecture.device import Device, load_device, parse_device
from optimizer.architecture.device_plan import device_plan
from optimizer.architecture.level import Bandwidth, Energies, LevelSpec
from optimizer.architecture.menu_grid import MenuGrid
from optimizer.architecture.menus import Menu, MenuEntry, MenuPlace, integer_menu, quantity_menu
from optimizer.architecture.schema import json_schema
from optimizer.architecture.sizes import sizes_of
from optimizer.architecture.technology import Component, Technology
from optimizer.architecture.technology_reader import load_technology, parse_technology
from optimizer.errors import SpecError
from optimizer.files.presets import read_spec
from optimizer.files.quantities import SIZE_BITS, bandwidth_units, size_units, split_quantity
from optimizer.files.schema_check import check_schema, placed
from optimizer.workload.mapping_constraints import read_mapping_constraints
from optimizer.workload.nm_blocks import Sparsity

T = TypeVar("T")
DEFAULT_WORD_BITS = 16
ROLES = frozenset("WIO")


def load_architecture(spec: str | Path) -> Architecture:
    """An architecture by preset name (``edge``) or from a YAML file.

    Raises
    ------
    SpecError
        On an unknown preset, an unreadable file, or contents that do not fit the schema or make no sense.
    """
    data, file = read_spec("architectures", spec)
    architecture = parse_architecture(data, file=file)
    check_rows(architecture.constraints, MenuGrid(architecture).samples)
    return architecture


def parse_architecture(data: Any, *, file: str | None = None) -> Architecture:
    """An architecture from parsed YAML (decimals as ``Fraction``; binary floats are refused).

    Raises
    ------
    SpecError
        With file, field, value, allowed values and a remedy.
    """
    check_schema(data, json_schema(), file=file)
    stated = data.get("device")
    device = None if stated is None else _stated("device", stated, file, parse_device, load_device)
    if device is not None:
        source = dict(device.source)
        stated = source.pop("technology", data["technology"])
        data = {**data, "device": source, "technology": stated, "clock_mhz": source["clock_mhz"]}
    technology = _stated("technology", data["technology"], file, parse_technology, load_technology)
    data = {**data, "technology": technology.source}
    reader = _Reader(
        data,
        file,
        technology,
        Fraction(data.get("clock_mhz", technology.clock_mhz)),
        data.get("word_bits", DEFAULT_WORD_BITS),
        device,
    )
    architecture = reader.architecture()
    check_architecture(architecture)
    constraints = constraint_reader(architecture).read(data.get("constraints", ()), file)
    levels = [level.name for level in architecture.levels]
    rules = read_mapping_constraints(data.get("mapping", ()), levels, file, [one.title for one in constraints])
    return replace(architecture, constraints=constraints, mapping=rules) if constraints or rules else architecture


def constraint_reader(architecture: Architecture) -> ConstraintReader:
    """What reads constraints on the sizes of an architecture."""
    stated = [] if architecture.source is None else architecture.source["levels"]
    words = [level.get("word_bits", architecture.word_bits) for level in stated]
    ports = [level.get("ports", 1) for level in stated]
    sizes = sizes_of(architecture.levels, words, ports, architecture.clock_mhz)
    return ConstraintReader(sizes, architecture.word_bits, architecture.clock_mhz)


def _stated(field: str, stated: Any, file: str | None, parse: Callable[[Any], T], load: Callable[..., T]) -> T:
    """What stands inside the architecture as a mapping, or what the architecture names."""
    if isinstance(stated, dict):
        try:
            return parse(stated)
        except SpecError as error:
            raise placed(error, file, f"{field}.{error.field}") from None
    with _Located(file, field):
        return load(stated, beside=file)


class _Located:
    """Adds the file and field to errors of look-ups that do not know them."""

    def __init__(self, file: str | None, field: str) -> None:
        self.file, self.field = file, field

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SpecError) and error.file is None:
            raise placed(error, self.file, error.field or self.field) from None


@dataclass(frozen=True)
class _Reader:
    """One file that has passed the schema."""

    data: dict[str, Any]
    file: str | None
    technology: Technology
    clock_mhz: Fraction
    word_bits: int
    device: Device | None = None

    def architecture(self) -> Architecture:
        data, technology = self.data, self.technology
        levels = [self.level(index, raw) for index, raw in enumerate(data["levels"])]
        below = self.array_below([level.name for level in levels])
        array = data["array"]
        shared_unroll = _unroll(array)
        levels[below:] = [
            level if "unroll" in raw else replace(level, unroll=shared_unroll)
            for level, raw in zip(levels[below:], data["levels"][below:], strict=True)
        ]
        area, vector, budgets = data.get("area", {}), data.get("vector", {}), data.get("budgets", {})
        mac_energy, mac_area, mac_bits = self.mac()
        return Architecture(
            name=data["name"],
            description=data.get("description", ""),
            technology=technology,
            levels=tuple(levels),
            array=(self.counts(array["x"], "array.x"), self.counts(array["y"], "array.y")),
            array_below=below,
            mac_energy=mac_energy,
            mac_bits=mac_bits,
            pe_area_um2=mac_area + Fraction(area.get("pe_um2", technology.pe_overhead_um2)),
            lane_area_um2=Fraction(vector.get("lane_um2", technology.vector_lane_um2)),
            fixed_area_um2=Fraction(area.get("fixed_mm2", 0)) * UM2_PER_MM2,
            vector_lanes=self.counts(vector.get("lanes", 1), "vector.lanes"),
            vector_energy=Fraction(vector.get("energy", technology.vector_energy)),
            clock_mhz=self.clock_mhz,
            word_bits=self.word_bits,
            accounting=data.get("accounting", "timeloop"),
            budgets=Budgets(**{name: Fraction(value) for name, value in budgets.items()}, dram_gib=self.capacity()),
            plan=None if self.device is None else device_plan(self.device, data, mac_bits, file=self.file),
            file=self.file,
            sparsity=_sparsity(data.get("sparsity")),
            source=self.data,
        )

    def place(self, field: str, path: str) -> MenuPlace:
        return MenuPlace(self.file, field, path)

    def counts(self, raw: object, field: str) -> Menu[int]:
        return integer_menu(raw, self.place(field, field))

    def mac(self) -> tuple[Fraction, Fraction, int]:
        """Energy, area and operand bits of a multiplier: stated, or the technology's."""
        raw = self.data.get("mac", {})
        bits = raw.get("bits", self.word_bits)
        if "energy" in raw and "area_um2" in raw:
            return Fraction(raw["energy"]), Fraction(raw["area_um2"]), bits
        with _Located(self.file, "mac"):
            unit = self.technology.mac(raw.get("type", "int"), bits)
        return Fraction(raw.get("energy", unit.energy)), Fraction(raw.get("area_um2", unit.area_um2)), bits

    def capacity(self) -> Fraction | None:
        """GiB that the outermost level holds, where it is stated."""
        for index, raw in enumerate(self.data["levels"]):
            if "capacity" in raw and index:
                raise SpecError(
                    "only the outermost level has a capacity",
                    file=self.file,
                    field=f"levels[{index}].capacity",
                    value=raw["capacity"],
                    allowed="`size` at inner levels",
                    remedy="write `size`, or move it to the first level",
                )
        first = self.data["levels"][0]
        if "capacity" not in first:
            return None
        units = size_units(first.get("word_bits", self.word_bits))
        number, unit = split_quantity(first["capacity"], units, file=self.file, field="levels[0].capacity")
        return number * units[unit] / SIZE_BITS["GiB"]

    def array_below(self, names: list[str]) -> int:
        """Index of the level whose fan-out the array is."""
        stated = self.data["array"].get("below")
        if stated is None:
            return max(0, len(names) - 2)
        if stated not in names:
            raise SpecError(
                "there is no level of this name",
                file=self.file,
                field="array.below",
                value=stated,
                allowed=", ".join(names),
                remedy="name the level right above the array",
            )
        return names.index(stated)

    def level(self, index: int, raw: dict[str, Any]) -> LevelSpec:
        field = f"levels[{index}]"
        component = self.component(raw, field)
        word_bits = raw.get("word_bits", self.word_bits)
        default_access = component.word_bits if component is not None else word_bits
        leakage = raw.get("leakage", 0)
        return LevelSpec(
            name=raw["name"],
            component=component,
            energies=_energies(raw.get("energy")),
            area_um2=Fraction(raw["area_um2"]) if "area_um2" in raw else None,
            leakage=None if leakage == "technology" else Fraction(leakage),
            size=self.size(raw, field, word_bits, outermost=index == 0),
            access_bits=raw.get("access_bits", default_access),
            bandwidth=self.bandwidth(raw, field, word_bits),
            instances=(self.instances(raw, field, "x"), self.instances(raw, field, "y")),
            must_keep=ROLES if index == 0 else frozenset(raw.get("must_keep", ())),
            must_bypass=frozenset(raw.get("must_bypass", ())),
            buffering=2 if raw.get("double_buffered", False) else 1,
            unroll=_unroll(raw),
        )

    def component(self, raw: dict[str, Any], field: str) -> Component | None:
        if "component" not in raw:
            if "energy" in raw and raw.get("leakage") != "technology":
                return None
            raise SpecError(
                "no component to take energy or leakage from",
                file=self.file,
                field=f"{field}.component",
                value=raw["name"],
                allowed=", ".join(c.name for c in self.technology.components),
                remedy="add `component:`, or state `energy` (and leakage as a number)",
            )
        with _Located(self.file, f"{field}.component"):
            return self.technology.component(raw["component"])

    def size(self, raw: dict[str, Any], field: str, word_bits: int, *, outermost: bool) -> Menu[int | None]:
        path = f"{raw['name']}.size"
        if raw.get("size", "unbounded" if outermost else None) == "unbounded":
            return Menu(path, (MenuEntry("unbounded", None),))
        if "size" not in raw:
            raise SpecError(
                "an inner level needs a size",
                file=self.file,
                field=f"{field}.size",
                value=raw["name"],
                allowed="a size with a unit, a menu of them, or 'unbounded'",
                remedy="write e.g. size: 108 KiB",
            )
        place = self.place(f"{field}.size", path)
        menu = quantity_menu(raw["size"], place, size_units(word_bits), whole=True)
        entries = tuple(MenuEntry[int | None](entry.label, int(entry.value)) for entry in menu.entries)
        return Menu(path, entries, menu.listed, menu.tie)

    def bandwidth(self, raw: dict[str, Any], field: str, word_bits: int) -> Bandwidth:
        units = bandwidth_units(word_bits, self.clock_mhz)
        menus: dict[str, Menu[Fraction]] = {}
        for port, value in raw.get("bandwidth", {}).items():
            place = self.place(f"{field}.bandwidth.{port}", f"{raw['name']}.bandwidth.{port}")
            menu = quantity_menu(value, place, units, whole=False)
            entries = tuple(MenuEntry(entry.label, entry.value * raw.get("ports", 1)) for entry in menu.entries)
            menus[port] = replace(menu, entries=entries)
        return Bandwidth(**menus)

    def instances(self, raw: dict[str, Any], field: str, axis: str) -> Menu[int] | None:
        value = raw.get("instances", {}).get(axis)
        path = f"{raw['name']}.instances.{axis}"
        if value == "array":
            return Menu(path, (MenuEntry("array", 0),))
        return None if value is None else integer_menu(value, self.place(f"{field}.instances.{axis}", path))


def _unroll(raw: dict[str, Any]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    axes = raw.get("unroll", {})
    x, y = axes.get("x"), axes.get("y")
    return (None if x is None else tuple(x), None if y is None else tuple(y))


def _sparsity(raw: dict[str, Any] | None) -> Sparsity | None:
    if raw is None:
        return None
    return Sparsity(raw["mode"], None if "dims" not in raw else tuple(raw["dims"]))


def _energies(raw: dict[str, Any] | None) -> Energies | None:
    if raw is None:
        return None
    if "access" in raw:
        access = Fraction(raw["access"])
        return Energies(access, access, access)
    fill, update = (raw["write"], raw["write"]) if "write" in raw else (raw["fill"], raw["update"])
    return Energies(Fraction(raw["read"]), Fraction(fill), Fraction(update))
