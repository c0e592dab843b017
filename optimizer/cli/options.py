"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from optimizer.cli.option_types import (
    Bits,
    Convention,
    Dim,
    MenuChoice,
    Names,
    PaddingRule,
    Place,
    Positive,
    SparsityRule,
    TensorBits,
)
from optimizer.cli.process_memory import limit_memory

Command = TypeVar("Command", bound=Callable[..., Any])


def stacked(decorators: Sequence[Callable[[Any], Any]]) -> Callable[[Command], Command]:
    """Several decorators as one, the first outermost."""

    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


workload_options = stacked(
    [
        click.option(
            "--batch",
            type=click.IntRange(min=1),
            help="Images or sequences at once (built-in networks, language models).",
        ),
        click.option("--sequence", type=click.IntRange(min=1), help="Tokens (bert_base, gpt2, gpt2_decode)."),
        click.option(
            "--phase",
            type=click.Choice(["prefill", "decode"]),
            help="Of a language model: read a prompt (default), or compute one token at the end of a context.",
        ),
        click.option("--prompt", type=click.IntRange(min=1), help="Tokens that prefill reads; 1024 by default."),
        click.option(
            "--context", type=click.IntRange(min=1), help="Tokens in decode, the new one included; 1024 by default."
        ),
        click.option(
            "--convention",
            "conventions",
            type=Convention(),
            multiple=True,
            metavar="NAME=VALUE",
            help="How a language model is counted, e.g. attention=windowed or logits=last; repeatable.",
        ),
        click.option(
            "--bits",
            type=Bits(),
            metavar="BITS",
            help="Bits per element where the network says nothing, e.g. 8 or W=8,I=8,O=16; 16 by default. "
            "Language models: also KV, of cached keys and values.",
        ),
        click.option(
            "--sparsity",
            type=SparsityRule(),
            metavar="W=N:M",
            help="Prune the weights of all layers that can be, N of every M stored; none: run layers dense.",
        ),
        click.option(
            "--dim",
            "dims",
            type=Dim(),
            multiple=True,
            help="Extent of a symbolic dim (ONNX), in every model that has it; MODEL:NAME=EXTENT in one; repeatable.",
        ),
        click.option("--allow-unknown", is_flag=True, help="Keep unknown ONNX operators as traffic, with a warning."),
    ]
)

training_options = stacked(
    [
        click.option(
            "--training",
            metavar="OPTIMIZER",
            help="One step of training instead of inference: sgd, sgd-momentum or adam.",
        ),
        click.option(
            "--training-bits",
            type=TensorBits(),
            metavar="BITS",
            help="With --training: bits of weights, activations, gradients, weight_gradients, master, state.",
        ),
    ]
)


def architecture_option(*, required: bool) -> Callable[[Command], Command]:
    """``--architecture``."""
    text = "A preset or a .yaml file."
    return click.option("--architecture", "-a", required=required, metavar="NAME|FILE", help=text)


choice_options = stacked(
    [
        click.option(
            "--choose",
            "choices",
            type=MenuChoice(),
            multiple=True,
            metavar="PATH=ENTRY",
            help="Take this entry of a menu, e.g. 'GLB.size=128 KiB'; repeatable.",
        ),
        click.option(
            "--constraints",
            metavar="FILE",
            help="Constraints on sizes and on mappings, beside the architecture's own; a .yaml file.",
        ),
        click.option(
            "--accounting",
            type=click.Choice(["timeloop", "looptree"]),
            help="How accesses are counted; default: the file's.",
        ),
    ]
)

architecture_options = stacked([architecture_option(required=True), choice_options])

budget_options = stacked(
    [
        click.option("--area-mm2", type=Positive(), help="Chip area, mm2."),
        click.option(
            "--device", metavar="NAME|FILE", help="An FPGA (see `tilewright devices`): its resources in place of area."
        ),
        click.option("--dram-gbps", type=Positive(), help="Off-chip bandwidth, 10^9 bytes per second."),
        click.option(
            "--dram-gib", type=Positive(), help="Capacity off chip, 2^30 bytes: weights and caches have to fit."
        ),
        click.option("--power-w", type=Positive(), help="Average power, W."),
        click.option("--max-latency-ms", "latency_ms", type=Positive(), help="Latency, ms."),
        click.option("--max-energy-mj", "energy_mj", type=Positive(), help="Energy, mJ."),
    ]
)


fusion_options = stacked(
    [
        click.option(
            "--fusion", is_flag=True, help="Layers may run in groups, tile by tile, with inner tensors on chip."
        ),
        click.option(
            "--max-group",
            type=click.IntRange(min=2),
            default=4,
            show_default=True,
            help="Most layers in a fused group.",
        ),
        click.option(
            "--halo",
            type=Names(),
            default="cache,recompute",
            show_default=True,
            metavar="POLICIES",
            help="What may be done about rows and columns that neighbouring tiles share.",
        ),
        click.option(
            "--tile",
            type=Names(),
            default="batch,rows",
            show_default=True,
            metavar="AXES",
            help="Axes along which groups may be cut: batch, rows, columns.",
        ),
    ]
)

engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "path", "cp-sat", "both"]),
    default="auto",
    show_default=True,
    help="What searches the loop nests: path, a shortest path; cp-sat, CP-SAT alone (slower); both, these two, which "
    "have to agree; auto: path.",
)

compare_option = click.option("--compare", is_flag=True, help="With --fusion: solve layer by layer too, and show both.")

store_folder_option = click.option(
    "--cache", type=Place(), metavar="DIR", help="Where the store of results is; default: the user cache."
)

cache_options = stacked(
    [
        store_folder_option,
        click.option("--no-cache", is_flag=True, help="Neither read nor write the store of results."),
    ]
)

goal_options = stacked(
    [
        click.option(
            "--objective",
            type=click.Choice(["energy", "latency", "edp"]),
            default="energy",
            show_default=True,
            help="What to minimize; edp is total energy times total latency.",
        ),
        click.option(
            "--padding",
            type=PaddingRule(),
            default="none",
            show_default=True,
            metavar="RULE",
            help="Larger extents to try: none, auto, or e.g. P=56:64,Q=56:64.",
        ),
    ]
)

out_options = stacked(
    [
        click.option("--out", type=Place(), metavar="DIR", help="Write all files of the result there."),
        click.option("--force", is_flag=True, help="Write over a result of another kind, or over a better one."),
    ]
)


def _limited(ctx: click.Context, parameter: click.Parameter, megabytes: int | None) -> int | None:
    """Set the limit at once, so that it holds while files are read."""
    if megabytes is not None and not ctx.resilient_parsing:
        limit_memory(megabytes)
    return megabytes


memory_option = click.option(
    "--memory-limit",
    type=click.IntRange(min=1),
    metavar="MB",
    callback=_limited,
    help="Most memory of this process, and of each of --processes, 10^6 bytes (Linux): what needs more stops as at the "
    "time limit. Default: 80 % of what the machine or its control group has.",
)

search_options = stacked(
    [
        goal_options,
        click.option(
            "--time-limit", type=Positive(), metavar="SECONDS", help="Stop then, with the best design and its bound."
        ),
        memory_option,
        click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads."),
        click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed."),
        cache_options,
        out_options,
        click.option("--quiet", is_flag=True, help="One line of result, no progress."),
    ]
)

scaling_options = stacked(
    [
        click.option(
            "--processes",
            is_flag=True,
            help="Let --workers be processes, of one thread each, instead of threads of this one.",
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="Run on the workers of this Dask scheduler (needs the extra `cluster`).",
        ),
        click.option(
            "--task-time-limit",
            type=Positive(),
            metavar="SECONDS",
            help="With --processes or --scheduler: stop every task then; what it was about stays open.",
        ),
    ]
)
