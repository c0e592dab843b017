"""What a decoder is made of, as records: attention, feed-forward parts, experts, state-space parts, blocks.

Widths are words per token. Every record describes one part of one block; how it becomes layers is said where the layers
are made.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attention:
    """Attention in which ``heads // kv_heads`` query heads share the keys and values of a group.

    Parameters
    ----------
    heads, kv_heads, head_dim : int
        Query heads, groups of keys and values, and the width of each.
    qkv_bias, out_bias : bool
        Learned biases of the projections.
    qk_norm : bool
        Queries and keys of every head are normalized, with learned scales of width ``head_dim``.
    rotary : bool
        Rotary position embeddings.
    sinks : bool
        One learned logit per head takes part in the softmax.
    softcap : bool
        Scores are capped by a tanh.
    window : int or None
        Keys that a query meets at most, itself included; None: all before it.
    """

    heads: int
    kv_heads: int
    head_dim: int
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: bool = False
    rotary: bool = True
    sinks: bool = False
    softcap: bool = False
    window: int | None = None


@dataclass(frozen=True)
class LatentAttention:
    """Multi-head latent attention: keys and values of all heads come from one latent vector per token.

    Parameters
    ----------
    heads : int
        Query heads; every head has keys and values of its own.
    query_rank : int or None
        Width of the latent queries; None: queries are projected directly.
    latent : int
        Width of the latent keys and values.
    plain, rotary, value : int
        Widths per head: keys without position, keys with rotary embeddings (shared by the heads), values.
    bias : bool
        Learned biases of the down projections and of the output.
    """

    heads: int
    query_rank: int | None
    latent: int
    plain: int
    rotary: int
    value: int
    bias: bool = False

    @property
    def key(self) -> int:
        """Width of a query or key per head."""
        return self.plain + self.rotary


@dataclass(frozen=True)
class FeedForward:
    """Two matrix products with an activation between; if `gated`, a third one multiplies the hidden layer."""

    width: int
    activation: str
    gated: bool = True
    bias: bool = False


@dataclass(frozen=True)
class Experts:
    """A mixture of `count` feed-forward parts of which every token takes `top_k`.

    ``router_bias`` says whether the router has one learned number per expert besides its weights, ``shared`` is a part
    that all tokens take.
    """

    count: int
    top_k: int
    expert: FeedForward
    router_bias: bool = False
    shared: FeedForward | None = None


@dataclass(frozen=True)
class Mamba:
    """A selective state-space part of the first kind: a state of `state` words per channel.

    Parameters
    ----------
    channels, state, kernel, rank : int
        Inner channels, state words per channel, taps of the convolution along tokens, width of the step projection.
    bias, conv_bias : bool
        Learned biases of the projections and of the convolution.
    """

    channels: int
    state: int
    kernel: int
    rank: int
    bias: bool = False
    conv_bias: bool = True


@dataclass(frozen=True)
class Mamba2:
    """A state-space part of the second kind: heads of equal decay, input and output vectors shared within groups."""

    heads: int
    head_dim: int
    state: int
    groups: int
    kernel: int
    bias: bool = False
    conv_bias: bool = True

    @property
    def channels(self) -> int:
        """Inner channels."""
        return self.heads * self.head_dim


Part = Attention | LatentAttention | FeedForward | Experts | Mamba | Mamba2
"""A part of a block, around which there is a residual."""


@dataclass(frozen=True)
class Block:
    """Parts that run one after the other, each after a normalization and around a residual.

    ``post_norm``: the output of every part is normalized as well. ``parallel``: all parts read the block's input, each
    after a normalization of its own, or after one of all (``one_norm``).
    """

    parts: tuple[Part, ...]
    post_norm: bool = False
    parallel: bool = False
    one_norm: bool = False


@dataclass(frozen=True)
class Decoder:
    """A language model that computes one token after the other.

    Parameters
    ----------
    hidden, vocabulary : int
        Width of a token, and tokens of the vocabulary.
    blocks : tuple of Block
        In the order in which they run.
    norm : {"rms", "layer"}
        Kind of all normalizations: a learned scale, or a learned scale and shift.
    tied : bool
        The output projection has the weights of the embedding.
    positions : int or None
        Longest context; None: no limit is stated.
    softcap : bool
        Logits are capped by a tanh.
    notes : tuple of str
        What the model has and the network leaves out.
    """

    hidden: int
    vocabulary: int
    blocks: tuple[Block, ...]
    norm: str = "rms"
    tied: bool = False
    positions: int | None = None
    softcap: bool = False
    notes: tuple[str, ...] = ()

    def parts(self) -> tuple[Part, ...]:
        """All parts of all blocks."""
        return tuple(part for block in self.blocks for part in block.parts)
