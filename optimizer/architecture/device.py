"""FPGA devices: resources, clock, and fabric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.architecture.fabric import RESOURCES, Fabric, Vector
from optimizer.architecture.fabric_reader import fabric_mapping, load_fabric, parse_fabric
from optimizer.architecture.technology_schema import technology_mapping
from optimizer.files.presets import read_spec
from optimizer.files.schema_check import check_schema
from optimizer.files.schema_parts import DRAFT, Schema, count, mapping, positive, text

__all__ = ["RESOURCES", "Device", "device_mapping", "device_schema", "load_device", "parse_device"]


@dataclass(frozen=True)
class Device:
    """An FPGA device.

    Parameters
    ----------
    name, description : str
    resources : mapping of str to int
        How many there are of each of :data:`RESOURCES`; 0 of what the file leaves out.
    clock_mhz : Fraction
    fabric : Fabric
        Resources that the parts of an accelerator use.
    source : dict
        The parsed YAML that all of this was read from, its fabric as a mapping in place of a name.
    """

    name: str
    description: str
    resources: Mapping[str, int]
    clock_mhz: Fraction
    fabric: Fabric
    source: dict[str, Any] = field(repr=False, compare=False)

    @property
    def available(self) -> Vector:
        """The resources in the order of :data:`RESOURCES`."""
        return tuple(self.resources[name] for name in RESOURCES)


def device_schema() -> Schema:
    """JSON Schema of a device file."""
    return {"$schema": DRAFT, "title": "Tilewright device", **device_mapping()}


def device_mapping() -> Schema:
    """The part of it that also stands inside the schema of an architecture."""
    resources = mapping({name: count("how many there are; leave it out if none") for name in RESOURCES})
    fabric = text("a fabric preset or the path of a .yaml file; or the mapping that such a file holds")
    technology = text("the technology of architectures on it, likewise; default: the architecture's")
    keys = {
        "name": text("the device's name"),
        "description": text("one line"),
        "resources": resources,
        "clock_mhz": positive("MHz"),
        "source": text("where the figures are from"),
        "fabric": {"if": {"type": "object"}, "then": fabric_mapping(), "else": fabric},
        "technology": {"if": {"type": "object"}, "then": technology_mapping(), "else": technology},
    }
    return mapping(keys, ["name", "resources", "clock_mhz", "fabric", "source"])


def load_device(spec: str | Path, *, beside: str | None = None) -> Device:
    """A device by preset name or from a YAML file.

    Raises
    ------
    SpecError
        With file, field, value, allowed values and a remedy.
    """
    data, file = read_spec("devices", spec, beside=beside)
    return parse_device(data, file=file)


def parse_device(data: Any, *, file: str | None = None) -> Device:
    """A device from parsed YAML; errors are those of :func:`load_device`."""
    check_schema(data, device_schema(), file=file)
    stated = data["fabric"]
    fabric = parse_fabric(stated, file=file) if isinstance(stated, dict) else load_fabric(stated, beside=file)
    resources = {name: data["resources"].get(name, 0) for name in RESOURCES}
    return Device(
        data["name"],
        data.get("description", ""),
        resources,
        Fraction(data["clock_mhz"]),
        fabric,
        {**data, "fabric": fabric.source},
    )
