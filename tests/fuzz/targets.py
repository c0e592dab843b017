"""What is fuzzed: how an input is made, and what reads it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optimizer.architecture.constrain import with_constraints
from optimizer.architecture.reader import load_architecture
from optimizer.checker.folder import verify_folder
from optimizer.errors import SpecError
from optimizer.mapping.reader import load_mapping
from optimizer.onnx_import import import_onnx
from optimizer.results.formats import CERTIFICATE_FILE, RESULT_FILE
from optimizer.results.load import load_file
from optimizer.workload.reader import dump_network, load_network, parse_network
from tests.fuzz import mutations, seeds
from tests.fuzz.operators import operator_model
from tests.support import tiny_problem

Inputs = dict[str, bytes]
"""Files by name."""


@dataclass(frozen=True)
class Target:
    """A way to make inputs from chance, and a way to read them from a folder."""

    make: Callable[[random.Random], Inputs]
    read: Callable[[Path], object]


def _onnx(chance: random.Random) -> Inputs:
    data = chance.choice(seeds.models())
    if chance.random() < 0.25:
        return {"m.onnx": mutations.of_bytes(chance, data)}
    message = seeds.parsed(data)
    mutations.of_model(chance, message, [seeds.parsed(chance.choice(seeds.models()))])
    return {"m.onnx": message.SerializeToString()}


def _read_onnx(folder: Path) -> object:
    """Import a model; what was imported can be written and read again."""
    unknown = sum((folder / "m.onnx").read_bytes()) % 2 == 0
    network = import_onnx(folder / "m.onnx", allow_unknown=unknown, training=unknown)
    text = dump_network(network)
    try:
        parse_network(text)
    except SpecError as error:
        raise AssertionError(f"written as\n{text}\nbut not read again: {error}") from error
    return network


def _text(name: str, source: str) -> Callable[[random.Random], Inputs]:
    return lambda chance: {name: mutations.of_text(chance, source.encode())}


def _result(chance: random.Random) -> Inputs:
    files = dict(seeds.result_files())
    name = chance.choice((RESULT_FILE, CERTIFICATE_FILE))
    return {**files, name: mutations.of_json(chance, files[name])}


def _read_result(folder: Path) -> object:
    return verify_folder(folder, None, seed=1), load_file(folder, RESULT_FILE)


def _read_mapping(folder: Path) -> object:
    layer = next(iter(tiny_problem.parse_network(tiny_problem.NETWORK).layers()))
    return load_mapping(folder / "m.yaml", layer, next(iter(tiny_problem.TINY.points())))


def _read_constraints(folder: Path) -> object:
    return with_constraints(tiny_problem.TINY, folder / "c.yaml")


TARGETS = {
    "onnx": Target(_onnx, _read_onnx),
    "operators": Target(lambda chance: {"m.onnx": operator_model(chance)}, _read_onnx),
    "architecture": Target(
        _text("a.yaml", tiny_problem.ARCHITECTURE), lambda folder: load_architecture(folder / "a.yaml")
    ),
    "network": Target(_text("n.yaml", seeds.NETWORK), lambda folder: load_network(folder / "n.yaml")),
    "mapping": Target(_text("m.yaml", seeds.MAPPING), _read_mapping),
    "constraints": Target(_text("c.yaml", seeds.CONSTRAINTS), _read_constraints),
    "result": Target(_result, _read_result),
}


def read_files(target: Target, files: Inputs) -> object:
    """Read an input from a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        for file, data in files.items():
            (Path(name) / file).write_bytes(data)
        return target.read(Path(name))
