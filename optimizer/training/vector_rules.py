"""How vector layers run backwards: what they read and write, and how many scalar operations they take.

x is what the layer reads, y what it writes, ' marks gradients; numbers in parentheses are scalar operations per
element. The formulas are the derivatives of ONNX's definitions; those of batch normalization as in Ioffe and Szegedy
(arXiv 1502.03167).

=====================  ===========================================================================================
add, sum, sub, concat  nothing to do: x' is y', or a slice of it (a sign is folded into the reader). A summand that
                       was broadcast gets the sum of y'.
moves                  y' is moved back; where elements were repeated or selected, theirs are added (1)
max pooling            y' goes where x equals y: the comparisons again, and 1 addition per element of y'. No indices
                       are kept: x and y are saved anyway.
average pooling        y' is scaled (1) and added to its window
softmax                ``x' = y (y' - sum y y')`` (4)
batch normalization    reads x and y' twice, for the sums of y' and y' x^ (x^ = normalized x: 5), then for
                       ``x' = scale (y' - mean y' - x^ mean y' x^)`` (6); statistics are kept by the forward pass
other normalizations   a row is read once: its statistics again (4), x^ (1), gradients of scale and shift (3),
                       ``g = scale y'`` and the sums of g and g x^ (4), x' (4)
lrn                    ``x' = y' s^-b - 2 a b x sum over the window of y' y / s``: s again, products (2), the window's
                       sum, and 4 more
products               each factor's gradient is y' times the other factor
functions of one x     derivative and product (2)
=====================  ===========================================================================================

Gradients of learned words (scales, shifts, tables) are written by the same layer. Activation functions that are
folded into a layer stay folded: their derivative is read off the output that is saved, at no cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from optimizer.errors import SpecError
from optimizer.workload.layer import VectorLayer
from optimizer.workload.vector_ops import LRN_FIXED

NORMALIZATION_BACKWARD = 16
"""Per element: statistics 4, normalized value 1, scale and shift 3, scaled gradient and its sums 4, result 4."""

BATCH_NORM_BACKWARD = 11
"""Per element: 5 in the pass for the sums, 6 in the pass for the gradient."""


@dataclass(frozen=True)
class Rule:
    """The backward layer of a kind.

    Parameters
    ----------
    saves_input, saves_output : bool
        Whether it reads what the forward layer read, or wrote.
    per_input, per_output : int
        Scalar operations per word of the first input, and of the output.
    again : int
        How often the forward layer's operations are done again.
    passes : int
        How often the gradient of the output is read.
    """

    saves_input: bool = False
    saves_output: bool = False
    per_input: int = 0
    per_output: int = 0
    again: int = 0
    passes: int = 1

    def operations(self, layer: VectorLayer) -> int:
        """Scalar operations of one run."""
        inputs, outputs = layer.reads[0][0], layer.writes[0][0]
        if layer.kind == "lrn":
            size = max(1, (layer.operations // inputs - LRN_FIXED) // 2)
            return layer.operations + (size + 6) * inputs
        return self.per_input * inputs + self.per_output * outputs + self.again * layer.operations


PASSING = frozenset({"add", "sum", "sub", "concat", "identity"})
"""Kinds whose input gradients are the gradient of the output, or slices of it."""

NOT_DIFFERENTIABLE = frozenset(
    {
        "argmax",
        "argmin",
        "hardmax",
        "onehot",
        "dynamicquantizelinear",
        "equal",
        "greater",
        "greaterorequal",
        "less",
        "lessorequal",
        "and",
        "or",
        "xor",
        "not",
        "mod",
        "bitshift",
        "bitwiseand",
        "bitwiseor",
        "bitwisexor",
        "bitwisenot",
        "isnan",
        "isinf",
        "sign",
        "floor",
        "ceil",
        "round",
    }
)
"""Kinds without a derivative."""

_SCATTER = Rule(per_output=1)
_FUNCTION = Rule(saves_input=True, per_input=2)
_NORMALIZATION = Rule(saves_input=True, per_input=NORMALIZATION_BACKWARD)
_ROUTED = Rule(saves_input=True, saves_output=True, per_input=1)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "maxpool": Rule(saves_input=True, saves_output=True, per_output=1, again=1),
        "averagepool": Rule(per_output=1, again=1),
        "lppool": Rule(saves_input=True, saves_output=True, per_output=1, again=4),
        "globalaveragepool": Rule(per_output=1),
        **dict.fromkeys(("globalmaxpool", "reducemax", "reducemin"), _ROUTED),
        **dict.fromkeys(("globallppool", "reducelogsumexp"), Rule(saves_input=True, saves_output=True, per_input=3)),
        **dict.fromkeys(("softmax", "logsoftmax"), Rule(saves_output=True, per_input=4)),
        "batchnorm": Rule(saves_input=True, per_input=BATCH_NORM_BACKWARD, passes=2),
        **dict.fromkeys(
            (
                "layernormalization",
                "instancenormalization",
                "groupnormalization",
                "rmsnormalization",
                "meanvariancenormalization",
                "lpnormalization",
            ),
            _NORMALIZATION,
        ),
        "lrn": Rule(saves_input=True, saves_output=True),
        **dict.fromkeys(("reorg", "trilu", "reversesequence", "scatterelements", "scatternd"), Rule()),
        **dict.fromkeys(("pad", "tile", "gather", "gatherelements", "gathernd", "topk"), _SCATTER),
        **dict.fromkeys(("reducemean", "reducesum"), _SCATTER),
        **dict.fromkeys(("resize", "upsample"), Rule(per_output=1, again=1)),
        **dict.fromkeys(("reducel1", "reducesumsquare"), Rule(saves_input=True, per_input=2)),
        **dict.fromkeys(
            ("reducel2", "reduceprod", "reducelogsum"), Rule(saves_input=True, saves_output=True, per_input=2)
        ),
        "cumsum": Rule(per_input=1),
        "mul": Rule(saves_input=True, per_output=2),
        "div": Rule(saves_input=True, saves_output=True, per_output=4),
        "pow": Rule(saves_input=True, saves_output=True, per_output=6),
        **dict.fromkeys(("max", "min", "where"), Rule(saves_input=True, per_output=2)),
        "mean": Rule(per_output=1),
        **dict.fromkeys(
            (
                "relu",
                "leakyrelu",
                "prelu",
                "thresholdedrelu",
                "clip",
                "sigmoid",
                "hardsigmoid",
                "tanh",
                "gelu",
                "erf",
                "hardswish",
                "swish",
                "mish",
                "elu",
                "selu",
                "celu",
                "softplus",
                "softsign",
                "shrink",
                "exp",
                "log",
                "sqrt",
                "reciprocal",
                "neg",
                "abs",
                "sin",
                "cos",
                "tan",
                "asin",
                "acos",
                "atan",
                "sinh",
                "cosh",
                "asinh",
                "acosh",
                "atanh",
            ),
            _FUNCTION,
        ),
    }
)
"""Backward layers by kind of the forward layer."""


def rule_of(layer: VectorLayer) -> Rule:
    """The backward layer of a vector layer that does not just pass its gradient on.

    Raises
    ------
    SpecError
        For kinds without a derivative, and kinds that are not known.
    """
    if layer.kind in NOT_DIFFERENTIABLE:
        raise SpecError(
            "this layer has no derivative",
            field=layer.name,
            value=layer.kind,
            allowed="layers that a gradient passes, on the way from learned words to the network's outputs",
            remedy="train the network without this layer",
        )
    if layer.kind not in RULES:
        raise SpecError(
            "the gradient of this kind of layer is not known",
            field=layer.name,
            value=layer.kind,
            allowed=", ".join(sorted(PASSING | set(RULES))),
            remedy="give it one of these kinds, or leave it out",
        )
    return RULES[layer.kind]
