"""Costs of user-given groups on a hardware point: only the loop nests of their runs are searched."""

from __future__ import annotations

from optimizer.architecture.hardware import Hardware
from optimizer.fusion.group_pricer import GroupPricer
from optimizer.fusion.plan import Plan
from optimizer.fusion.tile_pricer import Runs
from optimizer.given_groups.reader import GivenGroup
from optimizer.problem.goal import Aim
from optimizer.workload.views import TILE_AXES


def price_given(given: GivenGroup, runs: Runs, hardware: Hardware, aim: Aim) -> Plan:
    """The plan of a given group, with the optimal loop nest of every run.

    Parameters
    ----------
    given : GivenGroup
    runs : Runs
    hardware : Hardware
        Every layer has a mapping on it; level 1 is a single buffer of limited size.
    aim : Aim
        What the loop nests minimize.

    Raises
    ------
    SpecError
        If the buffer bypasses a tensor that it must hold, a tile does not fit, or no loop nests keep the rules.
    """
    _check_kept(given, hardware)
    _check_size(given, hardware)
    plan = GroupPricer(given.group, runs).plan(given.frame, given.choice, hardware, aim)
    if plan is None:
        rules = [rule.title for layer in given.frame.layers for rule in layer.rules]
        assert rules, "where the smallest tiles have room, a layer that has a mapping by itself has one"
        given.fields.fail(
            f"some run of {', '.join(given.group.members)} has no loop nest that keeps the constraints on mappings "
            f"({'; '.join(dict.fromkeys(rules))})",
            "layers",
            list(given.group.members),
            "groups whose runs have loop nests that keep the constraints of their layers",
            "change the tiles, the group, or what is resident or held, or leave a constraint out",
        )
    return plan


def _check_kept(given: GivenGroup, hardware: Hardware) -> None:
    buffer = hardware.levels[1]
    for layer in given.frame.layers:
        never = given.frame.pinned(layer, given.choice) & buffer.must_bypass
        if never:
            given.fields.fail(
                f"{buffer.name} never keeps {', '.join(sorted(never))} (must_bypass), but would have to hold that of "
                f"{layer.name}",
                "layers",
                list(given.group.members),
                f"groups that leave no tensor in {buffer.name} that it never keeps",
                "change must_bypass of the level, the group, or what is resident or held",
            )


def _check_size(given: GivenGroup, hardware: Hardware) -> None:
    buffer, needed = hardware.levels[1], needed_bits(given, hardware)
    usable, (name, most) = buffer.usable_bits, max(needed.items(), key=lambda pair: pair[1])
    if usable is not None and most > usable:
        given.fields.fail(
            f"the tile does not fit {buffer.name}: while {name} runs, {most} bits are needed and {usable} are usable",
            "tile.parts",
            dict(zip(TILE_AXES, given.frame.tiling.cut.parts, strict=True)),
            f"groups that need at most {usable} bits",
            "cut into more parts, stream weights, hold fewer tensors, split the group, or enlarge the level",
        )


def needed_bits(given: GivenGroup, hardware: Hardware) -> dict[str, int]:
    """Bits of the buffer needed while each layer runs: held tensors, and one word of every tensor that it must keep.

    Any loop nest keeps at least one word of a tensor that the level must keep.
    """
    frame, buffer = given.frame, hardware.levels[1]
    needed = dict(zip(given.group.members, frame.reserved_bits(given.choice), strict=True))
    for layer in frame.layers:
        own = buffer.must_keep - frame.pinned(layer, given.choice)
        needed[layer.name] += sum(layer.operand(role).bits for role in own)
    return needed
