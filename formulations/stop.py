"""A request to give up a running search, from another thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StoppedError(Exception):
    """A search was given up on request; nothing it found so far is proved."""


class Stop:
    """Shared by searches on many threads; :meth:`request` ends them all within moments."""

    def __init__(self) -> None:
        self._requested = self._memory = False

    def run_out(self) -> None:
        """Give up because memory has run out."""
        self._memory = self._requested = True

    @property
    def ran_out(self) -> bool:
        """Has memory run out?"""
        return self._memory

    def request(self) -> None:
        """Give up all running searches, and those that start later."""
        self._requested = True

    @property
    def requested(self) -> bool:
        """Was giving up requested?"""
        return self._requested

    def check(self) -> None:
        """Raise :class:`StoppedError` if giving up was requested."""
        if self._requested:
            raise StoppedError

    @contextmanager
    def after(self, seconds: float | None) -> Iterator[None]:
        """What runs inside is given up after so many seconds; with None it may take as long as it needs."""
        alarm = None if seconds is None else threading.Timer(max(0.0, seconds), self.request)
        if alarm is not None:
            alarm.daemon = True
            alarm.start()
        try:
            yield
        finally:
            if alarm is not None:
                alarm.cancel()
