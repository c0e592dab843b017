"""The same architecture on an FPGA device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.device import load_device
from optimizer.architecture.reader import parse_architecture
from optimizer.files.arguments import check_arguments


def on_device(architecture: Architecture, spec: str | Path) -> Architecture:
    """An architecture's menus on a device: its clock, its technology, its resources in place of area.

    Parameters
    ----------
    architecture : Architecture
        An area budget of its file is dropped; other budgets stay.
    spec : str or Path
        A device preset (``zcu102``) or a YAML file.

    Raises
    ------
    SpecError
        On a bad device, or an architecture with a component, precision or memory that the device does not have.
    """
    check_arguments(architecture=(architecture, Architecture))
    source = architecture.known_source("--device", "state `device` where it is made")
    device = load_device(spec)
    parsed = parse_architecture({**source, "device": device.source}, file=architecture.file)
    return replace(parsed, budgets=replace(architecture.budgets, area_mm2=None), accounting=architecture.accounting)
