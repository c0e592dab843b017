"""The built-in networks by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from optimizer.errors import SpecError
from optimizer.files.presets import preset_names
from optimizer.networks import convolutional, detection, super_resolution, transformers
from optimizer.networks.builder import NetworkBuilder
from optimizer.workload.network import Network


@dataclass(frozen=True)
class CatalogEntry:
    """One built-in network.

    ``build`` takes an empty builder, and a sequence length if ``sequence`` holds the default one and the
    longest one.
    """

    description: str
    build: Callable[..., Network]
    sequence: tuple[int, int] | None = None


CATALOG = {
    "alexnet": CatalogEntry("AlexNet, 227 x 227 images, two towers as groups", convolutional.alexnet),
    "vgg16": CatalogEntry("VGG-16 (configuration D), 224 x 224 images", convolutional.vgg16),
    "vgg19": CatalogEntry("VGG-19 (configuration E), 224 x 224 images", convolutional.vgg19),
    "googlenet": CatalogEntry("GoogLeNet (Inception v1), 224 x 224 images", convolutional.googlenet),
    "resnet18": CatalogEntry("ResNet-18, 224 x 224 images", convolutional.resnet18),
    "resnet34": CatalogEntry("ResNet-34, 224 x 224 images", convolutional.resnet34),
    "resnet50": CatalogEntry("ResNet-50 v1.5 (stride in the 3x3), 224 x 224 images", convolutional.resnet50),
    "mobilenet_v1": CatalogEntry("MobileNetV1 of width 1.0, 224 x 224 images", convolutional.mobilenet_v1),
    "mobilenet_v2": CatalogEntry("MobileNetV2 of width 1.0, 224 x 224 images", convolutional.mobilenet_v2),
    "yolov2": CatalogEntry("YOLOv2 for the 80 classes of COCO, 416 x 416 images", detection.yolov2),
    "yolov2_720p": CatalogEntry("YOLOv2 for the 80 classes of COCO, 1280 x 720 images", detection.yolov2_720p),
    "fsrcnn": CatalogEntry("FSRCNN(56,12,4), luminance of 960 x 540 images to 1920 x 1080", super_resolution.fsrcnn),
    "bert_base": CatalogEntry("BERT base, the 12 encoder layers, sequence of 512", transformers.bert_base, (512, 512)),
    "vit_b16": CatalogEntry("ViT-B/16, 224 x 224 images", transformers.vit_b16),
    "gpt2": CatalogEntry("GPT-2 small reading a prompt of 1024 tokens", transformers.gpt2, (1024, 1024)),
    "gpt2_decode": CatalogEntry(
        "GPT-2 small decoding one token in a context of 1024", transformers.gpt2_decode, (1024, 1024)
    ),
}
"""All built-in networks."""


def names() -> list[str]:
    """Names of the built-in networks."""
    return list(CATALOG)


def describe(name: str) -> str:
    """One line about a built-in network.

    Raises
    ------
    SpecError
        If there is no such network.
    """
    return _entry(name).description


def build(
    name: str, *, batch: int = 1, bits: object = None, sequence: int | None = None, training: bool = False
) -> Network:
    """A built-in network.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    batch : int, optional
        Images or sequences computed together.
    bits : int or mapping of role to int, optional
        Bits per element of W, I and O; 16 where nothing is said.
    sequence : int, optional
        Tokens of a sequence (transformers of text only); the network's own length by default.
    training : bool, optional
        The forward pass of training: batch normalizations are layers of their own, and GPT-2 computes the logits of
        all tokens.

    Raises
    ------
    SpecError
        If there is no such network, or an option does not fit it.
    """
    entry = _entry(name)
    _check_extent("batch", batch, None)
    net = NetworkBuilder(name, batch=batch, bits=bits, training=training)
    if entry.sequence is None:
        if sequence is not None:
            raise SpecError(
                f"{name} has no sequence length",
                field="sequence",
                value=sequence,
                allowed=f"only with {', '.join(n for n, e in CATALOG.items() if e.sequence is not None)}",
                remedy="leave it out",
            )
        return entry.build(net)
    default, longest = entry.sequence
    length = default if sequence is None else sequence
    _check_extent("sequence", length, longest)
    return entry.build(net, length)


def unknown_network(name: str) -> SpecError:
    """The error that lists the built-in networks and language models, and the one closest to `name`."""
    models = preset_names("language_models")
    close = difflib.get_close_matches(name.lower().replace("_", "-"), models, 1, 0.7)
    close = close or difflib.get_close_matches(name.lower().replace("-", "_"), CATALOG, 1, 0.5)
    hint = f"did you mean {close[0]}? " if close else ""
    return SpecError(
        "no such network",
        field="network",
        value=name,
        allowed=f"{', '.join([*CATALOG, *models])}, or a path to a .onnx, .yaml or config.json file",
        remedy=f"{hint}give a built-in name or an existing file",
    )


def _entry(name: str) -> CatalogEntry:
    if name not in CATALOG:
        raise unknown_network(name)
    return CATALOG[name]


def _check_extent(field: str, value: int, longest: int | None) -> None:
    valid = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if not valid or (longest is not None and value > longest):
        allowed = "integers >= 1" if longest is None else f"integers from 1 to {longest}"
        raise SpecError(
            f"{field} out of range", field=field, value=value, allowed=allowed, remedy="choose a number in this range"
        )
