"""Feed-forward parts and mixtures of experts as layers."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.description import Experts, FeedForward
from optimizer.language_models.operations import TOP_K
from optimizer.networks.builder import BuilderTensor


def feed_forward(net: TransformerBuilder, name: str, x: BuilderTensor, part: FeedForward) -> BuilderTensor:
    """Up projection, activation (times the gate's rows), down projection."""
    hidden = x.shape[1]
    up = net.linear(f"{name}.up_proj", x, part.width, bias=part.bias)
    if part.gated:
        gate = net.linear(f"{name}.gate_proj", x, part.width, bias=part.bias)
        y = net.activation(f"{name}.activation", part.activation, gate, up)
    else:
        y = net.activation(f"{name}.activation", part.activation, up)
    return net.linear(f"{name}.down_proj", y, hidden, bias=part.bias)


@dataclass(frozen=True)
class Share:
    """Experts that take equally many tokens."""

    experts: int
    tokens: int


def shares(count: int, top_k: int, tokens: int, *, same: bool = False) -> tuple[Share, ...]:
    """How `tokens` tokens, each with `top_k` of `count` experts, are spread.

    Evenly, ``min(count, tokens * top_k)`` experts are used, which is the most that these tokens can reach; each takes
    the mean number of tokens, rounded down or up so that the sum is exact. `same`: all tokens take the same `top_k`
    experts.
    """
    if same:
        return (Share(top_k, tokens),)
    used = min(count, tokens * top_k)
    each, more = divmod(tokens * top_k, used)
    return tuple(share for share in (Share(more, each + 1), Share(used - more, each)) if share.experts)


def expert_words(part: FeedForward, hidden: int) -> int:
    """Learned words of one expert."""
    products = 3 if part.gated else 2
    biases = (products - 1) * part.width + hidden
    return products * hidden * part.width + (biases if part.bias else 0)


def experts(net: TransformerBuilder, name: str, x: BuilderTensor, part: Experts, *, same: bool) -> BuilderTensor:
    """The router, the experts that are used, the sum of their results, and the part that all tokens take.

    Experts with equally many tokens are one layer that runs several times. The learned words of experts that no token
    takes are counted with the sum; no layer reads them.
    """
    tokens, hidden = x.shape
    scores = net.linear(f"{name}.router", x, part.count, bias=part.router_bias)
    choice = net.vector(f"{name}.choice", "topk", [scores], (tokens, 2 * part.top_k), TOP_K * scores.words)
    spread = shares(part.count, part.top_k, net.batch * tokens, same=same)
    results = []
    for number, share in enumerate(spread):
        own = f"{name}.experts" if len(spread) == 1 else f"{name}.experts{number}"
        results.append((share, _expert(net, own, x, part.expert, share)))
    unused = part.count - sum(share.experts for share in spread)
    y = net.sum_experts(
        f"{name}.sum",
        [(share.experts, tensor) for share, tensor in results],
        choice,
        (tokens, hidden),
        unused * expert_words(part.expert, hidden),
    )
    if part.shared is None:
        return y
    return net.add(f"{name}.shared_add", y, feed_forward(net, f"{name}.shared_expert", x, part.shared))


def _expert(net: TransformerBuilder, name: str, x: BuilderTensor, part: FeedForward, share: Share) -> BuilderTensor:
    hidden, rows, times = x.shape[1], share.tokens, share.experts

    def product(which: str, given: BuilderTensor, features: int, inner: int) -> BuilderTensor:
        return net.expert_linear(
            f"{name}.{which}", given, rows=rows, features=features, given=inner, bias=part.bias, experts=times
        )

    parts = [product("up_proj", x, part.width, hidden)]
    if part.gated:
        parts.insert(0, product("gate_proj", x, part.width, hidden))
    y = net.expert_activation(f"{name}.activation", part.activation, parts, experts=times)
    return product("down_proj", y, hidden, part.width)
