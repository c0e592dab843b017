"""Whisper (Radford et al. 2023): an encoder of 30 s of speech, and a decoder of text that also attends to it.

Prefill is the encoder, and the decoder on a prompt. Decode is the decoder on one token: keys and values of the speech
and of the text before it are inputs of the network, and the encoder is no part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.language_models.attention import Band, grouped
from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.dense_readers import activation
from optimizer.language_models.description import Attention, FeedForward
from optimizer.language_models.feed_forward import feed_forward
from optimizer.language_models.fields import Fields
from optimizer.language_models.request import Request
from optimizer.networks.builder import BuilderTensor
from optimizer.workload.network import Network

FRAMES_PER_POSITION = 2
"""The second convolution has stride 2."""


@dataclass(frozen=True)
class Stack:
    """Layers of an encoder or decoder: how many, heads, and the feed-forward part."""

    layers: int
    heads: int
    wide: FeedForward


@dataclass(frozen=True)
class Whisper:
    """An encoder and a decoder of the same width; ``positions`` are those of speech and of text."""

    hidden: int
    encoder: Stack
    decoder: Stack
    mels: int
    positions: tuple[int, int]
    vocabulary: int


def read_whisper(fields: Fields) -> Whisper:
    """Whisper from its configuration."""
    hidden, kind = fields.integer("d_model"), activation(fields, "activation_function", default="gelu")
    stacks = []
    for side in ("encoder", "decoder"):
        heads = fields.integer(f"{side}_attention_heads")
        fields.divided("d_model", f"{side}_attention_heads", hidden, heads)
        wide = FeedForward(fields.integer(f"{side}_ffn_dim"), kind, gated=False, bias=True)
        stacks.append(Stack(fields.layers(f"{side}_layers"), heads, wide))
    positions = fields.integer("max_source_positions"), fields.integer("max_target_positions")
    vocabulary = fields.integer("vocab_size")
    return Whisper(hidden, stacks[0], stacks[1], fields.integer("num_mel_bins"), positions, vocabulary)


def whisper(fields: Fields, name: str, request: Request) -> Network:
    """The layers of Whisper in one of the two phases.

    Raises
    ------
    SpecError
        On a configuration or request that does not fit.
    """
    model = read_whisper(fields)
    tokens, context = request.extents(model.positions[1])
    request.conventions.only(*([] if request.decoding else ["logits"]))
    net = TransformerBuilder(request.name_of(name, context), batch=request.batch, bits=request.bits)
    speech = None if request.decoding else _encoder(net, model)
    given = net.input(tokens, name="tokens")
    words = net.embedding("token_embedding", given, model.vocabulary, model.hidden)
    places = net.embedding("position_embedding", given, model.positions[1], model.hidden)
    x = net.add("embedding", words, places)
    for number in range(model.decoder.layers):
        x = _decoder_layer(net, f"decoder.layer{number}", x, model, (speech, context))
    x = net.norm("decoder.norm", x, "layer")
    x = net.rows(x, 1) if request.conventions.logits == "last" else x
    net.linear("lm_head", x, model.vocabulary, bias=False, tied="token_embedding")
    kept = 2 * model.hidden * model.decoder.layers * (context + model.positions[0])
    net.network.serving = net.serving(decoding=request.decoding, tokens=context, cached=kept)
    return net.network


def _encoder(net: TransformerBuilder, model: Whisper) -> BuilderTensor:
    positions, kind = model.positions[0], model.encoder.wide.activation
    x = net.input(FRAMES_PER_POSITION * positions, model.mels, name="speech")
    x = net.activation("encoder.conv1_activation", kind, net.conv1d("encoder.conv1", x, model.hidden, 3, pad=1))
    x = net.conv1d("encoder.conv2", x, model.hidden, 3, stride=FRAMES_PER_POSITION, pad=1)
    x = net.activation("encoder.conv2_activation", kind, x)
    x = net.add_learned("encoder.positions", x)
    for number in range(model.encoder.layers):
        name = f"encoder.layer{number}"
        given = net.norm(f"{name}.attention_norm", x, "layer")
        x = net.add(f"{name}.add1", x, _attend(net, name, given, model.encoder.heads, given))
        y = feed_forward(net, name, net.norm(f"{name}.mlp_norm", x, "layer"), model.encoder.wide)
        x = net.add(f"{name}.add2", x, y)
    return net.norm("encoder.norm", x, "layer")


def _decoder_layer(
    net: TransformerBuilder, name: str, x: BuilderTensor, model: Whisper, seen: tuple[BuilderTensor | None, int]
) -> BuilderTensor:
    """Attention to the text, attention to the speech, feed-forward part."""
    (speech, context), heads = seen, model.decoder.heads
    given = net.norm(f"{name}.attention_norm", x, "layer")
    y = _attend(net, name, given, heads, given, None if context == x.shape[0] else context)
    x = net.add(f"{name}.add1", x, y)
    given = net.norm(f"{name}.cross_norm", x, "layer")
    cached = model.positions[0] if speech is None else None
    x = net.add(f"{name}.add2", x, _attend(net, f"{name}.cross", given, heads, speech, cached))
    y = feed_forward(net, name, net.norm(f"{name}.mlp_norm", x, "layer"), model.decoder.wide)
    return net.add(f"{name}.add3", x, y)


def _attend(
    net: TransformerBuilder,
    name: str,
    x: BuilderTensor,
    heads: int,
    source: BuilderTensor | None,
    cached: int | None = None,
) -> BuilderTensor:
    """Attention of `x` to `source`; to `cached` tokens whose keys and values are inputs, where that is given.

    Only the projection of keys has no bias.
    """
    hidden = x.shape[1]
    q = net.linear(f"{name}.q_proj", x, hidden)
    k = v = q
    if source is not None:
        k = net.linear(f"{name}.k_proj", source, hidden, bias=False)
        v = net.linear(f"{name}.v_proj", source, hidden)
    if cached is not None:
        k, v = (net.input(cached, hidden, name=f"{name}.{which}") for which in ("keys", "values"))
    part = Attention(heads, heads, hidden // heads)
    y = grouped(net, name, (q, k, v), part, Band(1, x.shape[0], k.shape[0]))
    return net.linear(f"{name}.o_proj", y, hidden)
