"""What is built in: networks, language models, architectures, technologies, devices and fabrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from markdown_parts import cell, code, table

from optimizer.architecture.device import RESOURCES, load_device
from optimizer.architecture.reader import load_architecture
from optimizer.files.presets import preset_names, presets
from optimizer.networks.catalog import build, describe, names


def reference(kind: str) -> str:
    """The table of one kind: ``networks``, ``language_models``, ``architectures`` and so on.

    Raises
    ------
    LookupError
        If there is no such kind.
    """
    if kind not in _KINDS:
        raise LookupError(f"nothing is built in of the kind {kind}")
    titles, rows = _KINDS[kind]
    return table(titles, rows())


def _networks() -> Iterator[list[str]]:
    for name in names():
        network = build(name)
        counts = (len(network.graph), len(network.mac_layers()))
        sizes = (f"{network.macs / 1e6:,.1f} M", f"{network.parameters / 1e6:,.2f} M")
        yield [code(name), cell(describe(name)), *map(str, counts), *sizes]


def _architectures() -> Iterator[list[str]]:
    for name, description in presets("architectures"):
        architecture = load_architecture(name)
        levels = ", ".join(level.name for level in architecture.levels)
        yield [code(name), cell(description), levels, architecture.accounting, f"{len(architecture):,}"]


def _devices() -> Iterator[list[str]]:
    for name in preset_names("devices"):
        device = load_device(name)
        counts = [f"{int(device.resources[resource]):,}" for resource in RESOURCES]
        yield [code(name), cell(device.description), device.fabric.name, f"{float(device.clock_mhz):g}", *counts]


def _described(kind: str) -> Callable[[], Iterator[list[str]]]:
    return lambda: ([code(name), cell(description)] for name, description in presets(kind))


_KINDS: Mapping[str, tuple[list[str], Callable[[], Iterator[list[str]]]]] = {
    "networks": (["name", "what", "layers", "of them with MACs", "MACs", "parameters"], _networks),
    "language_models": (["name", "what"], _described("language_models")),
    "architectures": (["name", "what", "levels", "accounting", "hardware points"], _architectures),
    "devices": (["name", "what", "fabric", "MHz", *RESOURCES], _devices),
    "technologies": (["name", "what"], _described("technologies")),
    "fabrics": (["name", "what"], _described("fabrics")),
}
