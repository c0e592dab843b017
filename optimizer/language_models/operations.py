"""Scalar operations of the vector layers of transformers: how many an element costs, by kind.

The counts are those of the textbook formula, one for each addition, multiplication, comparison, division, root or
exponential, as in :mod:`optimizer.workload.vector_ops`.
"""

from __future__ import annotations

from optimizer.workload.vector_ops import LAYER_NORM, RMS_NORM

NORMS = {"rms": (RMS_NORM, 1), "layer": (LAYER_NORM, 2)}
"""Operations per element and learned words per feature."""

ACTIVATIONS = {"silu": 4, "gelu": 8, "relu": 1, "relu2": 2, "swiglu_clamped": 7, "tanh": 4}
"""Activation functions, per element. ``silu``: exponential, addition, division, multiplication; ``gelu``: the form with
a tanh; ``swiglu_clamped``: ``silu`` with two limits and a factor."""

SOFTCAP = 6
"""A cap by tanh, per element: division, tanh, multiplication."""

SWIN_BIAS = 1
"""Sum of a score and the learned number of its relative position."""

TOP_K = 2
"""Choice of experts, per expert: the score, and its comparison."""

SCAN_CHANNELS = 7
"""Recurrence with a decay per channel and state word: product with the step, exponential; input; decay, sum; output,
sum."""

SCAN_HEADS = 5
"""Recurrence with a decay per head, per channel and state word: input; decay, sum; output, sum."""

STEP = 3
"""The step of a recurrence, per channel or head: sum with the bias, exponential, logarithm."""
