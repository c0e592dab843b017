"""``tilewright adjust``: the channel widths of a network that cost least on hardware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.finish import check_out, design_kept, finish, run_options
from optimizer.cli.inputs import Options, read_architecture, read_network, say_warnings
from optimizer.cli.option_types import MenuChoice, Place, Positive
from optimizer.cli.options import cache_options, engine_option, memory_option, out_options, stacked, workload_options
from optimizer.cli.progress import ProgressDisplay
from optimizer.errors import SpecError
from optimizer.problem.space import engine_named
from optimizer.results import formats

if TYPE_CHECKING:
    from optimizer.architecture.architecture import Architecture
    from optimizer.network_adjustment.request import WidthChanges

NO_WIDTHS = 1
WITH_ARCHITECTURE = {
    "choices": "--choose",
    "constraints": "--constraints",
    "accounting": "--accounting",
    "area_mm2": "--area-mm2",
    "device": "--device",
    "dram_gbps": "--dram-gbps",
}
"""Options that go with ``--architecture`` only, not with ``--hardware``."""

request_options = stacked(
    [
        click.option(
            "--params", default="+-5%", show_default=True, metavar="TOLERANCE", help="Of parameters: +-5%, or -5%:+2%."
        ),
        click.option("--macs", default="+-5%", show_default=True, metavar="TOLERANCE", help="Of multiply-accumulates."),
        click.option(
            "--multiple",
            type=click.IntRange(1, 1024),
            default=8,
            show_default=True,
            help="New widths are multiples of it.",
        ),
        click.option(
            "--range", "span", default="0.75:1.25", show_default=True, help="New widths, as parts of the old ones."
        ),
        click.option(
            "--resolution",
            metavar="LIST",
            help="Input images to choose from: 192,224 or 192x256,224x320; default: its own.",
        ),
        click.option(
            "--expansion",
            metavar="LIST",
            help="Hidden widths of inverted bottlenecks: one of these times their input's.",
        ),
        click.option("--freeze", multiple=True, metavar="LAYER", help="Keep its output channels; repeatable."),
    ]
)


@click.command()
@click.argument("network")
@click.option("--hardware", type=Place(), metavar="DIR", help="Hardware of a result (solve --out DIR).")
@click.option("--architecture", "-a", metavar="NAME|FILE", help="Or an architecture: its best point is chosen too.")
@click.option(
    "--choose",
    "choices",
    type=MenuChoice(),
    multiple=True,
    metavar="PATH=ENTRY",
    help="With --architecture: take this entry of a menu; repeatable.",
)
@click.option(
    "--constraints",
    metavar="FILE",
    help="With --architecture: constraints on sizes and on mappings, a .yaml file; see `solve`.",
)
@click.option(
    "--accounting",
    type=click.Choice(["timeloop", "looptree"]),
    help="With --architecture: how accesses are counted; default: the file's.",
)
@click.option(
    "--objective",
    type=click.Choice(["energy", "latency", "edp"]),
    default="energy",
    show_default=True,
    help="What to minimize.",
)
@engine_option
@request_options
@click.option("--time-limit", type=Positive(), metavar="SECONDS", help="Stop the search then, with its best widths.")
@memory_option
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed.")
@cache_options
@out_options
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
    from optimizer.network_adjustment.request import AdjustRequest  # noqa: PLC0415
    from optimizer.network_adjustment.run import run  # noqa: PLC0415
    from optimizer.report.adjust import adjust_headline, adjust_report  # noqa: PLC0415
    from optimizer.results.kinds import AdjustResult  # noqa: PLC0415

    check_out(AdjustResult, options)
    engine = engine_named(options["engine"])
    asked = AdjustRequest(graph, architecture, request, options["objective"], engine)
    with ProgressDisplay(quiet=options["quiet"]) as display, design_kept(options):
        result = run(asked, run_options(options, display))
    if result.body.onnx is not None:
        say_warnings([f"no {formats.ADJUSTED_ONNX}: {result.body.onnx.removeprefix('not written: ')}"])
    finish(result, options, adjust_headline, adjust_report)


def read_request(options: Options) -> WidthChanges:
    """The request of these options."""
    from optimizer.network_adjustment import request as read  # noqa: PLC0415

    low, high = read.parse_range(options["span"], "--range")
    return read.WidthChanges(
        options["multiple"],
        low,
        high,
        read.parse_tolerance(options["params"], "--params"),
        read.parse_tolerance(options["macs"], "--macs"),
        tuple(options["freeze"]),
        () if options["resolution"] is None else read.parse_resolutions(options["resolution"], "--resolution"),
        () if options["expansion"] is None else read.parse_ratios(options["expansion"], "--expansion"),
    )


def _architecture(options: Options) -> Architecture:
    """The architecture of ``--architecture``, or the hardware point of the result that ``--hardware`` names.

    Raises
    ------
    SpecError
        If not exactly one of them is given, or an option of the other comes with it.
    """
    given = [name for name in ("hardware", "architecture") if options[name] is not None]
    if len(given) != 1:
        raise SpecError(
            "the hardware is given twice" if given else "it is not said which hardware",
            field=" ".join(f"--{name}" for name in given or ("hardware", "architecture")),
            value=[options[name] for name in given],
            allowed="one of --hardware DIR and --architecture NAME",
            remedy="use --hardware for the design of a result, --architecture for a preset or a file",
        )
    if options["architecture"] is not None:
        return read_architecture(options)
    for name, option in WITH_ARCHITECTURE.items():
        if options[name]:
            raise SpecError(
                "the hardware of a result is taken as it is",
                field=option,
                value=str(options[name]),
                allowed="with --architecture",
                remedy="leave it out",
            )
    from optimizer.network_adjustment.run import hardware_of  # noqa: PLC0415
    from optimizer.results.load import load_design  # noqa: PLC0415

    return hardware_of(load_design(options["hardware"]), str(options["hardware"]))
