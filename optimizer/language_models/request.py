"""What is asked of a model: the phase, the extents, the precision, and how things are counted that may be counted
in several ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from optimizer.errors import SpecError
from optimizer.workload.serving import SERVING_PHASES

PHASES = SERVING_PHASES
"""Reading a prompt, all tokens at once; computing one token at the end of a context."""

DEFAULT_TOKENS = 1024
"""Tokens of a prompt or context where nothing is said; less where the model's limit is less."""


@dataclass(frozen=True)
class Conventions:
    """How things are counted that may be counted in several ways; None: the default, which is the first value.

    Parameters
    ----------
    attention : {"dense", "windowed"}
        ``dense``: every query meets every key, masks and sliding windows skip no work. ``windowed``: a layer with a
        sliding window meets the keys of the window (decode), or those of a band of blocks (prefill).
    logits : {"all", "last"}
        Prefill: the output projection runs on all tokens of the prompt, or on the last one.
    experts : {"even", "same"}
        ``even``: tokens are spread over as many experts as they can reach, in equal shares. ``same``: all tokens take
        the same experts.
    latent : {"expanded", "absorbed"}
        Decode with latent attention: keys and values of all heads are cached, or the latent vectors are, with the up
        projections applied to queries and results instead.
    recurrence : {"vector", "macs"}
        State-space parts: the recurrence is one vector layer, or three products (of decay and state, step and input,
        state and output) that are multiply-accumulate layers.
    head : {"mlm", "pooler", "none"}
        What follows the encoder of BERT and ALBERT; by default what the model's ``architectures`` say.
    """

    attention: str | None = None
    logits: str | None = None
    experts: str | None = None
    latent: str | None = None
    recurrence: str | None = None
    head: str | None = None

    @classmethod
    def from_names(cls, names: Iterable[tuple[str, str]]) -> Conventions:
        """Conventions from pairs of name and value.

        Raises
        ------
        SpecError
            On an unknown name or value, or a name that is given twice.
        """
        given: dict[str, str] = {}
        for name, value in names:
            if name not in CONVENTIONS:
                raise _refusal(name, name, ", ".join(CONVENTIONS), "no such convention")
            if value not in CONVENTIONS[name]:
                raise _refusal(name, value, ", ".join(CONVENTIONS[name]), "no such value of a convention")
            if given.setdefault(name, value) != value:
                raise _refusal(name, [given[name], value], "one value", "a convention is given twice")
        return cls(**given)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Those that are given."""
        found = ((field.name, getattr(self, field.name)) for field in fields(self))
        return tuple((name, value) for name, value in found if value is not None)

    def only(self, *names: str) -> None:
        """Refuse what does not apply to a model in a phase.

        Raises
        ------
        SpecError
            If a convention is given that is none of `names`.
        """
        for name, value in self.pairs():
            if name not in names:
                raise _refusal(name, value, ", ".join(names) or "none here", "this convention does not apply here")


CONVENTIONS = {
    "attention": ("dense", "windowed"),
    "logits": ("all", "last"),
    "experts": ("even", "same"),
    "latent": ("expanded", "absorbed"),
    "recurrence": ("vector", "macs"),
    "head": ("mlm", "pooler", "none"),
}
"""The values of every convention."""


@dataclass(frozen=True)
class Request:
    """What is asked of a model.

    Parameters
    ----------
    phase : {"prefill", "decode"} or None
        None: not said; that is prefill where there are phases.
    prompt, context : int or None
        Tokens that prefill reads; tokens of the context in decode, the new one included.
    batch : int
        Sequences or images computed together.
    bits : int or mapping of role to int or None
        Bits per element of W, I and O.
    conventions : Conventions
        How things are counted.
    """

    phase: str | None = None
    prompt: int | None = None
    context: int | None = None
    batch: int = 1
    bits: object = None
    conventions: Conventions = Conventions()

    def __post_init__(self) -> None:
        if self.phase is not None and self.phase not in PHASES:
            raise SpecError(
                "no such phase", field="phase", value=self.phase, allowed=", ".join(PHASES), remedy="use one of these"
            )
        for name in ("prompt", "context", "batch"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise SpecError(
                    f"{name} out of range",
                    field=name,
                    value=value,
                    allowed="integers >= 1",
                    remedy="choose a number in this range",
                )

    @property
    def decoding(self) -> bool:
        """Whether one token is computed at the end of a context."""
        return self.phase == "decode"

    def name_of(self, model: str, tokens: int) -> str:
        """The name of a network: the model, the phase, and the tokens of the prompt or context."""
        return f"{model}-{self.phase or PHASES[0]}-{tokens}"

    def extents(self, limit: int | None) -> tuple[int, int]:
        """New tokens and tokens of the context, themselves included, of a decoder with this longest context.

        Raises
        ------
        SpecError
            If an extent does not belong to the phase, or is beyond the limit.
        """
        own, other = ("context", "prompt") if self.decoding else ("prompt", "context")
        if getattr(self, other) is not None:
            raise SpecError(
                f"{self.phase or 'prefill'} has no {other}",
                field=other,
                value=getattr(self, other),
                allowed=f"{own} with {self.phase or 'prefill'}",
                remedy=f"give {own}, or another phase",
            )
        length = self._within(own, limit)
        return (1, length) if self.decoding else (length, length)

    def sequence(self, limit: int | None) -> int:
        """Tokens that an encoder reads.

        Raises
        ------
        SpecError
            If a phase or context is asked for, or the prompt is beyond the limit.
        """
        self._refuse("an encoder has no phases", "phase", "context")
        return self._within("prompt", limit)

    def no_tokens(self) -> None:
        """Refuse what models of images do not have.

        Raises
        ------
        SpecError
            If a phase, prompt or context is asked for.
        """
        self._refuse("a model of images has no phases and no prompt", "phase", "prompt", "context")

    def _within(self, field: str, limit: int | None) -> int:
        value: int | None = getattr(self, field)
        if value is None:
            return DEFAULT_TOKENS if limit is None else min(DEFAULT_TOKENS, limit)
        if limit is not None and value > limit:
            raise SpecError(
                f"{field} out of range",
                field=field,
                value=value,
                allowed=f"integers from 1 to {limit}, the longest sequence of the model",
                remedy="choose a number in this range",
            )
        return value

    def _refuse(self, problem: str, *names: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise SpecError(
                    problem, field=name, value=getattr(self, name), allowed=f"no {name}", remedy="leave it out"
                )


def _refusal(name: str, value: object, allowed: str, problem: str) -> SpecError:
    return SpecError(
        problem,
        field=f"convention {name}",
        value=value,
        allowed=allowed,
        remedy="write e.g. attention=windowed, or leave it out",
    )
