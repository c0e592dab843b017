"""Tables of bounds of many layers, shared between searches. The compiled kernels are loaded with the first table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from formulations.merging import merge
from formulations.problem import LayerProblem

if TYPE_CHECKING:
    from formulations.lattice.kernels.memo import Memo


class Memos:
    """Tables of many layers: one :class:`Memo` for problems that agree on the layer. Safe with several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: dict[object, tuple[Memo, Lock]] = {}

    @contextmanager
    def of(self, problem: LayerProblem) -> Iterator[Memo]:
        """The tables of a problem's layer, its like dims merged, for one thread at a time."""
        from formulations.lattice.kernels.memo import Memo  # noqa: PLC0415

        problem = merge(problem).problem
        with self._lock:
            if problem.shape not in self._found:
                self._found[problem.shape] = Memo(problem), Lock()
            memo, lock = self._found[problem.shape]
        with lock:
            yield memo
