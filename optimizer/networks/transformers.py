"""Transformers: the encoder of BERT base, ViT-B/16, GPT-2 (small) while reading a prompt and while decoding.

Sources: Devlin et al. 2019; Dosovitskiy et al. 2021; Radford et al. 2019. Attention is two batched products
of activations per block, one matrix per head and sample, with a softmax between. Causal masks are not used
to skip work: every query meets every key.
"""

from __future__ import annotations

from optimizer.networks.builder import BuilderTensor, NetworkBuilder
from optimizer.workload.network import Network

BLOCKS, HEADS, FEATURES = 12, 12, 768
"""Size shared by BERT base, ViT-B and GPT-2 small; the hidden layer is four times as wide."""

VOCABULARY = 50257
"""Tokens of GPT-2."""

POSITIONS = 1024
"""Longest sequence of GPT-2."""


def bert_base(net: NetworkBuilder, sequence: int) -> Network:
    """The 12 encoder layers of BERT base, without embeddings and pooler; normalization after each sum."""
    x = net.input(sequence, FEATURES, name="embeddings")
    for block in range(BLOCKS):
        name = f"layer{block}"
        q, k, v = (net.linear(f"{name}.{part}", x, FEATURES) for part in ("query", "key", "value"))
        y = _attention(net, name, q, k, v, context=sequence)
        x = net.layer_norm(f"{name}.norm1", net.add(f"{name}.add1", x, y))
        x = net.layer_norm(f"{name}.norm2", net.add(f"{name}.add2", x, _feed_forward(net, name, x)))
    return net.network


def vit_b16(net: NetworkBuilder) -> Network:
    """ViT-B/16 for 224 x 224 images and 1000 classes."""
    patches = net.conv("patches", net.input(3, 224, 224), FEATURES, 16, stride=16, learned="bias")
    x = net.tokens(patches, 14 * 14)
    x = net.add_learned("positions", net.append_learned_row("class_token", x))
    for block in range(BLOCKS):
        x = _pre_norm_block(net, f"layer{block}", x)
    x = net.rows(net.layer_norm("norm", x), 1)
    net.softmax("softmax", net.linear("head", x, 1000))
    return net.network


def gpt2(net: NetworkBuilder, sequence: int) -> Network:
    """GPT-2 small reading a prompt of `sequence` tokens.

    Only the last token's logits are computed; in training those of all tokens.
    """
    x = _gpt2_embedding(net, sequence)
    for block in range(BLOCKS):
        x = _pre_norm_block(net, f"layer{block}", x)
    return _gpt2_head(net, x)


def gpt2_decode(net: NetworkBuilder, sequence: int) -> Network:
    """GPT-2 small computing one token at the end of a context of `sequence` tokens, itself included.

    Keys and values of the earlier tokens come from a cache: they are inputs of the network.
    """
    x = _gpt2_embedding(net, 1)
    for block in range(BLOCKS):
        x = _pre_norm_block(net, f"layer{block}", x, context=sequence)
    return _gpt2_head(net, x)


def _gpt2_embedding(net: NetworkBuilder, sequence: int) -> BuilderTensor:
    tokens = net.input(sequence, name="tokens")
    words = net.embedding("token_embedding", tokens, VOCABULARY, FEATURES)
    positions = net.embedding("position_embedding", tokens, POSITIONS, FEATURES)
    return net.add("embedding", words, positions)


def _gpt2_head(net: NetworkBuilder, x: BuilderTensor) -> Network:
    """Logits of the last token, in training of all tokens; the weights are the token embedding's."""
    x = net.layer_norm("norm", x)
    read = x if net.training else net.rows(x, 1)
    net.softmax("softmax", net.linear("head", read, VOCABULARY, bias=False, tied="token_embedding"))
    return net.network


def _pre_norm_block(net: NetworkBuilder, name: str, x: BuilderTensor, *, context: int | None = None) -> BuilderTensor:
    """Attention and feed-forward layers, each after a normalization and around a residual.

    Query, key and value are views of one product; with a `context`, keys and values come from a cache of `context`
    tokens, to which the product adds.
    """
    q = k = v = net.linear(f"{name}.qkv", net.layer_norm(f"{name}.norm1", x), 3 * FEATURES)
    if context is not None:
        k, v = (net.input(context, FEATURES, name=f"{name}.{part}") for part in ("keys", "values"))
    y = _attention(net, name, q, k, v, context=context or x.shape[0])
    x = net.add(f"{name}.add1", x, y)
    y = _feed_forward(net, name, net.layer_norm(f"{name}.norm2", x))
    return net.add(f"{name}.add2", x, y)


def _attention(
    net: NetworkBuilder, name: str, q: BuilderTensor, k: BuilderTensor, v: BuilderTensor, *, context: int
) -> BuilderTensor:
    """Multi-head attention of `q` over `context` keys and values, with its output projection."""
    tokens, width = q.shape[0], FEATURES // HEADS
    scores = net.product(f"{name}.scores", q, k, groups=HEADS, rows=tokens, columns=context, inner=width)
    weights = net.softmax(f"{name}.softmax", scores)
    y = net.product(f"{name}.context", weights, v, groups=HEADS, rows=tokens, columns=width, inner=context)
    return net.linear(f"{name}.output", net.tokens(y, tokens), FEATURES)


def _feed_forward(net: NetworkBuilder, name: str, x: BuilderTensor) -> BuilderTensor:
    hidden = net.linear(f"{name}.up", x, 4 * FEATURES)
    return net.linear(f"{name}.down", hidden, FEATURES)
