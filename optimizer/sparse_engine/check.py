"""An independent check of a sized engine: rules, budgets and figures, counted again from the stored numbers.

It shares no code with the cost model, the rules and the sizing program: it lists every memory and counts units one
junction after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

DIVIDES = {
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
        if "right-side" in rules and i + 1 < last and parallel[i + 1] * fi < z:
            yield f"junction {i + 1}: right-side"
    if "balanced" in rules and len(set(cycles)) > 1:
        yield "balanced"
    block = max(cycles) + 2 + design["proctime"]
    if (cycles, depths, block) != (design["cycles"], design["depths"], design["block_cycle"]):
        yield "cycles, depths or block cycle"
    if not math.isclose(block / design["clock_mhz"], design["time_us"], rel_tol=1e-12):
        yield "time"
    if asked["max_time_us"] is not None and block / design["clock_mhz"] > asked["max_time_us"] * (1 + 1e-12):
        yield "the required rate"
    yield from _uses(design, asked, edges, [int(fan_in) for fan_in in fan_ins])


def _uses(design: dict[str, Any], asked: dict[str, Any], edges: list[int], fan_ins: list[int]) -> Iterator[str]:
    """Resources counted again and against the budgets."""
    sizes, degrees, parallel, width = design["neurons"], design["out_degrees"], design["z"], design["width_bits"]
    last = len(sizes) - 1
    outs = [math.ceil(z / fan_in) for z, fan_in in zip(parallel, fan_ins, strict=True)]
    memories = [(parallel[i], sizes[i], 2 * (last - i) + 1 + (2 * (last - i) + 3 if i else 0)) for i in range(last)]
    memories.append((outs[-1], sizes[last], 2))
    blocks = tables = 0
    for per_copy, words, copies in memories:
        some = [_memory(width, math.ceil(words / per_copy)) for _ in range(per_copy * copies)]
        blocks += sum(block for block, _ in some)
        tables += sum(table for _, table in some)
    for i, (z, out, fan_in) in enumerate(zip(parallel, outs, fan_ins, strict=True)):
        blocks += _blocks((z + out) * width, math.ceil(edges[i] / z))
        tree_bits = width + math.ceil(math.log2(fan_in))
        tables += z * width * width + z * width + out * (fan_in - 1) * tree_bits + out * tree_bits
        tables += (z + z + out if i else z + out) * width + 2 * out * width * math.ceil(min(2**width, 4096) / 64)
    found = {
        "dsp": sum(parallel) + 2 * sum(parallel[1:]), "bram18": blocks, "lut": tables,
        "input_bits": math.ceil(parallel[0] / degrees[0]) * asked["input_bits"],
    }  # fmt: skip
    yield from (f"{name}: {found[name]} counted" for name in found if found[name] != design["device_use"][name])
    yield from (f"budget of {name}" for name, limit in asked["budgets"].items() if found[name] > limit)


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
