"""Transformers for images: ViT (Dosovitskiy et al. 2021) and Swin (Liu et al. 2021)."""

from __future__ import annotations

from collections.abc import Sized

from optimizer.language_models.attention import Extents, attention
from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.dense_readers import activation
from optimizer.language_models.description import Attention, FeedForward
from optimizer.language_models.feed_forward import feed_forward
from optimizer.language_models.fields import MOST_LAYERS, Fields
from optimizer.language_models.operations import SWIN_BIAS
from optimizer.language_models.request import Request
from optimizer.networks.builder import BuilderTensor
from optimizer.workload.network import Network

CLASSES = 1000
"""Of ImageNet, where a configuration states none; a warning says so."""


def vit(fields: Fields, name: str, request: Request) -> Network:
    """ViT with a classifier on the class token."""
    hidden, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    width = fields.divided("hidden_size", "num_attention_heads", hidden, heads)
    patch = fields.integer("patch_size")
    size = fields.divided("image_size", "patch_size", fields.integer("image_size"), patch)
    part = Attention(heads, heads, width, fields.flag("qkv_bias", default=True), True, rotary=False)
    kind = activation(fields, "hidden_act", default="gelu")
    wide = FeedForward(fields.integer("intermediate_size"), kind, gated=False, bias=True)
    net = _builder(name, request)
    x = net.tokens(_patches(net, fields, hidden, patch), size**2)
    x = net.add_learned("positions", net.append_learned_row("class_token", x))
    for number in range(fields.layers("num_hidden_layers")):
        own = f"layer{number}"
        y = attention(net, own, net.norm(f"{own}.attention_norm", x, "layer"), part, Extents(x.shape[0], x.shape[0]))
        x = net.add(f"{own}.add1", x, y)
        y = feed_forward(net, own, net.norm(f"{own}.mlp_norm", x, "layer"), wide)
        x = net.add(f"{own}.add2", x, y)
    _classifier(net, fields, net.rows(net.norm("norm", x, "layer"), 1))
    return net.network


def swin(fields: Fields, name: str, request: Request) -> Network:
    """Swin with a classifier on the mean token. Shifted windows have the work of windows that are not shifted."""
    width, depths = fields.integer("embed_dim"), fields.integers("depths", most=MOST_LAYERS)
    heads = fields.integers("num_heads", length=len(depths))
    patch, window = fields.integer("patch_size"), fields.integer("window_size")
    size = fields.divided("image_size", "patch_size", fields.integer("image_size"), patch)
    ratio = fields.ratio("mlp_ratio", default=4)
    biased = fields.flag("qkv_bias", default=True)
    kind = activation(fields, "hidden_act", default="gelu")
    net = _builder(name, request)
    x = net.tokens(_patches(net, fields, width, patch), size**2)
    x = net.norm("patches_norm", x, "layer")
    if fields.flag("use_absolute_embeddings", default=False):
        x = net.add_learned("positions", x)
    for stage, depth in enumerate(depths):
        if stage:
            size = fields.divided("image_size", "2 between stages", size, 2)
            x = net.with_shape(x, (size**2, 4 * width))
            x = net.norm(f"stage{stage}.merge_norm", x, "layer")
            width *= 2
            x = net.linear(f"stage{stage}.merge", x, width, bias=False)
        side = min(window, size)
        fields.divided("image_size", "window_size in every stage", size, side)
        each = fields.divided("embed_dim", "num_heads", width, heads[stage])
        part = Attention(heads[stage], heads[stage], each, biased)
        wide = FeedForward(ratio * width, kind, gated=False, bias=True)
        for number in range(depth):
            x = _swin_block(net, f"stage{stage}.layer{number}", x, (part, wide), (side, window))
    x = net.norm("norm", x, "layer")
    x = net.vector("mean", "mean", [x], (1, width), x.words)
    _classifier(net, fields, x)
    return net.network


def _swin_block(
    net: TransformerBuilder,
    name: str,
    x: BuilderTensor,
    parts: tuple[Attention, FeedForward],
    sides: tuple[int, int],
) -> BuilderTensor:
    """Attention within square windows, with a learned number per head and relative position; feed-forward part."""
    part, wide = parts
    side, window = sides
    (tokens, hidden), rows = x.shape, side**2
    given = net.norm(f"{name}.attention_norm", x, "layer")
    q, k, v = (
        net.linear(f"{name}.{which}", given, hidden, bias=part.qkv_bias) for which in ("q_proj", "k_proj", "v_proj")
    )
    groups = part.heads * tokens // rows
    y = net.attention(
        name,
        (q, k, v),
        groups=groups,
        rows=rows,
        context=rows,
        widths=(part.head_dim, part.head_dim),
        more=1 + SWIN_BIAS,
        learned=(2 * window - 1) ** 2 * part.heads,
    )
    y = net.linear(f"{name}.o_proj", net.with_shape(y, (tokens, hidden)), hidden)
    x = net.add(f"{name}.add1", x, y)
    y = feed_forward(net, name, net.norm(f"{name}.mlp_norm", x, "layer"), wide)
    return net.add(f"{name}.add2", x, y)


def _builder(name: str, request: Request) -> TransformerBuilder:
    request.no_tokens()
    request.conventions.only()
    return TransformerBuilder(name, batch=request.batch, bits=request.bits)


def _patches(net: TransformerBuilder, fields: Fields, width: int, patch: int) -> BuilderTensor:
    size = fields.integer("image_size")
    image = net.input(fields.integer("num_channels", default=3), size, size, name="image")
    return net.conv("patches", image, width, patch, stride=patch, learned="bias")


def _classifier(net: TransformerBuilder, fields: Fields, x: BuilderTensor) -> None:
    """The last product; its classes are those of ``num_labels`` or ``id2label``."""
    labels = fields.data.get("id2label")
    classes = fields.optional_integer("num_labels")
    if classes is None and isinstance(labels, Sized) and len(labels):
        classes = len(labels)
    if classes is None:
        net.network.warnings.append(f"the configuration states no num_labels: {CLASSES} classes are assumed")
    net.linear("head", x, classes or CLASSES)
