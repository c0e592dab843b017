"""A network: a graph whose nodes are layers and whose edges are tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

from optimizer.errors import SpecError
from optimizer.files.names import check_name
from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.serving import Serving
from optimizer.workload.views import TILE_AXES, WHOLE, View, misfits

PHASES = ("forward", "loss", "input_gradient", "weight_gradient", "update")
"""The parts of a step of training."""


@dataclass
class Network:
    """A network.

    ``graph`` is a DiGraph; node attribute ``layer`` is a layer, edge attribute ``tensor`` a name, and edge
    attribute ``view`` says what a position of the consumer's output needs of the producer's output. In a step of
    training (:mod:`optimizer.training.step`) ``training`` says what it was made with, and node attribute ``phase``
    is one of :data:`PHASES`. ``mapping`` holds constraints on the mappings of layers by name, as its file states them
    (:mod:`optimizer.workload.mapping_constraints`). ``serving`` says what a run means where the network is a language
    model. ``file`` is where it was read, for messages. ``absorbed`` counts the operators of an ONNX model that are no
    layer, by type: part of one, a view, or constant. ``uncounted`` names the layers whose multiply-accumulates are not
    known: operators that were not understood, kept as traffic. ``stored_bits`` are those of all learned words,
    each once, where layers share some; None where every layer has its own.
    """

    name: str
    graph: nx.DiGraph = field(default_factory=nx.DiGraph)
    warnings: list[str] = field(default_factory=list)
    training: dict[str, object] | None = None
    mapping: tuple[Mapping[str, Any], ...] = ()
    serving: Serving | None = None
    file: str | None = field(default=None, compare=False)
    absorbed: Counter[str] = field(default_factory=Counter, compare=False)
    uncounted: tuple[str, ...] = ()
    stored_bits: int | None = None

    def add(
        self,
        layer: AnyLayer,
        *,
        after: Mapping[str, str] | None = None,
        views: Mapping[str, View] | None = None,
        phase: str | None = None,
    ) -> None:
        """Append a layer.

        Parameters
        ----------
        layer : Layer or VectorLayer
            The layer.
        after : mapping of str to str, optional
            The tensor on the edge from each producer.
        views : mapping of str to View, optional
            What the layer needs of a producer's output; all of it where nothing is said.
        phase : str, optional
            Its part in a step of training.

        Raises
        ------
        SpecError
            On a duplicate name, an unknown producer, or a view that does not fit.
        """
        check_name(layer.name, file=self.file, field="layers")
        if layer.name in self.graph:
            raise SpecError(
                "two layers have the same name",
                field=layer.name,
                value=layer.name,
                allowed="names used once",
                remedy="rename one of the two",
            )
        for producer in after or {}:
            if producer not in self.graph:
                raise SpecError(
                    "unknown producer",
                    field=layer.name,
                    value=producer,
                    allowed=", ".join(self.graph) or "none yet",
                    remedy="add the producer before the layers that read it",
                )
        for producer, view in (views or {}).items():
            if producer not in (after or {}):
                raise SpecError(
                    "a view of a layer that is not read",
                    field=f"{layer.name}.views",
                    value=producer,
                    allowed=", ".join(after or {}) or "none",
                    remedy="name one of the producers",
                )
            for axis in misfits(view, self.graph.nodes[producer]["layer"].grid, layer.grid):
                raise SpecError(
                    "the last window begins beyond the producer's output",
                    field=f"{layer.name}.views.{producer}",
                    value=view[axis],
                    allowed=f"windows that begin within the producer's {TILE_AXES[axis]}",
                    remedy="check the window and the grids of both layers, or leave the window out",
                )
        self.graph.add_node(layer.name, layer=layer, **({} if phase is None else {"phase": phase}))
        for producer, tensor in (after or {}).items():
            self.graph.add_edge(producer, layer.name, tensor=tensor, view=(views or {}).get(producer, WHOLE))

    def phase(self, name: str) -> str | None:
        """The part of a layer in a step of training; None in other networks."""
        phase: str | None = self.graph.nodes[name].get("phase")
        return phase

    def view(self, producer: str, consumer: str) -> View:
        """What a position of the consumer's output needs of the producer's output."""
        view: View = self.graph.edges[producer, consumer]["view"]
        return view

    def layers(self) -> Iterator[AnyLayer]:
        """All layers in a topological order that keeps insertion order where it can."""
        position = {name: i for i, name in enumerate(self.graph)}
        for name in nx.lexicographical_topological_sort(self.graph, key=position.__getitem__):
            yield self.graph.nodes[name]["layer"]

    def mac_layers(self) -> list[Layer]:
        """The multiply-accumulate layers."""
        return [layer for layer in self.layers() if isinstance(layer, Layer)]

    @property
    def macs(self) -> int:
        """Multiply-accumulates that the network asks for."""
        return sum(layer.asked_macs * layer.multiplicity for layer in self.mac_layers())

    @property
    def parameters(self) -> int:
        """Learned words of the network."""
        return sum(layer.parameter_count * layer.multiplicity for layer in self.layers())

    def __repr__(self) -> str:
        sizes = f"{self.macs:,} multiply-accumulates, {self.parameters:,} parameters"
        return f"<Network {self.name}: {len(self.graph)} layers, {sizes}>"
