"""An independent check of a sized engine: rules, budgets and figures, counted again from the stored numbers.

It shares no code with the cost model, the rules and the sizing program.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

DIVIDES: dict[str, Callable[[int, int, int, int, int], int]] = {
    "z-divides-n": lambda z, n, w, fo, fi: n % z,
    "z-divides-w": lambda z, n, w, fo, fi: w % z,
    "fi-divides-z": lambda z, n, w, fo, fi: z % fi,
    "fo-divides-z": lambda z, n, w, fo, fi: z % fo,
}


def violations(data: dict[str, Any]) -> list[str]:
    """What is wrong with a result of the sizing program; empty if nothing is."""
    return list(_violations(data))


def _violations(data: dict[str, Any]) -> Iterator[str]:
    design, asked = data["design"], data["request"]
    sizes, degrees, parallel = design["neurons"], design["out_degrees"], design["z"]
    rules, last = asked["rules"], len(sizes) - 1
    edges = [sizes[i] * degrees[i] for i in range(last)]
    fan_ins = [edges[i] / sizes[i + 1] for i in range(last)]
    if sizes != asked["neurons"] or any(fan_in != int(fan_in) for fan_in in fan_ins):
        yield "the degrees do not fit the layers"
    cycles = [math.ceil(edges[i] / parallel[i]) for i in range(last)]
    depths = [math.ceil(sizes[i] / parallel[i]) for i in range(last)]
    for i in range(last):
        z, n, w, fo, fi = parallel[i], sizes[i], edges[i], degrees[i], int(fan_ins[i])
        if not 1 <= z <= n or fo not in asked["out_degrees"][i]:
            yield f"junction {i + 1}: z or fo out of range"
        yield from (f"junction {i + 1}: {name}" for name in DIVIDES if name in rules and DIVIDES[name](z, n, w, fo, fi))
        if "power-of-two" in rules and any(bin(number).count("1") != 1 for number in (z, fo, depths[i])):
            yield f"junction {i + 1}: power-of-two"
        if "hazard" in rules and i and depths[i] > 1 and (design["proctime"] + 1) % depths[i] == 0:
            yield f"junction {i + 1}: hazard"
        if "fresh" in rules and i and fo > 1 and depths[i] <= design["proctime"] + 1:
            yield f"junction {i + 1}: fresh"
        if "right-side" in rules and i + 1 < last and parallel[i + 1] * fi < z:
            yield f"junction {i + 1}: right-side"
    if "balanced" in rules and len(set(cycles)) > 1:
        yield "balanced"
    block = max(cycles) + 2 + design["proctime"]
    if (cycles, depths, block) != (design["cycles"], design["depths"], design["block_cycle"]):
        yield "cycles, depths or block cycle"
    time_us = block / Fraction(design["exact"]["clock_mhz"])
    if time_us != Fraction(design["exact"]["time_us"]) or float(time_us) != design["time_us"]:
        yield "time"
    if asked["max_time_us"] is not None and time_us > Fraction(asked["max_time_us"]):
        yield "the required rate"
    offered = [(some["kind"], some["clock_mhz"]) for some in asked["multipliers"]]
    if (design["multiplier"], design["exact"]["clock_mhz"]) not in offered:
        yield "a multiplier that was not offered"
    deep = max((int(fan_in) - 1).bit_length() for fan_in in fan_ins) + 1
    stages = {
        (some["kind"], some["clock_mhz"]): {"combinational": 0, "pipelined": 2, "deep": some["stages"] + deep}
        for some in asked["multipliers"]
    }.get((design["multiplier"], design["exact"]["clock_mhz"]))
    if stages is not None and design["proctime"] != stages[design["multiplier"]]:
        yield f"a latency of the arithmetic of {design['proctime']} clocks, it is {stages[design['multiplier']]}"
    if design["width_bits"] not in asked["widths_bits"]:
        yield "a width that was not offered"
    yield from _uses(design, asked)


def _uses(design: dict[str, Any], asked: dict[str, Any]) -> Iterator[str]:
    """Resources counted again and against the budgets."""
    found = counted_uses(
        design["neurons"], design["out_degrees"], design["z"], design["width_bits"], asked["input_bits"]
    )
    if found != design["device_use"]:
        yield f"device use {design['device_use']}, counted is {found}"
    yield from (f"budget of {name}" for name, limit in asked["budgets"].items() if found[name] > limit)


def counted_uses(
    sizes: Sequence[int], degrees: Sequence[int], parallel: Sequence[int], width: int, input_bits: int
) -> dict[str, int]:
    """DSP slices, block RAMs, lookup tables and input bits per clock of an engine."""
    last = len(sizes) - 1
    fan_ins = [sizes[i] * degrees[i] // sizes[i + 1] for i in range(last)]
    outs = [math.ceil(z / fan_in) for z, fan_in in zip(parallel, fan_ins, strict=True)]
    memories = [(parallel[i], sizes[i], 2 * (last - i) + 1 + (2 * (last - i) + 3 if i else 0)) for i in range(last)]
    memories.append((outs[-1], sizes[last], 2))
    blocks = tables = 0
    for per_copy, words, copies in memories:
        cost = _memory(width, math.ceil(words / per_copy))
        blocks += per_copy * copies * cost[0]
        tables += per_copy * copies * cost[1]
    for i, (z, out, fan_in) in enumerate(zip(parallel, outs, fan_ins, strict=True)):
        blocks += _blocks((z + out) * width, math.ceil(sizes[i] * degrees[i] / z))
        tree_bits = width + math.ceil(math.log2(fan_in))
        tables += z * width * width + z * width + out * (fan_in - 1) * tree_bits + out * tree_bits
        tables += (z + z + out if i else z + out) * width + 2 * out * width * math.ceil(min(2**width, 4096) / 64)
    return {
        "dsp": sum(parallel) + 2 * sum(parallel[1:]),
        "bram18": blocks,
        "lut": tables,
        "input_bits": math.ceil(parallel[0] / degrees[0]) * input_bits,
    }


def _memory(width: int, depth: int) -> tuple[int, int]:
    """(blocks, tables) of a memory with an address of its own."""
    if depth == 1:
        return 0, 0
    if depth <= 32:
        return 0, 4 * math.ceil(width / 6)
    return (0, 4 * math.ceil(width / 3)) if depth <= 64 else (_blocks(width, depth), 0)


def _blocks(width: int, depth: int) -> int:
    """Block RAMs of 18 kbit, the fewest over their shapes."""
    fewest = None
    for bits, rows in ((1, 16384), (2, 8192), (4, 4096), (9, 2048), (18, 1024), (36, 512)):
        count = math.ceil(width / bits) * math.ceil(depth / rows)
        fewest = count if fewest is None else min(fewest, count)
    assert fewest is not None
    return fewest
