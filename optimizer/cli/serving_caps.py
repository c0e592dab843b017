"""Caps of language models in the units of their users, as options."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import click

from optimizer.cli.inputs import Options
from optimizer.cli.option_types import Positive
from optimizer.cli.options import stacked

if TYPE_CHECKING:
    from optimizer.problem.serving_caps import ServingCaps

serving_cap_options = stacked(
    [
        click.option("--max-ttft-ms", type=Positive(), help="Language model, prefill: time to the first token, ms."),
        click.option("--max-tpot-ms", type=Positive(), help="Language model, decode: time per output token, ms."),
        click.option("--min-tokens-per-s", type=Positive(), help="Language model: tokens per second, all sequences."),
        click.option("--max-j-per-token", type=Positive(), help="Language model: energy per token, J."),
    ]
)


def asked_caps(options: Options) -> ServingCaps | None:
    """The caps of a command; None without any."""
    from optimizer.problem.serving_caps import ServingCaps  # noqa: PLC0415

    given = {cap.name: options[cap.name] for cap in fields(ServingCaps) if options.get(cap.name) is not None}
    return ServingCaps(**given) if given else None
