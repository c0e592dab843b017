"""A decoder as a network: embedding, blocks, output projection."""

from __future__ import annotations

from optimizer.language_models.attention import Extents, attention
from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.cache import cache_words
from optimizer.language_models.description import (
    Attention,
    Block,
    Decoder,
    Experts,
    FeedForward,
    LatentAttention,
    Mamba,
    Mamba2,
    Part,
)
from optimizer.language_models.feed_forward import experts, feed_forward
from optimizer.language_models.latent_attention import latent_attention
from optimizer.language_models.operations import SOFTCAP
from optimizer.language_models.request import Conventions, Request
from optimizer.language_models.state_space import mamba, mamba2
from optimizer.networks.builder import BuilderTensor
from optimizer.workload.network import Network


def decoder_network(model: Decoder, name: str, request: Request) -> Network:
    """The layers of a decoder that reads a prompt, or computes one token at the end of a context.

    Parameters
    ----------
    model : Decoder
        What it is made of.
    name : str
        Name of the model.
    request : Request
        Phase, extents, precision and conventions.

    Returns
    -------
    Network
        Tensors of one block are named ``layer7.q_proj``. Its warnings name what is left out.

    Raises
    ------
    SpecError
        If something is asked for that the model does not have.
    """
    tokens, context = request.extents(model.positions)
    request.conventions.only(*applying(model, decoding=request.decoding))
    rules = request.conventions
    extents = Extents(tokens, context, rules.attention == "windowed")
    net = TransformerBuilder(request.name_of(name, context), batch=request.batch, bits=request.bits)
    x = net.embedding("embedding", net.input(tokens, name="tokens"), model.vocabulary, model.hidden)
    for number, block in enumerate(model.blocks):
        x = _block(net, f"layer{number}", x, block, model.norm, extents, request)
    x = net.norm("norm", x, model.norm)
    x = net.rows(x, 1) if rules.logits == "last" else x
    x = net.linear("lm_head", x, model.vocabulary, bias=False, tied="embedding" if model.tied else None)
    if model.softcap:
        net.vector("lm_head_cap", "tanh", [x], x.shape, SOFTCAP * x.words)
    words = cache_words(model, extents, absorbed=request.decoding and rules.latent == "absorbed")
    net.network.serving = net.serving(decoding=request.decoding, tokens=context, cached=words)
    net.network.warnings += [*model.notes, *_unused_windows(model, context, rules)]
    return net.network


def applying(model: Decoder, *, decoding: bool) -> list[str]:
    """The conventions that make a difference for a model in a phase."""
    parts = model.parts()
    found = {
        "attention": any(isinstance(part, Attention) for part in parts),
        "logits": not decoding,
        "experts": any(isinstance(part, Experts) for part in parts),
        "latent": decoding and any(isinstance(part, LatentAttention) for part in parts),
        "recurrence": any(isinstance(part, Mamba | Mamba2) for part in parts),
    }
    return [name for name, applies in found.items() if applies]


def _unused_windows(model: Decoder, context: int, rules: Conventions) -> list[str]:
    """A warning where sliding windows are shorter than the context, and are not used."""
    windows = {part.window for part in model.parts() if isinstance(part, Attention) and part.window is not None}
    short = sorted(window for window in windows if window < context)
    if rules.attention is not None or not short:
        return []
    return [
        f"sliding windows of {short[0]} tokens skip no work: every query meets all {context} keys "
        "(convention attention=dense; attention=windowed uses the windows)"
    ]


def _block(
    net: TransformerBuilder, name: str, x: BuilderTensor, block: Block, norm: str, extents: Extents, request: Request
) -> BuilderTensor:
    """One block: parts one after the other, or side by side on the same input."""
    given, common = x, None
    for number, part in enumerate(block.parts):
        which = _label(part)
        source = given if block.parallel else x
        if block.one_norm and common is not None:
            read = common
        else:
            read = common = net.norm(f"{name}.{'input' if block.one_norm else which}_norm", source, norm)
        y = _part(net, name, read, part, extents, request)
        if block.post_norm:
            y = net.norm(f"{name}.{which}_post_norm", y, norm)
        x = net.add(f"{name}.add{number + 1}", x, y)
    return x


def _label(part: Part) -> str:
    if isinstance(part, Attention | LatentAttention):
        return "attention"
    return "mlp" if isinstance(part, FeedForward | Experts) else "mixer"


def _part(
    net: TransformerBuilder, name: str, x: BuilderTensor, part: Part, extents: Extents, request: Request
) -> BuilderTensor:
    rules, decoding = request.conventions, request.decoding
    products = rules.recurrence == "macs"
    if isinstance(part, Attention):
        return attention(net, name, x, part, extents)
    if isinstance(part, LatentAttention):
        return latent_attention(net, name, x, part, extents, absorbed=decoding and rules.latent == "absorbed")
    if isinstance(part, FeedForward):
        return feed_forward(net, name, x, part)
    if isinstance(part, Experts):
        return experts(net, name, x, part, same=rules.experts == "same")
    if isinstance(part, Mamba):
        return mamba(net, name, x, part, decoding=decoding, products=products)
    return mamba2(net, name, x, part, decoding=decoding, products=products)
