"""One junction at work: in every clock z edges of three inputs, one each in feedforward, backpropagation and update."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.sparse_engine.fixed_point import Format, Words, shifted
from optimizer.sparse_engine.memories import Banks, ConflictError
from optimizer.sparse_engine.patterns import AccessPattern

Write = Callable[[int], None]
"""Takes the clock in which it happens."""
Finish = Callable[[int, Words, Words, Words], Write]
"""(input, right neurons, sigmoids, derivatives) to the write of what feedforward has finished."""


@dataclass(frozen=True)
class Surroundings:
    """The banks around a junction: of its left layer (layer 0 has activations only), its own, and right deltas."""

    activations: Banks
    derivatives: Banks | None
    left_deltas: Banks | None
    right_deltas: Banks
    weights: Banks
    biases: Banks


class JunctionUnit:
    """The processors of a junction.

    Parameters
    ----------
    pattern : AccessPattern
    banks : Surroundings
    form : Format
    rate_shift : int
        The learning rate is ``2^-rate_shift``.
    latency : int
        Clocks from a read to the write of its result: 1 + PROCTIME.
    forwarding : bool
        Take a partial delta that is on the way from the pipeline; else reading its row is a :class:`ConflictError`.
    finish : Finish
        What to do with finished right neurons.
    """

    def __init__(
        self,
        pattern: AccessPattern,
        banks: Surroundings,
        form: Format,
        rate_shift: int,
        latency: int,
        forwarding: bool,
        finish: Finish,
    ) -> None:
        self._pattern, self._banks, self._form, self._rate = pattern, banks, form, rate_shift
        self._latency, self._forwarding, self._finish = latency, forwarding, finish
        self._junction = pattern.junction
        self._sums = np.zeros(self._junction.right, dtype=np.int64)
        self._queue: deque[tuple[int, Write]] = deque()
        shape = (self._junction.parallel, self._junction.depth)
        self._coming, self._due = np.zeros(shape, dtype=np.int64), np.full(shape, -1)
        self.forwarded = 0

    def clock(self, now: int, step: int, forward: int | None, backward: int | None) -> None:
        """One clock.

        Parameters
        ----------
        now : int
            Clocks since the start.
        step : int
            Clocks since the start of the block.
        forward, backward : int or None
            The input in feedforward, and the one in backpropagation and update.
        """
        if step < self._junction.cycles and not (forward is None and backward is None):
            self._edges(now, step, forward, backward)
        while self._queue and self._queue[0][0] == now:
            self._queue.popleft()[1](now)

    def _edges(self, now: int, step: int, forward: int | None, backward: int | None) -> None:
        """Read all operands of a clock's edges and send results on their way."""
        junction, banks = self._junction, self._banks
        edges = np.arange(step * junction.parallel, (step + 1) * junction.parallel)
        rights = edges // junction.in_degree
        memory, row = self._pattern.memories(step), self._pattern.rows(step)
        slots, here = np.arange(junction.parallel), np.full(junction.parallel, step)
        weights = banks.weights.read(now, 0, slots, here)
        done = np.flatnonzero(np.bincount(edges[(edges + 1) % junction.in_degree == 0] // junction.in_degree))
        bias_place = banks.biases.place(done)
        biases = banks.biases.read(now, 0, *bias_place) if len(done) else np.zeros(0, dtype=np.int64)
        if forward is not None:
            self._feedforward(now, forward, weights, biases, (memory, row), rights, done)
        if backward is not None:
            acts = banks.activations.read(now, backward % banks.activations.copies, memory, row)
            touched, back = np.unique(rights, return_inverse=True)
            copy = backward % banks.right_deltas.copies
            deltas = banks.right_deltas.read(now, copy, *banks.right_deltas.place(touched))
            self._update(now, weights, biases, acts, deltas[back], deltas[np.isin(touched, done)], here, bias_place)
            if banks.left_deltas is not None:
                self._backpropagate(now, step, backward, weights, deltas[back], (memory, row))

    def _later(self, now: int, write: Write) -> None:
        self._queue.append((now + self._latency, write))

    def _feedforward(
        self,
        now: int,
        number: int,
        weights: Words,
        biases: Words,
        place: tuple[Words, Words],
        rights: Words,
        done: Words,
    ) -> None:
        acts = self._banks.activations.read(now, number % self._banks.activations.copies, *place)
        np.add.at(self._sums, rights, self._form.product(weights, acts))
        if len(done):
            values = self._form.sigmoid(self._form.clip(self._sums[done] + biases))
            self._sums[done] = 0
            self._later(now, self._finish(number, done, *values))

    def _update(
        self,
        now: int,
        weights: Words,
        biases: Words,
        acts: Words,
        deltas: Words,
        of_done: Words,
        here: Words,
        bias_place: tuple[Words, Words],
    ) -> None:
        form, banks = self._form, self._banks
        new = form.clip(weights - shifted(deltas * acts, form.fraction + self._rate))
        new_biases = form.clip(biases - shifted(of_done, self._rate))

        def write(then: int) -> None:
            banks.weights.write(then, 0, np.arange(len(new)), here, new)
            if len(new_biases):
                banks.biases.write(then, 0, *bias_place, new_biases)

        self._later(now, write)

    def _backpropagate(
        self, now: int, step: int, number: int, weights: Words, deltas: Words, place: tuple[Words, Words]
    ) -> None:
        form, derivatives, left = self._form, self._banks.derivatives, self._banks.left_deltas
        assert derivatives is not None and left is not None
        slopes = derivatives.read(now, number % derivatives.copies, *place)
        parts = form.product(form.product(deltas, weights), slopes)
        copy, sweep = number % left.copies, step // self._junction.depth
        total = parts + self._partial(now, copy, left, place) if sweep else parts
        if sweep == self._junction.out_degree - 1:
            total = form.clip(total)
        self._coming[place], self._due[place] = total, now + self._latency
        self._later(now, lambda then: left.write(then, copy, *place, total))

    def _partial(self, now: int, copy: int, left: Banks, place: tuple[Words, Words]) -> Words:
        """Partial deltas as they are after all earlier sweeps."""
        stale = self._due[place] >= now
        if stale.any() and not self._forwarding:
            memory, row = place[0][stale][0], place[1][stale][0]
            raise ConflictError(f"clock {now}: deltas read row {row} of memory {memory} before its sum is written")
        self.forwarded += int(stale.sum())
        found: Words = self._coming[place].copy()
        ready = ~stale
        found[ready] = left.read(now, copy, place[0][ready], place[1][ready])
        return found
