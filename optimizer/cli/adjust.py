"""``tilewright adjust``: the channel widths of a network that suit hardware best."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.inputs import Options, cache_folder, read_architecture, read_network, say_warnings
from optimizer.cli.options import Choice, Positive, cache_options, stacked, workload_options
from optimizer.cli.output import design_kept, fail_on_disagreement, show_on_stdout
from optimizer.cli.progress import ProgressDisplay
from optimizer.errors import SpecError
from optimizer.results import formats

if TYPE_CHECKING:
    from optimizer.adjust.request import WidthChanges
    from optimizer.adjust.run import Adjustment
    from optimizer.architecture.architecture import Architecture

NO_WIDTHS = 1
WITH_ARCHITECTURE = {
    "choices": "--choose", "accounting": "--accounting", "area_mm2": "--area-mm2", "device": "--device",
    "dram_gbps": "--dram-gbps",
}  # fmt: skip
"""Options that say something about an architecture, and nothing about the hardware of a result."""

request_options = stacked([
    click.option(
        "--params", default="+-5%", show_default=True, metavar="TOLERANCE", help="Of parameters: +-5%, or -5%:+2%."
    ),
    click.option("--macs", default="+-5%", show_default=True, metavar="TOLERANCE", help="Of multiply-accumulates."),
    click.option(
        "--multiple", type=click.IntRange(1, 1024), default=8, show_default=True, help="New widths are multiples of it."
    ),
    click.option(
        "--range", "span", default="0.75:1.25", show_default=True, help="New widths, as parts of the old ones."
    ),
    click.option(
        "--resolution", metavar="LIST",
        help="Input images to choose from: 192,224 or 192x256,224x320; default: its own.",
    ),
    click.option(
        "--expansion", metavar="LIST", help="Hidden widths of inverted bottlenecks: one of these times their input's."
    ),
    click.option("--freeze", multiple=True, metavar="LAYER", help="Keep its output channels; repeatable."),
])  # fmt: skip


@click.command()
@click.argument("network")
@click.option("--hardware", type=click.Path(), metavar="DIR", help="Hardware of a result (solve --out DIR).")
@click.option("--architecture", "-a", metavar="NAME|FILE", help="Or an architecture: its best point is chosen too.")
@click.option(
    "--choose", "choices", type=Choice(), multiple=True, metavar="PATH=ENTRY",
    help="With --architecture: take this entry of a menu; repeatable.",
)
@click.option(
    "--accounting", type=click.Choice(["timeloop", "looptree"]),
    help="With --architecture: how accesses are counted; default: the file's.",
)
@click.option(
    "--objective", type=click.Choice(["energy", "latency", "edp"]), default="energy", show_default=True,
    help="What to minimize.",
)
@request_options
@click.option("--time-limit", type=Positive(), metavar="SECONDS", help="Stop the search then, with its best widths.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed.")
@cache_options
@click.option("--out", type=click.Path(), metavar="DIR", help="Write the adjusted network and its design there.")
@click.option("--quiet", is_flag=True, help="One line of result, no progress.")
@workload_options
@click.option("--area-mm2", type=Positive(), help="With --architecture: chip area, mm2.")
@click.option("--device", metavar="NAME|FILE", help="With --architecture: an FPGA.")
@click.option("--dram-gbps", type=Positive(), help="With --architecture: off-chip bandwidth, 10^9 bytes per second.")
def adjust(network: str, **options: Any) -> None:
    """Channel widths and input resolution of NETWORK that cost least on hardware, its size nearly kept; proved.

    Widths that residual sums, depthwise convolutions and the like tie change together. The adjusted network must be
    trained again: its accuracy is not predicted.
    """
    request = read_request(options)
    architecture = _architecture(options)
    graph = read_network(network, options)
    from optimizer.adjust.result_data import adjust_data  # noqa: PLC0415
    from optimizer.adjust.run import adjust as run  # noqa: PLC0415
    from optimizer.report.adjust import adjust_headline, adjust_report  # noqa: PLC0415
    from optimizer.results import folder as result_folder  # noqa: PLC0415

    if options["out"] is not None:
        result_folder.check_writable(options["out"])
    limit = options["time_limit"]
    with ProgressDisplay(quiet=options["quiet"]) as display, design_kept(options["out"]):
        found = run(
            graph, architecture, request, objective=options["objective"],
            time_limit_s=None if limit is None else float(limit), workers=options["workers"], seed=options["seed"],
            cache_dir=cache_folder(options), progress=display,
        )  # fmt: skip
    data = adjust_data(found)
    if options["out"] is not None:
        _save(found, data, options["out"])
    show_on_stdout(adjust_headline(data) if options["quiet"] else adjust_report(data))
    if options["out"] is not None and not options["quiet"]:
        click.echo(f"written to {options['out']}", err=True)
    faults = [fault for size in found.sizes for fault in size.state.disagreements]
    for result in (found.before, found.after):
        faults += [] if result is None else result.data.get("disagreements", [])
    fail_on_disagreement({"disagreements": faults})
    if data["status"] not in ("OPTIMAL", "FEASIBLE"):
        sys.exit(NO_WIDTHS)


def read_request(options: Options) -> WidthChanges:
    """The request of these options."""
    from optimizer.adjust import request as read  # noqa: PLC0415

    low, high = read.parse_range(options["span"], "--range")
    return read.WidthChanges(
        options["multiple"], low, high, read.parse_tolerance(options["params"], "--params"),
        read.parse_tolerance(options["macs"], "--macs"), tuple(options["freeze"]),
        () if options["resolution"] is None else read.parse_resolutions(options["resolution"], "--resolution"),
        () if options["expansion"] is None else read.parse_ratios(options["expansion"], "--expansion"),
    )  # fmt: skip


def _architecture(options: Options) -> Architecture:
    """Of a result, or as given."""
    given = [name for name in ("hardware", "architecture") if options[name] is not None]
    if len(given) != 1:
        raise SpecError(
            "the hardware is given twice" if given else "it is not said which hardware",
            field=" ".join(f"--{name}" for name in given or ("hardware", "architecture")),
            value=[options[name] for name in given], allowed="one of --hardware DIR and --architecture NAME",
            remedy="use --hardware for the design of a result, --architecture for a preset or a file",
        )  # fmt: skip
    if options["architecture"] is not None:
        return read_architecture(options)
    for name, option in WITH_ARCHITECTURE.items():
        if options[name]:
            raise SpecError(
                "the hardware of a result is taken as it is", field=option, value=str(options[name]),
                allowed="with --architecture", remedy="leave it out",
            )  # fmt: skip
    from optimizer.adjust.run import hardware_of  # noqa: PLC0415
    from optimizer.results import folder as result_folder  # noqa: PLC0415

    return hardware_of(result_folder.load(options["hardware"]).data, str(options["hardware"]))


def _save(found: Adjustment, data: dict[str, Any], directory: str) -> None:
    """The networks, the designs before and after, and adjust.json last."""
    from optimizer.interop.onnx_writer import CannotWriteError, onnx_bytes  # noqa: PLC0415
    from optimizer.results import folder as result_folder  # noqa: PLC0415
    from optimizer.workload.reader import dump_network  # noqa: PLC0415

    if found.after is not None and found.adjusted is not None:
        result_folder.save(found.before, Path(directory) / formats.ORIGINAL)
        result_folder.save(found.after, directory)
        result_folder.save_bytes(dump_network(found.adjusted).encode(), directory, formats.ADJUSTED_YAML)
        try:
            result_folder.save_bytes(onnx_bytes(found.adjusted), directory, formats.ADJUSTED_ONNX)
        except CannotWriteError as error:
            data["onnx"] = f"not written: {error}"
            say_warnings([f"no {formats.ADJUSTED_ONNX}: {error}"])
    result_folder.save_data(data, directory, formats.ADJUST_FILE)
