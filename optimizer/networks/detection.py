"""YOLOv2: an object detector on the Darknet-19 backbone, for the 80 classes of COCO.

Source: Redmon and Farhadi, YOLO9000: better, faster, stronger, CVPR 2017; layer by layer ``yolov2.cfg`` of
Darknet. Five boxes per cell with four coordinates, one score and 80 class probabilities make 425 channels. The
last step, which turns them into boxes, is left out.

Extents that the pooling does not divide are rounded down, as in Darknet when YOLOv2 came out (output =
extent // 2): 720 rows become 360, 180, 90, 45 and 22. Later Darknet rounds up, to 23; its passthrough still rounds
down, to 22, and it then refuses to join the two. So 22 is the one count that both branches of the network can have.
"""

from __future__ import annotations

from optimizer.networks.builder import BuilderTensor, NetworkBuilder
from optimizer.workload.network import Network

BOXES, CLASSES = 5, 80

BACKBONE = ((32,), (64,), (128, 64, 128), (256, 128, 256), (512, 256, 512, 256, 512), (1024, 512, 1024, 512, 1024))
"""Channels of Darknet-19's blocks. Inside a block 3x3 and 1x1 convolutions take turns; pooling lies between blocks."""


def yolov2(net: NetworkBuilder) -> Network:
    """YOLOv2 for images of 416 x 416."""
    return _yolov2(net, 416, 416)


def yolov2_720p(net: NetworkBuilder) -> Network:
    """YOLOv2 for images 1280 wide and 720 high."""
    return _yolov2(net, 720, 1280)


def _yolov2(net: NetworkBuilder, rows: int, columns: int) -> Network:
    fine, x = _backbone(net, net.input(3, rows, columns))
    for number in (1, 2):
        x = net.conv(f"conv7_{number}", x, 1024, 3, pad=1)
    passed = net.reorg("reorg", net.conv("passthrough", fine, 64, 1), 2)
    x = net.conv("conv8", net.concat("concat", [passed, x]), 1024, 3, pad=1)
    net.conv("detection", x, BOXES * (4 + 1 + CLASSES), 1, learned="bias")
    return net.network


def _backbone(net: NetworkBuilder, x: BuilderTensor) -> tuple[BuilderTensor, BuilderTensor]:
    """Darknet-19 without its classifier: the image before the last pooling, and the last image."""
    blocks = []
    for block, widths in enumerate(BACKBONE, 1):
        if block > 1:
            x = net.pool(f"pool{block - 1}", x, 2, 2)
        for number, channels in enumerate(widths, 1):
            kernel = 3 if number % 2 else 1
            x = net.conv(f"conv{block}_{number}", x, channels, kernel, pad=kernel // 2)
        blocks.append(x)
    return blocks[-2], blocks[-1]
