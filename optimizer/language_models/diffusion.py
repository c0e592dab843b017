"""The U-Net of Stable Diffusion 1 (Rombach et al. 2022), one call: ``UNet2DConditionModel`` of Hugging Face Diffusers.

Every block has convolutions with residuals; most also have transformers over all pixels, which attend to the text.
"""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.language_models.attention import Band, grouped
from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.description import Attention, FeedForward
from optimizer.language_models.feed_forward import feed_forward
from optimizer.language_models.fields import Fields
from optimizer.language_models.request import Request
from optimizer.networks.builder import BuilderTensor
from optimizer.workload.network import Network

TEXT_TOKENS = 77
"""Tokens of the text that CLIP encodes."""

TIME_FACTOR = 4
"""Width of the time embedding over that of the first block."""

DOWN = ("CrossAttnDownBlock2D", "DownBlock2D")
UP = ("CrossAttnUpBlock2D", "UpBlock2D")


@dataclass(frozen=True)
class UNet:
    """A U-Net; ``down`` and ``up`` say of every block whether it has transformers, ``heads`` of every width."""

    size: int
    given: int
    computed: int
    widths: tuple[int, ...]
    heads: tuple[int, ...]
    per_block: int
    text: int
    down: tuple[bool, ...]
    up: tuple[bool, ...]
    linear_projection: bool


def read_unet(fields: Fields) -> UNet:
    """The U-Net from its configuration. ``attention_head_dim`` holds numbers of heads, as its class reads it."""
    widths = fields.integers("block_out_channels")
    blocks = len(widths)
    down = fields.names("down_block_types", length=blocks, allowed=DOWN)
    up = fields.names("up_block_types", length=blocks, allowed=UP)
    if down is None or up is None:
        raise fields.missing("down_block_types" if down is None else "up_block_types")
    fields.fixed("mid_block_type", "UNetMidBlock2DCrossAttn")
    fields.fixed("time_embedding_type", "positional")
    fields.fixed("resnet_time_scale_shift", "default")
    for key in ("addition_embed_type", "class_embed_type", "encoder_hid_dim", "num_class_embeds"):
        fields.fixed(key)
    for key in ("dual_cross_attention", "only_cross_attention", "resnet_skip_time_act"):
        fields.fixed(key, False)
    fields.fixed("transformer_layers_per_block", 1)
    if isinstance(fields.data.get("attention_head_dim"), list):
        heads = fields.integers("attention_head_dim", length=blocks)
    else:
        heads = (fields.integer("attention_head_dim"),) * blocks
    for width, number in zip(widths, heads, strict=True):
        fields.divided("block_out_channels", "attention_head_dim", width, number)
    return UNet(
        fields.divided("sample_size", "2 per block", fields.integer("sample_size"), 2 ** (blocks - 1))
        * 2 ** (blocks - 1),
        fields.integer("in_channels"),
        fields.integer("out_channels"),
        widths,
        heads,
        fields.layers("layers_per_block"),
        fields.integer("cross_attention_dim"),
        tuple(kind == DOWN[0] for kind in down),
        tuple(kind == UP[0] for kind in up),
        fields.flag("use_linear_projection", default=False),
    )


def unet(fields: Fields, name: str, request: Request) -> Network:
    """The layers of one call; classifier-free guidance makes two calls.

    Raises
    ------
    SpecError
        On a configuration or request that does not fit.
    """
    model = read_unet(fields)
    request.no_tokens()
    request.conventions.only()
    net = TransformerBuilder(name, batch=request.batch, bits=request.bits)
    return _Maker(net, model).network()


class _Maker:
    """Makes the layers of a U-Net; the time embedding and the text are read by many of them."""

    def __init__(self, net: TransformerBuilder, model: UNet) -> None:
        self.net, self.model = net, model
        width = TIME_FACTOR * model.widths[0]
        step = net.input(1, model.widths[0], name="time")
        step = net.activation("time.activation1", "silu", net.linear("time.linear1", step, width))
        self.time = net.activation("time.activation2", "silu", net.linear("time.linear2", step, width))
        self.text = net.input(TEXT_TOKENS, model.text, name="text")

    def network(self) -> Network:
        """All blocks: down, middle, up."""
        net, model = self.net, self.model
        image = net.input(model.given, model.size, model.size, name="image")
        x = self._conv("conv_in", image, model.widths[0])
        kept = [x]
        for number, (width, heads) in enumerate(zip(model.widths, model.heads, strict=True)):
            name = f"down{number}"
            for layer in range(model.per_block):
                x = self._residual(f"{name}.residual{layer}", x, width)
                x = self._transformer(f"{name}.attention{layer}", x, heads) if model.down[number] else x
                kept.append(x)
            if number + 1 < len(model.widths):
                x = self._conv(f"{name}.downsample", x, width, stride=2)
                kept.append(x)
        x = self._residual("middle.residual0", x, model.widths[-1])
        x = self._transformer("middle.attention", x, model.heads[-1])
        x = self._residual("middle.residual1", x, model.widths[-1])
        x = self._up(x, kept)
        x = net.activation("out_activation", "silu", self._norm("out_norm", x))
        self._conv("conv_out", x, model.computed)
        return net.network

    def _up(self, x: BuilderTensor, kept: list[BuilderTensor]) -> BuilderTensor:
        """Blocks whose residual parts read what the blocks on the way down have kept."""
        model = self.model
        sides = list(zip(reversed(model.widths), reversed(model.heads), model.up, strict=True))
        for number, (width, heads, attends) in enumerate(sides):
            name = f"up{number}"
            for layer in range(model.per_block + 1):
                x = self.net.concat(f"{name}.concat{layer}", [x, kept.pop()])
                x = self._residual(f"{name}.residual{layer}", x, width)
                x = self._transformer(f"{name}.attention{layer}", x, heads) if attends else x
            if number + 1 < len(sides):
                x = self._conv(f"{name}.upsample_conv", self.net.upsample(f"{name}.upsample", x, 2), width)
        return x

    def _conv(self, name: str, x: BuilderTensor, channels: int, *, kernel: int = 3, stride: int = 1) -> BuilderTensor:
        return self.net.conv(name, x, channels, kernel, stride=stride, pad=kernel // 2, learned="bias")

    def _norm(self, name: str, x: BuilderTensor) -> BuilderTensor:
        return self.net.group_norm(name, x)

    def _residual(self, name: str, x: BuilderTensor, channels: int) -> BuilderTensor:
        """Two convolutions, the time embedding between them, and a residual."""
        net = self.net
        y = net.activation(f"{name}.activation1", "silu", self._norm(f"{name}.norm1", x))
        y = self._conv(f"{name}.conv1", y, channels)
        y = net.vector(
            f"{name}.time_add", "add", [y, net.linear(f"{name}.time", self.time, channels)], y.shape, y.words
        )
        y = net.activation(f"{name}.activation2", "silu", self._norm(f"{name}.norm2", y))
        y = self._conv(f"{name}.conv2", y, channels)
        if x.shape[0] != channels:
            x = self._conv(f"{name}.shortcut", x, channels, kernel=1)
        return net.add(f"{name}.add", x, y)

    def _transformer(self, name: str, x: BuilderTensor, heads: int) -> BuilderTensor:
        """A transformer over all pixels: attention to the pixels, to the text, and a gated feed-forward part."""
        net, (channels, rows, columns) = self.net, x.shape
        y = self._project(f"{name}.proj_in", self._norm(f"{name}.norm", x))
        y = net.tokens(y, rows * columns)
        given = net.norm(f"{name}.self_norm", y, "layer")
        y = net.add(f"{name}.self_add", y, self._attend(f"{name}.self", given, given, heads))
        given = net.norm(f"{name}.cross_norm", y, "layer")
        y = net.add(f"{name}.cross_add", y, self._attend(f"{name}.cross", given, self.text, heads))
        wide = FeedForward(4 * channels, "gelu", gated=True, bias=True)
        y = net.add(f"{name}.mlp_add", y, feed_forward(net, name, net.norm(f"{name}.mlp_norm", y, "layer"), wide))
        y = self._project(f"{name}.proj_out", net.with_shape(y, x.shape))
        return net.add(f"{name}.add", x, y)

    def _project(self, name: str, x: BuilderTensor) -> BuilderTensor:
        """A product per pixel, as a convolution or as a linear layer."""
        channels, rows, columns = x.shape
        if not self.model.linear_projection:
            return self._conv(name, x, channels, kernel=1)
        return self.net.with_shape(self.net.linear(name, self.net.tokens(x, rows * columns), channels), x.shape)

    def _attend(self, name: str, x: BuilderTensor, source: BuilderTensor, heads: int) -> BuilderTensor:
        """Attention to `source`; only the output projection has a bias."""
        net, channels = self.net, x.shape[1]
        q = net.linear(f"{name}.q_proj", x, channels, bias=False)
        k, v = (net.linear(f"{name}.{which}", source, channels, bias=False) for which in ("k_proj", "v_proj"))
        part = Attention(heads, heads, channels // heads)
        y = grouped(net, name, (q, k, v), part, Band(1, x.shape[0], source.shape[0]))
        return net.linear(f"{name}.o_proj", y, channels)
