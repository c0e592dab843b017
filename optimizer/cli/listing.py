"""``tilewright networks``, ``tilewright architectures`` and ``tilewright schema``."""

from __future__ import annotations

import json

import click

from optimizer.cli.output import show_on_stdout


@click.command()
def networks() -> None:
    """The built-in networks."""
    from rich.text import Text  # noqa: PLC0415

    from optimizer.networks.catalog import build, describe, names  # noqa: PLC0415
    from optimizer.report import plain_table  # noqa: PLC0415

    columns = ("name", "description", "layers", "of them MAC", "MACs", "parameters")
    table = plain_table("Built-in networks", *columns, left=2)
    for name in names():
        network = build(name)
        table.add_row(
            name, Text(describe(name)), str(len(network.graph)), str(len(network.mac_layers())),
            f"{network.macs / 1e6:,.1f} M", f"{network.parameters / 1e6:,.2f} M",
        )  # fmt: skip
    show_on_stdout(table)


@click.command()
def architectures() -> None:
    """The built-in architectures."""
    from rich.text import Text  # noqa: PLC0415

    from optimizer.architecture_yaml import load_architecture  # noqa: PLC0415
    from optimizer.presets import presets  # noqa: PLC0415
    from optimizer.report import plain_table  # noqa: PLC0415

    table = plain_table("Built-in architectures", "name", "description", "levels", "accounting", "points", left=4)
    for name, description in presets("architectures"):
        architecture = load_architecture(name)
        levels = ", ".join(level.name for level in architecture.levels)
        table.add_row(name, Text(description), levels, architecture.accounting, f"{len(architecture):,}")
    show_on_stdout(table)


@click.command()
@click.argument("kind", type=click.Choice(["architecture", "technology", "groups"]), default="architecture")
def schema(kind: str) -> None:
    """JSON Schema of architecture (default), technology or groups files, for editors."""
    from optimizer.architecture_schema import json_schema  # noqa: PLC0415
    from optimizer.fusion.groups_schema import groups_schema  # noqa: PLC0415
    from optimizer.technology_schema import technology_schema  # noqa: PLC0415

    schemas = {"architecture": json_schema, "technology": technology_schema, "groups": groups_schema}
    click.echo(json.dumps(schemas[kind](), indent=2))
