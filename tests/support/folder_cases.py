"""Folders that commands write, one of every kind, for tests of their verification."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner
from click.testing import Result as Outcome

from optimizer.cli import main
from optimizer.workload.reader import dump_network
from tests.support.adjust_cases import SMALL_ARCH, build
from tests.support.fused_block import ARCHITECTURE, NETWORK
from tests.support.wide_chip import CHIP as WIDE_CHIP

TWO = "name: small\nlayers:\n  - {name: a, type: matmul, dims: {M: 8, N: 16, K: 8}}\n"
OTHER = "name: other\nlayers:\n  - {name: c, type: matmul, dims: {M: 8, N: 8, K: 4}}\n"
CHIP = WIDE_CHIP.replace("[32 KiB, 64 KiB]", "[1 KiB, 2 KiB]").replace("[4, 8]", "[2, 4]")
CHIP = CHIP.replace("64 words", "8 words")
GROUPS = "groups:\n  - {layers: [one, three], tile: {parts: {rows: 2}}}\n"
STEP = ("memory", "alexnet", "--training", "sgd", "--batch", "16", "--quiet")
ENGINE = ("1024,64,32", "--out-degrees", "4,16")
SMALLER = ("256,32,16", "--out-degrees", "4,8")
WIDE = ("--multiple", "2", "--range", "0.5:1.5", "--params", "+-40%", "--macs", "+-40%")
COMMANDS = {
    "solve": ("solve", "net.yaml", "-a", "chip.yaml"),
    "study": ("study", "net.yaml", "-a", "chip.yaml", "--vary", "area-mm2"),
    "nothing": ("study", "net.yaml", "-a", "chip.yaml", "--vary", "area-mm2=0.001:0.002"),
    "front": ("study", "net.yaml", "-a", "chip.yaml", "--pareto", "energy,latency"),
    "limits": ("study", "net.yaml", "-a", "chip.yaml", "--vary", "latency-ms"),
    "joint": ("codesign", "net.yaml", "other.yaml", "-a", "chip.yaml"),
    "fused": ("solve", "block.yaml", "-a", "buffer.yaml", "--fusion", "--compare"),
    "evaluate": (
        "evaluate",
        "block.yaml",
        "-a",
        "buffer.yaml",
        "--choose",
        "GLB.size=2 KiB",
        "--groups",
        "groups.yaml",
    ),
    "adjust": ("adjust", "widths.yaml", "-a", "small.yaml", *WIDE),
    "no_widths": ("adjust", "widths.yaml", "-a", "small.yaml", "--params", "-50%:-49%", "--macs", "-50%:-49%"),
    "memory": (*STEP, "--recompute", "--off-chip-gb", "0.55"),
    "no_memory": (*STEP, "--recompute", "--off-chip-gb", "0.3"),
    "kept": STEP,
    "size": ("sparse", "size", *ENGINE, "--device", "xc7a100t"),
    "no_size": ("sparse", "size", *ENGINE, "--device", "xc7a100t", "--dsp", "120"),
    "interleave": ("sparse", "interleave", *ENGINE, "--z", "128,32"),
    "simulate": ("sparse", "simulate", *SMALLER, "--z", "32,16", "--forwarding", "--inputs", "3"),
    "report": ("sparse", "report", *SMALLER, "--z", "32,16"),
}
QUIET = ("solve", "study", "codesign", "adjust")


def run(*arguments: object) -> Outcome:
    """A command."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def maker(place: Path) -> Callable[[str], Path]:
    """The folder that a command wrote in `place`, which processes may share; every command runs once."""
    inputs = {
        "net.yaml": TWO,
        "other.yaml": OTHER,
        "chip.yaml": CHIP,
        "block.yaml": NETWORK,
        "buffer.yaml": ARCHITECTURE,
        "groups.yaml": GROUPS,
        "small.yaml": SMALL_ARCH,
        "widths.yaml": dump_network(build(["inverted"], [4, 8])),
    }
    place.mkdir(exist_ok=True)
    for name, text in inputs.items():
        own = place / f"{os.getpid()}_{name}"
        own.write_text(text)
        own.replace(place / name)

    def made(kind: str) -> Path:
        folder = place / f"out_{kind}"
        if not folder.exists():
            words = [place / word if word in inputs else word for word in COMMANDS[kind]]
            more = ["--no-cache"] if words[0] not in ("memory", "sparse") else []
            more += ["--quiet"] if words[0] in QUIET else []
            own = place / f"{os.getpid()}_{kind}"
            outcome = run(*words, *more, "--out", own)
            assert outcome.exit_code in (0, 1), outcome.output
            try:
                own.rename(folder)
            except OSError:  # another process was faster
                shutil.rmtree(own)
        return folder

    return made
