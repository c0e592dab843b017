"""Work in a guarded process: answers, refusals, deaths, limits of time and memory; files beside a model."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest
from onnx import TensorProto, helper

from optimizer.errors import SpecError
from optimizer.onnx_import import guarded, import_onnx
from tests.support import forking
from tests.support.onnx_models import tensor, write_model


def turn(payload: bytes) -> bytes:
    return payload[::-1]


def refuse(payload: bytes) -> bytes:
    raise SpecError("no", field="tensor t", value=3, allowed="yes", remedy="say yes")


def fail(payload: bytes) -> bytes:
    guarded.note("node n (Relu)")
    raise RuntimeError("out of bounds")


def die(payload: bytes) -> bytes:
    guarded.note("node m (Add)")
    guarded.note("node n (Relu)")
    os.write(2, b"Assertion failed\n")
    os.kill(os.getpid(), signal.SIGABRT)
    return payload


def spin(payload: bytes) -> bytes:
    while True:
        pass


def sleep(payload: bytes) -> bytes:
    time.sleep(60)
    return payload


def grow(payload: bytes) -> bytes:
    return bytes(guarded.MEMORY_BYTES * 2)


def call(work, seconds=5.0):
    return guarded.call(work, b"abc" * 100_000, file="m.onnx", seconds=seconds)


def said(work, seconds=5.0) -> str:
    with pytest.raises(SpecError, match=r"^m\.onnx") as caught:
        call(work, seconds)
    assert caught.value.allowed and caught.value.remedy
    return str(caught.value)


def test_an_answer_of_any_length() -> None:
    assert call(turn) == b"cba" * 100_000


def test_a_refusal_comes_through() -> None:
    assert said(refuse) == "m.onnx: tensor t: no\n  value:   3\n  allowed: yes\n  remedy:  say yes"


def test_a_failure_names_the_node() -> None:
    assert "node n (Relu)" in said(fail) and "RuntimeError: out of bounds" in said(fail)


def test_a_death_names_the_node_and_the_last_words(capfd) -> None:
    text = said(die)
    assert "node n (Relu)" in text and "SIGABRT" in text and "Assertion failed" in text
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("work", [spin, sleep])
def test_it_ends(work, monkeypatch) -> None:
    monkeypatch.setattr(guarded, "PATIENCE", 2)
    started = time.perf_counter()
    assert "took more than" in said(work, 0.2)
    assert time.perf_counter() - started < 10


def test_memory_is_limited(monkeypatch) -> None:
    monkeypatch.setattr(guarded, "MEMORY_BYTES", 1 << 30)
    if sys.platform == "linux":
        assert "1 GiB of memory" in said(grow)


@pytest.mark.slow
def test_beside_other_threads_it_is_a_new_interpreter(monkeypatch) -> None:
    """A copy of a process with threads may wait for a lock that no thread of it will ever give back."""
    monkeypatch.setattr(guarded, "may_fork", forking.REAL)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert call(turn) == b"cba" * 100_000
        assert said(refuse).startswith("m.onnx: tensor t: no")
        assert "SIGABRT" in said(die) and "node n (Relu)" in said(die)
        assert "took more than" in said(spin, 0.5)
    finally:
        done.set()
        thread.join()


def external(name: str, *shape: int):
    made = TensorProto(name=name, data_type=TensorProto.INT64, dims=shape, data_location=TensorProto.EXTERNAL)
    made.external_data.add(key="location", value="secret.bin")
    return made


@pytest.mark.parametrize("as_attribute", [False, True])
def test_files_beside_a_model_are_never_opened(tmp_path, monkeypatch, as_attribute) -> None:
    """Two words of a file would be the shape; the file is a pipe, which nobody opens without waiting."""
    os.mkfifo(tmp_path / "secret.bin")
    monkeypatch.chdir(tmp_path)
    made = [helper.make_node("Constant", [], ["s"], value=external("s", 2), name="c")] if as_attribute else []
    nodes = [*made, helper.make_node("Reshape", ["x", "s"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["y"])]
    constants = [tensor("w", 4, 4), *([] if as_attribute else [external("s", 2)])]
    path = write_model(tmp_path / "m.onnx", nodes, {"x": [2, 2, 4]}, constants)
    started = time.perf_counter()
    with pytest.raises(SpecError, match="shape of tensor 'r' is not known"):
        import_onnx(path)
    assert time.perf_counter() - started < 5
