"""Caps in the units of those who use a language model, and the budgets of latency and energy that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any

from optimizer.architecture.budgets import Budgets
from optimizer.errors import SpecError
from optimizer.files.arguments import Checked
from optimizer.files.rules import RULE, Rule
from optimizer.workload.network import Network
from optimizer.workload.serving import SERVING_PHASES, Serving

KEY = "serving_caps"
"""Where a problem states them."""
_RULE = {
    RULE: Rule(
        "a cap must be an exact positive number", 'int or Fraction > 0, e.g. Fraction("2.5")', lambda cap: cap > 0
    )
}


@dataclass(frozen=True)
class ServingCaps(Checked):
    """Limits on what a run of a language model means for its users; ``None`` is no limit.

    Parameters
    ----------
    max_ttft_ms : Fraction, optional
        Prefill: longest time to the first token, the latency of the run.
    max_tpot_ms : Fraction, optional
        Decode: longest time per output token, the latency of the run.
    min_tokens_per_s : Fraction, optional
        Fewest tokens per second of all sequences: of the prompts in prefill, one per sequence in decode.
    max_j_per_token : Fraction, optional
        Most energy per token, the tokens counted in the same way, in J.
    """

    max_ttft_ms: Fraction | None = field(default=None, metadata=_RULE)
    max_tpot_ms: Fraction | None = field(default=None, metadata=_RULE)
    min_tokens_per_s: Fraction | None = field(default=None, metadata=_RULE)
    max_j_per_token: Fraction | None = field(default=None, metadata=_RULE)

    def given(self) -> dict[str, Fraction]:
        """Those that are set, by name."""
        found = ((cap.name, getattr(self, cap.name)) for cap in fields(self))
        return {name: limit for name, limit in found if limit is not None}

    def data(self) -> dict[str, str]:
        """As a problem states them, exact."""
        return {name: str(limit) for name, limit in self.given().items()}


UNITS = {"max_ttft_ms": "ms", "max_tpot_ms": "ms", "min_tokens_per_s": "tokens/s", "max_j_per_token": "J/token"}
BUDGET = {
    "max_ttft_ms": "latency_ms",
    "max_tpot_ms": "latency_ms",
    "min_tokens_per_s": "latency_ms",
    "max_j_per_token": "energy_mj",
}
"""The budget that each stands for."""
OF_PHASE = {
    "prefill": ("max_ttft_ms", "min_tokens_per_s", "max_j_per_token"),
    "decode": ("max_tpot_ms", "min_tokens_per_s", "max_j_per_token"),
}
assert tuple(OF_PHASE) == SERVING_PHASES


def caps_in(problem: Mapping[str, Any]) -> ServingCaps | None:
    """The caps that a problem states; None where it states none.

    Raises
    ------
    SpecError, TypeError, ValueError
        If they make no sense.
    """
    stated = problem.get(KEY)
    return None if stated is None else ServingCaps(**{name: Fraction(limit) for name, limit in stated.items()})


def as_budget(cap: str, limit: Fraction, serving: Serving) -> Fraction:
    """The exact budget (ms or mJ of a run) that a cap stands for."""
    if cap == "min_tokens_per_s":
        return 1000 * serving.computed / limit
    return 1000 * serving.computed * limit if cap == "max_j_per_token" else limit


def in_unit_of(cap: str, budget: Fraction, serving: Serving) -> Fraction:
    """The cap that stands for a budget; the inverse of :func:`as_budget`."""
    if cap == "min_tokens_per_s":
        return 1000 * serving.computed / budget
    return budget / (1000 * serving.computed) if cap == "max_j_per_token" else budget


def tightened(budgets: Budgets, caps: ServingCaps | None, network: Network) -> Budgets:
    """The budgets with those that the caps stand for; of several on the same quantity, the tightest.

    Raises
    ------
    SpecError
        If the network is no language model, or runs in another phase.
    """
    if caps is None:
        return budgets
    tight: dict[str, Fraction] = {}
    for cap, limit in caps.given().items():
        name = BUDGET[cap]
        own: Fraction | None = getattr(budgets, name)
        known = [one for one in (own, tight.get(name)) if one is not None]
        tight[name] = min([as_budget(cap, limit, _serving(network, cap, limit)), *known])
    changed: dict[str, Any] = tight
    return replace(budgets, **changed)


def _serving(network: Network, cap: str, limit: Fraction) -> Serving:
    """What a run of the network means, if this cap is about it."""
    serving = network.serving
    allowed = "no such cap: only language models have tokens" if serving is None else ", ".join(OF_PHASE[serving.phase])
    if serving is None or cap not in OF_PHASE[serving.phase]:
        what = f"{network.name} is no language model" if serving is None else f"{serving.phase} has no such cap"
        raise SpecError(
            what,
            file=network.file,
            field=cap,
            value=str(limit),
            allowed=allowed,
            remedy="leave it out, or "
            + ("cap the latency or energy of the run" if serving is None else "choose the other phase"),
        )
    return serving
