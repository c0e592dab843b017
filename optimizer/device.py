"""FPGA devices: what a chip has of every resource, and its clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from optimizer.presets import read_spec
from optimizer.schema_check import check_schema
from optimizer.schema_parts import DRAFT, Schema, count, mapping, positive, text

RESOURCES = ("dsp", "bram18", "uram", "lut", "ff")
"""DSP slices, block memories of 18 kbit (two make one of 36), UltraRAMs of 288 kbit, lookup tables, flip-flops."""


@dataclass(frozen=True)
class Device:
    """An FPGA device.

    Parameters
    ----------
    name, description : str
    resources : mapping of str to int
        How many there are of each of :data:`RESOURCES`; 0 of what the file leaves out.
    clock_mhz : Fraction
    """

    name: str
    description: str
    resources: Mapping[str, int]
    clock_mhz: Fraction


def device_schema() -> Schema:
    """JSON Schema of a device file."""
    resources = mapping({name: count("how many there are; leave it out if none") for name in RESOURCES})
    keys = {
        "name": text("the device's name"), "description": text("one line"), "resources": resources,
        "clock_mhz": positive("MHz"), "source": text("where the figures are from"),
    }  # fmt: skip
    required = ["name", "resources", "clock_mhz", "source"]
    return {"$schema": DRAFT, "title": "Tilewright device", **mapping(keys, required)}


def load_device(spec: str | Path) -> Device:
    """A device by preset name or from a YAML file.

    Raises
    ------
    SpecError
        With file, field, value, allowed values and a remedy.
    """
    data, file = read_spec("devices", spec)
    check_schema(data, device_schema(), file=file)
    resources = {name: data["resources"].get(name, 0) for name in RESOURCES}
    return Device(data["name"], data.get("description", ""), resources, Fraction(data["clock_mhz"]))
