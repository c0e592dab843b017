"""Options of layer fusion in a problem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.files.arguments import check_fields
from optimizer.workload.layer import Layer
from optimizer.workload.views import TILE_AXES

HALO = ("cache", "recompute")


SPACE = (
    " Fused: groups of at most {max_group} layers, convex and connected by tensors, that run once; a group's "
    "outputs are cut into equal parts along {axes}, tiles run in this order, and within a tile every layer in "
    "the network's order; halo along rows and columns is {halo}; weights are resident or streamed by every "
    "run, per layer, inputs of the group held or streamed, per tensor; at most one layer of a group runs in 2, "
    "4 or 8 strips of rows, or some that follow one another take turns on 2 to 32 slices of the channels between "
    "them, of which no tile needs what another one computed, the sums gathered in the buffer or outside; buffers are "
    "as large as the largest tile needs; loads of resident weights and held "
    "inputs, and stores, do not overlap with work."
)


@dataclass(frozen=True)
class Fusion:
    """Layer fusion with its limits.

    Parameters
    ----------
    max_group : int
        Most layers in a group, at least 2.
    halo : tuple of {"cache", "recompute"}
        Allowed treatments of rows and columns that neighbouring tiles share.
    axes : tuple of {"batch", "rows", "columns"}
        Axes along which outputs may be cut.

    Raises
    ------
    SpecError
        On anything else.
    """

    max_group: int = 4
    halo: tuple[str, ...] = HALO
    axes: tuple[str, ...] = ("batch", "rows")

    def __post_init__(self) -> None:
        if isinstance(self.max_group, bool) or not isinstance(self.max_group, int) or self.max_group < 2:
            raise SpecError(
                "a group has at least two layers",
                field="fusion.max_group",
                value=self.max_group,
                allowed="integers >= 2",
                remedy="choose a larger number, or do not fuse",
            )
        check_fields(self)
        if not self.halo or len(set(self.halo)) < len(self.halo) or not set(self.halo) <= set(HALO):
            raise SpecError(
                "unknown halo policy",
                field="fusion.halo",
                value=",".join(map(str, self.halo)),
                allowed="cache, recompute, or both",
                remedy="write e.g. cache,recompute",
            )
        if not self.axes or len(set(self.axes)) < len(self.axes) or not set(self.axes) <= set(TILE_AXES):
            raise SpecError(
                "unknown tile axis",
                field="fusion.axes",
                value=",".join(map(str, self.axes)),
                allowed=", ".join(TILE_AXES),
                remedy="write e.g. batch,rows",
            )

    @property
    def space(self) -> str:
        """The declared space of groups, as a sentence."""
        return SPACE.format(
            max_group=self.max_group, halo=" or ".join(f"{policy}d" for policy in self.halo), axes=", ".join(self.axes)
        )

    def data(self) -> dict[str, Any]:
        """As the problem section of a result holds it."""
        return {"max_group": self.max_group, "halo": list(self.halo), "axes": list(self.axes)}


def parse_fusion(data: Any) -> Fusion:
    """Inverse of :meth:`Fusion.data`."""
    return Fusion(data["max_group"], tuple(data["halo"]), tuple(data["axes"]))


def check_fusible(layers: Iterable[Layer]) -> None:
    """Tensors between layers are plain: no layer may write blocks.

    Raises
    ------
    SpecError
    """
    for layer in layers:
        if layer.block is not None and layer.block.dim in layer.operand("O").dims:
            raise SpecError(
                "with fusion a layer's output cannot lie in blocks",
                field=f"{layer.name}.sparsity.dim",
                value=layer.block.dim,
                allowed="a dim that does not index the output",
                remedy="let the blocks lie along a dim that is summed over, or do not fuse",
            )


def check_buffer(hardware: Hardware, file: str | None) -> None:
    """Level 1 must be a single buffer on the chip.

    Raises
    ------
    SpecError
    """
    if len(hardware.levels) < 2 or hardware.fanout(0) != (1, 1) or hardware.levels[1].size_bits is None:
        raise SpecError(
            "fusion needs one buffer of limited size right inside of the outermost level",
            file=file,
            field="levels",
            value=[f"{level.name} {level.mesh[0]} x {level.mesh[1]}" for level in hardware.levels[:2]],
            allowed="a second level with a mesh of 1 x 1 and a size",
            remedy="use another architecture, or do not fuse",
        )
