"""Layers of a fused group that take turns on slices of channels: which dim is sliced, and what must hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from optimizer.golden.group_claim import Stage
from optimizer.workload.layer import Layer

if TYPE_CHECKING:
    from optimizer.golden.group_steps import Step


def sliced_dim(stage: Stage, name: str) -> str | None:
    """The dim of a layer that is sliced: that of the channels of its output, of the chain's last layer of its input.

    None if there is not one dim alone.
    """
    layer = stage.layer(name)
    if not isinstance(layer, Layer):
        return None
    operand = layer.operand("I" if name == stage.claim.chain[-1] else "O")
    found = [
        axis.terms[0][0]
        for axis in operand.axes
        if len(axis.terms) == 1 and layer.extents[axis.terms[0][0]] > 1 and axis.terms[0][0] not in layer.tile_dims
    ]
    return found[0] if len(found) == 1 else None


def chain_breaches(stage: Stage) -> Iterator[str]:
    """Reasons why the layers of the chain cannot take turns."""
    claim, chain = stage.claim, stage.claim.chain
    if not chain:
        if claim.slices != 1 or claim.gathers:
            yield "slices without layers that take turns"
        return
    if type(claim.slices) is not int or claim.slices < 2:
        yield f"{claim.slices!r} is not a number of slices"
        return
    start = claim.members.index(chain[0]) if chain[0] in claim.members else 0
    if len(chain) < 2 or claim.members[start : start + len(chain)] != chain:
        yield f"{', '.join(chain)} do not follow one another in the group"
        return
    if claim.gathers and chain[-1] in stage.inner:
        yield f"the sums of {chain[-1]} stay in the buffer anyway"
    for name in chain:
        yield from _member_breaches(stage, name)
    for source, name in pairwise(chain):
        if stage.readers(source) != [name] or source in stage.leaving:
            yield f"{source} is not read by {name} alone"


def _member_breaches(stage: Stage, name: str) -> Iterator[str]:
    layer, dim = stage.layer(name), sliced_dim(stage, name)
    if not isinstance(layer, Layer) or dim is None:
        yield f"{name} has no one dim to slice"
        return
    place, last = stage.claim.chain.index(name), name == stage.claim.chain[-1]
    roles = stage.roles(layer) or {}
    if name in stage.claim.strips:
        yield f"{name} cannot run in strips and in slices"
    if "W" in roles.values() or (place and roles != {stage.claim.chain[place - 1]: "I"}):
        yield f"{name} does not take its input, and no other tensor, from the layer before it in the chain"
    if layer.extents[dim] % stage.claim.slices:
        yield f"{stage.claim.slices} slices do not divide the {layer.extents[dim]} channels of {name}"
    summed = dim not in layer.operand("O").dims
    if summed != last or (place and dim not in layer.operand("I").dims):
        yield f"{name} cannot work on slices of its channels at place {place + 1} of the chain"
    read = layer.extents[dim] * (layer.block.size if layer.block is not None and layer.block.dim == dim else 1)
    if place and stage.output(stage.claim.chain[place - 1])[0] != read:
        yield f"the {read} channels that {name} reads are not those of {stage.claim.chain[place - 1]}"


def foreign_reads(stage: Stage, steps: list[Step]) -> Iterator[str]:
    """Layers of the chain that read positions or channels not computed by the previous layer on the same tile and
    slice.
    """
    found = set()
    for before, step in pairwise(steps):
        if step.member not in stage.claim.chain[1:] or before.member not in stage.sliced:
            continue
        for source, block in step.read:
            made = before.block if source == before.member else ((), (), ())
            if not all(set(read) <= set(there) for read, there in zip(block, made, strict=True)):
                found.add(step.member)
    for name in sorted(found):
        yield f"{name} reads slices that were computed for another tile"
