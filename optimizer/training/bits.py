"""Precision of the tensors of a training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from optimizer.errors import SpecError
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer


@dataclass(frozen=True)
class TrainingBits:
    """Bits per element, by what a tensor is.

    Parameters
    ----------
    weights : int, optional
        Weights as forward and backward passes read them; the network's own precision by default.
    activations : int, optional
        Activations, computed and saved; the network's own precision by default.
    gradients : int
        Gradients of activations.
    weight_gradients : int
        Gradients of weights.
    master : int
        Weights as the optimizer keeps them. If `weights` is another width, the update writes both.
    state : int
        Other state of the optimizer, such as momentum.

    Raises
    ------
    SpecError
        On a width that is not a positive integer.
    """

    weights: int | None = None
    activations: int | None = None
    gradients: int = 16
    weight_gradients: int = 32
    master: int = 32
    state: int = 32

    def __post_init__(self) -> None:
        for name, width in asdict(self).items():
            if width is None and name in ("weights", "activations"):
                continue
            if isinstance(width, bool) or not isinstance(width, int) or width < 1:
                raise SpecError(
                    "a precision must be a positive integer of bits",
                    field=f"training bits.{name}",
                    value=width,
                    allowed="integers >= 1",
                    remedy="leave it out for the default",
                )

    @classmethod
    def from_names(cls, given: Mapping[str, int]) -> TrainingBits:
        """Widths by name; the others are the defaults.

        Raises
        ------
        SpecError
            On an unknown name or a width that is not a positive integer.
        """
        names = [entry.name for entry in fields(cls)]
        for name in given:
            if name not in names:
                raise SpecError(
                    "no such tensor of a training step",
                    field=f"training bits.{name}",
                    value=name,
                    allowed=", ".join(names),
                    remedy="name one of these",
                )
        return cls(**given)

    def data(self) -> dict[str, int]:
        """The widths that are given, for files."""
        return {name: width for name, width in asdict(self).items() if width is not None}

    def forward(self, layer: AnyLayer, *, learned: bool) -> AnyLayer:
        """A layer with the precisions of the forward pass.

        Parameters
        ----------
        layer : Layer or VectorLayer
        learned : bool
            Whether operand W holds weights; otherwise it holds activations.
        """
        if isinstance(layer, VectorLayer):
            return self._vector(layer)
        data = {} if self.activations is None else dict.fromkeys("IO" if learned else "WIO", self.activations)
        weights = {"W": self.weights} if learned and self.weights is not None else {}
        return layer.with_bits(data | weights)

    def _vector(self, layer: VectorLayer) -> VectorLayer:
        learned = _learned_reads(layer)
        data, tables = layer.reads[: len(layer.reads) - learned], layer.reads[len(layer.reads) - learned :]
        reads = _widened(data, self.activations) + _widened(tables, self.weights)
        return replace(layer, reads=reads, writes=_widened(layer.writes, self.activations))

    def of_weights(self, layer: AnyLayer) -> int:
        """Bits of a layer's learned words as the passes read them."""
        if self.weights is not None:
            return self.weights
        return layer.operand("W").bits if isinstance(layer, Layer) else layer.reads[-1][1]


Streams = tuple[tuple[int, int], ...]


def _learned_reads(layer: VectorLayer) -> int:
    """How many of the tensors that a vector layer reads, counted from the last, hold its learned words."""
    left, count = layer.parameters, 0
    while left > 0 and count < len(layer.reads) - (len(layer.reads) > 1):
        count += 1
        left -= layer.reads[-count][0]
    return count


def _widened(streams: Streams, bits: int | None) -> Streams:
    return streams if bits is None else tuple((words, bits) for words, _ in streams)
