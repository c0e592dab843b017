"""The early estimator: the authors' first cost model, kept by its name beside the model of the release.

It knows ``z_1`` only: ``C = W_1 / z_1`` and ``z_i = W_i / C``. It counts four DSP slices per multiplier, those of the
update with their biases, and ten percent more memory for everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from optimizer.errors import SpecError
from optimizer.sparse_engine.engine import bank_copies
from optimizer.sparse_engine.network import SparseNetwork

DSP_PER_MULTIPLIER = 4
OVERHEAD = Fraction(11, 10)


@dataclass(frozen=True)
class EarlyEstimate:
    """What the early estimator says: `memory_bits` with its ten percent of overhead."""

    parallel: tuple[int, ...]
    cycles: int
    multipliers: int
    dsp: int
    memory_bits: Fraction


def early_estimate(network: SparseNetwork, first_parallel: int, width_bits: int) -> EarlyEstimate:
    """Resources by the early estimator.

    Multipliers: ``sum_i z_i + (z_i + ceil(z_i / fi_i)) + (2 z_i if i >= 2)``. Memory bits: 1.1 times weights and
    biases ``w sum_i (z_i + ceil(z_i / fi_i)) C``, inputs of one bit ``(2L+1) N_0``, activations and derivatives
    ``2 w sum_{1<=i<L} (2(L-i)+1) N_i`` and deltas ``2 w sum_{i>=1} N_i``.

    Parameters
    ----------
    network : SparseNetwork
    first_parallel : int
        ``z_1``, edges per clock in junction 1.
    width_bits : int

    Raises
    ------
    SpecError
        If z_1 does not divide W_1, or C does not divide the edges of every junction.
    """
    edges, last, sizes = network.weights, network.junctions, network.neurons
    cycles, rest = divmod(edges[0], first_parallel)
    if rest or any(count % cycles for count in edges):
        raise SpecError(
            "the early estimator needs a balanced pipeline",
            field="z_1",
            value=first_parallel,
            allowed="z_1 that divides W_1, with W_1 / z_1 dividing every W_i",
            remedy="choose another z_1",
        )
    parallel = tuple(count // cycles for count in edges)
    with_bias = [z + -(-z // fan_in) for z, fan_in in zip(parallel, network.in_degrees, strict=True)]
    multipliers = sum(parallel) + sum(with_bias) + 2 * sum(parallel[1:])
    hidden = sum(bank_copies(last, i) * sizes[i] for i in range(1, last))
    bits = (
        width_bits * sum(with_bias) * cycles
        + bank_copies(last, 0) * sizes[0]
        + 2 * width_bits * hidden
        + 2 * width_bits * sum(sizes[1:])
    )
    return EarlyEstimate(parallel, cycles, multipliers, DSP_PER_MULTIPLIER * multipliers, OVERHEAD * bits)
