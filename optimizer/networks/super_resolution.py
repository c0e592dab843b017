"""FSRCNN: super-resolution of the luminance of an image.

Source: Dong, Loy and Tang, Accelerating the super-resolution convolutional neural network, ECCV 2016, with
d = 56 features, s = 12 after shrinking, m = 4 mapping layers. The paper takes images of any size. Here it is
960 x 540, made twice as large: 1920 x 1080 is what accelerators for this task are measured with (Manabe et al.,
FPGA implementation of a real-time super-resolution system using a convolutional neural network, FPT 2016).
"""

from __future__ import annotations

from optimizer.networks.builder import NetworkBuilder
from optimizer.workload.network import Network

ROWS, COLUMNS, SCALE = 540, 960, 2

FEATURES, SHRUNK, MAPPINGS = 56, 12, 4


def fsrcnn(net: NetworkBuilder) -> Network:
    """FSRCNN(56,12,4); a parametric ReLU after every convolution, none after the transposed one."""
    x = net.conv("features", net.input(1, ROWS, COLUMNS), FEATURES, 5, pad=2, learned="bias_and_slope")
    x = net.conv("shrink", x, SHRUNK, 1, learned="bias_and_slope")
    for number in range(1, MAPPINGS + 1):
        x = net.conv(f"map{number}", x, SHRUNK, 3, pad=1, learned="bias_and_slope")
    x = net.conv("expand", x, FEATURES, 1, learned="bias_and_slope")
    net.transposed_conv("upscale", x, 1, 9, stride=SCALE, pad=4)
    return net.network
