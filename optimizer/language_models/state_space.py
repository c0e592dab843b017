"""State-space parts as layers: Mamba (Gu and Dao 2023) and Mamba-2 (Dao and Gu 2024).

The recurrence ``h = decay * h + input``, ``y = C h`` is 3 multiply-accumulates per token, channel and state word. It is
one vector layer that keeps the state to itself, or, where that is asked for, three products of activations.
In decode, the state and the last tokens of the convolution are inputs of the network.
"""

from __future__ import annotations

from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.description import Mamba, Mamba2
from optimizer.language_models.operations import SCAN_CHANNELS, SCAN_HEADS, STEP
from optimizer.networks.builder import BuilderTensor


def mamba(
    net: TransformerBuilder, name: str, x: BuilderTensor, part: Mamba, *, decoding: bool, products: bool
) -> BuilderTensor:
    """A part of the first kind."""
    hidden, channels, state = x.shape[1], part.channels, part.state
    both = net.linear(f"{name}.in_proj", x, 2 * channels, bias=part.bias)
    u = net.token_conv(f"{name}.conv", net.columns(both, channels), part.kernel, bias=part.conv_bias)
    u = net.activation(f"{name}.conv_activation", "silu", u)
    small = net.linear(f"{name}.x_proj", u, part.rank + 2 * state, bias=False)
    step = net.linear(f"{name}.dt_proj", net.columns(small, part.rank), channels, bias=True)
    vectors = net.columns(small, 2 * state)
    learned = channels * state + channels  # the decay, and the factor of the direct path
    if products:
        y = _products(net, name, (u, step, vectors), (1, channels, state), learned)
    else:
        operations = x.shape[0] * channels * (SCAN_CHANNELS * state + STEP)
        inputs = [u, step, vectors]
        y = net.scan(f"{name}.scan", inputs, (channels, state), operations, learned=learned, decoding=decoding)
    y = net.activation(f"{name}.gate", "silu", net.columns(both, channels), y)
    return net.linear(f"{name}.out_proj", y, hidden, bias=part.bias)


def mamba2(
    net: TransformerBuilder, name: str, x: BuilderTensor, part: Mamba2, *, decoding: bool, products: bool
) -> BuilderTensor:
    """A part of the second kind; the gated normalization before the output has a learned scale."""
    hidden, channels, state = x.shape[1], part.channels, part.state
    vectors_width = 2 * part.groups * state
    mixed = channels + vectors_width
    every = net.linear(f"{name}.in_proj", x, channels + mixed + part.heads, bias=part.bias)
    u = net.token_conv(f"{name}.conv", net.columns(every, mixed), part.kernel, bias=part.conv_bias)
    u = net.activation(f"{name}.conv_activation", "silu", u)
    step = net.columns(every, part.heads)
    learned = 3 * part.heads  # bias of the step, decay, factor of the direct path
    if products:
        vectors = net.columns(u, vectors_width)
        sizes = (part.groups, channels, state)
        y = _products(net, name, (net.columns(u, channels), step, vectors), sizes, learned)
    else:
        operations = x.shape[0] * (channels * SCAN_HEADS * state + part.heads * STEP)
        y = net.scan(f"{name}.scan", [u, step], (channels, state), operations, learned=learned, decoding=decoding)
    y = net.activation(f"{name}.gate", "silu", net.columns(every, channels), y)
    return net.linear(f"{name}.out_proj", net.norm(f"{name}.norm", y, "rms"), hidden, bias=part.bias)


def _products(
    net: TransformerBuilder,
    name: str,
    inputs: tuple[BuilderTensor, BuilderTensor, BuilderTensor],
    sizes: tuple[int, int, int],
    learned: int,
) -> BuilderTensor:
    """The recurrence as three products of all tokens, each with every state word once.

    Decay times state, input times vector, state times vector; the exponentials and sums are in a vector layer.
    """
    u, step, vectors = inputs
    groups, channels, state = sizes
    tokens, each = u.shape[0], channels // groups
    dims = {"T": net.batch * tokens, "G": groups, "D": each, "N": state}
    shape = (tokens, channels * state)
    decay = net.vector(f"{name}.decay", "decay", [step], shape, 2 * tokens * channels * state, learned=learned)
    before = net.input(tokens, channels * state, name=f"{name}.state")
    kept = net.elementwise(f"{name}.keep", "O[t,g,d,n] += I[t,g,d,n] * W[t,g,d,n]", dims, [before, decay], shape)
    added = net.elementwise(f"{name}.add_input", "O[t,g,d,n] += I[t,g,d] * W[t,g,n]", dims, [u, vectors], shape)
    new = net.add(f"{name}.new_state", kept, added)
    return net.elementwise(
        f"{name}.read", "O[t,g,d] += I[t,g,d,n] * W[t,g,n]", dims, [new, vectors], (tokens, channels)
    )
