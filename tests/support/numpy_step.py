"""A NumPy execution of training steps: forward layers and gradient layers run from their own operand descriptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from optimizer.training.contractions import GradientPart, input_gradient, second_gradient
from optimizer.training.operands import has_weights, producers
from optimizer.workload.layer import Layer, Operand, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.views import WHOLE

Array = np.ndarray
EPSILON = 1e-5


def expanded(array: Array, operand: Operand, extents: dict[str, int]) -> tuple[Array, list[str]]:
    """A view with one axis per dim of the operand, and the dims."""
    assert array.shape == tuple(axis.extent(extents) for axis in operand.axes), (operand, array.shape, extents)
    along = zip(operand.axes, array.strides, strict=True)
    terms = [(dim, coefficient * stride) for axis, stride in along for dim, coefficient in axis.terms]
    shape = [extents[dim] for dim, _ in terms]
    view = np.lib.stride_tricks.as_strided(array, shape, [stride for _, stride in terms])
    return view, [dim for dim, _ in terms]


def run(layer: Layer, weights: Array, inputs: Array) -> Array:
    """The layer's output, from its dims and index expressions alone."""
    letters = {dim: chr(97 + n) for n, (dim, _) in enumerate(layer.dims)}
    extents, (w, i, o) = layer.extents, layer.operands
    first, dims_w = expanded(weights, w, extents)
    second, dims_i = expanded(inputs, i, extents)
    output = [dim for axis in o.axes for dim, _ in axis.terms]
    a, b, c = ("".join(letters[dim] for dim in dims) for dims in (dims_w, dims_i, output))
    return np.einsum(f"{a},{b}->{c}", first, second)


def arranged(array: Array, given: Operand, wanted: Operand, part: GradientPart) -> Array:
    """An array laid out like an operand of the forward layer, as an operand of a gradient layer."""
    places = [axis.terms[0][0] for axis in given.axes]
    old = {new: old for old, new in part.renamed.items()}
    order = [places.index(old.get(axis.terms[0][0], axis.terms[0][0])) for axis in wanted.axes]
    return np.ascontiguousarray(array.transpose(order))


def returned(array: Array, given: Operand, wanted: Operand, part: GradientPart) -> Array:
    """The inverse of :func:`arranged`: the output of a gradient layer, laid out like the forward layer's operand."""
    places = [part_dim(axis.terms[0][0], part) for axis in given.axes]
    order = [next(places.index(d) for d, _ in axis.terms if d in places) for axis in wanted.axes]
    return np.ascontiguousarray(array.transpose(order))


def part_dim(new: str, part: GradientPart) -> str:
    """The forward layer's name of a dim."""
    return {n: o for o, n in part.renamed.items()}.get(new, new)


@dataclass
class Reader:
    """How an operand is laid out in what its producers compute; by default the same words in the same order."""

    read: Callable[[Array], Array]
    back: Callable[[Array], Array]


@dataclass
class Execution:
    """Values of one run of a training step.

    `learned` holds weights by ``NAME``, biases by ``NAME.bias``; `readers` is keyed by (layer, role).
    """

    network: Network
    step: Network
    learned: dict[str, Array]
    inputs: dict[str, Array]
    targets: dict[str, Array]
    readers: dict[tuple[str, str], Reader] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)
    written: dict[tuple[str, str], Array] = field(default_factory=dict)
    gradients: dict[str, Array] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    # forward

    def loss(self) -> float:
        """Cross-entropy of all outputs of the network, each one distribution."""
        total = 0.0
        for layer in self.network.layers():
            self.values[layer.name] = self.forward(layer)
            if not self.network.graph.out_degree(layer.name):
                logits = self.logits(layer.name).ravel()
                shifted = logits - logits.max()
                total -= float(self.targets[layer.name] @ (shifted - np.log(np.exp(shifted).sum())))
        return total

    def logits(self, name: str) -> Array:
        """What goes into the softmax at an output of the network."""
        layer = self.network.graph.nodes[name]["layer"]
        return self.values[next(iter(self.network.graph.pred[name]))] if layer.kind == "softmax" else self.values[name]

    def sources(self, name: str) -> list[Array]:
        """Outputs of the producers, or the network's input of this name."""
        return [self.values[p] for p in self.network.graph.pred[name]] or [self.inputs[name]]

    def padded(self, layer: Layer) -> tuple[Array, list[tuple[int, int]]]:
        """Operand I with padding, and the padding."""
        found = list(producers(self.network, layer, "I"))
        array = self.values[found[0]] if found else self.inputs[layer.name]
        array = self.reader(layer.name, "I").read(array)
        view = self.network.view(found[0], layer.name) if found else WHOLE
        grid = self.network.graph.nodes[found[0]]["layer"].grid if found else None
        shape, pads = [], []
        for axis in layer.operand("I").axes:
            extent, place = axis.extent(layer.extents), None
            for dim, _ in axis.terms:
                if len(axis.terms) > 1 and dim in layer.tile_dims:
                    place = layer.tile_dims.index(dim)
            window = None if place is None else view[place]
            rows, before = (extent, 0) if window is None else (grid[place], window.before)
            shape.append(rows)
            pads.append((before, extent - before - rows))
        array = array.reshape(shape)
        for axis, (before, after) in enumerate(pads):
            array = shifted(array, axis, -before, array.shape[axis] + before + after)
        return np.ascontiguousarray(array), pads

    def reader(self, name: str, role: str) -> Reader:
        """How a layer reads an operand."""
        return self.readers.get((name, role), Reader(lambda x: x, lambda x: x))

    def second(self, layer: Layer) -> Array:
        """Operand W."""
        if has_weights(self.network, layer):
            return self.learned[layer.name]
        (source,) = producers(self.network, layer, "W")
        array = self.reader(layer.name, "W").read(self.values[source])
        return np.ascontiguousarray(array.reshape([axis.extent(layer.extents) for axis in layer.operand("W").axes]))

    def forward(self, layer: Layer | VectorLayer) -> Array:
        """Output of a forward layer."""
        if isinstance(layer, VectorLayer):
            return FORWARD[layer.kind](self, layer)
        result = run(layer, self.second(layer), self.padded(layer)[0])
        bias = self.learned.get(f"{layer.name}.bias")
        if bias is not None:
            channels = "N" if layer.kind == "matmul" else "GK"
            result += bias.reshape([layer.extents[d] if d in channels else 1 for d in output_dims(layer)])
        return result

    # backward

    def backward(self) -> None:
        """Run all gradient layers; gradients of learned words are left in ``gradients``."""
        self.loss()
        for layer in reversed(list(self.network.layers())):
            name = layer.name
            if not self.network.graph.out_degree(name):
                self.lose(name)
            has = [n for n in (f"{name}.dI", f"{name}.dI/phase0", f"{name}.dW", f"{name}.dB") if n in self.step.graph]
            if has and not (layer.kind == "softmax" and not self.network.graph.out_degree(name)):
                gradient = self.incoming(name, has)
                if isinstance(layer, VectorLayer):
                    BACKWARD[layer.kind](self, layer, gradient)
                else:
                    self.backward_layer(layer, gradient)

    def lose(self, name: str) -> None:
        """Gradient of what goes into the softmax."""
        logits = self.logits(name)
        powers = np.exp(logits - logits.max())
        layer = self.network.graph.nodes[name]["layer"]
        source = next(iter(self.network.graph.pred[name])) if layer.kind == "softmax" else name
        self.write(f"{name}.loss", source, (powers / powers.sum() - self.targets[name].reshape(logits.shape)))

    def incoming(self, name: str, readers: list[str]) -> Array:
        """Gradient of a layer's output; the graph's edges must lead from exactly the nodes that contribute to it."""
        nodes, gradient = self.summed(name)
        for reader in readers:
            backward = {p for p in self.step.graph.pred[reader] if self.step.phase(p) != "forward"}
            assert backward == nodes, (reader, backward, nodes)
        return gradient

    def summed(self, name: str) -> tuple[set[str], Array]:
        """Nodes that hold the gradient of a layer's output, and the gradient."""
        nodes, gradient = self.contributions(name)
        if f"{name}.sum" in self.step.graph:
            assert set(self.step.graph.pred[f"{name}.sum"]) == nodes, name
            self.seen.add(f"{name}.sum")
            nodes = {f"{name}.sum"}
        return nodes, gradient

    def contributions(self, name: str) -> tuple[set[str], Array]:
        """Nodes that write parts of the gradient of a layer's output, and their sum."""
        nodes, total = set(), np.zeros_like(self.values[name])
        for (node, source), array in self.written.items():
            if source == name:
                nodes.add(node)
                total += array.reshape(total.shape)
        for reader in self.network.graph.successors(name):
            kind = self.network.graph.nodes[reader]["layer"].kind
            if kind in ("add", "concat"):
                others, gradient = self.summed(reader)
                nodes |= others
                total += gradient.reshape(total.shape) if kind == "add" else self.slice_of(reader, name, gradient)
        return nodes, total

    def slice_of(self, reader: str, name: str, gradient: Array) -> Array:
        """The part of the gradient of a concatenation along the channels that belongs to one operand."""
        parts = list(self.network.graph.pred[reader])
        ends = np.cumsum([self.values[part].shape[1] for part in parts])
        return np.split(gradient, ends[:-1], axis=1)[parts.index(name)]

    def write(self, node: str, source: str, array: Array) -> None:
        """Note a contribution to the gradient of a layer's output."""
        assert node in self.step.graph, node
        self.seen.add(node)
        self.written[node, source] = self.written.get((node, source), 0) + array

    def learn(self, node: str, name: str, array: Array) -> None:
        """Note the gradient of learned words; the update must read it."""
        assert node in self.step.graph.pred[f"{name.removesuffix('.bias')}.update"]
        self.seen |= {node, f"{name.removesuffix('.bias')}.update"}
        self.gradients[name] = array

    def backward_layer(self, layer: Layer, gradient: Array) -> None:
        """Gradients of both operands, by the layers of the step."""
        outputs = gradient.reshape([axis.extent(layer.extents) for axis in layer.operand("O").axes])
        data, pads = self.padded(layer)
        if f"{layer.name}.dW" in self.step.graph:
            self.backward_second(layer, outputs, data)
        if f"{layer.name}.bias" in self.learned:
            kept = "N" if layer.kind == "matmul" else "GK"
            axes = tuple(n for n, d in enumerate(output_dims(layer)) if d not in kept)
            self.learn(f"{layer.name}.dB", f"{layer.name}.bias", outputs.sum(axis=axes).ravel())
        if any(n in self.step.graph for n in (f"{layer.name}.dI", f"{layer.name}.dI/phase0")):
            self.backward_input(layer, outputs, data, pads)

    def backward_second(self, layer: Layer, outputs: Array, data: Array) -> None:
        """Gradient of operand W."""
        node = self.step.graph.nodes[f"{layer.name}.dW"]["layer"]
        part = second_gradient(layer, node.name, gradient=("", 16), bits=16)
        assert described(part.layer) == described(node)
        weights, inputs, result = node.operands
        found = run(
            node,
            arranged(outputs, layer.operand("O"), weights, part),
            arranged(data, layer.operand("I"), inputs, part),
        )
        found = returned(found, result, layer.operand("W"), part)
        if has_weights(self.network, layer):
            self.learn(node.name, layer.name, found)
        else:
            (source,) = producers(self.network, layer, "W")
            self.write(node.name, source, self.reader(layer.name, "W").back(found))

    def backward_input(self, layer: Layer, outputs: Array, data: Array, pads: list[tuple[int, int]]) -> None:
        """Gradient of operand I, phase by phase; padding is cut off at the end."""
        (source,) = producers(self.network, layer, "I")
        parts = input_gradient(
            layer,
            f"{layer.name}.dI",
            gradient=("", 16),
            bits=16,
            view=self.network.view(source, layer.name),
            image=self.network.graph.nodes[source]["layer"].grid,
        )
        total = np.zeros([n - b - a for n, (b, a) in zip(data.shape, pads, strict=True)])
        for part in parts:
            node = self.step.graph.nodes[part.layer.name]["layer"]
            assert described(part.layer) == described(node)
            self.seen.add(node.name)
            self.place(total, layer, part, node, outputs)
        self.write(part.layer.name, source, self.reader(layer.name, "I").back(total))
        for other in parts[:-1]:
            self.write(other.layer.name, source, np.zeros_like(self.reader(layer.name, "I").back(total)))

    def place(self, total: Array, layer: Layer, part: GradientPart, node: Layer, outputs: Array) -> None:
        """Run one phase and put its rows where they belong."""
        weights, window_of = self.second(layer), {}
        for n, axis in enumerate(layer.operand("I").axes):
            for dim, step in axis.terms:
                if dim in part.phases:
                    (kernel,) = [d for d, _ in axis.terms if d != dim]
                    window_of[n] = (dim, kernel, step)
        lone = [
            n
            for n, axis in enumerate(layer.operand("O").axes)
            if axis.terms[0][0] not in node.extents and axis.terms[0][0] not in part.renamed
        ]
        given = layer.operand("O")
        for dim, kernel, _ in window_of.values():
            phase = part.phases[dim]
            place = [axis.terms[0][0] for axis in layer.operand("W").axes].index(kernel)
            weights = np.take(weights, phase.taps[::-1], axis=place)
            place = [axis.terms[0][0] for axis in given.axes].index(dim)
            outputs = shifted(outputs, place, -phase.window.before, phase.outputs + phase.window.reach - 1)
        if lone:
            outputs = outputs.squeeze(axis=tuple(lone))
            given = Operand("O", tuple(axis for n, axis in enumerate(given.axes) if n not in lone))
        w, i, o = node.operands
        found = run(node, arranged(weights, layer.operand("W"), w, part), arranged(outputs, given, i, part))
        found = returned(found, o, layer.operand("I"), part)
        index = []
        for n, axis in enumerate(layer.operand("I").axes):
            if n in window_of:
                dim, _, step = window_of[n]
                index.append(slice(part.phases[dim].first_output, None, step))
            else:
                before = self.padded(layer)[1][n][0]
                step = next((c for d, c in axis.terms if layer.extents[d] == found.shape[n]), 1)
                rows = np.arange(found.shape[n]) * step - before
                inside = (rows >= 0) & (rows < total.shape[n])
                found = np.compress(inside, found, axis=n)
                index.append(rows[inside])
        rows = [np.arange(extent)[key] for key, extent in zip(index, total.shape, strict=True)]
        total[np.ix_(*rows)] += found


def described(layer: Layer) -> tuple:
    """What a layer computes, apart from names and precision."""
    return layer.dims, [operand.axes for operand in layer.operands]


def output_dims(layer: Layer) -> list[str]:
    """Dims of the output, axis by axis."""
    return [axis.terms[0][0] for axis in layer.operand("O").axes]


def shifted(array: Array, axis: int, start: int, length: int) -> Array:
    """Rows from `start` on along an axis, zeros where there are none."""
    rows = np.arange(start, start + length)
    inside = (rows >= 0) & (rows < array.shape[axis])
    taken = np.take(array, np.where(inside, rows, 0), axis=axis)
    return taken * inside.reshape([-1 if n == axis else 1 for n in range(array.ndim)])


def windows(execution: Execution, layer: VectorLayer) -> tuple[Array, list[tuple[int, int, slice, slice]]]:
    """Input of a pooling, and for every tap where its values and outputs are."""
    (source,) = execution.network.graph.pred[layer.name]
    _, down, across = execution.network.view(source, layer.name)
    taps = [(r - down.before, s - across.before) for r in range(down.reach) for s in range(across.reach)]
    return execution.values[source], [(r, s, down.stride, across.stride) for r, s in taps]


def tap(image: Array, at: tuple[int, int, int, int], rows: int, columns: int, missing: float) -> Array:
    """What one tap of a window sees."""
    r, s, down, across = at
    ys, xs = r + down * np.arange(rows), s + across * np.arange(columns)
    inside = ((ys >= 0) & (ys < image.shape[2]))[:, None] & ((xs >= 0) & (xs < image.shape[3]))[None]
    found = image[:, :, np.clip(ys, 0, image.shape[2] - 1)][:, :, :, np.clip(xs, 0, image.shape[3] - 1)]
    return np.where(inside, found, missing)


def spread(total: Array, at: tuple[int, int, int, int], values: Array) -> None:
    """The inverse of :func:`tap`: add values where the tap looked."""
    r, s, down, across = at
    for p in range(values.shape[2]):
        for q in range(values.shape[3]):
            y, x = r + down * p, s + across * q
            if 0 <= y < total.shape[2] and 0 <= x < total.shape[3]:
                total[:, :, y, x] += values[:, :, p, q]


def pool_forward(execution: Execution, layer: VectorLayer) -> Array:
    """Largest or mean value of every window; padding counts as 0 in the mean."""
    image, taps = windows(execution, layer)
    largest = layer.kind == "maxpool"
    seen = [tap(image, at, *layer.grid[1:], -np.inf if largest else 0.0) for at in taps]
    return np.max(seen, axis=0) if largest else np.mean(seen, axis=0)


def pool_backward(execution: Execution, layer: VectorLayer, gradient: Array) -> None:
    """To where the input equals the output, or evenly."""
    image, taps = windows(execution, layer)
    total = np.zeros_like(image)
    for at in taps:
        if layer.kind == "maxpool":
            hit = tap(image, at, *layer.grid[1:], -np.inf) == execution.values[layer.name]
            spread(total, at, gradient * hit)
        else:
            spread(total, at, gradient / len(taps))
    (source,) = execution.network.graph.pred[layer.name]
    execution.write(f"{layer.name}.dI", source, total)


def softmax(execution: Execution, layer: VectorLayer) -> Array:
    """Along the last axis."""
    (x,) = execution.sources(layer.name)
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_backward(execution: Execution, layer: VectorLayer, gradient: Array) -> None:
    """``x' = y (y' - sum y y')``."""
    y = execution.values[layer.name]
    (source,) = execution.network.graph.pred[layer.name]
    execution.write(f"{layer.name}.dI", source, y * (gradient - (y * gradient).sum(axis=-1, keepdims=True)))


def norm_axes(layer: VectorLayer, x: Array) -> tuple[tuple[int, ...], list[int]]:
    """Axes of the statistics, and the shape of scale and shift."""
    if layer.kind == "batchnorm":
        return (0, 2, 3), [1, x.shape[1], 1, 1]
    return (x.ndim - 1,), [1] * (x.ndim - 1) + [x.shape[-1]]


def normalized(layer: VectorLayer, x: Array) -> tuple[Array, Array]:
    """Normalized values and deviation."""
    axes, _ = norm_axes(layer, x)
    deviation = np.sqrt(x.var(axis=axes, keepdims=True) + EPSILON)
    return (x - x.mean(axis=axes, keepdims=True)) / deviation, deviation


def norm_forward(execution: Execution, layer: VectorLayer) -> Array:
    """Normalization with learned scale and shift."""
    (x,) = execution.sources(layer.name)
    scale, shift = execution.learned[layer.name].reshape(2, *norm_axes(layer, x)[1])
    return normalized(layer, x)[0] * scale + shift


def norm_backward(execution: Execution, layer: VectorLayer, gradient: Array) -> None:
    """``x' = (g - mean g - x^ mean g x^) / deviation`` with ``g = scale y'``."""
    (x,) = execution.sources(layer.name)
    axes, shape = norm_axes(layer, x)
    scale = execution.learned[layer.name].reshape(2, *shape)[0]
    value, deviation = normalized(layer, x)
    others = tuple(n for n in range(x.ndim) if shape[n] == 1)
    learned = np.stack([(gradient * value).sum(axis=others), gradient.sum(axis=others)])
    g = gradient * scale
    back = (g - g.mean(axis=axes, keepdims=True) - value * (g * value).mean(axis=axes, keepdims=True)) / deviation
    (source,) = execution.network.graph.pred[layer.name]
    execution.write(f"{layer.name}.dI", source, back)
    execution.learn(f"{layer.name}.dI", layer.name, learned.ravel())


def global_backward(execution: Execution, layer: VectorLayer, gradient: Array) -> None:
    """The mean's share for every position."""
    (source,) = execution.network.graph.pred[layer.name]
    shape = execution.values[source].shape
    share = gradient.reshape(*shape[:2], 1, 1) / (shape[2] * shape[3])
    execution.write(f"{layer.name}.dI", source, np.broadcast_to(share, shape))


FORWARD = {
    "add": lambda e, layer: sum(x.reshape(e.sources(layer.name)[0].shape) for x in e.sources(layer.name)),
    "concat": lambda e, layer: np.concatenate(e.sources(layer.name), axis=1),
    "maxpool": pool_forward,
    "averagepool": pool_forward,
    "softmax": softmax,
    "batchnorm": norm_forward,
    "layernormalization": norm_forward,
    "globalaveragepool": lambda e, layer: e.sources(layer.name)[0].mean(axis=(2, 3), keepdims=True),
}

BACKWARD = {
    "maxpool": pool_backward,
    "averagepool": pool_backward,
    "softmax": softmax_backward,
    "batchnorm": norm_backward,
    "layernormalization": norm_backward,
    "globalaveragepool": global_backward,
}
