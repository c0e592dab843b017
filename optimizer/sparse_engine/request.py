"""What is asked of the sizing program, and its lowering to rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from formulations.sparse.sizing import EDGES, TIME, JunctionRow, SparseSizing, Timing
from optimizer.errors import SpecError, check_one_of
from optimizer.files.arguments import check_fields
from optimizer.sparse_engine.device_use import LARGEST_WIDTH, RESOURCES, junction_use
from optimizer.sparse_engine.engine import Engine, Junction, Multiplier, log2_ceil
from optimizer.sparse_engine.network import SparseNetwork, admissible_out_degrees, check_layers, check_out_degree
from optimizer.sparse_engine.rules import DEFAULT_RULES, keeps

MOST_ROWS = 200_000
GOALS = {
    "time": (TIME, "dsp", "lut", "bram18"),
    "density": (EDGES, TIME, "dsp"),
    **{name: (name, TIME) for name in RESOURCES},
}
"""What is minimized (density: maximized), then what decides ties."""


@dataclass(frozen=True)
class SizingRequest:
    """What is fixed, what may be chosen, and the limits.

    Parameters
    ----------
    neurons : tuple of int
        ``N_0 .. N_L``.
    out_degrees : tuple of tuple of int
        Menu of out-degrees per junction.
    widths_bits : tuple of int
        Menu of word widths, 3 to 18 bits.
    multipliers : tuple of Multiplier
        Menu of pipelinings of the arithmetic.
    budgets : mapping of str to int
        Limits by resource (``dsp``, ``bram18``, ``lut``, ``input_bits`` per clock).
    max_time_us : Fraction, optional
        Most microseconds per input: the required rate.
    rules : tuple of str
    input_bits : int
        Bits of one input activation.
    objective : {"time", "density", "dsp", "bram18", "lut", "input_bits"}
        Least time per input, most density, or least of a resource.

    Raises
    ------
    SpecError
        On bad layers, out-degrees or widths, an unknown resource or objective.
    """

    neurons: tuple[int, ...]
    out_degrees: tuple[tuple[int, ...], ...]
    widths_bits: tuple[int, ...] = (12,)
    multipliers: tuple[Multiplier, ...] = (Multiplier("pipelined", Fraction(15)),)
    budgets: Mapping[str, int] = field(default_factory=dict)
    max_time_us: Fraction | None = None
    rules: tuple[str, ...] = DEFAULT_RULES
    input_bits: int = 8
    objective: str = "time"

    def __post_init__(self) -> None:
        check_fields(self)
        check_one_of(self.objective, GOALS, "unknown objective", "objective")
        check_layers(self.neurons)
        if len(self.out_degrees) != len(self.neurons) - 1 or not all(self.out_degrees):
            raise SpecError(
                "one menu of out-degrees per junction is needed",
                field="out_degrees",
                value=self.out_degrees,
                allowed=f"{len(self.neurons) - 1} menus",
                remedy="give as many as there are layers, less one",
            )
        for left, right, menu in zip(self.neurons, self.neurons[1:], self.out_degrees, strict=False):
            for degree in menu:
                check_out_degree(left, right, degree)
        for width in self.widths_bits:
            if not 3 <= width <= LARGEST_WIDTH:
                raise SpecError(
                    "a word of this width is not priced",
                    field="width",
                    value=width,
                    allowed=f"3 to {LARGEST_WIDTH}",
                    remedy="a product then takes one DSP slice",
                )

    @property
    def units_per_us(self) -> int:
        """Time units per microsecond that make every clock period whole."""
        return math.lcm(*(multiplier.clock_mhz.numerator for multiplier in self.multipliers))


def any_out_degree(neurons: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Every admissible out-degree of every junction."""
    check_layers(neurons)
    return tuple(tuple(admissible_out_degrees(a, b)) for a, b in itertools.pairwise(neurons))


def candidates(request: SizingRequest) -> list[list[Junction]]:
    """Every junction that keeps the rules of single junctions, per junction.

    Raises
    ------
    SpecError
        If there are too many to list.
    """
    if row_count(request) > MOST_ROWS:
        raise SpecError(
            "too many pairs of out-degree and z",
            field="out_degrees",
            value=row_count(request),
            allowed=f"up to {MOST_ROWS}",
            remedy="keep the rule z-divides-n, or give menus of out-degrees",
        )
    return [
        [
            junction
            for degree in menu
            for z in _parallels(left, request.rules)
            if keeps(junction := Junction(left, right, degree, z), request.rules)
        ]
        for left, right, menu in zip(request.neurons, request.neurons[1:], request.out_degrees, strict=False)
    ]


def row_count(request: SizingRequest) -> int:
    """Pairs of out-degree and z that :func:`candidates` looks at."""
    sizes = (len(list(_parallels(left, request.rules))) for left in request.neurons)
    return sum(count * len(menu) for count, menu in zip(sizes, request.out_degrees, strict=False))


def _parallels(left: int, rules: tuple[str, ...]) -> Iterator[int]:
    whole = "z-divides-n" in rules
    return (z for z in range(1, left + 1) if not whole or left % z == 0)


def timings(request: SizingRequest) -> list[tuple[Multiplier, int, int | None]]:
    """What PROCTIME may be: multiplier, PROCTIME in clocks, and ``ceil(log2 fi)`` of the largest in-degree that it is
    for (None: any).
    """
    fan_ins = {
        log2_ceil(left * degree // right)
        for left, right, menu in zip(request.neurons, request.neurons[1:], request.out_degrees, strict=False)
        for degree in menu
    }
    found: list[tuple[Multiplier, int, int | None]] = []
    for multiplier in request.multipliers:
        if multiplier.follows_fan_in:
            found += [(multiplier, multiplier.proctime(log), log) for log in sorted(fan_ins)]
        else:
            found.append((multiplier, multiplier.proctime(0), None))
    return found


def lower(request: SizingRequest, options: list[list[Junction]]) -> SparseSizing:
    """The integer program of a request.

    Parameters
    ----------
    request : SizingRequest
    options : list of list of Junction
        Per junction of the network the candidates (:func:`candidates`).
    """
    layers, units = len(request.neurons) - 1, request.units_per_us
    budgets = dict(request.budgets)
    if request.max_time_us is not None:
        budgets[TIME] = math.floor(request.max_time_us * units)
    return SparseSizing(
        tuple(
            tuple(_row(junction, number, layers, request.widths_bits, request.input_bits) for junction in some)
            for number, some in enumerate(options, 1)
        ),
        len(request.widths_bits),
        tuple(Timing(proctime, int(units / m.clock_mhz), log) for m, proctime, log in timings(request)),
        RESOURCES,
        budgets,
        *(name in request.rules for name in ("balanced", "right-side", "hazard", "fresh")),
    )


@lru_cache(maxsize=MOST_ROWS)
def _row(junction: Junction, number: int, layers: int, widths_bits: tuple[int, ...], input_bits: int) -> JunctionRow:
    """A junction as the program sees it."""
    uses = (junction_use(junction, number, layers, width, input_bits) for width in widths_bits)
    return JunctionRow(
        junction.parallel,
        junction.edges,
        junction.cycles,
        junction.right_parallel,
        junction.depth,
        junction.out_degree,
        log2_ceil(junction.in_degree),
        tuple(tuple(use[name] for name in RESOURCES) for use in uses),
    )


def lift(
    request: SizingRequest, options: list[list[Junction]], rows: tuple[int, ...], width: int, timing: int
) -> tuple[Engine, Multiplier]:
    """The engine of a solution, and how its arithmetic is pipelined.

    Parameters
    ----------
    request : SizingRequest
    options : list of list of Junction
        The candidates that :func:`lower` was given.
    rows : tuple of int
        Per junction the number of the chosen candidate.
    width, timing : int
        Numbers of the chosen word width, and of the chosen entry of :func:`timings`.
    """
    junctions = [some[row] for some, row in zip(options, rows, strict=True)]
    multiplier, proctime, _ = timings(request)[timing]
    network = SparseNetwork(request.neurons, tuple(junction.out_degree for junction in junctions))
    parallel = tuple(junction.parallel for junction in junctions)
    return Engine(network, parallel, request.widths_bits[width], proctime, multiplier.clock_mhz), multiplier
