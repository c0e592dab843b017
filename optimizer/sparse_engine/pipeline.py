"""The engine clock by clock: all junctions at once, each with its inputs, over banked memories with ports.

Block b loads input b. Junction i feeds input ``b - i`` forward, and takes input ``b - 2L + i - 1`` through
backpropagation (not in junction 1) and update. A block has ``max C_i + 2 + PROCTIME`` clocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.errors import SpecError
from optimizer.sparse_engine.engine import Engine, Junction, bank_copies
from optimizer.sparse_engine.fixed_point import Format, Words
from optimizer.sparse_engine.junction_unit import Finish, JunctionUnit, Surroundings, Write
from optimizer.sparse_engine.memories import Banks, Ports
from optimizer.sparse_engine.parameters import Parameters, Sample
from optimizer.sparse_engine.patterns import AccessPattern


@dataclass(frozen=True)
class Run:
    """What a run gave: outputs per input, what was learned, clocks, memory accesses, forwarded words."""

    outputs: Words
    parameters: Parameters
    clocks: int
    accesses: int
    forwarded: int


class Pipeline:
    """A clocked engine.

    Parameters
    ----------
    engine : Engine
        Every z must divide its left layer and hold whole right neurons, or be a whole part of one.
    patterns : sequence of AccessPattern
        One per junction.
    parameters : Parameters
    form : Format
    rate_shift : int
        The learning rate is ``2^-rate_shift``.
    forwarding : bool
        May partial deltas be taken from the pipeline? Else reading one that is on the way is an error.

    Raises
    ------
    SpecError
        If a z breaks that.
    """

    def __init__(
        self,
        engine: Engine,
        patterns: Sequence[AccessPattern],
        parameters: Parameters,
        form: Format,
        rate_shift: int = 3,
        *,
        forwarding: bool = False,
    ) -> None:
        for junction in engine.junctions:
            _check(junction)
        self._engine, self._form = engine, form
        self._make_banks(parameters)
        self._outputs: list[tuple[int, Words, Words]] = []
        self._targets = np.zeros((0, engine.network.neurons[-1]), dtype=np.int64)
        latency = 1 + engine.proctime
        self._units = [
            JunctionUnit(pattern, self._around(i), form, rate_shift, latency, forwarding, self._finisher(i + 1))
            for i, pattern in enumerate(patterns)
        ]

    def _make_banks(self, parameters: Parameters) -> None:
        junctions, last = self._engine.junctions, self._engine.network.junctions
        self._activations, self._derivatives, self._deltas, self._weights, self._biases = [], [], [], [], []
        for i, junction in enumerate(junctions):
            copies, z, depth, outs = bank_copies(last, i), junction.parallel, junction.depth, junction.right_parallel
            self._activations.append(Banks(f"activations {i}", copies, z, depth, Ports.SINGLE))
            self._derivatives.append(Banks(f"derivatives {i}", copies, z, depth, Ports.SINGLE))
            self._deltas.append(Banks(f"deltas {i}", 2, z, depth, Ports.TRUE_DUAL))
            self._weights.append(Banks(f"weights {i + 1}", 1, z, junction.cycles, Ports.SIMPLE_DUAL))
            self._biases.append(Banks(f"biases {i + 1}", 1, outs, -(-junction.right // outs), Ports.SIMPLE_DUAL))
            self._weights[i].load(0, parameters.weights[i])
            self._biases[i].load(0, parameters.biases[i])
        outs = junctions[-1].right_parallel
        self._deltas.append(Banks(f"deltas {last}", 2, outs, -(-junctions[-1].right // outs), Ports.TRUE_DUAL))

    def _around(self, i: int) -> Surroundings:
        inner = i > 0
        return Surroundings(
            self._activations[i],
            self._derivatives[i] if inner else None,
            self._deltas[i] if inner else None,
            self._deltas[i + 1],
            self._weights[i],
            self._biases[i],
        )

    def _finisher(self, layer: int) -> Finish:
        """Where finished neurons of a layer go: to the next junction's banks, or at the end into the deltas."""
        last = self._engine.network.junctions

        def finish(number: int, neurons: Words, values: Words, slopes: Words) -> Write:
            if layer == last:
                self._outputs.append((number, neurons, values))
                delta, banks = self._form.clip(values - self._targets[number, neurons]), self._deltas[last]
                return lambda then: banks.write(then, number % 2, *banks.place(neurons), delta)
            acts, slope_banks = self._activations[layer], self._derivatives[layer]

            def write(then: int) -> None:
                acts.write(then, number % acts.copies, *acts.place(neurons), values)
                slope_banks.write(then, number % slope_banks.copies, *slope_banks.place(neurons), slopes)

            return write

        return finish

    def run(self, sample: Sample) -> Run:
        """Stream all inputs through the pipeline and drain it.

        Raises
        ------
        ConflictError
            If a memory is asked for more than its ports give, or a row is read before its sum is written.
        """
        engine, count = self._engine, len(sample.inputs)
        self._targets = sample.targets
        last, block = engine.network.junctions, engine.block_cycle
        blocks = count + 2 * last
        for number in range(blocks):
            for step in range(block):
                now = number * block + step
                if number < count:
                    self._load(now, step, number, sample.inputs[number])
                for i, unit in enumerate(self._units, 1):
                    unit.clock(now, step, _among(number - i, count), _among(number - 2 * last + i - 1, count))
        return Run(self._collected(count), self._parameters(), blocks * block, self._accesses(), self._forwarded())

    def _load(self, now: int, step: int, number: int, given: Words) -> None:
        """Write the next few activations of the input."""
        words, banks = self._engine.input_words, self._activations[0]
        neurons = np.arange(step * words, min((step + 1) * words, len(given)))
        if len(neurons):
            banks.write(now, number % banks.copies, *banks.place(neurons), given[neurons])

    def _collected(self, count: int) -> Words:
        outputs = np.zeros((count, self._engine.network.neurons[-1]), dtype=np.int64)
        for number, neurons, values in self._outputs:
            outputs[number, neurons] = values
        return outputs

    def _parameters(self) -> Parameters:
        network = self._engine.network
        weights = [banks.dump(0, edges) for banks, edges in zip(self._weights, network.weights, strict=True)]
        biases = [banks.dump(0, size) for banks, size in zip(self._biases, network.neurons[1:], strict=True)]
        return Parameters(tuple(weights), tuple(biases))

    def _accesses(self) -> int:
        kinds = (self._activations, self._derivatives, self._deltas, self._weights, self._biases)
        return sum(banks.accesses for kind in kinds for banks in kind)

    def _forwarded(self) -> int:
        return sum(unit.forwarded for unit in self._units)


def _among(number: int, count: int) -> int | None:
    """`number` if there is an input of this number, else None."""
    return number if 0 <= number < count else None


def _check(junction: Junction) -> None:
    z, fan_in = junction.parallel, junction.in_degree
    if junction.left % z or (z % fan_in and fan_in % z):
        raise SpecError(
            "z cannot be simulated",
            field="z",
            value=z,
            allowed=f"divisors of {junction.left} that divide {fan_in} or are multiples of it",
            remedy="size the engine with the rules z-divides-n and fi-divides-z",
        )
