"""Broken input ends in a SpecError, in time; ``python -m tests.fuzz`` asks for longer."""

from __future__ import annotations

import json
import time

import pytest

from optimizer.errors import SpecError
from optimizer.results.formats import CERTIFICATE_FILE
from tests.fuzz import corpus, seeds
from tests.fuzz.campaign import Outcome, run
from tests.fuzz.targets import TARGETS, read_files
from tests.support import tiny_problem

SLOW_SECONDS = 8


def no_faults(outcome: Outcome) -> None:
    assert outcome.counts["inputs"] and not outcome.faults, {
        place: (label, text) for place, (label, _, text) in outcome.faults.items()
    }


def test_what_is_mutated_can_be_read() -> None:
    for data in seeds.models():
        assert len(read_files(TARGETS["onnx"], {"m.onnx": data}).graph)
    texts = {
        "architecture": ("a.yaml", tiny_problem.ARCHITECTURE),
        "network": ("n.yaml", seeds.NETWORK),
        "mapping": ("m.yaml", seeds.MAPPING),
        "constraints": ("c.yaml", seeds.CONSTRAINTS),
    }
    for name, (file, text) in texts.items():
        read_files(TARGETS[name], {file: text.encode()})


@pytest.mark.parametrize("name", corpus.MODELS)
def test_a_broken_model_is_refused(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_files(TARGETS["onnx"], {"m.onnx": corpus.model_bytes(name)})
    text = str(caught.value)
    assert all(word in text for word in ("m.onnx", "allowed:", "remedy:", *corpus.MODELS[name][1])), text


def test_what_is_no_model_is_refused() -> None:
    for data in corpus.other_models():
        with pytest.raises(SpecError, match=r"m\.onnx"):
            read_files(TARGETS["onnx"], {"m.onnx": data})


@pytest.mark.parametrize("bound", ["1e999999999", "1e99_9999_999", "7" * 5000])
def test_a_bound_of_too_many_digits_is_refused_at_once(bound: str) -> None:
    files = dict(seeds.result_files())
    files[CERTIFICATE_FILE] = json.dumps({**json.loads(files[CERTIFICATE_FILE]), "bound": bound}).encode()
    started = time.perf_counter()
    with pytest.raises(SpecError, match="too many digits"):
        read_files(TARGETS["result"], files)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("name", TARGETS)
def test_a_few_mutations(name: str) -> None:
    no_faults(run(name, 1, seconds=0.2, most=20))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TARGETS, "onnx again"])
def test_many_mutations(name: str) -> None:
    seed = 2 if name.endswith("again") else 1
    no_faults(run(name.split(maxsplit=1)[0], seed, seconds=SLOW_SECONDS, first=20))
