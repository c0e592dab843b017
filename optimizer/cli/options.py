"""Types of option values; every bad value names the option, what is allowed and the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import click

from optimizer.errors import SpecError

if TYPE_CHECKING:
    from optimizer.studies.metrics import Range

    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType

Command = TypeVar("Command", bound=Callable[..., Any])
Padding = str | dict[str, list[int]]

_DECIMAL = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?")
_WHOLE = re.compile(r"\d{1,18}")


def _name(parameter: click.Parameter | None) -> str:
    return parameter.opts[-1] if parameter is not None else ""


def _positive_integer(text: str, field: str, remedy: str) -> int:
    if not _WHOLE.fullmatch(text.strip()) or int(text) < 1:
        raise SpecError(
            "not a positive whole number", field=field, value=text, allowed="integers >= 1", remedy=remedy
        )
    return int(text)


class Positive(_Type):
    """An exact positive decimal."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """The value as a fraction."""
        text = str(value).strip()
        if not _DECIMAL.fullmatch(text) or not Fraction(text):
            raise SpecError(
                "not a positive number", field=_name(param), value=value, allowed="decimals > 0",
                remedy="write e.g. 2.5, or leave the option out for no limit",
            )  # fmt: skip
        return Fraction(text)


def _split(value: Any, option: str, example: str) -> tuple[str, str]:
    name, equals, rest = str(value).partition("=")
    if not equals or not name.strip() or not rest.strip():
        raise SpecError(
            "not of the form name=value", field=option, value=value, allowed="name=value",
            remedy=f"write e.g. {option} {example}",
        )  # fmt: skip
    return name.strip(), rest.strip()


class Choice(_Type):
    """``path=entry`` of a menu."""

    name = "path=entry"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Path and entry."""
        return _split(value, _name(param), "GLB.size=128KiB")


class Dim(_Type):
    """``name=extent`` of a symbolic dim."""

    name = "name=extent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Name and extent."""
        option = _name(param)
        name, extent = _split(value, option, "batch=1")
        return name, _positive_integer(extent, f"{option} {name}", f"write e.g. {option} {name}=1")


class Bits(_Type):
    """``8``, or ``W=8,I=8,O=16``; which roles there are is checked where the network is read."""

    name = "W=8,I=8,O=16"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | dict[str, int]:
        """One width, or one per role."""
        text, example = str(value), f"write e.g. {_name(param)} 8, or {_name(param)} W=8,I=8,O=16"
        if "=" not in text:
            return _positive_integer(text, _name(param), example)
        bits: dict[str, int] = {}
        for part in text.split(","):
            role, _, width = part.partition("=")
            if role.strip() in bits:
                raise SpecError(
                    "a role is given twice", field=_name(param), value=text, allowed="every role once", remedy=example
                )
            bits[role.strip()] = _positive_integer(width, f"{_name(param)} {role.strip()}", example)
        return bits


class Vary(_Type):
    """``NAME=LOW:HIGH``; either end may be left out, or both: ``NAME``."""

    name = "name=low:high"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Range:
        """A range of limits."""
        from optimizer.studies.metrics import Range  # noqa: PLC0415

        name, equals, ends = str(value).partition("=")
        low, colon, high = ends.partition(":")
        if not name.strip() or (equals and not colon):
            raise SpecError(
                "not a range of limits", field=_name(param), value=value, allowed="NAME=LOW:HIGH, or NAME for all",
                remedy="write e.g. --vary area-mm2=2:12",
            )  # fmt: skip
        limits = [Positive().convert(end, param, ctx) if end.strip() else None for end in (low, high)]
        return Range(name.strip(), *limits)


class Share(_Type):
    """``1%`` or ``0.01``; what is allowed is checked where it is used."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """The share as a fraction."""
        text = str(value).strip()
        number = Positive().convert(text.removesuffix("%"), param, ctx)
        return number / 100 if text.endswith("%") else number


class SparsityRule(_Type):
    """``W=2:4``, or ``none``; role and ratio are checked where they are used."""

    name = "W=2:4|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str] | str:
        """Role and ratio, or ``none``."""
        if str(value).strip() == "none":
            return "none"
        return _split(value, _name(param), "W=2:4")


class TensorBits(_Type):
    """``master=32,activations=16``; which tensors there are is checked where they are used."""

    name = "master=32,activations=16"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        """A width per name."""
        option, widths = _name(param), {}
        for part in str(value).split(","):
            name, width = _split(part, option, "master=32,activations=16")
            if name in widths:
                raise SpecError(
                    "a precision is given twice", field=f"{option} {name}", value=value, allowed="every name once",
                    remedy="leave one out",
                )  # fmt: skip
            widths[name] = _positive_integer(width, f"{option} {name}", f"write e.g. {option} {name}=16")
        return widths


class PaddingRule(_Type):
    """``none``, ``auto``, or larger extents per dim: ``P=56:64,Q=56:64``."""

    name = "none|auto|P=56:64,Q=56:64"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Padding:
        """A rule's name, or extents per dim."""
        if value in ("none", "auto"):
            return str(value)
        extents: dict[str, list[int]] = {}
        for part in str(value).split(","):
            dim, equals, numbers = part.partition("=")
            if not equals or not dim.strip() or dim.strip() in extents:
                raise SpecError(
                    "not a padding", field=_name(param), value=value, allowed="none, auto, or DIM=EXTENT:EXTENT,...",
                    remedy="write e.g. --padding P=56:64,Q=56:64",
                )  # fmt: skip
            extents[dim.strip()] = [
                _positive_integer(number, f"{_name(param)} {dim.strip()}", "write extents such as P=56:64")
                for number in numbers.split(":")
            ]
        return extents


def stacked(decorators: Sequence[Callable[[Any], Any]]) -> Callable[[Command], Command]:
    """Several decorators as one, the first outermost."""

    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


workload_options = stacked([
    click.option("--batch", type=click.IntRange(min=1), help="Images or sequences at once (built-in networks)."),
    click.option("--sequence", type=click.IntRange(min=1), help="Tokens (built-in text transformers)."),
    click.option(
        "--bits", type=Bits(), metavar="BITS",
        help="Bits per element where the network says nothing, e.g. 8 or W=8,I=8,O=16; 16 by default.",
    ),
    click.option(
        "--sparsity", type=SparsityRule(), metavar="W=N:M",
        help="Prune the weights of all layers that can be, N of every M stored; none: run layers dense.",
    ),
    click.option("--dim", "dims", type=Dim(), multiple=True, help="Extent of a symbolic dim (ONNX); repeatable."),
    click.option("--allow-unknown", is_flag=True, help="Keep unknown ONNX operators as traffic, with a warning."),
])  # fmt: skip

training_options = stacked([
    click.option(
        "--training", metavar="OPTIMIZER",
        help="One step of training instead of inference: sgd, sgd-momentum or adam.",
    ),
    click.option(
        "--training-bits", type=TensorBits(), metavar="BITS",
        help="With --training, bits per element of weights, activations, gradients, weight_gradients, master, state.",
    ),
])  # fmt: skip

def architecture_option(*, required: bool) -> Callable[[Command], Command]:
    """``--architecture``."""
    text = "A preset or a .yaml file."
    return click.option("--architecture", "-a", required=required, metavar="NAME|FILE", help=text)


choice_options = stacked([
    click.option(
        "--choose", "choices", type=Choice(), multiple=True, metavar="PATH=ENTRY",
        help="Take this entry of a menu, e.g. 'GLB.size=128 KiB'; repeatable.",
    ),
    click.option(
        "--accounting", type=click.Choice(["timeloop", "looptree"]),
        help="How accesses are counted; default: the file's.",
    ),
])  # fmt: skip

architecture_options = stacked([architecture_option(required=True), choice_options])

budget_options = stacked([
    click.option("--area-mm2", type=Positive(), help="Chip area, mm2."),
    click.option(
        "--device", metavar="NAME|FILE", help="An FPGA (see `tilewright devices`): its resources in place of area."
    ),
    click.option("--dram-gbps", type=Positive(), help="Off-chip bandwidth, 10^9 bytes per second."),
    click.option("--power-w", type=Positive(), help="Average power, W."),
    click.option("--max-latency-ms", "latency_ms", type=Positive(), help="Latency, ms."),
    click.option("--max-energy-mj", "energy_mj", type=Positive(), help="Energy, mJ."),
])  # fmt: skip

class Names(_Type):
    """Names with commas between."""

    name = "name,name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names; which there are is checked where they are used."""
        return tuple(part.strip() for part in str(value).split(","))


fusion_options = stacked([
    click.option("--fusion", is_flag=True, help="Layers may run in groups, tile by tile, with inner tensors on chip."),
    click.option(
        "--max-group", type=click.IntRange(min=2), default=4, show_default=True, help="Most layers in a fused group."
    ),
    click.option(
        "--halo", type=Names(), default="cache,recompute", show_default=True, metavar="POLICIES",
        help="What may be done about rows and columns that neighbouring tiles share.",
    ),
    click.option(
        "--tile", type=Names(), default="batch,rows", show_default=True, metavar="AXES",
        help="Axes along which groups may be cut: batch, rows, columns.",
    ),
])  # fmt: skip

compare_option = click.option(
    "--compare", is_flag=True, help="With --fusion: solve layer by layer too, and show both."
)

store_folder_option = click.option(
    "--cache", type=click.Path(), metavar="DIR", help="Where the store of results is; default: the user cache."
)  # fmt: skip

cache_options = stacked([
    store_folder_option,
    click.option("--no-cache", is_flag=True, help="Neither read nor write the store of results."),
])  # fmt: skip

goal_options = stacked([
    click.option(
        "--objective", type=click.Choice(["energy", "latency", "edp"]), default="energy", show_default=True,
        help="What to minimize; edp is total energy times total latency.",
    ),
    click.option(
        "--padding", type=PaddingRule(), default="none", show_default=True, metavar="RULE",
        help="Larger extents to try: none, auto, or e.g. P=56:64,Q=56:64.",
    ),
])  # fmt: skip

out_options = stacked([
    click.option("--out", type=click.Path(), metavar="DIR", help="Write all files of the result there."),
    click.option("--force", is_flag=True, help="Write over a result of another kind, or over a better one."),
])  # fmt: skip

search_options = stacked([
    goal_options,
    click.option(
        "--time-limit", type=Positive(), metavar="SECONDS", help="Stop then, with the best design and its bound."
    ),
    click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Threads."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed."),
    cache_options,
    out_options,
    click.option("--quiet", is_flag=True, help="One line of result, no progress."),
])  # fmt: skip

scaling_options = stacked([
    click.option(
        "--processes", is_flag=True,
        help="Let --workers be processes, of one thread each, instead of threads of this one.",
    ),
    click.option(
        "--scheduler", metavar="ADDRESS",
        help="Run on the workers of this Dask scheduler (needs the extra `cluster`).",
    ),
    click.option(
        "--memory-limit", type=click.IntRange(min=1), metavar="MB",
        help="With --processes: most memory of each, 10^6 bytes (Linux).",
    ),
    click.option(
        "--task-time-limit", type=Positive(), metavar="SECONDS",
        help="With --processes or --scheduler: stop every task then; what it was about stays open.",
    ),
])  # fmt: skip
