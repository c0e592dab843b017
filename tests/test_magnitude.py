"""Layers too large for exact integers are refused before the search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.api import map_layer
from optimizer.architecture_yaml import load_architecture
from optimizer.errors import SpecError
from optimizer.magnitude import check_magnitude
from optimizer.networks.catalog import build
from optimizer.presets import preset_names
from optimizer.workload import matmul


@pytest.mark.parametrize(("exponent", "padding"), [(14, "none"), (12, {"M": [2**17]})])
def test_layers_beyond_the_integers_are_refused(exponent: int, padding: Any) -> None:
    layer = matmul("huge", dict.fromkeys("MNK", 2**exponent))
    with pytest.raises(SpecError, match=r"(?s)huge: .*too many.*value: .*allowed: at most [0-9,]+ .*smaller batch"):
        map_layer(layer, load_architecture("edge_small"), padding=padding)


@pytest.mark.parametrize("name", preset_names("architectures"))
@pytest.mark.parametrize("network", ["vgg16", "resnet50", "bert_base", "gpt2"])
def test_usual_networks_are_within_the_integers(name: str, network: str) -> None:
    layers = [(layer, layer.macs) for layer in build(network).mac_layers()]
    check_magnitude(layers, list(load_architecture(name).points()))


def test_what_may_not_be_kept_is_not_counted() -> None:
    (point,) = load_architecture("eyeriss").points()
    keeping = replace(point, levels=tuple(replace(level, must_bypass=frozenset()) for level in point.levels))
    limits = []
    for hardware in (point, keeping):
        with pytest.raises(SpecError) as caught:
            check_magnitude([(matmul("huge", {"M": 2, "N": 2, "K": 2}), 2**62)], [hardware])
        limits.append(int(str(caught.value.allowed).split()[2].replace(",", "")))
    # per word of 16 bits: MAC 1, DRAM 4 x 200, RF 7 x 1; the buffer 5 x 6 for I and O, 2 x 6 more for W
    assert limits == [(2**60 - 1) // 838, (2**60 - 1) // 850]
