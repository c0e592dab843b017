"""``tilewright sparse``: the sparse edge-processing engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from optimizer.cli.finish import check_out, finish
from optimizer.cli.option_types import Place, Positive
from optimizer.cli.options import out_options
from optimizer.cli.output import show_on_stdout
from optimizer.cli.sparse_options import CLOCK, NumberList, Options, engine_options, read_engine, read_request
from optimizer.results import formats

if TYPE_CHECKING:
    from rich.console import RenderableType

    from optimizer.bodies.sparse import SparseForms

Body = TypeVar("Body", bound="SparseForms")
NOTHING = 1
"""Exit code without a design or pattern, or where the simulator and the masked matrices differ."""


@click.group()
def sparse() -> None:
    """Engines that train networks of fixed degrees, junctions in a pipeline.

    LAYERS are neurons per layer, e.g. 1024,64,32.
    """


def _search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed."),
        click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads."),
        click.option("--time-limit", type=Positive(), metavar="SECONDS", help="Stop then, with what is known."),
    ):
        command = option(command)
    return command


@sparse.command()
@click.argument("layers", type=NumberList())
@click.option(
    "--out-degrees",
    "degrees",
    default="any",
    show_default=True,
    metavar="MENUS",
    help="Per junction a number, a menu such as 4:8:16, or any.",
)
@click.option("--device", metavar="NAME|FILE", help="Budgets of DSP, block RAM and lookup tables.")
@click.option("--dsp", type=click.IntRange(min=0), help="DSP slices; replaces the device's.")
@click.option("--bram18", type=click.IntRange(min=0), help="Block RAMs of 18 kbit; replaces the device's.")
@click.option("--lut", type=click.IntRange(min=0), help="Lookup tables; replaces the device's.")
@click.option("--input-bits", type=click.IntRange(min=1), help="Bits of input per clock.")
@click.option("--max-time-us", type=Positive(), help="Most microseconds per input.")
@click.option("--min-rate", type=Positive(), help="Least inputs per second.")
@click.option(
    "--objective",
    type=click.Choice(["time", "density", "dsp", "bram18", "lut", "input_bits"]),
    default="time",
    show_default=True,
    help="Least time per input, most density, or least of a resource.",
)
@click.option(
    "--width",
    "widths",
    type=NumberList("12,16", 3, 18),
    default="12",
    show_default=True,
    help="Menu of word widths, bits.",
)
@click.option("--input-width", type=click.IntRange(1, 64), default=8, show_default=True, help="Bits of an input value.")
@click.option(
    "--multiplier",
    "multipliers",
    multiple=True,
    default=("pipelined",),
    show_default=True,
    metavar="KIND[@MHZ]",
    help="combinational, pipelined or deepSTAGES; repeat for a menu.",
)
@click.option("--clock-mhz", type=Positive(CLOCK), default="15", show_default=True, help="Clock where none is given.")
@click.option("--with", "added", multiple=True, metavar="RULE", help="Keep this rule too, e.g. power-of-two.")
@click.option("--without", "dropped", multiple=True, metavar="RULE", help="Drop this rule, e.g. fi-divides-z.")
@_search_options
@out_options
def size(**options: Any) -> None:
    """Best engine under budgets, with a proof; or the smallest set of rules and budgets that exclude every engine."""
    request = read_request(options)
    from optimizer.report import sparse as report  # noqa: PLC0415
    from optimizer.scaling.options import Options as Made  # noqa: PLC0415
    from optimizer.sparse_engine import sizing  # noqa: PLC0415

    limit = options["time_limit"]
    _check_out(options)
    limits = Made(None if limit is None else float(limit), options["workers"], options["seed"])
    _finish(sizing.size(request, limits).body, report.sizing_report, options)


@sparse.command()
@engine_options
@click.option(
    "--type",
    "kind",
    type=click.Choice(["2", "3"]),
    default="2",
    show_default=True,
    help="Start rows per sweep, or equal ones in all sweeps.",
)
@click.option("--dither", is_flag=True, help="Slots may read other memories than their own.")
@click.option("--spread", "wanted_spread", type=click.IntRange(min=1), help="Rows per right neuron; default: the most.")
@click.option("--hazards", is_flag=True, help="Allow partial deltas to be read before they are written.")
@_search_options
@out_options
def interleave(**options: Any) -> None:
    """Clash-free access patterns of every junction, by a checked program."""
    engine = read_engine(options)
    from optimizer.bodies.sparse import PATTERNS, PatternsBody  # noqa: PLC0415
    from optimizer.problem.status import Status  # noqa: PLC0415
    from optimizer.report import sparse as report  # noqa: PLC0415
    from optimizer.sparse_engine.simulation import patterns_of  # noqa: PLC0415

    _check_out(options)
    limit = options["time_limit"]
    found = patterns_of(
        engine,
        hazard_free=not options["hazards"],
        kind=int(options["kind"]),
        dither=options["dither"],
        wanted_spread=options["wanted_spread"],
        time_limit_s=None if limit is None else float(limit),
        workers=options["workers"],
        seed=options["seed"],
    )
    order = (Status.INFEASIBLE, Status.UNKNOWN, Status.FEASIBLE, Status.OPTIMAL)
    status = min((pattern.status for pattern in found), key=order.index)
    junctions = tuple(pattern.entry for pattern in found)
    body = PatternsBody(format=formats.SPARSE_FORMAT, kind=PATTERNS, status=status, junctions=junctions)
    _finish(body, report.patterns_report, options)


@sparse.command()
@engine_options
@click.option("--format", "form", default="12", show_default=True, help="Word: 8, 10, 12, 16 or INTEGER.FRACTION.")
@click.option("--inputs", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Random inputs.")
@click.option("--rate-shift", type=click.IntRange(0, 16), default=3, show_default=True, help="Learning rate 2^-N.")
@click.option("--forwarding", is_flag=True, help="Partial deltas may be taken from the pipeline.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed.")
@out_options
def simulate(**options: Any) -> None:
    """Train on random inputs clock by clock, ports watched, and compare with plain masked matrices."""
    from optimizer.bodies.sparse import SIMULATION, SimulationBody  # noqa: PLC0415
    from optimizer.report import sparse as report  # noqa: PLC0415
    from optimizer.sparse_engine import simulation  # noqa: PLC0415
    from optimizer.sparse_engine.describe import simulated_engine  # noqa: PLC0415
    from optimizer.sparse_engine.fixed_point import parse_format  # noqa: PLC0415

    form = parse_format(options["form"])
    engine = read_engine(options, form.width)
    _check_out(options)
    forwarding, seed = options["forwarding"], options["seed"]
    run = simulation.simulate(
        engine,
        simulation.hazard_free_patterns(engine, forwarding=forwarding, seed=seed),
        form,
        inputs=options["inputs"],
        rate_shift=options["rate_shift"],
        forwarding=forwarding,
        seed=seed,
    )
    problem = simulated_engine(engine, options["form"])
    body = SimulationBody(format=formats.SPARSE_FORMAT, kind=SIMULATION, run=run, problem=problem)
    _finish(body, report.simulation_report, options)
    if not run.equal:
        sys.exit(NOTHING)


@sparse.command()
@click.option("--formats", default="8,10,12,16", show_default=True, help="Words: widths, or INTEGER.FRACTION.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=10, show_default=True, help="Passes over the images.")
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="How many runs each.")
@click.option("--rate-shift", type=click.IntRange(0, 16), default=2, show_default=True, help="Learning rate 2^-N.")
@click.option("--plot", "picture", type=Place(), metavar="FILE", help="Draw it (needs the extra 'plot').")
@out_options
def accuracy(**options: Any) -> None:
    """Accuracy against word width and density on scikit-learn's digits (needs the extra 'digits')."""
    from optimizer.report import sparse as report  # noqa: PLC0415
    from optimizer.sparse_engine import digits  # noqa: PLC0415
    from optimizer.sparse_engine.fixed_point import parse_format  # noqa: PLC0415

    _check_out(options)
    found = digits.accuracies(
        [parse_format(text) for text in options["formats"].split(",")],
        epochs=options["epochs"],
        seeds=range(options["seeds"]),
        rate_shift=options["rate_shift"],
    )
    if options["picture"] is not None:
        digits.plot(found, Path(options["picture"]))
    _finish(digits.accuracy_body(found, options["epochs"], options["rate_shift"]), report.accuracy_report, options)


@sparse.command()
@click.argument("directory", metavar="DIR", type=Place())
def verify(directory: str) -> None:
    """Check what `size` or `interleave` wrote: figures, rules and budgets, and the optimum again without CP-SAT."""
    from optimizer.report import sparse as report  # noqa: PLC0415
    from optimizer.results import folder as result_folder  # noqa: PLC0415
    from optimizer.results.load import load_file  # noqa: PLC0415
    from optimizer.sparse_engine import verification  # noqa: PLC0415

    found = verification.verify(result_folder.load_data(directory, formats.SPARSE_FILE), directory)
    load_file(Path(directory), formats.SPARSE_FILE)
    show_on_stdout(report.verification_report(found))
    if found.faults:
        sys.exit(NOTHING)


@sparse.command("report")
@engine_options
@click.option("--width", type=click.IntRange(3, 18), default=12, show_default=True, help="Word width, bits.")
@click.option("--input-width", type=click.IntRange(1, 64), default=8, show_default=True, help="Bits of an input value.")
@out_options
def report_command(**options: Any) -> None:
    """Rates, storage, arithmetic and device use of an engine, against the dense network and by the early estimator."""
    from optimizer.bodies.sparse import REPORT, EngineReportBody  # noqa: PLC0415
    from optimizer.report import sparse as report  # noqa: PLC0415
    from optimizer.sparse_engine.describe import describe  # noqa: PLC0415

    engine = read_engine(options, options["width"])
    _check_out(options)
    width = options["input_width"]
    engine_entry = describe(engine, width)
    body = EngineReportBody(format=formats.SPARSE_FORMAT, kind=REPORT, input_width_bits=width, engine=engine_entry)
    _finish(body, report.engine_report, options)


def _check_out(options: Options) -> None:
    """Check the output folder before the work starts; errors are those of :func:`optimizer.cli.finish.check_out`."""
    from optimizer.results.kinds import SparseResult  # noqa: PLC0415

    check_out(SparseResult, options)


def _finish(body: Body, render: Callable[[Body], RenderableType], options: Options) -> None:
    """Save, show; the exit code tells whether there is an answer."""
    from optimizer.results.kinds import SparseResult  # noqa: PLC0415

    finish(SparseResult(body), options, render, render)
