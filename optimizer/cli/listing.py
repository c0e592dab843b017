"""``tilewright networks``, ``architectures``, ``devices`` and ``schema``."""

from __future__ import annotations

import json

import click

from optimizer.cli.output import show_on_stdout


@click.command()
def networks() -> None:
    """The built-in networks and language models."""
    from rich.text import Text  # noqa: PLC0415

    from optimizer.language_models.load import model_table  # noqa: PLC0415
    from optimizer.networks.catalog import build, describe, names  # noqa: PLC0415
    from optimizer.report.tables import plain_table  # noqa: PLC0415

    columns = ("name", "description", "layers", "of them MAC", "MACs", "parameters")
    table = plain_table("Built-in networks", *columns, left=2)
    for name in names():
        network = build(name)
        table.add_row(
            name,
            Text(describe(name)),
            str(len(network.graph)),
            str(len(network.mac_layers())),
            f"{network.macs / 1e6:,.1f} M",
            f"{network.parameters / 1e6:,.2f} M",
        )
    show_on_stdout(table)
    models = plain_table("Built-in language models and other transformers", "name", "description", "family", left=3)
    for name, description, family in model_table():
        models.add_row(name, Text(description), family)
    show_on_stdout(models)


@click.command()
def architectures() -> None:
    """The built-in architectures."""
    from rich.text import Text  # noqa: PLC0415

    from optimizer.architecture.reader import load_architecture  # noqa: PLC0415
    from optimizer.files.presets import presets  # noqa: PLC0415
    from optimizer.report.tables import plain_table  # noqa: PLC0415

    table = plain_table("Built-in architectures", "name", "description", "levels", "accounting", "points", left=4)
    for name, description in presets("architectures"):
        architecture = load_architecture(name)
        levels = ", ".join(level.name for level in architecture.levels)
        table.add_row(name, Text(description), levels, architecture.accounting, f"{len(architecture):,}")
    show_on_stdout(table)


@click.command()
def devices() -> None:
    """The built-in FPGA devices."""
    from rich.text import Text  # noqa: PLC0415

    from optimizer.architecture.device import RESOURCES, load_device  # noqa: PLC0415
    from optimizer.files.presets import preset_names  # noqa: PLC0415
    from optimizer.report.tables import plain_table  # noqa: PLC0415
    from optimizer.results.units import number_text  # noqa: PLC0415

    table = plain_table("Built-in devices", "name", "description", "fabric", "MHz", *RESOURCES, left=3)
    for name in preset_names("devices"):
        device = load_device(name)
        counts = (number_text(device.resources[resource]) for resource in RESOURCES)
        text = Text(device.description)
        table.add_row(name, text, device.fabric.name, number_text(float(device.clock_mhz)), *counts)
    show_on_stdout(table)


@click.command()
@click.argument(
    "kind",
    type=click.Choice(["architecture", "technology", "groups", "device", "fabric", "constraints"]),
    default="architecture",
)
def schema(kind: str) -> None:
    """JSON Schema of architecture (default), technology, groups, device, fabric or constraints files, for editors."""
    from optimizer.architecture.constraints import file_schema  # noqa: PLC0415
    from optimizer.architecture.device import device_schema  # noqa: PLC0415
    from optimizer.architecture.fabric_reader import fabric_schema  # noqa: PLC0415
    from optimizer.architecture.schema import json_schema  # noqa: PLC0415
    from optimizer.architecture.technology_schema import technology_schema  # noqa: PLC0415
    from optimizer.given_groups.schema import groups_schema  # noqa: PLC0415

    schemas = {
        "architecture": json_schema,
        "technology": technology_schema,
        "groups": groups_schema,
        "device": device_schema,
        "fabric": fabric_schema,
        "constraints": file_schema,
    }
    click.echo(json.dumps(schemas[kind](), indent=2))
