"""The engine and its cost model: clocks per input, memories, storage and arithmetic.

Symbols: ``z_i`` edges per clock in junction i, ``C_i = ceil(W_i / z_i)`` its junction cycle (clocks), ``D_i =
ceil(N_{i-1} / z_i)`` the depth of the memories that its left neurons lie in. PROCTIME is the latency of the
arithmetic in clocks. One input enters per *block cycle* of ``max C_i + 2 + PROCTIME`` clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from optimizer.errors import SpecError
from optimizer.sparse_engine.network import SparseNetwork


@dataclass(frozen=True)
class Junction:
    """Junction i: `left` and `right` neurons, `out_degree` fo, `parallel` z edges per clock."""

    left: int
    right: int
    out_degree: int
    parallel: int

    @property
    def edges(self) -> int:
        """W, the number of edges."""
        return self.left * self.out_degree

    @property
    def in_degree(self) -> int:
        """fi, the edges of each right neuron."""
        return self.edges // self.right

    @property
    def cycles(self) -> int:
        """C, the junction cycle in clocks."""
        return -(-self.edges // self.parallel)

    @property
    def depth(self) -> int:
        """D, the rows of each memory of the left layer."""
        return -(-self.left // self.parallel)

    @property
    def right_parallel(self) -> int:
        """``ceil(z / fi)``, right neurons per clock."""
        return -(-self.parallel // self.in_degree)


@dataclass(frozen=True)
class Engine:
    """An engine for a network.

    Parameters
    ----------
    network : SparseNetwork
    parallel : tuple of int
        ``z_1 .. z_L``, 1 to ``N_{i-1}`` each: a clock reads at most one word per left neuron.
    width_bits : int
        Word of activations, weights and deltas.
    proctime : int
        Latency of the arithmetic, clocks.
    clock_mhz : Fraction
    """

    network: SparseNetwork
    parallel: tuple[int, ...]
    width_bits: int = 12
    proctime: int = 0
    clock_mhz: Fraction = Fraction(15)

    def __post_init__(self) -> None:
        if len(self.parallel) != self.network.junctions:
            raise SpecError(
                "one z per junction is needed",
                field="z",
                value=list(self.parallel),
                allowed=f"{self.network.junctions} integers",
                remedy="give as many as there are layers, less one",
            )
        for left, z in zip(self.network.neurons, self.parallel, strict=False):
            if not 1 <= z <= left:
                raise SpecError(
                    "z does not fit its left layer",
                    field="z",
                    value=z,
                    allowed=f"1 to {left}",
                    remedy="a clock reads each left neuron at most once",
                )

    @cached_property
    def junctions(self) -> tuple[Junction, ...]:
        """Junctions 1 to L."""
        sizes = self.network.neurons
        degrees = self.network.out_degrees
        return tuple(map(Junction, sizes, sizes[1:], degrees, self.parallel))

    @property
    def cycles(self) -> int:
        """C, the longest junction cycle (clocks)."""
        return max(junction.cycles for junction in self.junctions)

    @property
    def block_cycle(self) -> int:
        """Clocks per input: C + 2 + PROCTIME."""
        return self.cycles + 2 + self.proctime

    @property
    def time_us(self) -> Fraction:
        """Microseconds per input."""
        return self.block_cycle / self.clock_mhz

    @property
    def speed_up(self) -> int:
        """``3L - 1``: L feedforwards, L - 1 backpropagations and L updates run at once instead of in turn."""
        return 3 * self.network.junctions - 1

    @property
    def input_words(self) -> int:
        """Activations that enter per clock, ``ceil(z_1 / fo_1)``."""
        return -(-self.parallel[0] // self.network.out_degrees[0])


def bank_copies(layers: int, layer: int) -> int:
    """Copies of the activations of a layer i < L = `layers`: ``2 (L - i) + 1`` inputs are between their writing in
    feedforward and their last use in the update."""
    return 2 * (layers - layer) + 1


def storage_words(network: SparseNetwork) -> dict[str, int]:
    """Words of every kind that training with this pipeline keeps.

    Activations ``sum_{i<L} (2(L-i)+1) N_i``, derivatives the same without layer 0, deltas ``2 sum_{i>0} N_i``,
    biases ``sum_{i>0} N_i``, weights ``sum W_i``.
    """
    last, sizes = network.junctions, network.neurons
    held = [bank_copies(last, i) * sizes[i] for i in range(last)]
    right = sum(sizes[1:])
    words = {
        "activations": sum(held),
        "derivatives": sum(held[1:]),
        "deltas": 2 * right,
        "biases": right,
        "weights": sum(network.weights),
    }
    return words | {"total": sum(words.values())}


def arithmetic_per_clock(engine: Engine) -> dict[str, int]:
    """Units that work in every clock, over all junctions.

    Feedforward: z multipliers, ``z / fi`` trees of ``fi - 1`` adders and a bias adder each. Backpropagation (not in
    junction 1): 2 z multipliers, z accumulators. Update: z multipliers, ``z + z / fi`` adders (a bias takes a shift).
    Each of the ``z / fi`` outputs has a table of the activation and one of its derivative.
    """
    every, later = engine.junctions, engine.junctions[1:]
    return {
        "feedforward multipliers": sum(j.parallel for j in every),
        "backpropagation multipliers": 2 * sum(j.parallel for j in later),
        "update multipliers": sum(j.parallel for j in every),
        "feedforward adders": sum(j.right_parallel * j.in_degree for j in every),
        "backpropagation accumulators": sum(j.parallel for j in later),
        "update adders": sum(j.parallel + j.right_parallel for j in every),
        "activation table pairs": sum(j.right_parallel for j in every),
    }


@dataclass(frozen=True)
class Multiplier:
    """How the arithmetic is pipelined; gives PROCTIME.

    ``combinational`` 0 clocks; ``pipelined`` 2 (a multiplier stage, and a second one or the tree's); ``deep``
    ``stages + ceil(log2(largest fi)) + 1`` (multiplier and adder tree pipelined).

    Parameters
    ----------
    kind : str
    clock_mhz : Fraction
        The clock that this pipelining reaches.
    stages : int
        Stages of the multiplier, used by ``deep``.
    """

    kind: str
    clock_mhz: Fraction
    stages: int = 1

    @property
    def follows_fan_in(self) -> bool:
        """Does PROCTIME depend on the largest in-degree?"""
        return self.kind == "deep"

    def proctime(self, fan_in_log: int) -> int:
        """Clocks, where the largest in-degree has this ``ceil(log2)``."""
        return {"combinational": 0, "pipelined": 2, "deep": self.stages + fan_in_log + 1}[self.kind]


def log2_ceil(number: int) -> int:
    """``ceil(log2(number))``."""
    return (number - 1).bit_length()
