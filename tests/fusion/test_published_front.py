"""The front of VGG-19 as one group moves what Alwani et al. publish (Fused-layer CNN accelerators, MICRO 2016).

They fuse the first five convolutions, with the pooling between, in 32 bits: of feature maps only the image and the last
output cross the border of the chip, 3.64 MB instead of 77 MB, with 362 KB of on-chip storage for what tiles share.
"""

from __future__ import annotations

import math

import pytest

from optimizer import networks
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import parse_architecture
from optimizer.files.exact_yaml import load_exact
from optimizer.workload.layer import VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY_WINDOW, View, Window
from tests.support.choices import slow_if
from tests.support.runs import group_costs

KIB = 2**10
IMAGE = (3, 224, 224)
LAST = "conv3_1"
FEATURES = 3 * 224 * 224 + 256 * 56 * 56
"""Words of the image and of the output of the fifth convolution."""

ARCHITECTURE = """
name: roomy
technology: generic45
clock_mhz: 500
word_bits: 32
mac: {type: int, bits: 16}
vector: {lanes: 16}
array: {x: 1, y: 1}
levels:
  - {name: DRAM, component: dram}
  - {name: BUFFER, component: sram, size: 32 MiB, must_keep: [W, I, O]}
"""


@pytest.fixture(scope="module")
def roomy() -> Architecture:
    """Room for all feature maps at once."""
    return parse_architecture(load_exact(ARCHITECTURE))


def front(*, image: bool) -> Network:
    """VGG-19 up to the fifth convolution; with `image` a layer stands for the image, with what is needed of it."""
    whole, network = networks.build("vgg19", bits=32), Network("front")
    before = None
    if image:
        words = ((math.prod(IMAGE), 32),)
        network.add(VectorLayer("image", "input", (), words, 0, grid=(1, *IMAGE[1:])))
        before = "image"
    for layer in whole.layers():
        view: View = (IDENTITY_WINDOW, Window(1, 3, 1), Window(1, 3, 1))
        for source in whole.graph.predecessors(layer.name):
            view = whole.view(source, layer.name)
        network.add(layer, **({"after": {before: before}, "views": {before: view}} if before else {}))
        before = layer.name
        if before == LAST:
            break
    return network


def moved(network: Network, architecture: Architecture, rows: int, columns: int) -> tuple[int, int]:
    """Words of feature maps that cross the border of the chip, and that the buffer holds, with all as one group."""
    names = [layer.name for layer in network.layers() if layer.name != "image"]
    weights = {layer.name: layer.operand("W").footprint(layer.extents) for layer in network.mac_layers()}
    group = {
        "layers": names,
        "tile": {"parts": {"rows": rows, "columns": columns}},
        "weights": dict.fromkeys(weights, "resident"),
        "held": [name for name in network.graph if name == "image"],
    }
    (entry,) = group_costs(network, architecture, {"groups": [group]})["groups"]
    assert entry["layers"] == ["conv1_1", "conv1_2", "pool1", "conv2_1", "conv2_2", "pool2", LAST]
    return entry["dram_words"] - sum(weights.values()), entry["buffer_words"] - sum(weights.values())


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "columns"), slow_if([(56, 56)], [(1, 1), (28, 1), (56, 1), (56, 56)]))
def test_only_the_image_and_the_last_output_move(roomy: Architecture, rows: int, columns: int) -> None:
    """3.637 MiB, whatever the tiles: the image is fetched tile by tile, and what tiles share of it is kept."""
    words, _ = moved(front(image=True), roomy, rows, columns)
    assert words == FEATURES == 953_344
    assert round(4 * words / KIB**2, 3) == 3.637


@pytest.mark.slow
def test_one_position_per_tile_needs_the_published_storage(roomy: Architecture) -> None:
    """366 KiB for a tile and what tiles share, besides weights; 362 KB are published."""
    _, held = moved(front(image=True), roomy, 56, 56)
    assert 4 * held / KIB == pytest.approx(362, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "fetching"), [(1, 1), (14, 14), (28, 27)])
def test_an_image_without_a_layer_is_streamed_with_its_padding(roomy: Architecture, rows: int, fetching: int) -> None:
    """All but the image is exact: of it every tile fetches rows of 226 words, two of them padding or a neighbour's.

    The last of 28 tiles finds all rows of the first convolution computed.
    """
    words, _ = moved(front(image=False), roomy, rows, 1)
    assert words - FEATURES == 3 * ((224 + 2 * fetching) * 226 - 224 * 224)
