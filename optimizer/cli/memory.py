"""``tilewright memory``: memory of a training step over time, and which activations to keep."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.finish import check_out, finish, run_options
from optimizer.cli.inputs import Options, read_network
from optimizer.cli.option_types import Place, Positive
from optimizer.cli.options import out_options, training_options, workload_options
from optimizer.errors import SpecError

if TYPE_CHECKING:
    from formulations.networks.checkpoint_search import MemoryLimits
    from optimizer.recompute.costs import RecomputeCosts
    from optimizer.workload.network import Network

BITS_PER_GB = 8 * 10**9
BITS_PER_KIB = 8 * 2**10


@click.command()
@click.argument("network")
@workload_options
@training_options
@click.option("--off-chip-gb", type=Positive(), help="Off-chip capacity, 10^9 bytes, for everything.")
@click.option(
    "--on-chip-kib",
    type=Positive("write e.g. 512, or leave the option out for none"),
    help="On-chip memory set aside for kept activations.",
)
@click.option("--recompute", is_flag=True, help="Activations may be dropped and computed again.")
@click.option(
    "--objective",
    type=click.Choice(["overhead", "peak"]),
    help="Least overhead within --off-chip-gb, or least peak; default: overhead with --off-chip-gb, else peak.",
)
@click.option(
    "--max-overhead", type=Positive(), metavar="PERCENT", help="Most overhead, in percent of the step's cost."
)
@click.option(
    "--result",
    type=Place(),
    metavar="DIR",
    help="A solved step (solve --training --out DIR): what its layers cost, instead of operations.",
)
@click.option("--cost", type=click.Choice(["energy", "latency"]), default=None, help="With --result; default: energy.")
@click.option("--time-limit", type=Positive(), metavar="SECONDS", help="Stop then, with the best answer and its bound.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed.")
@out_options
@click.option("--plot", is_flag=True, help="With --out: draw memory.svg too (needs the extra `plot`).")
@click.option("--quiet", is_flag=True, help="One line of result.")
def memory(network: str, **options: Any) -> None:
    """Memory of one training step of NETWORK over time; with --recompute, the best choice for every saved activation.

    An activation that the backward pass reads is kept off chip, kept on chip (--on-chip-kib), or dropped and computed
    again. Ctrl-C stops with the best answer found and its bound.
    """
    _check(options)
    graph = read_network(network, options)
    from optimizer.recompute.request import MemoryRequest  # noqa: PLC0415
    from optimizer.recompute.result import run  # noqa: PLC0415
    from optimizer.report.memory import memory_headline, memory_report  # noqa: PLC0415
    from optimizer.report.memory_plot import save_plot  # noqa: PLC0415
    from optimizer.results.kinds import MemoryResult  # noqa: PLC0415

    check_out(MemoryResult, options)
    costs = _costs(graph, options)
    reserve_bits = int((options["on_chip_kib"] or 0) * BITS_PER_KIB)
    asked = MemoryRequest(graph, _goal(options), _limits(costs, options), reserve_bits, costs, options["recompute"])
    result = run(asked, run_options(options))
    finish(result, options, memory_headline, memory_report)
    if options["plot"]:
        save_plot(result.body, Path(options["out"]))


def _chooses(options: Options) -> bool:
    """Whether activations may be recomputed or kept on chip."""
    return bool(options["recompute"] or options["on_chip_kib"])


def _goal(options: Options) -> Any:
    if not _chooses(options) and options["off_chip_gb"] is None:
        return None
    return options["objective"] or ("peak" if options["off_chip_gb"] is None else "overhead")


def _limits(costs: RecomputeCosts, options: Options) -> MemoryLimits:
    from formulations.networks.checkpoint_search import MemoryLimits  # noqa: PLC0415

    capacity: Fraction | None = options["off_chip_gb"]
    percent: Fraction | None = options["max_overhead"]
    return MemoryLimits(
        None if capacity is None else int(capacity * BITS_PER_GB),
        None if percent is None else int(percent * costs.total / 100),
    )


def _costs(network: Network, options: Options) -> RecomputeCosts:
    from optimizer.recompute.costs import design_costs, work_costs  # noqa: PLC0415
    from optimizer.recompute.lifetimes import lifetimes  # noqa: PLC0415
    from optimizer.results.load import load_design  # noqa: PLC0415

    if options["result"] is None:
        return work_costs(network)
    return design_costs(lifetimes(network), load_design(options["result"]), options["cost"] or "energy")


def _check(options: Options) -> None:
    """Refuse options without those that they need."""
    needs = {
        "objective": ("--recompute or --on-chip-kib", _chooses(options)),
        "max_overhead": ("--recompute or --on-chip-kib", _chooses(options)),
        "cost": ("--result", options["result"] is not None),
        "plot": ("--out", options["out"] is not None),
    }
    for name, (other, there) in needs.items():
        if options[name] and not there:
            option = f"--{name.replace('_', '-')}"
            raise SpecError(
                f"{option} says nothing without {other}",
                field=option,
                value=options[name],
                allowed=f"with {other}",
                remedy=f"add {other}, or leave {option} out",
            )
    if options["training"] is None:
        raise SpecError(
            "memory over time is that of a training step",
            field="--training",
            value="none",
            allowed="sgd, sgd-momentum, adam",
            remedy="add e.g. --training sgd-momentum",
        )
