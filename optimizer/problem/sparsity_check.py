"""Check that the multipliers support the N:M blocks of the layers."""

from __future__ import annotations

from collections.abc import Iterable

from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.workload.layer import Layer


def check_sparsity(layers: Iterable[Layer], hardware: Hardware, *, file: str | None = None) -> None:
    """Refuse layers in blocks that the multipliers do not take.

    Raises
    ------
    SpecError
    """
    for layer in layers:
        block = layer.block
        if block is not None and not hardware.supports(block):
            dims = None if hardware.sparsity is None else hardware.sparsity.dims
            raise SpecError(
                f"the architecture does not take {block.ratio} blocks along {block.dim} ({layer.name})",
                file=file,
                field="sparsity",
                value=None if hardware.sparsity is None else hardware.sparsity.mode,
                allowed="dense layers only" if dims is None else f"blocks along {', '.join(dims)}",
                remedy="add `sparsity: {mode: skip}` (or gate) to the architecture, or leave the layers dense",
            )
