"""Options of ``tilewright sparse``, and the engine or request that they describe."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.option_types import Positive, positive
from optimizer.errors import SpecError

if TYPE_CHECKING:
    from optimizer.sparse_engine.engine import Engine, Multiplier
    from optimizer.sparse_engine.request import SizingRequest

    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType

Options = dict[str, Any]
_MULTIPLIER = re.compile(r"(combinational|pipelined|deep)(\d{0,2})(?:@([\d.]+))?")
_MOST = 1 << 20
CLOCK = "write e.g. 15, in MHz"
"""What to write instead of a bad clock."""


def numbers(text: str, field: str, example: str, least: int = 1, most: int = _MOST) -> tuple[int, ...]:
    """``1024,64,32`` as integers."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and least <= int(part[:9]) <= most and len(part) < 9 for part in parts):
        raise SpecError(
            "not a list of whole numbers",
            field=field,
            value=text,
            allowed=f"integers from {least} to {most}, with commas between",
            remedy=f"write e.g. {example}",
        )
    return tuple(map(int, parts))


class NumberList(_Type):
    """Whole numbers with commas between."""

    name = "n,n"

    def __init__(self, example: str = "1024,64,32", least: int = 1, most: int = _MOST) -> None:
        self.example, self.least, self.most = example, least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers."""
        if isinstance(value, tuple):
            return value
        field = param.opts[-1] if param is not None and param.opts else ""
        return numbers(str(value), field, self.example, self.least, self.most)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that describe an engine."""
    for option in (
        click.option("--clock-mhz", type=Positive(CLOCK), default="15", show_default=True, help="Clock, MHz."),
        click.option("--proctime", type=click.IntRange(0, 64), default=2, show_default=True, help="In clocks."),
        click.option(
            "--z", "parallel", type=NumberList("64,16"), required=True, help="Edges per clock, one per junction."
        ),
        click.option("--out-degrees", "degrees", type=NumberList("4,8"), required=True, help="One per junction."),
        click.argument("layers", type=NumberList()),
    ):
        command = option(command)
    return command


def read_engine(options: Options, width_bits: int = 12) -> Engine:
    """The engine of these options."""
    from optimizer.sparse_engine.engine import Engine as Made  # noqa: PLC0415
    from optimizer.sparse_engine.network import SparseNetwork  # noqa: PLC0415

    network = SparseNetwork(options["layers"], options["degrees"])
    return Made(network, options["parallel"], width_bits, options["proctime"], options["clock_mhz"])


def read_request(options: Options) -> SizingRequest:
    """The sizing request of these options. Budgets are those of the device, replaced by those that are given."""
    from optimizer.architecture.device import load_device  # noqa: PLC0415
    from optimizer.sparse_engine.request import SizingRequest as Made  # noqa: PLC0415
    from optimizer.sparse_engine.rules import chosen_rules  # noqa: PLC0415

    budgets: dict[str, int] = {}
    if options["device"] is not None:
        resources = load_device(options["device"]).resources
        budgets = {name: resources[name] for name in ("dsp", "bram18", "lut")}
    budgets |= {name: options[name] for name in ("dsp", "bram18", "lut", "input_bits") if options[name] is not None}
    limits = [limit for limit in (options["max_time_us"], _period(options["min_rate"])) if limit is not None]
    return Made(
        options["layers"],
        _menus(options["layers"], options["degrees"]),
        options["widths"],
        tuple(_multiplier(text, options["clock_mhz"]) for text in options["multipliers"]),
        budgets,
        min(limits, default=None),
        chosen_rules(options["added"], options["dropped"]),
        options["input_width"],
        options["objective"],
    )


def _period(rate: Fraction | None) -> Fraction | None:
    """Microseconds per input of a rate in inputs per second."""
    return None if rate is None else 10**6 / rate


def _menus(layers: tuple[int, ...], text: str) -> tuple[tuple[int, ...], ...]:
    """Menus of out-degrees, one per junction: from ``4:8,16`` or ``any``, alone or in a place of the list."""
    from optimizer.sparse_engine.request import any_out_degree  # noqa: PLC0415

    every = any_out_degree(layers)
    parts = [part.strip() for part in text.split(",")]
    parts = ["any"] * len(every) if parts == ["any"] else parts
    if len(parts) != len(every):
        raise SpecError(
            "one menu of out-degrees per junction is needed",
            field="--out-degrees",
            value=text,
            allowed=f"{len(every)} menus, or any",
            remedy="write e.g. 4:8,16 or any",
        )
    return tuple(
        menu if part == "any" else numbers(part.replace(":", ","), "--out-degrees", "4:8,16 or any")
        for part, menu in zip(parts, every, strict=True)
    )


def _multiplier(text: str, clock_mhz: Fraction) -> Multiplier:
    """``pipelined``, ``combinational@10`` or ``deep3@100``."""
    from optimizer.sparse_engine.engine import Multiplier as Made  # noqa: PLC0415

    found = _MULTIPLIER.fullmatch(text.strip())
    if found is None or (found[2] and (found[1] != "deep" or not int(found[2]))):
        raise SpecError(
            "not a pipelining of the arithmetic",
            field="--multiplier",
            value=text,
            allowed="combinational, pipelined, deepSTAGES with 1 to 99 stages, each with @MHZ if need be",
            remedy="write e.g. pipelined or deep3@100",
        )
    clock = clock_mhz if found[3] is None else positive(found[3], "--multiplier", "write e.g. deep3@100")
    return Made(found[1], clock, int(found[2] or 1))
