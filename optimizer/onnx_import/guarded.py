"""Work on hostile input in a process of its own, with limits of time and memory: whatever ends it is a SpecError.

The work is a function of a module that takes bytes and gives bytes. On systems with ``fork`` the process is a copy of
this one, which costs milliseconds. Where that is not safe (other threads are running) or not there, it is a new
interpreter.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from optimizer.errors import SpecError

try:
    import resource
except ImportError:  # not Unix: the limit of time alone holds
    resource = None  # type: ignore[assignment]

Work = Callable[[bytes], bytes]
MEMORY_BYTES = 4 << 30
"""What the process may take beyond what it begins with."""
PATIENCE = 4
"""The process ends after this multiple of its seconds of computing, whatever it waits for."""
_NOTE = "\x1e"
_ANSWER, _REFUSED, _FAILED = b"A", b"R", b"F"
_SCRIPT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from optimizer.onnx_import import guarded
guarded.MEMORY_BYTES = int(sys.argv[5])
guarded._serve()
"""


@dataclass(frozen=True)
class _Ended:
    """How the process ended: its answer, its exit code (negative: a signal), and the text that it wrote."""

    answer: bytes
    code: int
    said: str
    late: bool = False


def note(text: str) -> None:
    """Say, inside of the work, what comes next; if the process dies the error names it."""
    sys.stderr.write(f"{_NOTE}{text}\n")
    sys.stderr.flush()


def call(work: Work, payload: bytes, *, file: str, seconds: float) -> bytes:
    """The result of ``work(payload)``, computed in a process of its own.

    Parameters
    ----------
    work : callable
        A function of a module, of bytes to bytes.
    payload : bytes
        What it gets.
    file : str
        For error messages.
    seconds : float
        Of computing.

    Raises
    ------
    SpecError
        If the work refuses its input, fails, takes too long or too much memory, or its process dies.
    """
    ended = (_forked if may_fork() else _fresh)(work, payload, seconds)
    kind, rest = ended.answer[:1], ended.answer[1:]
    if ended.code == 0 and kind == _ANSWER:
        return rest
    if ended.code == 0 and kind == _REFUSED:
        fields = json.loads(rest)
        raise SpecError(**{**fields, "file": fields["file"] or file})
    raise SpecError(
        f"reading this model failed: {_reason(ended, rest.decode(errors='replace'), seconds)}",
        file=file,
        field=_last_note(ended.said),
        allowed="models that ONNX's shape inference can read",
        remedy="check the model with onnx.checker; if it is valid this is a fault of Tilewright or of onnx: please "
        "report it",
    )


def may_fork() -> bool:
    """Is a copy of this process safe? A lock that another thread holds would never be given back in it."""
    alone = threading.active_count() == 1 and threading.current_thread() is threading.main_thread()
    return hasattr(os, "fork") and alone


def _reason(ended: _Ended, failure: str, seconds: float) -> str:
    """What ended the process."""
    if ended.late or ended.code == -getattr(signal, "SIGXCPU", 0):
        return f"it took more than {seconds:.0f} s"
    if failure:
        return failure
    words = [line for line in ended.said.split("\n") if line.strip() and not line.startswith(_NOTE)]
    name = signal.Signals(-ended.code).name if ended.code < 0 else f"exit code {ended.code}"
    return f"the process died ({name})" + (f": {words[-1].strip()}" if words else "")


def _last_note(said: str) -> str | None:
    notes = [line[1:] for line in said.split("\n") if line.startswith(_NOTE)]
    return notes[-1] if notes else None


def _forked(work: Work, payload: bytes, seconds: float) -> _Ended:
    """The work in a copy of this process."""
    out, into = os.pipe()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            _run_copy(work, payload, seconds, into, said)
        os.close(into)
        ended = False
        try:
            answer = _received(out, time.monotonic() + PATIENCE * seconds)
            if answer is not None:
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                ended = True
        finally:
            os.close(out)
            if not ended:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        said.seek(0)
        text = said.read().decode(errors="replace")
    return _Ended(b"", -signal.SIGKILL, text, late=True) if answer is None else _Ended(answer, code, text)


def _run_copy(work: Work, payload: bytes, seconds: float, into: int, said: IO[bytes]) -> None:
    """Do the work in the copy, and end it; nothing of the original runs on in it."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the original sees to the end of this one
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        faulthandler.disable()
        gc.freeze()  # what both share is not touched
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
        _limit(seconds)
        with os.fdopen(into, "wb") as stream:
            stream.write(_answer(work, payload))
        code = 0
    finally:
        os._exit(code)


def _received(out: int, deadline: float) -> bytes | None:
    """All that comes out of a pipe until it is closed; None if that takes too long."""
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([out], [], [], left)[0]:
            return None
        part = os.read(out, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _fresh(work: Work, payload: bytes, seconds: float) -> _Ended:
    """The work in a new interpreter."""
    paths = json.dumps([str(path) for path in sys.path])
    command = [sys.executable, "-c", _SCRIPT, paths, work.__module__, work.__name__, str(seconds), str(MEMORY_BYTES)]
    try:
        done = subprocess.run(command, input=payload, capture_output=True, timeout=PATIENCE * seconds, check=False)
    except subprocess.TimeoutExpired as error:
        return _Ended(b"", 1, (error.stderr or b"").decode(errors="replace"), late=True)
    return _Ended(done.stdout, done.returncode, done.stderr.decode(errors="replace"))


def _serve() -> None:
    """The new interpreter: the answer goes to what was its standard output, all other text to the errors."""
    module, name, seconds = sys.argv[2:5]
    into = os.dup(1)
    os.dup2(2, 1)
    work: Work = getattr(importlib.import_module(module), name)
    _limit(float(seconds))
    with os.fdopen(into, "wb") as stream:
        stream.write(_answer(work, sys.stdin.buffer.read()))


def _answer(work: Work, payload: bytes) -> bytes:
    """What the work gives, refuses or fails with, as bytes."""
    try:
        return _ANSWER + work(payload)
    except SpecError as error:
        value = error.value if error.value is None or isinstance(error.value, int | str) else str(error.value)
        fields = {key: getattr(error, key) for key in ("problem", "file", "field", "allowed", "remedy")}
        return _REFUSED + json.dumps({**fields, "value": value}).encode()
    except MemoryError:
        return _FAILED + f"it takes more than {MEMORY_BYTES >> 30} GiB of memory".encode()
    except Exception as error:  # what onnx's code may raise is not listed anywhere; the caller refuses the input
        return _FAILED + f"{type(error).__name__}: {error}".strip().encode(errors="replace")


def _limit(seconds: float) -> None:
    """Set the limits of this process; a limit that the system does not know, or that is lower already, stays."""
    if resource is None:
        return
    statm = Path(os.sep, "proc", "self", "statm")
    used = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
    wanted = [(resource.RLIMIT_CPU, int(time.process_time() + seconds) + 1), (resource.RLIMIT_CORE, 0)]
    if used:
        wanted.append((resource.RLIMIT_AS, used + MEMORY_BYTES))
    for kind, most in wanted:
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (value, hard))
