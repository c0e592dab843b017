"""The body of an adjustment of a network's widths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

from optimizer.bodies.head import FIRST, LAST, Objective, Reconciled
from optimizer.files.records import Json, Order, key
from optimizer.files.rules import NOT_EMPTY, POSITIVE
from optimizer.problem.status import Status

Image = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class AdjustObjective(Objective):
    """What was minimized, against the network as it was: ``gain`` is what the new widths save of it, ``largest_gain``
    what no widths save more than.
    """

    bound: float
    original: float
    original_status: Status
    gain: float | None
    largest_gain: float


@dataclass(frozen=True, kw_only=True)
class SearchedImage:
    """Outcome at a resolution: without a value it has no widths, or none better than those of other resolutions."""

    image: tuple[int, ...]
    value: float | None
    bound: float | None
    complete: bool


@dataclass(frozen=True, kw_only=True)
class ImageChange:
    """The resolution before and after, and the outcome of each."""

    before: Image
    after: Image | None
    searched: tuple[SearchedImage, ...]


@dataclass(frozen=True, kw_only=True)
class SizeLimits:
    """Least and most parameters and multiply-accumulates."""

    parameters: tuple[int, int]
    macs: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class ExpansionChange:
    """The class that a bottleneck expands, and its ratio before and after."""

    of: int
    before: Fraction
    after: Fraction | None


@dataclass(frozen=True, kw_only=True)
class WidthClass:
    """Layers whose widths are tied, their width before and after, the candidates, and why it is frozen."""

    layers: tuple[str, ...]
    before: int
    after: int | None
    candidates: tuple[int, ...] = field(metadata=NOT_EMPTY)
    frozen: str | None
    expansion: ExpansionChange | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkTotals:
    """Size and costs of a network; without costs where it has no design."""

    parameters: int = field(metadata=POSITIVE)
    macs: int = field(metadata=POSITIVE)
    energy_pj: float | None
    latency_cycles: float | None = field(metadata=POSITIVE)
    latency_ms: float | None = field(metadata=POSITIVE)


@dataclass(frozen=True, kw_only=True)
class LayerCosts:
    """Costs of one run of a layer."""

    dims: Mapping[str, int]
    energy_pj: float
    latency_cycles: float


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """A layer before and after."""

    name: str
    kind: str = field(metadata=key("type"))
    before: LayerCosts
    after: LayerCosts | None = None


@dataclass(frozen=True, kw_only=True)
class ChosenPoint:
    """The hardware point of the adjusted network."""

    array: tuple[int, int]
    choices: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class AdjustEffort:
    """What the search did."""

    rounds: int
    layers_priced: int
    layers: int
    hardware_points: int
    points_closed_by_bound: int


@dataclass(frozen=True, kw_only=True)
class AdjustBody(Reconciled):
    """Contents of ``adjust.json``; without ``after`` where there are no widths. ``onnx`` says why there is no model."""

    ORDER: ClassVar[Order] = (*FIRST, ..., *LAST, "disagreements", "onnx")
    objective: AdjustObjective
    accuracy: str
    accounting: str
    space: str
    architecture: str
    network: str
    request: Json
    resolution: ImageChange | None = None
    limits: SizeLimits
    classes: tuple[WidthClass, ...]
    before: NetworkTotals
    after: NetworkTotals | None = None
    layers: tuple[LayerChange, ...]
    hardware: ChosenPoint | None
    effort: AdjustEffort
    onnx: str | None = None
