"""Standard output and standard error that never end the program: closed ones, full disks, readers that have gone, and
encodings that lack a character.

What cannot be written is dropped. A result that was asked for with ``--out`` is written all the same.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

UNWRITTEN = 74
"""Exit code where standard output could not be written (``EX_IOERR`` of ``sysexits.h``)."""
STANDARD = (0, 1, 2)


class TolerantWriter(io.RawIOBase):
    """Writes to a file descriptor until that fails, and then drops all that comes."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.fault: OSError | None = None

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The file descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Is it a terminal?"""
        return os.isatty(self._descriptor)

    def write(self, data: Any, /) -> int:
        """Write all of `data`, or note why not."""
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while self.fault is None and left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self.fault = error
        return size


def make_tolerant() -> TolerantWriter | None:
    """Put tolerant streams in the place of the standard ones; the one of standard output, if that is ours to change.

    Closed descriptors are opened on the null device, so that no file which is opened later takes their numbers.
    """
    for descriptor in STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    out, error = _tolerant(sys.stdout, sys.__stdout__, 1), _tolerant(sys.stderr, sys.__stderr__, 2)
    if error is not None:
        sys.stderr = error[1]
    if out is None:
        return None
    sys.stdout = out[1]
    return out[0]


def _tolerant(stream: TextIO | None, original: TextIO | None, descriptor: int) -> tuple[TolerantWriter, TextIO] | None:
    """A tolerant stream for a standard one; None where another has been put in its place."""
    if stream is not original:
        return None
    if stream is not None:
        try:
            if stream.fileno() != descriptor:
                return None
        except (OSError, ValueError):  # it is no file
            return None
        stream.flush()
    raw = TolerantWriter(descriptor)
    encoding = "utf-8" if stream is None else stream.encoding
    at_once = descriptor == 2 or raw.isatty()
    return raw, io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=at_once)


def exit_code(raw: TolerantWriter | None, code: object) -> object:
    """The exit code of the program: its own, unless standard output should have been written and could not be.

    A reader that has gone (``tilewright show DIR | head``) has seen what it wanted.
    """
    if raw is None:
        return code
    sys.stdout.flush()
    if raw.fault is None or raw.fault.errno == errno.EPIPE or code not in (0, None):
        return code
    sys.stderr.write(f"error: standard output: {raw.fault.strerror}\n")
    return UNWRITTEN
