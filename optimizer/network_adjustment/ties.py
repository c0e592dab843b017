"""Which channel widths of a network are tied: classes of widths that can only change together.

The graph is read forwards. A convolution or a matrix product with learned weights starts a class of its own with its
output channels. A depthwise convolution, a pooling, an activation or a normalization writes as many channels as it
reads. What is added element by element has equal channels: the classes become one. A concatenation writes the sum of
its parts. A matrix product behind a flattened image reads all positions of every channel.

What cannot be scaled with certainty is *frozen*, with the reason: outputs of the network, grouped convolutions,
products of activations, layers in N:M blocks, operators that mix or cut channels, and whatever does not read its
producer's channels one for one. The channels of the network's input are no class at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from optimizer.errors import SpecError
from optimizer.network_adjustment.rebuild import rebuilt
from optimizer.network_adjustment.sizes import Form, Shape, channels_of, is_regular, with_widths
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY_WINDOW, WHOLE

NORMALIZATIONS = ("layernormalization", "rmsnormalization", "instancenormalization", "batchnorm")
"""Vector layers that may read one or two learned words per channel."""

CHANNELWISE = (
    *NORMALIZATIONS,
    "add",
    "sub",
    "mul",
    "div",
    "max",
    "min",
    "mean",
    "maxpool",
    "averagepool",
    "lppool",
    "globalaveragepool",
    "globalmaxpool",
    "globallppool",
    "reducemean",
    "reducemax",
    "reducesum",
    "softmax",
    "logsoftmax",
    "lrn",
    "resize",
    "upsample",
)
"""Vector layers that write as many channels as they read, if the channels agree, with work in proportion."""


@dataclass(frozen=True)
class WidthClass:
    """A class of tied widths: the common width, the layers with weights or kernels of this many channels, and why it is
    frozen.
    """

    width: int
    layers: tuple[str, ...]
    frozen: str | None = None


@dataclass(frozen=True)
class Ties:
    """The classes of a network, and the shape of every layer."""

    classes: tuple[WidthClass, ...]
    shapes: dict[str, Shape]

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of every class as it is."""
        return tuple(entry.width for entry in self.classes)


def channels(widths: Sequence[int], form: Form) -> int:
    """Channels of a sum of classes."""
    return sum(widths[number] for number in form)


def resized(network: Network, ties: Ties, widths: Sequence[int], *, name: str | None = None) -> Network:
    """The network with other widths; with its own widths it is equal."""

    def change(layer: AnyLayer) -> AnyLayer:
        return with_widths(
            layer,
            ties.shapes[layer.name],
            lambda form: channels(ties.widths, form),
            lambda form: channels(widths, form),
        )

    return rebuilt(network, change, name=name)


def find_ties(network: Network, freeze: Iterable[str] = ()) -> Ties:
    """The width classes of a network.

    Parameters
    ----------
    network : Network
    freeze : iterable of str
        Layers whose output channels stay as they are.

    Raises
    ------
    SpecError
        If the network is a training step, or a layer to be frozen does not exist.
    """
    if network.training is not None:
        raise SpecError(
            "widths are adjusted before training",
            field="network",
            value=f"a training step of {network.name}",
            allowed="the network itself",
            remedy="adjust the network, then train the adjusted one",
        )
    reader = _Reader(network)
    for name in freeze:
        if name not in network.graph:
            raise SpecError(
                "there is no such layer to freeze",
                field="--freeze",
                value=name,
                allowed=", ".join(network.graph),
                remedy="name a layer of the network",
            )
        reader.freeze(reader.written[name], "asked for")
    return reader.ties()


class _Reader:
    """Reads the graph once, forwards; classes are united as the layers come."""

    def __init__(self, network: Network) -> None:
        self._graph = network.graph
        self._width: list[int] = []
        self._parent: list[int] = []
        self._frozen: dict[int, str] = {}
        self._owners: dict[str, int] = {}
        self.written: dict[str, Form | None] = {}
        self._shapes: dict[str, Shape] = {}
        for layer in network.layers():
            shape = self._mac(layer) if isinstance(layer, Layer) else self._vector(layer)
            self._shapes[layer.name], self.written[layer.name] = shape, shape.writes
        for name in self._graph:
            if not self._graph.out_degree(name):
                self.freeze(self.written[name], "output of the network")

    def freeze(self, form: Form | None, reason: str) -> None:
        """Keep the widths of all classes of a form; the first reason stays."""
        for number in form or ():
            self._frozen.setdefault(self._root(number), reason)

    def ties(self) -> Ties:
        """What was found, with classes numbered in the order of the network."""
        roots = list(dict.fromkeys(self._root(number) for number in range(len(self._parent))))
        place = {root: number for number, root in enumerate(roots)}
        layers: dict[int, list[str]] = {root: [] for root in roots}
        for name, number in self._owners.items():
            layers[self._root(number)].append(name)

        def final(form: Form | None) -> Form | None:
            return None if form is None else tuple(sorted(place[self._root(number)] for number in form))

        shapes = {
            name: replace(
                shape,
                reads=final(shape.reads),
                writes=final(shape.writes),
                parts=tuple(form for part in shape.parts if (form := final(part)) is not None),
            )
            for name, shape in self._shapes.items()
        }
        return Ties(tuple(WidthClass(self._width[r], tuple(layers[r]), self._frozen.get(r)) for r in roots), shapes)

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            number = self._parent[number]
        return number

    def _new(self, width: int, layer: str) -> Form:
        """A class of its own."""
        self._width.append(width)
        self._parent.append(len(self._parent))
        self._owners[layer] = self._parent[-1]
        return (self._parent[-1],)

    def _total(self, form: Form) -> int:
        return sum(self._width[number] for number in form)

    def _equate(self, forms: Sequence[Form], reason: str) -> None:
        """All of these sums are one number of channels."""
        first = forms[0]
        for other in forms[1:]:
            ours, theirs = (sorted(self._root(number) for number in form) for form in (first, other))
            if ours == theirs:
                continue
            if len(ours) == len(theirs) == 1:
                low, high = min(ours[0], theirs[0]), max(ours[0], theirs[0])
                self._parent[high] = low
                if high in self._frozen:
                    self._frozen.setdefault(low, self._frozen.pop(high))
            else:
                for form in (first, other):
                    self.freeze(form, f"{reason}: a sum of widths has to equal another")

    def _opaque(self, layer: AnyLayer, reason: str) -> Shape:
        """A layer whose size is kept, and so are the widths of all that it reads."""
        for producer in self._graph.predecessors(layer.name):
            self.freeze(self.written[producer], f"{layer.name}: {reason}")
        return Shape()

    def _mac(self, layer: Layer) -> Shape:
        extents = layer.extents
        learned = layer.parameter_count >= layer.operand("W").footprint(extents)
        if not learned:
            return self._opaque(layer, "its weights are not learned, or counted elsewhere")
        if layer.kind == "matmul" and "B" not in extents and is_regular(layer, "N", "K"):
            reads, positions = self._read(layer, extents["K"], flattens=True)
            return Shape("matmul", reads, self._new(extents["N"], layer.name), positions)
        if layer.kind == "conv" and "G" not in extents and is_regular(layer, "K"):
            if not is_regular(layer, "C"):
                return self._opaque(layer, "no channels are summed over")
            reads, _ = self._read(layer, extents["C"])
            return Shape("conv", reads, self._new(extents["K"], layer.name))
        if layer.kind == "dwconv" and "K" not in extents and "C" not in extents and is_regular(layer, "G"):
            reads, _ = self._read(layer, extents["G"])
            if reads is None:
                return Shape()
            if len(reads) == 1:
                self._owners[layer.name] = reads[0]
            return Shape("depthwise", reads, reads)
        return self._opaque(layer, "grouped, batched, in blocks or of another kind than conv, dwconv, matmul")

    def _read(self, layer: Layer, extent: int, *, flattens: bool = False) -> tuple[Form | None, int]:
        """Channels that a layer reads, and positions of each; what does not fit is frozen."""
        producers = list(self._graph.predecessors(layer.name))
        forms = [form for name in producers if (form := self.written[name]) is not None]
        if not producers:
            return None, 1
        if len(forms) == len(producers):
            batch, rows, columns = self._graph.nodes[producers[0]]["layer"].grid
            if all(self._total(form) == extent for form in forms) and not self._doubtful(layer, producers, extent):
                self._equate(forms, layer.name)
                return forms[0], 1
            whole = flattens and len(forms) == 1 and layer.extents.get("M") == batch
            if whole and self._total(forms[0]) * rows * columns == extent:
                return forms[0], rows * columns
        self._opaque(layer, "it does not read channels one for one")
        return None, 1

    def _doubtful(self, layer: Layer, producers: Sequence[str], extent: int) -> bool:
        """May the channels read be another axis of the same extent? A view of positions says that they are not."""
        for producer in producers:
            grid = self._graph.nodes[producer]["layer"].grid
            if extent > 1 and extent in grid and self._graph.edges[producer, layer.name]["view"] == WHOLE:
                return True
            square = layer.kind == "matmul" and grid[1] > 1 and layer.extents["M"] == extent
            if square and self._graph.edges[producer, layer.name]["view"][1] != IDENTITY_WINDOW:
                return True
        return False

    def _vector(self, layer: VectorLayer) -> Shape:
        producers = list(self._graph.predecessors(layer.name))
        forms = [form for name in producers if (form := self.written[name]) is not None]
        made = channels_of(layer)
        if made is None or not forms or len(forms) != len(producers):
            return self._opaque(layer, "it is not known how its channels follow from what it reads")
        if layer.kind == "concat":
            return self._concat(layer, producers, forms, made)
        extra = [words for words, _ in layer.reads[len(forms) :]]
        usual = not extra or (layer.kind in NORMALIZATIONS and all(words in (made, 2 * made) for words in extra))
        counts = [words for words, _ in layer.reads] + [layer.operations]
        if (
            layer.kind not in CHANNELWISE
            or not usual
            or sum(extra) != layer.parameters
            or len(layer.reads) < len(forms)
            or any(self._total(form) != made for form in forms)
            or any(count % made for count in counts)
        ):
            return self._opaque(layer, f"{layer.kind} may mix or cut channels")
        self._equate(forms, layer.name)
        return Shape("stream", forms[0], forms[0])

    def _concat(self, layer: VectorLayer, producers: list[str], forms: list[Form], made: int) -> Shape:
        """Parts side by side along the channels, each of them all of what a layer computes."""
        batch, rows, columns = layer.grid
        expected = [self._total(form) * batch * rows * columns for form in forms]
        streams, alike = [words for words, _ in layer.reads], len({bits for _, bits in layer.reads}) == 1
        joins = streams == expected and sum(map(self._total, forms)) == made
        if not joins or not alike or layer.parameters or layer.operations:
            return self._opaque(layer, "it does not join all channels of what it reads")
        return Shape("concat", None, tuple(number for form in forms for number in form), parts=tuple(forms))
