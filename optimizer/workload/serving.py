"""How a network serves a language model: in which phase, how many tokens it computes, and what stays in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from optimizer.files.yaml_fields import Fields

SERVING_PHASES = ("prefill", "decode")
"""Reading a prompt, all tokens at once; computing one token at the end of a context."""


@dataclass(frozen=True)
class Serving:
    """What a run of a network means for those who use the language model.

    Parameters
    ----------
    phase : {"prefill", "decode"}
        What one run does.
    batch : int
        Sequences that run together.
    tokens : int
        Of the prompt (prefill), or of the context with the new token (decode), per sequence.
    weight_bits : int
        Bits of all learned words, dense: what has to be stored, whether one run reads it or not.
    cache_bits : int
        Bits of the keys, values and states that are kept after the run, of all sequences.
    """

    phase: str
    batch: int
    tokens: int
    weight_bits: int
    cache_bits: int

    @property
    def computed(self) -> int:
        """Tokens that one run reads or computes, of all sequences."""
        return self.batch * (self.tokens if self.phase == "prefill" else 1)

    def data(self) -> dict[str, object]:
        """As it stands in a file."""
        return asdict(self)


def read_serving(top: Fields) -> Serving:
    """What a network's file says under ``serving``.

    Raises
    ------
    SpecError
        If a key is missing, unknown or wrong.
    """
    given = top.get("serving")
    if not isinstance(given, Mapping):
        top.fail("expected a mapping", "serving", given, "phase, batch, tokens, weight_bits, cache_bits")
    fields = Fields(given, top.file, top.at("serving"))
    fields.only(("phase", "batch", "tokens", "weight_bits", "cache_bits"))
    phase = fields.text("phase")
    if phase not in SERVING_PHASES:
        fields.fail("no such phase", "phase", phase, ", ".join(SERVING_PHASES))
    return Serving(
        phase,
        fields.integer("batch"),
        fields.integer("tokens"),
        fields.integer("weight_bits", least=0),
        fields.integer("cache_bits", least=0),
    )
