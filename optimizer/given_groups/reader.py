"""User-given fused groups, read from YAML files.

A file holds the groups of a network; a layer in none of them runs by itself::

    groups:
      - layers: [conv1, conv2]                      # in any order; they run in the network's order
        tile: {parts: {batch: 1, rows: 4, columns: 1}}
        halo: {rows: cache, columns: recompute}
        weights: {conv1: resident, conv2: streamed}
        held: [conv0]
        strips: {conv1: 2}
        slices: {layers: [conv1, conv2], number: 4, gathers: true}

Only ``layers`` is needed.

``tile.parts``
    Into how many equal parts the outputs that leave the group are cut along each axis (default 1).
``halo``
    What is done about rows and columns that neighbouring tiles share: ``cache`` (default) or ``recompute``.
``weights``
    ``resident``: loaded once and kept in the buffer; ``streamed`` (default): brought in by every run.
``held``
    Layers outside whose output is fetched into the buffer tile by tile, for all layers of the group that read it.
``strips``
    Into how many strips of rows a layer cuts its part of a tile (default 1).
``slices``
    Layers that take turns on n slices of the channels between them; with ``gathers`` the buffer holds the partial
    sums of the last of them, where its output only leaves the group.

So an entry of ``groups`` in ``result.json`` can be copied as it is: what it states besides these decisions (costs,
buffer sizes, ``tile.tiles``, and the loop nests of its ``runs``) is left out of account and worked out anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.files.schema_check import check_schema
from optimizer.files.yaml_fields import Fields, read_yaml
from optimizer.fusion.groups import FusionGroup
from optimizer.fusion.plan import Frame, RunChoice
from optimizer.fusion.tilings import Along, Cut, GroupTiling
from optimizer.given_groups.checks import (
    check_members,
    check_order,
    check_parts,
    check_policies,
    check_slices,
    check_strips,
)
from optimizer.given_groups.schema import STATED, groups_schema
from optimizer.workload.network import Network
from optimizer.workload.views import TILE_AXES

DECISIONS = ("layers", "tile", "halo", "weights", "held", "strips", "slices")


@dataclass(frozen=True)
class GivenGroup:
    """A group with all its decisions, and the fields that they were read from."""

    frame: Frame
    choice: RunChoice
    fields: Fields

    @property
    def group(self) -> FusionGroup:
        """Its layers."""
        return self.frame.group

    @property
    def decisions(self) -> dict[str, Any]:
        """The given decisions, as plain data."""
        return {name: self.fields.get(name) for name in DECISIONS if name in self.fields}


def load_groups(path: str | Path, network: Network) -> list[GivenGroup]:
    """Read a groups file; errors as in :func:`parse_groups`."""
    return parse_groups(read_yaml(path), network, file=str(path))


def parse_groups(data: object, network: Network, *, file: str | None = None) -> list[GivenGroup]:
    """The groups of a parsed file, checked against the network.

    Parameters
    ----------
    data : object
        ``{"groups": [...]}``; see the module's docstring.
    network : Network
    file : str, optional
        Where it was read from, for messages.

    Raises
    ------
    SpecError
        On the first thing that makes no sense, with file, field, value, what is allowed and the remedy: unknown layers
        and keys, layers that may not be fused or are in two groups, groups that are not connected, not convex or
        read from each other in a ring, parts that do not divide the outputs, policies that mean nothing.
    """
    decisions = _decisions(data)
    check_schema(decisions, groups_schema(), file=file)
    assert isinstance(decisions, dict)
    entries = [Fields(entry, file, f"groups[{number}]") for number, entry in enumerate(decisions["groups"])]
    check_members(network, entries)
    found = [_group(network, fields) for fields in entries]
    check_order(network, [given.group for given in found], file)
    return found


def _decisions(data: object) -> object:
    """The data reduced to the decisions of each group."""
    if not isinstance(data, dict) or not isinstance(data.get("groups"), list):
        return data
    return data | {"groups": [_decided(group) for group in data["groups"]]}


def _decided(group: object) -> object:
    if not isinstance(group, dict):
        return group
    kept = {key: value for key, value in group.items() if key not in STATED}
    if isinstance(kept.get("tile"), dict):
        kept["tile"] = {key: value for key, value in kept["tile"].items() if key != "tiles"}
    return kept


def _group(network: Network, fields: Fields) -> GivenGroup:
    named = set(_data(fields, "layers"))
    group = FusionGroup(network, tuple(layer.name for layer in network.layers() if layer.name in named))
    batch, rows, columns = (_data(fields, "tile").get("parts", {}).get(axis, 1) for axis in TILE_AXES)
    down, across = (_data(fields, "halo").get(axis, "cache") for axis in TILE_AXES[1:])
    cut = Cut((batch, rows, columns), (down, across))
    check_parts(group, cut, fields)
    frame = Frame(GroupTiling(Along(group), cut))
    check_policies(group, fields)
    check_strips(frame, fields)
    choice = RunChoice(
        frozenset(name for name, how in _data(fields, "weights").items() if how == "resident"),
        frozenset(_data(fields, "held")),
        frozenset((name, number) for name, number in _data(fields, "strips").items() if number > 1),
        check_slices(frame, fields),
    )
    return GivenGroup(frame, choice, fields)


def _data(fields: Fields, key: str) -> Any:
    return fields.get(key, {})
