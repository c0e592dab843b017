"""Banked memories that watch their ports: every access names its clock, and one too many is an error."""

from __future__ import annotations

from enum import Enum

import numpy as np

from optimizer.errors import TilewrightError
from optimizer.sparse_engine.fixed_point import Words


class ConflictError(TilewrightError):
    """Two accesses that the hardware cannot make: a port too many, or a row read while its new value is on the way."""


class Ports(Enum):
    """``SINGLE``: one access per clock. ``SIMPLE_DUAL``: a read and a write. ``TRUE_DUAL``: any two."""

    SINGLE = "single"
    SIMPLE_DUAL = "simple dual"
    TRUE_DUAL = "true dual"


class Banks:
    """Copies of `memories` memories of `depth` rows; word n is in memory ``n mod memories`` at row ``n div memories``.

    Parameters
    ----------
    name : str
        For messages.
    copies, memories, depth : int
        Copies of the layer, memories of a copy, and words of a memory.
    ports : Ports
        Of each memory.
    """

    def __init__(self, name: str, copies: int, memories: int, depth: int, ports: Ports) -> None:
        self._name, self._ports = name, ports
        self._words = np.zeros((copies, memories, depth), dtype=np.int64)
        self._clock = -1
        self._reads, self._writes = np.zeros((2, copies, memories), dtype=np.int64)
        self._row_read = np.full((copies, memories), -1)
        self.accesses = 0

    @property
    def copies(self) -> int:
        """Number of copies."""
        return int(self._words.shape[0])

    @property
    def memories(self) -> int:
        """Memories per copy."""
        return int(self._words.shape[1])

    def place(self, words: Words) -> tuple[Words, Words]:
        """Memory and row of words, which are given by number."""
        return words % self.memories, words // self.memories

    def load(self, copy: int, words: Words) -> None:
        """Put words 0, 1, 2 ... into a copy before the clock starts."""
        memory, row = self.place(np.arange(len(words)))
        self._words[copy, memory, row] = words

    def dump(self, copy: int, count: int) -> Words:
        """Words 0 .. `count` - 1 of a copy, without the ports."""
        memory, row = self.place(np.arange(count))
        return np.asarray(self._words[copy, memory, row])

    def read(self, clock: int, copy: int, memory: Words, row: Words) -> Words:
        """Words at these places, arrays of equal shape; a read goes before a write of the same clock.

        Raises
        ------
        ConflictError
            If a memory has no port left in this clock.
        """
        self._count(clock, self._reads, copy, memory)
        self._row_read[copy, memory] = row
        return np.asarray(self._words[copy, memory, row])

    def write(self, clock: int, copy: int, memory: Words, row: Words, words: Words) -> None:
        """Store words at these places, arrays of equal shape.

        Raises
        ------
        ConflictError
            If a memory has no port left in this clock, or the row was read in it.
        """
        self._count(clock, self._writes, copy, memory)
        same = self._row_read[copy, memory] == row
        if same.any():
            raise ConflictError(f"clock {clock}: {self._name} writes a row that it reads, memory {memory[same][0]}")
        self._words[copy, memory, row] = words

    def _count(self, clock: int, kind: Words, copy: int, memory: Words) -> None:
        if clock != self._clock:
            self._clock = clock
            self._reads[:], self._writes[:], self._row_read[:] = 0, 0, -1
        np.add.at(kind[copy], memory, 1)
        self.accesses += len(memory)
        reads, writes = self._reads[copy, memory], self._writes[copy, memory]
        if self._ports is Ports.SIMPLE_DUAL:
            full = (reads > 1) | (writes > 1)
        else:
            full = reads + writes > (1 if self._ports is Ports.SINGLE else 2)
        if full.any():
            raise ConflictError(
                f"clock {clock}: too many accesses of {self._name}, memory {memory[full][0]}, {self._ports.value} port"
            )
