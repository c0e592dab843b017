"""Faults of a claim about a fused group that make it impossible to execute."""

from __future__ import annotations

import math
from collections.abc import Iterator

import networkx as nx

from optimizer.architecture.hardware import Hardware
from optimizer.golden.group_claim import HALO, Stage, written
from optimizer.golden.group_slices import chain_breaches
from optimizer.workload.layer import Layer
from optimizer.workload.views import TILE_AXES


def breaches(stage: Stage, hardware: Hardware) -> list[str]:
    """Faults that make a claim ambiguous, so that it cannot be executed."""
    unknown = [*_members(stage)]
    return unknown or [
        *_group(stage),
        *_cut(stage),
        *_choices(stage),
        *_tensors(stage),
        *chain_breaches(stage),
        *_buffer(hardware),
    ]


def _members(stage: Stage) -> Iterator[str]:
    members = stage.claim.members
    if not members:
        yield "the group has no members"
    for name in dict.fromkeys(members):
        if name not in stage.network.graph:
            yield f"the network has no layer {name}"
        if members.count(name) > 1:
            yield f"{name} is a member more than once"


def _group(stage: Stage) -> Iterator[str]:
    """Check that members run once each, after their producers, and that no path leads out of the group and back."""
    members = stage.claim.members
    place = {name: n for n, name in enumerate(members)}
    for name in members:
        if stage.layer(name).multiplicity != 1:
            yield f"{name} runs {stage.layer(name).multiplicity} times, so it cannot be fused"
        for source in stage.sources(name):
            if place.get(source, -1) > place[name]:
                yield f"{name} runs before {source}, whose output it reads"
    for name in stage.outside:
        if stage.layer(name).multiplicity != 1:
            yield f"{name} runs {stage.layer(name).multiplicity} times, so no member can read its output"
        for member in sorted(place.keys() & nx.ancestors(stage.network.graph, name), key=place.__getitem__):
            yield f"{name} is read inside the group and needs {member}, which is a member"


def _cut(stage: Stage) -> Iterator[str]:
    claim = stage.claim
    if any(type(parts) is not int or parts < 1 for parts in claim.parts) or len(claim.parts) != len(TILE_AXES):
        yield f"{claim.parts} is not a number of parts along {', '.join(TILE_AXES)}"
        return
    for policy in claim.halo:
        if policy not in HALO:
            yield f"unknown halo policy {policy!r}, known are {', '.join(HALO)}"
    for name in claim.members:
        for axis, parts, extent in zip(TILE_AXES, claim.parts, stage.layer(name).grid, strict=True):
            if name in stage.leaving and extent % parts:
                yield f"{parts} parts do not divide the {extent} positions of {name} along {axis}"


def _choices(stage: Stage) -> Iterator[str]:
    claim, members = stage.claim, set(stage.claim.members)
    for name in sorted(claim.resident):
        layer = stage.layer(name) if name in members else None
        if not isinstance(layer, Layer) or "W" in (stage.roles(layer) or {}).values():
            yield f"{name} has no weights that could be resident"
    for name in sorted(claim.held - set(stage.outside)):
        yield f"{name} is not outside of the group and read by a member, so it cannot be held"
    for name, strips in claim.strips.items():
        if name not in members or not isinstance(stage.layer(name), Layer):
            yield f"{name} cannot run in strips: it is no multiply-accumulate layer of the group"
        if type(strips) is not int or strips < 1:
            yield f"{name} cannot run in {strips!r} strips"


def _tensors(stage: Stage) -> Iterator[str]:
    """Check that every tensor is a single output with equal words per position, and that the operand of every reader is
    known.
    """
    for name in (*stage.claim.members, *stage.outside):
        layer = stage.layer(name)
        tensors = written(layer)
        if len(tensors) != 1 or tensors[0][0] % math.prod(layer.grid):
            yield f"{name} does not write one tensor of as many words at every position"
        if isinstance(layer, Layer) and name in stage.claim.members and stage.roles(layer) is None:
            yield f"it cannot be told which operands of {name} other layers compute"


def _buffer(hardware: Hardware) -> Iterator[str]:
    if len(hardware.levels) < 2 or hardware.levels[0].mesh != (1, 1) or hardware.levels[1].mesh != (1, 1):
        yield "there is no single buffer next to the outermost level"
