"""What may change: candidate widths, resolutions, and how far parameters and multiply-accumulates may move."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction

from formulations.networks.widths import Range
from optimizer.architecture.architecture import Architecture
from optimizer.errors import SpecError
from optimizer.files.arguments import Checked
from optimizer.files.rules import AT_LEAST_ONE, POSITIVE
from optimizer.network_adjustment.resolution import Image
from optimizer.network_adjustment.ties import WidthClass
from optimizer.problem.space import DEFAULT_ENGINE
from optimizer.workload.network import Network

_PERCENT = r"(\d+(?:\.\d*)?|\.\d+)\s*%"
_BOTH = re.compile(rf"(?:\+-|\+/-|±)?\s*{_PERCENT}")
_SIDES = re.compile(rf"([+-])\s*{_PERCENT}\s*:\s*([+-])\s*{_PERCENT}")
_IMAGE = re.compile(r"(\d{1,5})(?:\s*x\s*(\d{1,5}))?")
_RATIO = re.compile(r"\d+(?:\.\d*)?|\.\d+|\d+/[1-9]\d*")
_RANGE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*:\s*(\d+(?:\.\d*)?|\.\d+)")


@dataclass(frozen=True)
class Tolerance(Checked):
    """How far a total may move, as parts of the original: ``low`` -1/20 and ``high`` 1/20 are +-5 %."""

    low: Fraction
    high: Fraction

    def within(self, total: int) -> Range:
        """The whole numbers allowed where the original is `total`."""
        return math.ceil(total * (1 + self.low)), math.floor(total * (1 + self.high))

    def data(self) -> list[str]:
        """As it stands in a result: both parts, exact."""
        return [str(self.low), str(self.high)]


@dataclass(frozen=True)
class WidthChanges(Checked):
    """What may change.

    Parameters
    ----------
    multiple : int
        New widths are multiples of it.
    low, high : Fraction
        Least and largest new width, as parts of the original one.
    parameters, macs : Tolerance
        Of the whole network.
    freeze : tuple of str
        Layers whose output channels stay.
    resolutions : tuple of (rows, columns)
        Images to choose from; none: those of the network only.
    expansion : tuple of Fraction
        Ratios of the hidden widths of inverted bottlenecks to the widths of their inputs; none: any.
    """

    multiple: int = field(default=8, metadata=AT_LEAST_ONE)
    low: Fraction = field(default=Fraction(3, 4), metadata=POSITIVE)
    high: Fraction = field(default=Fraction(5, 4), metadata=POSITIVE)
    parameters: Tolerance = Tolerance(Fraction(-1, 20), Fraction(1, 20))
    macs: Tolerance = Tolerance(Fraction(-1, 20), Fraction(1, 20))
    freeze: tuple[str, ...] = ()
    resolutions: tuple[Image, ...] = ()
    expansion: tuple[Fraction, ...] = ()

    def limits(self, network: Network) -> tuple[Range, Range]:
        """Parameters and multiply-accumulates allowed, where this network is the original."""
        return self.parameters.within(network.parameters), self.macs.within(network.macs)

    def candidates(self, entry: WidthClass) -> tuple[int, ...]:
        """Widths that a class may have, ascending: the multiples in the range, and the original."""
        if entry.frozen is not None:
            return (entry.width,)
        first = math.ceil(self.low * entry.width / self.multiple)
        last = math.floor(self.high * entry.width / self.multiple)
        new = {self.multiple * n for n in range(max(1, first), last + 1)}
        return tuple(sorted(new | {entry.width}))

    def data(self) -> dict[str, object]:
        """As it stands in a result."""
        return {
            "multiple": self.multiple,
            "range": [str(self.low), str(self.high)],
            "parameters": self.parameters.data(),
            "macs": self.macs.data(),
            "freeze": list(self.freeze),
            "resolutions": [list(image) for image in self.resolutions],
            "expansion": [str(ratio) for ratio in self.expansion],
        }


def parse_tolerance(text: str, field: str) -> Tolerance:
    """``+-5%``, ``±5%`` or ``5%`` for both sides, or ``-5%:+2%``.

    Raises
    ------
    SpecError
        If it is none of these, the sides are in the wrong order, or nothing would be left.
    """
    both, sides = _BOTH.fullmatch(text.strip()), _SIDES.fullmatch(text.strip())
    if both is not None:
        part = Fraction(both[1]) / 100
        tolerance = Tolerance(-part, part)
    elif sides is not None:
        low, high = (Fraction(f"{sides[n]}{sides[n + 1]}") / 100 for n in (1, 3))
        tolerance = Tolerance(low, high)
    else:
        tolerance = Tolerance(Fraction(0), Fraction(-1))
    if tolerance.low > tolerance.high or tolerance.low < -1:
        raise SpecError(
            "not a tolerance",
            field=field,
            value=text,
            allowed="+-5%, 5%, or both sides: -5%:+2%; not below -100%",
            remedy=f"write e.g. {field} +-5%",
        )
    return tolerance


def parse_range(text: str, field: str) -> tuple[Fraction, Fraction]:
    """``0.75:1.25``: least and largest new width, as parts of the original.

    Raises
    ------
    SpecError
        If it is not two decimals, or a range that leaves the original out.
    """
    match = _RANGE.fullmatch(text.strip())
    low, high = (Fraction(0), Fraction(0)) if match is None else (Fraction(match[1]), Fraction(match[2]))
    if not 0 < low <= 1 <= high <= 64:
        raise SpecError(
            "not a range of widths",
            field=field,
            value=text,
            allowed="LOW:HIGH with 0 < LOW <= 1 <= HIGH <= 64",
            remedy=f"write e.g. {field} 0.75:1.25",
        )
    return low, high


def parse_resolutions(text: str, field: str) -> tuple[Image, ...]:
    """``192,224,192x256``: images to choose from, square or rows x columns, each once.

    Raises
    ------
    SpecError
        If one is no size of an image.
    """
    images: list[Image] = []
    for part in text.split(","):
        match = _IMAGE.fullmatch(part.strip())
        image = (0, 0) if match is None else (int(match[1]), int(match[2] or match[1]))
        if min(image) < 1:
            raise SpecError(
                "not a resolution",
                field=field,
                value=part.strip(),
                allowed="rows and columns of 1 to 99999 pixels",
                remedy=f"write e.g. {field} 192,224 or {field} 192x256,224x320",
            )
        images.append(image)
    return tuple(dict.fromkeys(images))


def parse_ratios(text: str, field: str) -> tuple[Fraction, ...]:
    """``3,4,7/2,4.5``: ratios to choose from, each once.

    Raises
    ------
    SpecError
        If one is no ratio from 1 to 64.
    """
    ratios: list[Fraction] = []
    for part in text.split(","):
        ratio = Fraction(part.strip()) if _RATIO.fullmatch(part.strip()) else Fraction(0)
        if not 1 <= ratio <= 64:
            raise SpecError(
                "not a ratio",
                field=field,
                value=part.strip(),
                allowed="numbers and fractions from 1 to 64",
                remedy=f"write e.g. {field} 3,4,9/2,6",
            )
        ratios.append(ratio)
    return tuple(dict.fromkeys(ratios))


@dataclass(frozen=True)
class AdjustRequest(Checked):
    """The channel widths of a network that cost least on an architecture.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        Budgets of area, off-chip bandwidth and a device's resources are kept.
    changes : WidthChanges
        What may change, and how far.
    objective : {"energy", "latency", "edp"}
    engine : {"path", "cp-sat", "both"}
        The search of a layer's best loop nest.
    """

    network: Network
    architecture: Architecture
    changes: WidthChanges = WidthChanges()
    objective: str = "energy"
    engine: str = DEFAULT_ENGINE
