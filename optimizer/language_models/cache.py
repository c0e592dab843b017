"""Words that a decoder keeps between tokens: keys, values, latent vectors, states."""

from __future__ import annotations

from optimizer.language_models.attention import Extents, band
from optimizer.language_models.description import Attention, Decoder, LatentAttention, Mamba, Mamba2, Part


def cache_words(model: Decoder, extents: Extents, *, absorbed: bool) -> int:
    """Words of one sequence after a run, in all layers.

    Attention keeps keys and values of the context, or of the window where windows skip keys. Latent attention keeps
    keys and values of all heads; `absorbed`: the latent vectors with the rotary part of the keys. A state-space part
    keeps its state, and the inputs of its convolution that later tokens need.
    """
    return sum(_words(part, extents, absorbed=absorbed) for part in model.parts())


def _words(part: Part, extents: Extents, *, absorbed: bool) -> int:
    if isinstance(part, Attention):
        kept = band(Extents(1, extents.context, extents.windowed), part.window).keys
        return 2 * part.kv_heads * part.head_dim * kept
    if isinstance(part, LatentAttention):
        each = part.latent + part.rotary if absorbed else part.heads * (part.key + part.value)
        return each * extents.context
    if isinstance(part, Mamba):
        return part.channels * (part.state + part.kernel - 1)
    if isinstance(part, Mamba2):
        mixed = part.channels + 2 * part.groups * part.state
        return part.channels * part.state + mixed * (part.kernel - 1)
    return 0
