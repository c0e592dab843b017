"""A builder of networks with the layers that transformers of today are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from optimizer.errors import SpecError
from optimizer.language_models.operations import ACTIVATIONS, NORMS
from optimizer.networks.builder import BuilderTensor, NetworkBuilder
from optimizer.workload.einsum import einsum_layer
from optimizer.workload.layer import AnyLayer, matmul
from optimizer.workload.layer import conv as conv_layer
from optimizer.workload.serving import Serving
from optimizer.workload.vector_ops import ROTARY, SOFTMAX, vector_layer
from optimizer.workload.views import IDENTITY, WHOLE, View

KEYS_AND_VALUES = "KV"
"""Role of the precision of cached keys, values and states, beside W, I and O."""


class TransformerBuilder(NetworkBuilder):
    """Builds a network layer by layer; sequences are (tokens, features) per sample.

    Parameters
    ----------
    name : str
        Name of the network.
    batch : int
        Sequences computed together.
    bits : int or mapping of role to int, optional
        Bits per element of W, I, O and KV: keys, values and states have the precision KV, by default that of I.
    """

    def __init__(self, name: str, *, batch: int, bits: object = None) -> None:
        given = dict(bits) if isinstance(bits, Mapping) else bits
        cached = given.pop(KEYS_AND_VALUES, None) if isinstance(given, dict) else None
        super().__init__(name, batch=batch, bits=given)
        if cached is not None and (isinstance(cached, bool) or not isinstance(cached, int) or cached < 1):
            raise SpecError(
                "a precision must be a positive integer of bits",
                field=f"bits.{KEYS_AND_VALUES}",
                value=cached,
                allowed="integers >= 1",
                remedy="leave it out for that of I",
            )
        self.cached_bits: int = self.bits["I"] if cached is None else cached

    def norm(self, name: str, x: BuilderTensor, kind: str, *, shared: bool = False) -> BuilderTensor:
        """A normalization along the last axis: ``rms`` with a learned scale, ``layer`` with a scale and a shift.

        Learned words that are `shared` with another layer are counted there.
        """
        operations, words = NORMS[kind]
        width = x.shape[-1]
        return self.vector(
            name, f"{kind}norm", [x], x.shape, operations * x.words, learned=words * width, owned=not shared
        )

    def group_norm(self, name: str, x: BuilderTensor) -> BuilderTensor:
        """A normalization of groups of channels of an image, with a learned scale and shift per channel."""
        operations, words = NORMS["layer"]
        return self.vector(
            name, "groupnorm", [x], x.shape, operations * x.words, learned=words * x.shape[0], views=[WHOLE]
        )

    def head_norm(self, name: str, x: BuilderTensor, width: int) -> BuilderTensor:
        """A root-mean-square normalization of every head, with one learned scale of `width` for all heads."""
        operations, _ = NORMS["rms"]
        return self.vector(name, "rmsnorm", [x], x.shape, operations * x.words, learned=width)

    def rotary(self, name: str, x: BuilderTensor, width: int, rotated: int | None = None) -> BuilderTensor:
        """Rotary embeddings on `rotated` words per token (default: all), from tables of `width` words per token."""
        words = x.words if rotated is None else x.shape[0] * rotated
        return self.vector(name, "rotary", [x], x.shape, ROTARY * words, constants=x.shape[0] * width, owned=False)

    def activation(self, name: str, kind: str, x: BuilderTensor, factor: BuilderTensor | None = None) -> BuilderTensor:
        """An activation function, times a factor of the same shape where there is one (a gate)."""
        inputs = [x] if factor is None else [x, factor]
        operations = (ACTIVATIONS[kind] + (factor is not None)) * x.words
        return self.vector(name, kind, inputs, x.shape, operations)

    def shared_linear(
        self, name: str, x: BuilderTensor, features: int, *, bias: bool, owner: str | None = None
    ) -> BuilderTensor:
        """A matrix product; weights and bias that belong to the layer `owner` are counted there."""
        if owner is None:
            return self.linear(name, x, features, bias=bias)
        return self.linear(name, x, features, bias=False, tied=owner)

    def attend(
        self, name: str, x: BuilderTensor, y: BuilderTensor, *, groups: int, rows: int, columns: int, inner: int
    ) -> BuilderTensor:
        """A product with cached keys or values `y`: ``rows x inner`` by ``inner x columns`` for each group."""
        found = self.product(name, x, y, groups=groups, rows=rows, columns=columns, inner=inner)
        self._set_weight_bits(name, self.cached_bits)
        return found

    def attention(
        self,
        name: str,
        qkv: tuple[BuilderTensor, BuilderTensor, BuilderTensor],
        *,
        groups: int,
        rows: int,
        context: int,
        widths: tuple[int, int],
        more: int = 0,
        learned: int = 0,
    ) -> BuilderTensor:
        """Scores, softmax and weighted values of each group; `widths` are those of a key and of a value.

        `more` and `learned` are those of :meth:`softmax_rows`.
        """
        q, k, v = qkv
        scores = self.attend(f"{name}.scores", q, k, groups=groups, rows=rows, columns=context, inner=widths[0])
        weights = self.softmax_rows(f"{name}.softmax", scores, more=more, learned=learned)
        return self.attend(f"{name}.context", weights, v, groups=groups, rows=rows, columns=widths[1], inner=context)

    def softmax_rows(self, name: str, x: BuilderTensor, *, more: int = 0, learned: int = 0) -> BuilderTensor:
        """Softmax along the last axis, with `more` operations per element and `learned` words that it reads besides."""
        return self.vector(name, "softmax", [x], x.shape, (SOFTMAX + more) * x.words, learned=learned)

    def token_conv(self, name: str, x: BuilderTensor, kernel: int, *, bias: bool) -> BuilderTensor:
        """A causal convolution of every channel along tokens; the tokens before are padding or cached."""
        tokens, channels = x.shape
        layer = conv_layer(name, {"N": self.batch, "G": channels, "P": tokens, "R": kernel}, bits=self.bits)
        return self._mac(layer, [x], (tokens, channels), channels if bias else 0, [WHOLE])

    def conv1d(
        self, name: str, x: BuilderTensor, channels: int, kernel: int, *, stride: int = 1, pad: int = 0
    ) -> BuilderTensor:
        """A convolution with bias of a sequence (tokens, features) along its tokens."""
        tokens, given = x.shape
        outputs = (tokens + 2 * pad - kernel) // stride + 1
        dims = {"N": self.batch, "K": channels, "C": given, "P": outputs, "R": kernel}
        layer = conv_layer(name, dims, stride=(stride, 1), bits=self.bits)
        return self._mac(layer, [x], (outputs, channels), channels, [WHOLE])

    def head_product(self, name: str, x: BuilderTensor, heads: int, columns: int) -> BuilderTensor:
        """A product of every head's features with weights of that head."""
        tokens = x.shape[0]
        dims = {"B": heads, "M": self.batch * tokens, "N": columns, "K": x.shape[1] // heads}
        return self._mac(matmul(name, dims, bits=self.bits), [x], (tokens, heads * columns), 0, [WHOLE])

    def expert_linear(
        self, name: str, x: BuilderTensor, *, rows: int, features: int, given: int, bias: bool, experts: int
    ) -> BuilderTensor:
        """The same matrix product for `experts` experts, each with weights of its own and `rows` tokens in all."""
        layer = matmul(name, {"M": rows, "N": features, "K": given}, bits=self.bits)
        layer = replace(layer, multiplicity=experts)
        return self._mac(layer, [x], (rows, features), features if bias else 0, [WHOLE])

    def expert_activation(self, name: str, kind: str, parts: Sequence[BuilderTensor], *, experts: int) -> BuilderTensor:
        """The activation function of `experts` experts, on rows that are not multiplied by the batch."""
        x = parts[0]
        layer = vector_layer(
            name,
            kind,
            [part.words for part in parts],
            [x.words],
            (ACTIVATIONS[kind] + len(parts) - 1) * x.words,
            bits=self.bits,
            grid=x.grid,
        )
        layer = replace(layer, multiplicity=experts)
        return self._append(layer, parts, x.shape, [WHOLE] * len(parts))

    def elementwise(
        self,
        name: str,
        text: str,
        dims: Mapping[str, int],
        inputs: Sequence[BuilderTensor],
        shape: tuple[int, ...],
    ) -> BuilderTensor:
        """A product of two activations that an einsum describes; the first input is I, the second one W."""
        layer = replace(einsum_layer(name, text, dims, bits=self.bits), parameters=0)
        return self._mac(layer, inputs, shape, 0, [WHOLE] * len(inputs))

    def upsample(self, name: str, x: BuilderTensor, factor: int) -> BuilderTensor:
        """An image with every pixel repeated `factor` times along both axes."""
        channels, rows, columns = x.shape
        shape = (channels, factor * rows, factor * columns)
        return self.vector(name, "upsample", [x], shape, 0, views=[WHOLE])

    def scan(
        self,
        name: str,
        inputs: Sequence[BuilderTensor],
        sizes: tuple[int, int],
        operations: int,
        *,
        learned: int,
        decoding: bool,
    ) -> BuilderTensor:
        """A recurrence along tokens with a state of `sizes`; it writes the last state, and in decode reads it first."""
        tokens, (channels, state) = inputs[0].shape[0], sizes
        layer = vector_layer(
            name,
            "scan",
            [self.batch * x.words for x in inputs],
            [self.batch * tokens * channels],
            self.batch * operations,
            bits=self.bits,
            constants=[learned],
            grid=self._grid((tokens, channels)),
        )
        kept = ((self.batch * channels * state, self.cached_bits),)
        layer = replace(layer, reads=layer.reads + (kept if decoding else ()), writes=layer.writes + kept)
        return self._append(layer, inputs, (tokens, channels), [WHOLE] * len(inputs))

    def sum_experts(
        self,
        name: str,
        results: Sequence[tuple[int, BuilderTensor]],
        choice: BuilderTensor,
        shape: tuple[int, int],
        unused: int,
    ) -> BuilderTensor:
        """The weighted sum of what experts computed, (how many, rows of each); `unused` learned words count here."""
        words = [count * x.words for count, x in results]
        layer = vector_layer(
            name,
            "weighted_sum",
            [*words, self.batch * choice.words],
            [self.batch * math.prod(shape)],
            2 * sum(words),
            bits=self.bits,
            parameters=unused,
            grid=self._grid(shape),
        )
        inputs = [*(x for _, x in results), choice]
        return self._append(layer, inputs, shape, [WHOLE] * len(inputs))

    def columns(self, x: BuilderTensor, features: int) -> BuilderTensor:
        """A view of some features of every token."""
        return replace(x, shape=(x.shape[0], features))

    def with_shape(self, x: BuilderTensor, shape: tuple[int, ...]) -> BuilderTensor:
        """A view as a sequence or image of this shape; rows that only fill up blocks are left out."""
        return replace(x, shape=shape, grid=self._grid(shape), direct=False)

    def vector(
        self,
        name: str,
        kind: str,
        inputs: Sequence[BuilderTensor],
        shape: tuple[int, ...],
        operations: int,
        *,
        learned: int = 0,
        constants: int = 0,
        owned: bool = True,
        owner_of: int = 0,
        views: Sequence[View] | None = None,
    ) -> BuilderTensor:
        """A vector layer from words per sample.

        Parameters
        ----------
        name, kind : str
            Name and label.
        inputs : sequence of BuilderTensor
            The activations that are read.
        shape : tuple of int
            Of the result, per sample.
        operations : int
            Scalar operations per sample.
        learned, constants : int
            Words read that are learned, and those that are not (tables).
        owned : bool
            Whether the learned words are counted here.
        owner_of : int
            Learned words that are counted here, and that the layer does not read.
        views : sequence of View, optional
            What a position needs of each input; by default the same position, where the extents agree.
        """
        layer: AnyLayer = vector_layer(
            name,
            kind,
            [self.batch * x.words for x in inputs],
            [self.batch * math.prod(shape)],
            self.batch * operations,
            bits=self.bits,
            constants=[words for words in (learned, constants) if words],
            parameters=(learned if owned else 0) + owner_of,
            grid=inputs[0].grid if shape == inputs[0].shape else self._grid(shape),
        )
        seen = views or [IDENTITY if x.grid == layer.grid else WHOLE for x in inputs]
        return self._append(layer, inputs, shape, seen)

    def serving(self, *, decoding: bool, tokens: int, cached: int) -> Serving:
        """What a run means: tokens per sequence, and `cached` words per sequence that are kept."""
        return Serving(
            "decode" if decoding else "prefill",
            self.batch,
            tokens,
            self.network.parameters * self.bits["W"],
            self.batch * cached * self.cached_bits,
        )

    def _set_weight_bits(self, name: str, bits: int) -> None:
        node = self.network.graph.nodes[name]
        node["layer"] = node["layer"].with_bits({"W": bits})
