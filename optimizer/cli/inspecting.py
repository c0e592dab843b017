"""``tilewright inspect``: what a network is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from optimizer.cli.inputs import read_network
from optimizer.cli.option_types import Place
from optimizer.cli.options import training_options, workload_options
from optimizer.cli.output import show_on_stdout


@click.command()
@click.argument("workload", metavar="NETWORK")
@click.option("--csv", "csv_file", metavar="FILE", type=Place(), help="Also write the layers as CSV.")
@click.option("--dot", "dot_file", metavar="FILE", type=Place(), help="Also write the graph in the DOT language.")
@workload_options
@training_options
def inspect(workload: str, csv_file: str | None, dot_file: str | None, **options: Any) -> None:
    """Layers of a network with dims, bits, multiply-accumulates, parameters and bytes; what was folded or left out.

    Nothing is priced and no hardware is needed.
    """
    from optimizer.report.workload import workload_csv, workload_dot, workload_report  # noqa: PLC0415

    network = read_network(workload, options)
    for file, text in ((csv_file, workload_csv), (dot_file, workload_dot)):
        if file is not None:
            Path(file).write_text(text(network), encoding="utf-8")
    show_on_stdout(workload_report(network))
