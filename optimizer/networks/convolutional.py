"""Convolutional classifiers of 224 x 224 images (AlexNet: 227 x 227), 1000 classes.

Sources: AlexNet, Krizhevsky et al. 2012 (two towers: groups in conv2, conv4, conv5). VGG-16 and VGG-19,
Simonyan and Zisserman 2015 (configurations D and E). GoogLeNet, Szegedy et al. 2015 (without auxiliary
classifiers). ResNet-18, ResNet-34 and ResNet-50, He et al. 2016; ResNet-50 is the "v1.5" that strides in the
3x3 convolution of a block. MobileNetV1, Howard et al. 2017. MobileNetV2, Sandler et al. 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.networks.builder import BuilderTensor, NetworkBuilder
from optimizer.workload.network import Network

CLASSES = 1000


def alexnet(net: NetworkBuilder) -> Network:
    """AlexNet with its two towers as groups."""
    x = net.conv("conv1", net.input(3, 227, 227), 96, 11, stride=4, learned="bias")
    x = net.pool("pool1", net.lrn("norm1", x), 3, 2)
    x = net.conv("conv2", x, 256, 5, pad=2, groups=2, learned="bias")
    x = net.pool("pool2", net.lrn("norm2", x), 3, 2)
    x = net.conv("conv3", x, 384, 3, pad=1, learned="bias")
    x = net.conv("conv4", x, 384, 3, pad=1, groups=2, learned="bias")
    x = net.conv("conv5", x, 256, 3, pad=1, groups=2, learned="bias")
    x = net.pool("pool5", x, 3, 2)
    x = net.linear("fc7", net.linear("fc6", x, 4096), 4096)
    net.softmax("softmax", net.linear("fc8", x, CLASSES))
    return net.network


def vgg16(net: NetworkBuilder) -> Network:
    """VGG-16 (configuration D)."""
    return _vgg(net, (2, 2, 3, 3, 3))


def vgg19(net: NetworkBuilder) -> Network:
    """VGG-19 (configuration E)."""
    return _vgg(net, (2, 2, 4, 4, 4))


def _vgg(net: NetworkBuilder, convolutions: Sequence[int]) -> Network:
    """VGG with the given numbers of 3x3 convolutions in its five blocks."""
    x = net.input(3, 224, 224)
    for block, (channels, count) in enumerate(zip((64, 128, 256, 512, 512), convolutions, strict=True), 1):
        for number in range(1, count + 1):
            x = net.conv(f"conv{block}_{number}", x, channels, 3, pad=1, learned="bias")
        x = net.pool(f"pool{block}", x, 2, 2)
    x = net.linear("fc7", net.linear("fc6", x, 4096), 4096)
    net.softmax("softmax", net.linear("fc8", x, CLASSES))
    return net.network


def googlenet(net: NetworkBuilder) -> Network:
    """GoogLeNet (Inception v1)."""
    x = net.conv("conv1", net.input(3, 224, 224), 64, 7, stride=2, pad=3, learned="bias")
    x = net.lrn("norm1", net.pool("pool1", x, 3, 2, ceil=True))
    x = net.conv("conv2_reduce", x, 64, 1, learned="bias")
    x = net.lrn("norm2", net.conv("conv2", x, 192, 3, pad=1, learned="bias"))
    x = net.pool("pool2", x, 3, 2, ceil=True)
    for name, widths in _INCEPTION.items():
        x = _inception(net, name, x, widths)
        if name in ("3b", "4e"):
            x = net.pool(f"pool{name[0]}", x, 3, 2, ceil=True)
    net.softmax("softmax", net.linear("fc", net.global_pool("pool5", x), CLASSES))
    return net.network


_INCEPTION = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
"""Channels of the branches: 1x1; reduction and 3x3; reduction and 5x5; projection after pooling."""


def _inception(
    net: NetworkBuilder, name: str, x: BuilderTensor, widths: tuple[int, tuple[int, int], tuple[int, int], int]
) -> BuilderTensor:
    one, three, five, projection = widths

    def branch(label: str, source: BuilderTensor, channels: int, kernel: int) -> BuilderTensor:
        return net.conv(f"{name}/{label}", source, channels, kernel, pad=kernel // 2, learned="bias")

    return net.concat(
        f"{name}/concat",
        [
            branch("1x1", x, one, 1),
            branch("3x3", branch("3x3_reduce", x, three[0], 1), three[1], 3),
            branch("5x5", branch("5x5_reduce", x, five[0], 1), five[1], 5),
            branch("projection", net.pool(f"{name}/pool", x, 3, 1, pad=1), projection, 1),
        ],
    )


def resnet18(net: NetworkBuilder) -> Network:
    """ResNet-18: basic blocks of two 3x3 convolutions."""
    return _basic_resnet(net, (2, 2, 2, 2))


def resnet34(net: NetworkBuilder) -> Network:
    """ResNet-34: basic blocks of two 3x3 convolutions."""
    return _basic_resnet(net, (3, 4, 6, 3))


def _basic_resnet(net: NetworkBuilder, blocks: Sequence[int]) -> Network:
    """ResNet with the given numbers of basic blocks in its four stages."""
    x = _resnet_stem(net)
    for stage, (channels, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), 1):
        for block in range(count):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = net.conv(f"{name}.conv1", x, channels, 3, stride=stride, pad=1)
            y = net.conv(f"{name}.conv2", y, channels, 3, pad=1)
            x = net.add(f"{name}.add", y, _shortcut(net, name, x, channels, stride))
    return _resnet_head(net, x)


def resnet50(net: NetworkBuilder) -> Network:
    """ResNet-50 v1.5: bottleneck blocks, strided in the 3x3 convolution."""
    x = _resnet_stem(net)
    for stage, (channels, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = net.conv(f"{name}.conv1", x, channels, 1)
            y = net.conv(f"{name}.conv2", y, channels, 3, stride=stride, pad=1)
            y = net.conv(f"{name}.conv3", y, 4 * channels, 1)
            x = net.add(f"{name}.add", y, _shortcut(net, name, x, 4 * channels, stride))
    return _resnet_head(net, x)


def _resnet_stem(net: NetworkBuilder) -> BuilderTensor:
    x = net.conv("conv1", net.input(3, 224, 224), 64, 7, stride=2, pad=3)
    return net.pool("maxpool", x, 3, 2, pad=1)


def _resnet_head(net: NetworkBuilder, x: BuilderTensor) -> Network:
    net.softmax("softmax", net.linear("fc", net.global_pool("avgpool", x), CLASSES))
    return net.network


def _shortcut(net: NetworkBuilder, name: str, x: BuilderTensor, channels: int, stride: int) -> BuilderTensor:
    """The identity, or a 1x1 convolution where the shape changes."""
    if x.shape[0] == channels and stride == 1:
        return x
    return net.conv(f"{name}.downsample", x, channels, 1, stride=stride)


def mobilenet_v1(net: NetworkBuilder) -> Network:
    """MobileNetV1 of width 1.0."""
    x = net.conv("conv1", net.input(3, 224, 224), 32, 3, stride=2, pad=1)
    for block, (channels, stride) in enumerate(_SEPARABLE, 1):
        x = net.conv(f"block{block}.depthwise", x, x.shape[0], 3, stride=stride, pad=1, groups=x.shape[0])
        x = net.conv(f"block{block}.pointwise", x, channels, 1)
    net.softmax("softmax", net.linear("fc", net.global_pool("avgpool", x), CLASSES))
    return net.network


_SEPARABLE = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)
"""Channels of the pointwise convolution, stride of the depthwise one (table 1 of the paper; the last stride is
printed as 2 there, but its extents are those of 1)."""


def mobilenet_v2(net: NetworkBuilder) -> Network:
    """MobileNetV2 of width 1.0."""
    x = net.conv("conv1", net.input(3, 224, 224), 32, 3, stride=2, pad=1)
    for stage, (expansion, channels, repeats, stride) in enumerate(_INVERTED_RESIDUALS, 1):
        for block in range(repeats):
            step = stride if block == 0 else 1
            x = _inverted_residual(net, f"block{stage}.{block}", x, expansion, channels, stride=step)
    x = net.conv("conv_last", x, 1280, 1)
    net.softmax("softmax", net.linear("fc", net.global_pool("avgpool", x), CLASSES))
    return net.network


_INVERTED_RESIDUALS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, repeats, stride of the first (table 2 of the paper)."""


def _inverted_residual(
    net: NetworkBuilder, name: str, x: BuilderTensor, expansion: int, channels: int, *, stride: int
) -> BuilderTensor:
    hidden = expansion * x.shape[0]
    y = x if expansion == 1 else net.conv(f"{name}.expand", x, hidden, 1)
    y = net.conv(f"{name}.depthwise", y, hidden, 3, stride=stride, pad=1, groups=hidden)
    y = net.conv(f"{name}.project", y, channels, 1)
    return net.add(f"{name}.add", x, y) if stride == 1 and x.shape[0] == channels else y
