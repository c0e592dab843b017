"""Small networks with channel widths as a parameter, for tests of adjusting them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from optimizer.networks.builder import NetworkBuilder
from optimizer.workload.network import Network

SMALL_ARCH = """
name: small
clock_mhz: 100
technology: generic45
array: {x: 4, y: 3}
levels:
  - {name: DRAM, component: dram, bandwidth: {shared: 2 words/cycle}}
  - {name: GLB, component: sram, size: 2 KiB, bandwidth: {read: 4 words/cycle, write: 4 words/cycle}}
  - {name: RF, component: regfile, size: 16 words, must_keep: [W, I, O]}
"""

BLOCKS = ("plain", "strided", "residual", "inverted", "pooled", "joined", "gated")


def build(blocks: Sequence[str], widths: Sequence[int], side: int = 4, *, pooled: bool = False) -> Network:
    """A network of these blocks; every class of tied widths takes the next width, in the order of the network.

    Its last map is flattened, or `pooled` to one position.
    """
    net = NetworkBuilder("small", batch=1, bits=None)
    left = iter(widths)
    x = net.conv("stem", net.input(3, side, side), next(left), 3, pad=1)
    for number, block in enumerate(blocks):
        name = f"b{number}.{block}"
        if block == "plain":
            x = net.conv(name, x, next(left), 1, learned="bias")
        elif block == "strided":
            x = net.conv(name, x, next(left), 3, stride=2, pad=1)
        elif block == "residual":
            x = net.add(f"{name}.add", x, net.conv(f"{name}.conv", x, x.shape[0], 3, pad=1))
        elif block == "inverted":
            hidden = next(left)
            y = net.conv(f"{name}.expand", x, hidden, 1)
            y = net.conv(f"{name}.depthwise", y, hidden, 3, pad=1, groups=hidden)
            x = net.add(f"{name}.add", x, net.conv(f"{name}.project", y, x.shape[0], 1))
        elif block == "pooled":
            x = net.pool(name, net.lrn(f"{name}.norm", x), 2, 1, pad=1)
        elif block == "joined":
            parts = [net.conv(f"{name}.one", x, next(left), 1), net.conv(f"{name}.two", x, next(left), 3, pad=1)]
            x = net.concat(f"{name}.join", parts)
        else:
            gate = net.linear(f"{name}.gate", net.global_pool(f"{name}.mean", x), next(left))
            x = net.conv(f"{name}.after", x, x.shape[0], 1)
            net.softmax(f"{name}.out", net.linear(f"{name}.head", gate, 5))
    x = net.global_pool("mean", x) if pooled else x
    net.softmax("softmax", net.linear("classes", x, 10))
    return net.network


def width_count(blocks: Sequence[str]) -> int:
    """How many widths :func:`build` takes for these blocks."""
    return 1 + sum({"plain": 1, "strided": 1, "inverted": 1, "joined": 2, "gated": 2}.get(b, 0) for b in blocks)


@st.composite
def networks(draw: st.DrawFn, most: int = 4) -> tuple[list[str], list[int], list[int]]:
    """Blocks, and two lists of widths for them; a join before a residual sum is left out."""
    blocks = draw(st.lists(st.sampled_from([b for b in BLOCKS if b != "gated"]), max_size=most))
    count = width_count(blocks)
    some = st.lists(st.integers(2, 12), min_size=count, max_size=count)
    return blocks, draw(some), draw(some)
